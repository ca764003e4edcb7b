//! Wires adapters to faces: the only place, beside `lib.rs`, that names both.

pub mod demo;
mod etcd;
mod etcd_setup;
pub mod maintenance;
pub mod notify;
pub mod simulate;
pub mod standing_lab;
pub mod voter;
mod voter_setup;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::adapters::clock::SystemClock;
use crate::adapters::events_file::EventsFile;
use crate::adapters::journal_file::JournalFile;
use crate::adapters::mirror_folder::MirrorFolder;
use crate::adapters::monitor_socket::MonitorSocket;
use crate::adapters::monitor_unit::MonitorUnit;
use crate::adapters::settings_file::{Format, SettingsFile, Written};
use crate::adapters::systems::{Reach, RealSystems};
use crate::config::document::{self, Problem};
use crate::config::{answers, platform, redundancy, translation};
use crate::domain::configuration::Configuration;
use crate::domain::given::Given;
use crate::domain::journal::Material;
use crate::domain::platform::Platform;
use crate::domain::site::Site;
use crate::domain::translation::TranslationTable;
use crate::flows::{Ports, Staging};
use crate::ports::clock::Clock;
use crate::ports::documents::{Documents, TableForm};
use voter_setup::VoterFiles;

/// Where the files are and how servers are reached.
#[derive(Clone)]
pub struct Place {
    /// The folder that stands for `/`.
    pub root: PathBuf,
    /// How servers are reached.
    pub reach: Reach,
}

impl Place {
    /// Real systems, with the files below `root`.
    #[must_use]
    pub fn real(root: PathBuf) -> Self {
        Self { root, reach: Reach::default() }
    }
}

/// This machine's clock.
#[must_use]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The ports of one place.
#[must_use]
pub fn ports(place: &Place) -> Ports {
    let clock = clock();
    let state = place.root.join("var/lib/mxone_system_redundancy");
    let documents = Arc::new(Files { folder: place.root.join("etc/mxone_system_redundancy/platforms") });
    let staging = state.join("staging");
    // The lab's LIM 1 sees the root folder as its own root.
    let is_lab = place.reach.here.is_some();
    let on_server = if is_lab { PathBuf::from("/var/lib/mxone_system_redundancy/staging") } else { staging.clone() };
    let files_on_servers = if is_lab { PathBuf::from("/") } else { place.root.clone() };
    Ports {
        systems: Arc::new(RealSystems::new(place.reach.clone(), files_on_servers, clock.clone())),
        settings: Arc::new(SettingsFile::new(&place.root, format(documents.clone()))),
        journal: Arc::new(JournalFile::new(&place.root, clock.clone())),
        mirrors: Arc::new(MirrorFolder::new(state.clone())),
        scratch: Arc::new(MirrorFolder::new(state.join("scratch"))),
        clock,
        documents,
        service: Arc::new(MonitorUnit::new(&place.root)),
        voter: Arc::new(MonitorSocket::below(&place.root)),
        notifier: Arc::new(notify::SetUp { root: place.root.clone() }),
        events: Arc::new(EventsFile::below(&place.root)),
        voter_setup: Arc::new(VoterFiles { root: place.root.clone() }),
        staging: Staging { here: staging, on_server },
    }
}

/// How the configuration files are read and written.
fn format(documents: Arc<Files>) -> Format {
    let last = Mutex::new(None);
    Format {
        read: Arc::new(move |config, table| read_or_known(&last, &documents, config, table)),
        write: |configuration| Material {
            configuration: redundancy::write(configuration),
            translation: translation::to_yaml(&configuration.translation),
        },
    }
}

/// What was read last: a monitor reads the same files every two seconds, and a profile's patterns are slow to make.
struct LastRead {
    config: Vec<u8>,
    table: Option<Vec<u8>>,
    /// The profile's name and text.
    profile: (String, String),
    configuration: Configuration,
}

/// Reads both files, unless they and the profile that they name are as they were at the last time.
fn read_or_known(
    last: &Mutex<Option<LastRead>>,
    documents: &Files,
    config: Written<'_>,
    table: Option<Written<'_>>,
) -> Result<Configuration, Vec<String>> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let table_bytes = table.map(|table| table.bytes);
    if let Some(LastRead { profile: (name, text), configuration, .. }) =
        last.as_ref().filter(|last| last.config == config.bytes && last.table.as_deref() == table_bytes)
        && documents.platform_text(name).is_ok_and(|now| now == *text)
    {
        return Ok(configuration.clone());
    }
    let profile = RefCell::new(None);
    let platforms = |name: &str| {
        let text = documents.platform_text(name).ok();
        *profile.borrow_mut() = text.map(|text| (name.to_owned(), text));
        documents.platform(name)
    };
    let configuration = read(&platforms, config, table)?;
    *last = profile.take().map(|profile| LastRead {
        config: config.bytes.to_vec(),
        table: table_bytes.map(<[u8]>::to_vec),
        profile,
        configuration: configuration.clone(),
    });
    Ok(configuration)
}

/// Reads both files, and tells what is wrong with either at once.
fn read(
    platforms: &dyn Fn(&str) -> Result<Platform, Vec<String>>,
    config: Written<'_>,
    table: Option<Written<'_>>,
) -> Result<Configuration, Vec<String>> {
    let settings = document::decode(config.path, config.bytes)
        .map_err(|problem| vec![problem])
        .and_then(|text| redundancy::read(config.path, text, platforms));
    let primary = settings.as_ref().map(primary_servers).unwrap_or_default();
    let table = table.map_or_else(
        || Ok(TranslationTable::default()),
        |table| {
            let text = document::decode(table.path, table.bytes).map_err(|problem| vec![problem])?;
            translation::from_yaml_beside(table.path, text, &primary)
        },
    );
    match (settings, table) {
        (Ok(settings), Ok(translation)) => Ok(Configuration { translation, ..settings }),
        (settings, table) => {
            let problems = [settings.err(), table.err()].into_iter().flatten().flatten();
            Err(texts(problems.collect()))
        }
    }
}

fn primary_servers(configuration: &Configuration) -> BTreeSet<IpAddr> {
    let membership = &configuration.membership;
    let cards = membership.of_site(Site::Primary).filter_map(|server| membership.servers.get(&server));
    cards.map(|card| card.address).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is the last use, in map_err")]
fn texts(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Documents as files: built-in profiles, and those in the platforms folder, which go before them.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn own_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.yaml"))
    }
}

impl Documents for Files {
    fn platform_names(&self) -> Vec<String> {
        let mut names: Vec<String> = platform::builtin_names().into_iter().map(str::to_owned).collect();
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            if let Some(name) =
                name.filter(|name| path.extension().is_some_and(|e| e == "yaml") && !names.contains(name))
            {
                names.push(name);
            }
        }
        names.sort();
        names
    }

    fn platform_text(&self, name: &str) -> Result<String, Vec<String>> {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !name.is_empty()
            && is_plain
            && let Ok(text) = std::fs::read_to_string(self.own_file(name))
        {
            return Ok(text);
        }
        platform::builtin_text(name).map(str::to_owned).ok_or_else(|| {
            vec![format!("there is no platform \"{name}\"; write one of {}", self.platform_names().join(", "))]
        })
    }

    fn platform(&self, name: &str) -> Result<Platform, Vec<String>> {
        let text = self.platform_text(name)?;
        platform::parse(&self.own_file(name), &text).map_err(texts)
    }

    fn check_platform(&self, file: &Path) -> Result<Platform, Vec<String>> {
        platform::parse(file, &read_file(file)?).map_err(texts)
    }

    fn answers(&self, file: &Path) -> Result<Given, Vec<String>> {
        answers::read(file, &read_file(file)?).map_err(texts)
    }

    fn read_translation(&self, file: &Path) -> Result<TranslationTable, Vec<String>> {
        let text = read_file(file)?;
        let read = match form_of(file) {
            TableForm::Csv => translation::from_csv(file, &text),
            TableForm::Yaml => translation::from_yaml(file, &text),
        };
        read.map_err(texts)
    }

    fn write_translation(&self, table: &TranslationTable, form: TableForm) -> String {
        match form {
            TableForm::Yaml => translation::to_yaml(table),
            TableForm::Csv => translation::to_csv(table),
        }
    }

    fn export_translation(&self, table: &TranslationTable, file: &Path) -> Result<(), String> {
        let text = self.write_translation(table, form_of(file));
        std::fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}

fn form_of(file: &Path) -> TableForm {
    let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv { TableForm::Csv } else { TableForm::Yaml }
}

fn read_file(file: &Path) -> Result<String, Vec<String>> {
    let unreadable = |error: std::io::Error| vec![format!("{} cannot be read: {error}", file.display())];
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|open| open.take(document::SIZE_LIMIT).read_to_end(&mut bytes));
    if read.map_err(unreadable)? as u64 == document::SIZE_LIMIT {
        return Err(vec![format!("{} is larger than any file of this program", file.display())]);
    }
    document::decode(file, &bytes).map(str::to_owned).map_err(|problem| vec![problem.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::settings::Settings as _;

    #[test]
    fn a_file_that_was_changed_is_read_anew_although_the_last_reading_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let settings = SettingsFile::new(folder.path(), format(Arc::new(Files { folder: folder.path().to_owned() })));
        let etc = folder.path().join("etc/mxone_system_redundancy");
        std::fs::create_dir_all(&etc).unwrap();
        let profile = platform::builtin_text("kamailio").unwrap();
        let write = |from: &str, to: &str| std::fs::write(folder.path().join("mine.yaml"), profile.replace(from, to));
        write("platform: kamailio", "platform: mine").unwrap();
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS";
        let config = format!(
            "schema: 1\nplatform: mine\nnetwork_control_address: [203.0.113.1]\n\
             primary: {{1: {{address: 192.0.2.1, host_key: {key}}}}}\n\
             alternate: {{1: {{address: 192.0.2.2, host_key: {key}}}}}\n"
        );
        std::fs::write(etc.join("config.yaml"), &config).unwrap();
        let load = || settings.load().unwrap().unwrap();
        let name = || load().membership.platform.name;
        assert_eq!((name(), name()), ("mine".to_owned(), "mine".to_owned()));

        write("platform: kamailio", "platform: other").unwrap();
        assert_eq!(name(), "other", "the profile was changed");
        std::fs::write(etc.join("config.yaml"), config.replace("192.0.2.2", "192.0.2.3")).unwrap();
        assert!(load().membership.servers.values().any(|card| card.address.to_string() == "192.0.2.3"));
        std::fs::write(etc.join("translation.yaml"), "nonsense").unwrap();
        assert!(settings.load().is_err(), "a table that is wrong is told");
        std::fs::remove_file(etc.join("translation.yaml")).unwrap();
        std::fs::remove_file(folder.path().join("mine.yaml")).unwrap();
        assert!(settings.load().is_err(), "the profile is gone");
    }
}
