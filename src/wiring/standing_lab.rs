//! The embedded lab as a process that stays up: started, asked and stopped by other runs of the program.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Place, clock};
use crate::adapters::durable;
use crate::adapters::ssh::{Login, SshHost, SshServer};
use crate::adapters::systems::Reach;
use crate::domain::address::HostKey;
use crate::domain::configuration::SshAccess;
use crate::domain::site::{ServerId, Site};
use crate::faces::failure::{Exit, Failure};
use crate::lab::pair::{NETWORK_CONTROL_ADDRESS, TwoSiteLab, address};
use crate::lab::system;
use crate::ports::host::Host;

/// How long a lab may take to start: keys are made and ports opened, which is a matter of a second.
const START_WITHIN: Duration = Duration::from_secs(20);

/// How often a starting lab is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everything another run of the program needs to work on a lab.
#[derive(Debug, Serialize, Deserialize)]
pub struct Card {
    root: PathBuf,
    identity: PathBuf,
    routes: BTreeMap<IpAddr, SocketAddr>,
    probe_routes: BTreeMap<IpAddr, SocketAddr>,
    host_keys: BTreeMap<ServerId, HostKey>,
}

impl Card {
    /// What is to be known of a lab that was started in `folder`.
    #[must_use]
    pub fn of(lab: &TwoSiteLab, folder: &Path) -> Self {
        Self {
            root: folder.join("alternate-1/root"),
            identity: lab.identity().to_owned(),
            routes: lab.routes(),
            probe_routes: lab.probe_routes(),
            host_keys: lab.host_keys(),
        }
    }

    /// The place of the utility: LIM 1 of the lab's alternate.
    #[must_use]
    pub fn place(&self) -> Place {
        let id = ServerId::first_of(Site::Alternate);
        let here = self.host_keys.get(&id).zip(self.routes.get(&address(id))).map(|(key, dialled)| {
            let access = SshAccess { identity: Some(self.identity.clone()), ..SshAccess::default() };
            let server = SshServer { name: address(id).to_string(), address: *dialled, host_key: key.clone() };
            let host: Arc<dyn Host> = Arc::new(SshHost::new(server, Arc::new(Login::new(&access))));
            host
        });
        Place {
            root: self.root.clone(),
            reach: Reach { routes: self.routes.clone(), probe_routes: self.probe_routes.clone(), here, site: None },
        }
    }

    /// The answers with which this lab is configured, as an answers file.
    #[must_use]
    pub fn answers(&self) -> String {
        let primary = ServerId::first_of(Site::Primary);
        let keys: Vec<String> =
            self.host_keys.iter().map(|(id, key)| format!("  {}: \"{key}\"\n", address(*id))).collect();
        let keys = keys.concat();
        format!(
            "platform: {}\nprimary_master_address: {}/24\nhost_keys:\n{keys}network_control_address: \
             {NETWORK_CONTROL_ADDRESS}\ntranslation: {{192.0.2.0/24: 198.51.100.0/24}}\ntakeover: \
             {{alternate-from-primary: manual, primary-from-alternate: manual}}\nboot_without_peer: stay-blocked\nssh: \
             {{user: mxone_admin, identity: {}}}\n",
            system::PLATFORM,
            address(primary),
            self.identity.display()
        )
    }
}

/// Starts a lab in `folder`: servers, exchange data, a first backup at the primary, the profile.
///
/// # Errors
/// When a file, key or port cannot be had.
pub async fn start_in(folder: &Path, servers: u16) -> Result<(TwoSiteLab, Card), Failure> {
    let failed = |error: String| Failure::new(Exit::Failed, format!("the lab cannot start: {error}"));
    let lab =
        TwoSiteLab::start(folder, usize::from(servers), clock()).await.map_err(|error| failed(error.to_string()))?;
    let card = Card::of(&lab, folder);
    let ready = || -> io::Result<()> {
        system::install(&lab, servers)?;
        let profile =
            card.root.join("etc/mxone_system_redundancy/platforms").join(format!("{}.yaml", system::PLATFORM));
        durable::write(&profile, system::PROFILE.as_bytes())?;
        if let Ok(machine) = lab.machine(ServerId::first_of(Site::Primary)) {
            system::back_up(machine)?;
        }
        durable::write(&folder.join("answers.yaml"), card.answers().as_bytes())
    };
    ready().map_err(|error| failed(error.to_string()))?;
    Ok((lab, card))
}

/// The folder of this user's standing lab.
fn folder() -> PathBuf {
    let uid = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("mxone_system_redundancy-lab-{uid}"))
}

/// The answers file of the standing lab.
#[must_use]
pub fn answers_file() -> PathBuf {
    folder().join("answers.yaml")
}

/// The standing lab, for a command with `--lab`.
///
/// # Errors
/// When none runs.
pub fn card() -> Result<Card, Failure> {
    // A folder that somebody else has put there leads us to servers of theirs.
    let is_ours = fs::symlink_metadata(folder()).is_ok_and(|about| about.uid() == rustix::process::getuid().as_raw());
    if !is_ours {
        return Err(none_runs());
    }
    let text = fs::read(folder().join("lab.json")).map_err(|_| none_runs())?;
    serde_json::from_slice(&text).map_err(|_| none_runs())
}

fn none_runs() -> Failure {
    Failure::new(Exit::BadInput, "no lab runs").hint("start one with `mxone_system_redundancy lab start`")
}

/// Starts a lab process that stays up.
///
/// # Errors
/// When one runs already, or it does not start.
pub async fn start(servers: u16) -> Result<String, Failure> {
    if ask("hello").await.is_ok() {
        return Err(Failure::new(Exit::Refused, "a lab runs already").hint("stop it with `lab stop`"));
    }
    let failed = |error: io::Error| Failure::new(Exit::Failed, format!("the lab cannot start: {error}"));
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    make_private(&folder).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let log = fs::File::create(folder.join("log")).map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["lab", "serve", "--servers", &servers.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // A group of its own: Ctrl-C at the terminal that started it does not end it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(failed)?;
    let look = async {
        while ask("hello").await.is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(io::Error::other(format!("it ended with {status}; see {}", folder.join("log").display())));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    match tokio::time::timeout(START_WITHIN, look).await {
        Ok(started) => started.map_err(failed)?,
        Err(_) => return Err(Failure::new(Exit::Failed, "the lab does not answer")),
    }
    Ok(format!(
        "the lab is up: {servers} servers at each site, files below {}\n\
         try: mxone_system_redundancy --lab configure --yes\n\
         \x20    mxone_system_redundancy --lab status\n\
         \x20    mxone_system_redundancy --lab manual-takeover traffic-in-alternate --yes\n\
         \x20    mxone_system_redundancy lab cut primary\n\
         (its answers: {})\n",
        folder.display(),
        answers_file().display()
    ))
}

/// A folder that only its owner can look into: it holds a private key.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Sends a word to the standing lab; its answer.
///
/// # Errors
/// When none runs, or it refuses.
pub async fn ask(word: &str) -> Result<String, Failure> {
    let mut stream = UnixStream::connect(folder().join("control")).await.map_err(|_| none_runs())?;
    let talk = async {
        stream.write_all(format!("{word}\n").as_bytes()).await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = talk.await.map_err(|error| Failure::new(Exit::Failed, format!("the lab does not answer: {error}")))?;
    match answer.strip_prefix("error: ") {
        Some(because) => Err(Failure::new(Exit::BadInput, because.trim())),
        None => Ok(answer),
    }
}

/// Keeps a lab up until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn serve(servers: u16) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Failed, format!("the lab cannot start: {error}"));
    let folder = folder();
    let (lab, card) = start_in(&folder, servers).await?;
    let text = serde_json::to_vec_pretty(&card).map_err(|error| failed(error.into()))?;
    durable::write(&folder.join("lab.json"), &text).map_err(failed)?;
    let listener = UnixListener::bind(folder.join("control")).map_err(failed)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(failed)?;
        let (reader, mut writer) = stream.into_split();
        let mut line = String::new();
        if BufReader::new(reader).read_line(&mut line).await.is_err() {
            continue;
        }
        let (answer, stop) = obey(&lab, line.trim());
        // Whoever asked may have gone.
        let _ = writer.write_all(answer.as_bytes()).await;
        if stop {
            // What is left there is taken away by the next start.
            let _ = fs::remove_dir_all(&folder);
            return Ok(());
        }
    }
}

fn obey(lab: &TwoSiteLab, line: &str) -> (String, bool) {
    let mut words = line.split(' ');
    let verb = words.next().unwrap_or_default();
    let site = words.next().unwrap_or_default().parse::<Site>();
    match (verb, site) {
        ("hello", _) => ("up\n".to_owned(), false),
        ("stop", _) => ("stopped\n".to_owned(), true),
        ("cut", Ok(site)) => {
            lab.cut(site);
            (format!("the {site} site is cut off\n"), false)
        }
        ("heal", Ok(site)) => {
            lab.heal(site);
            (format!("the {site} site is connected\n"), false)
        }
        ("backup", _) => match lab.machine(ServerId::first_of(Site::Primary)).map(|machine| system::back_up(machine)) {
            Ok(Ok(id)) => (format!("the primary made backup {id}\n"), false),
            Ok(Err(error)) => (format!("error: {error}\n"), false),
            Err(error) => (format!("error: {error}\n"), false),
        },
        (_, _) => (format!("error: the lab does not know \"{line}\"\n"), false),
    }
}
