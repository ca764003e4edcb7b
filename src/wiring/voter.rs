//! One of the three voters on this machine: what it goes by, read from its file and put together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::{Files, Place, clock, etcd, format, read_file, texts};
use crate::adapters::datagrams::{Datagrams, Peer};
use crate::adapters::echo::EchoSocket;
use crate::adapters::etcd::{ETCD, Told, WithEtcd};
use crate::adapters::gate::SiteGates;
use crate::adapters::journal_file::JournalFile;
use crate::adapters::monitor_socket;
use crate::adapters::netfilter::spared;
use crate::adapters::raw_clock::RawClock;
use crate::adapters::reign_file::ReignFile;
use crate::adapters::settings_file::SettingsFile;
use crate::adapters::systems::{Reach, RealSystems};
use crate::adapters::voter_memory::MemoryFile;
use crate::config::lease::{self, LeaseFile};
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::configuration::Configuration;
use crate::domain::lease::{Agreed, Memory, Setup, Timing, Voter};
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::traffic::{Facts, GateRules};
use crate::faces::failure::{Exit, Failure};
use crate::flows::herald::Herald;
use crate::flows::voter::{AddressKeeper, AtSite, Follow, Keeping, OwnSight, Tools, Work};
use crate::ports::host::Command;
use crate::ports::messages::Messages;
use crate::ports::settings::Settings;
use crate::ports::systems::Systems;

/// The program that holds the gates of other servers, where `PATH` finds it there.
pub(super) const MAINTENANCE: &str = "mxone_maintenance";

/// Where a voter has its files.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join("etc/mxone_system_redundancy/lease")
}

/// What a voter goes by; `None` where none is set up.
///
/// # Errors
/// When the file is there and is not right.
pub fn set_up(place: &Place) -> Result<Option<LeaseFile>, Failure> {
    read(&place.root).map_err(|problems| bad(&problems))
}

/// As [`set_up`]; what is not right, a line each.
pub(super) fn read(root: &Path) -> Result<Option<LeaseFile>, Vec<String>> {
    let path = folder(root).join("lease.yaml");
    if !path.exists() {
        return Ok(None);
    }
    lease::read(&path, &read_file(&path)?).map(Some).map_err(texts)
}

fn bad(problems: &[String]) -> Failure {
    Failure::new(Exit::BadInput, problems.join("\n"))
}

fn failed(doing: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{doing}: {error}"))
}

/// A voter at work; dropping it ends the work, and the kernel ends its rights.
pub struct Running {
    /// What it tells.
    pub said: UnboundedReceiver<String>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Puts the voter of this machine to work.
///
/// # Errors
/// When it cannot listen, or what it goes by is not right.
pub async fn start(place: &Place, file: LeaseFile, herald: Herald) -> Result<Running, Failure> {
    let mut peers = BTreeMap::new();
    for (voter, card) in &file.voters {
        let key = card.key.parse().map_err(|error| failed(&format!("the key of the {voter}"), &error))?;
        peers.insert(*voter, Peer { address: card.address, key });
    }
    let listening = Datagrams::listen(file.me, file.listen, peers).await;
    let messages = listening.map_err(|error| failed(&format!("{} cannot be listened at", file.listen), &error))?;
    let (say, said) = unbounded_channel();
    let mut messages: Arc<dyn Messages> = Arc::new(messages);
    if let (Some(card), Voter::Monitor(site)) = (&file.etcd, file.me) {
        let (card, folder, timing) = (card.clone(), folder(&place.root), file.timing);
        // A certificate that cannot be read costs one vote of three, and not the monitor.
        let store = move || etcd::store(&card, &folder, timing).map_err(|error| error.to_string());
        let teller = herald.clone();
        let told = Told { say: say.clone(), found: Box::new(move |finding| teller.found(finding)) };
        messages = Arc::new(WithEtcd::start(messages, store, site, told));
    } else {
        herald.found(Finding::of(Alarm::WitnessLost, None::<String>).about(ETCD));
    }
    let tools = Tools {
        messages,
        memory: Arc::new(MemoryFile::below(&place.root)),
        clock: Arc::new(RawClock),
        herald,
        reigns: Arc::new(ReignFile::below(&place.root, &say)),
        wall: clock(),
    };
    let (asks, asked) = unbounded_channel();
    let serving = monitor_socket::serve(&place.root, asks);
    let serving = serving.map_err(|error| failed("the monitor cannot be asked", &error))?;
    let work = match file.me {
        Voter::Witness => Work::as_witness(tools, file.timing, say).await,
        Voter::Monitor(site) => {
            let configuration = configuration(place, site)?;
            let at_site = at_site(place, (site, file.timing), &configuration, (&tools.herald, &say));
            let first = Order { active: file.first_active, epoch: file.first_epoch };
            let nothing = Memory::beginning_with(first, Agreed::first(configuration.takeover));
            let setup = Setup { site, timing: file.timing, third: file.third };
            Work::at_site(tools, setup, nothing, at_site, say).await
        }
    };
    Ok(Running { said, tasks: [tokio::spawn(work.run(asked)), serving] })
}

/// The configuration: the alternate's own, or at the primary the copy that its monitor goes by.
fn configuration(place: &Place, site: Site) -> Result<Configuration, Failure> {
    let documents = Arc::new(Files { folder: place.root.join("etc/mxone_system_redundancy/platforms") });
    let file = match site {
        Site::Alternate => SettingsFile::new(&place.root, format(documents)),
        Site::Primary => SettingsFile::in_folder(&folder(&place.root), format(documents)),
    };
    let loaded = file.load().map_err(crate::flows::Stopped::from)?;
    loaded.ok_or_else(|| Failure::new(Exit::NotConfigured, "there is no configuration for this monitor"))
}

fn at_site(
    place: &Place,
    (site, timing): (Site, Timing),
    configuration: &Configuration,
    (herald, say): (&Herald, &tokio::sync::mpsc::UnboundedSender<String>),
) -> AtSite {
    let membership = &configuration.membership;
    let reach = Reach { site: Some(site), ..place.reach.clone() };
    let systems = RealSystems::new(reach, place.root.clone(), clock()).open(membership);
    let servers: Vec<ServerId> = membership.of_site(site).collect();
    let first = ServerId::first_of(site);
    let facts = Facts {
        telephony: &membership.platform.telephony,
        spared: &spared(membership),
        turn_away: membership.turn_away,
        probe: membership.platform.probe,
        heartbeat: None,
    };
    let others = servers.iter().filter(|server| **server != first).map(|server| systems.hosts.host(*server));
    let hold = (Command::new([MAINTENANCE, "hold"]), timing.renewal());
    let gates = SiteGates::new(systems.hosts.host(first), others.collect(), &GateRules::new(&facts), hold);
    AtSite {
        gates: Arc::new(gates),
        sight: Arc::new(OwnSight {
            site,
            addresses: configuration.network_control_address.clone(),
            echo: Arc::new(EchoSocket::default()),
            call_server: systems.call_server,
            journal: Arc::new(JournalFile::new(&place.root, clock())),
            clock: clock(),
        }),
        address: AddressKeeper::start(
            Keeping {
                port: Arc::clone(&systems.service_address),
                addresses: configuration.service_address.clone(),
                at: first,
                clock: Arc::new(RawClock),
            },
            say.clone(),
        ),
        silent_after: timing.silent_after(),
        renewal: timing.renewal(),
        follow: Follow::start(Arc::clone(&systems.traffic), servers, herald, say.clone()),
        traffic: systems.traffic,
        first,
        arming: Arc::default(),
    }
}
