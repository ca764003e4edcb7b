//! The telephony system that the embedded lab's servers play: its commands, its exchange data, its platform profile.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::machine::{Machine, SimCommand};
use super::pair::{TwoSiteLab, address};
use super::streams::Streams;
use crate::domain::site::{LimNumber, ServerId, Site};

/// The profile of the labs' system; the namespace lab of the tests uses it as well.
pub const PROFILE: &str = include_str!("platform.yaml");

/// The name of that profile.
pub const PLATFORM: &str = "lab";

/// The version both systems run: it looks like an address and is none.
const VERSION: &str = "16.3.1.4.5";

const DATA: &str = "var/opt/lab/data";
const BACKUPS: &str = "var/opt/lab/backups";
const LOADS: &str = "var/opt/lab/loads";
const LOADING: &str = "var/opt/lab/loading";

/// Gives every server the system's commands, and LIM 1 of each site its exchange data where it has none yet.
///
/// # Errors
/// When a file cannot be written.
pub fn install(lab: &TwoSiteLab, servers_per_site: u16) -> io::Result<()> {
    for command in Command::ALL {
        let taught: Arc<dyn SimCommand> = Arc::new(command);
        lab.teach(command.name(), &taught);
    }
    for site in Site::BOTH {
        let Ok(machine) = lab.machine(ServerId::first_of(site)) else { continue };
        let data = machine.root().folder().join(DATA);
        if !data.exists() {
            fs::create_dir_all(&data)?;
            fs::write(data.join("system.conf"), system_conf(site, servers_per_site))?;
            fs::write(data.join("routes.conf"), routes_conf(site))?;
            fs::write(data.join("extensions.csv"), extensions_csv(site))?;
        }
    }
    Ok(())
}

fn system_conf(site: Site, servers: u16) -> String {
    let lims = (1..=servers).filter_map(|number| LimNumber::try_from(number).ok());
    let servers: Vec<String> =
        lims.map(|lim| format!("server_{lim} = {}\n", address(ServerId { site, lim }))).collect();
    format!("# The {site} system.\nversion = {VERSION}\n{}gateway_1A = {}\n", servers.concat(), gateway(site))
}

fn routes_conf(site: Site) -> String {
    match site {
        Site::Primary => "route_90 = sip:?@203.0.113.60:5060\n".to_owned(),
        Site::Alternate => String::new(),
    }
}

fn extensions_csv(site: Site) -> String {
    let heading = "number,name,gateway\n";
    match site {
        Site::Primary => format!("{heading}1001,Anna,{}\n2001,Berta,\n", gateway(site)),
        Site::Alternate => heading.to_owned(),
    }
}

/// The media gateway of a site.
#[must_use]
pub const fn gateway(site: Site) -> &'static str {
    match site {
        Site::Primary => "192.0.2.200",
        Site::Alternate => "198.51.100.200",
    }
}

/// The commands of the system, as its profile calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Backup,
    Backups,
    Load,
    Reload,
    Version,
    Servers,
    Master,
    Status,
    Topology,
}

impl Command {
    const ALL: [Self; 9] = [
        Self::Backup,
        Self::Backups,
        Self::Load,
        Self::Reload,
        Self::Version,
        Self::Servers,
        Self::Master,
        Self::Status,
        Self::Topology,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Backup => "lab-backup",
            Self::Backups => "lab-backups",
            Self::Load => "lab-load",
            Self::Reload => "lab-reload",
            Self::Version => "lab-version",
            Self::Servers => "lab-servers",
            Self::Master => "lab-master",
            Self::Status => "lab-status",
            Self::Topology => "lab-topology",
        }
    }
}

impl SimCommand for Command {
    fn run(&self, machine: &Machine, words: &[String], streams: &mut Streams) -> io::Result<i32> {
        let root = machine.root().folder();
        let out = &mut streams.output;
        match self {
            Self::Backup => writeln!(out, "{}", back_up(machine)?)?,
            Self::Backups => list_backups(root, out)?,
            Self::Load => {
                let Some(place) = words.get(1) else {
                    streams.complain("lab-load", "which place?");
                    return Ok(2);
                };
                let place = machine.root().place(place, true)?;
                if !place.join("system.conf").is_file() {
                    streams.complain("lab-load", "NOT ACCEPTED: there is no exchange data");
                    return Ok(1);
                }
                load(root, &place)?;
                writeln!(out, "Load of exchange data successful")?;
            }
            Self::Reload => {
                reload(machine)?;
                writeln!(out, "Reload successful")?;
            }
            Self::Version => writeln!(out, "Version: {}", values(root, "version")?.join(" "))?,
            Self::Servers => {
                for (key, value) in settings(root)? {
                    if let Some(lim) = key.strip_prefix("server_") {
                        writeln!(out, "lim {lim} address {value}")?;
                    }
                }
            }
            Self::Master => writeln!(out, "{}/24", values(root, "server_1")?.join(" "))?,
            Self::Status => match fs::read_to_string(root.join(LOADS)) {
                Ok(loads) => write!(out, "{loads}")?,
                Err(_) => writeln!(out, "load 0 backup none at never None")?,
            },
            Self::Topology => {
                for (key, _) in settings(root)? {
                    if let Some((kind @ ("server" | "gateway"), name)) = key.split_once('_') {
                        let kind = if kind == "server" { "lim" } else { kind };
                        writeln!(out, "{kind} {name}")?;
                    }
                }
            }
        }
        Ok(0)
    }
}

/// Makes a backup, as a person or a nightly job at the primary does; its name.
///
/// # Errors
/// When a file cannot be written.
pub fn back_up(machine: &Machine) -> io::Result<String> {
    let root = machine.root().folder();
    let backups = root.join(BACKUPS);
    fs::create_dir_all(&backups)?;
    let mut id: u64 = machine.now().format("%Y%m%d%H%M%S").to_string().parse().unwrap_or(0);
    while backups.join(id.to_string()).exists() {
        id += 1;
    }
    let unfinished = backups.join(format!(".{id}"));
    copy_folder(&root.join(DATA), &unfinished)?;
    fs::rename(unfinished, backups.join(id.to_string()))?;
    Ok(id.to_string())
}

fn list_backups(root: &Path, out: &mut impl Write) -> io::Result<()> {
    let mut backups: Vec<PathBuf> = fs::read_dir(root.join(BACKUPS))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    backups.sort();
    for path in backups {
        let Some(id) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let made = fs::metadata(&path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let text = fs::read_to_string(path.join("system.conf"))?;
        let version = pairs(&text).into_iter().find(|(key, _)| key == "version").map(|(_, value)| value);
        writeln!(out, "backup {id} version {} made {}", version.unwrap_or_default(), made.as_secs())?;
    }
    Ok(())
}

fn load(root: &Path, place: &Path) -> io::Result<()> {
    let data = root.join(DATA);
    let new = data.with_extension("new");
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    copy_folder(place, &new)?;
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::rename(new, &data)?;
    let id = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    fs::write(root.join(LOADING), id)
}

/// The proof of a load is written last.
fn reload(machine: &Machine) -> io::Result<()> {
    let root = machine.root().folder();
    let Ok(id) = fs::read_to_string(root.join(LOADING)) else { return Ok(()) };
    let before = fs::read_to_string(root.join(LOADS)).unwrap_or_default();
    let number = before.lines().count() + 1;
    let at = machine.now().to_rfc3339();
    fs::write(root.join(LOADS), format!("{before}load {number} backup {id} at {at} Successful\n"))?;
    fs::remove_file(root.join(LOADING))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn settings(root: &Path) -> io::Result<Vec<(String, String)>> {
    Ok(pairs(&fs::read_to_string(root.join(DATA).join("system.conf"))?))
}

fn values(root: &Path, key: &str) -> io::Result<Vec<String>> {
    Ok(settings(root)?.into_iter().filter(|(name, _)| name == key).map(|(_, value)| value).collect())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    text.lines().filter(|line| !line.starts_with('#')).filter_map(pair).collect()
}
