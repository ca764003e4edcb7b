//! Sets the three voters up: keys, files, and on LIM 1 of the primary the program and its unit.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::voter::MAINTENANCE;
use super::{etcd_setup, voter};
use crate::adapters::datagrams::Key;
use crate::adapters::gate::{GateForm, form_of};
use crate::adapters::voter_memory::MemoryFile;
use crate::adapters::{durable, monitor_unit, server_file};
use crate::config::lease::{self, EtcdCard, LeaseFile, VoterCard};
use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;
use crate::domain::lease::{Agreed, Memory, ThirdVote, Timing, Voter};
use crate::domain::site::{LimNumber, Order, ServerId, Site};
use crate::ports::gate::GateError;
use crate::ports::host::{Command, Host, HostError, printable, run_checked};
use crate::ports::service::MONITOR_UNIT;
use crate::ports::systems::Hosts;
use crate::ports::voter::VoterMemory;
use crate::ports::voter_setup::{SetupError, Third, VoterSetup, Wish};

const PRIMARY: Voter = Voter::Monitor(Site::Primary);
const ALTERNATE: Voter = Voter::Monitor(Site::Alternate);

/// The program as a shell on the primary finds it.
const NAME: &str = "mxone_system_redundancy";
/// Where it is put there, if it is not there.
const PROGRAM: &str = "/usr/local/bin/mxone_system_redundancy";
const FOLDER: &str = "/etc/mxone_system_redundancy/lease";
/// The checksum of the program, where it was put to a place that was free: that one is taken away again.
const SENT: &str = "/etc/mxone_system_redundancy/lease/program-sent.sha256";
const PLATFORMS: &str = "/etc/mxone_system_redundancy/platforms";
const MEMORY: &str = "/var/lib/mxone_system_redundancy/promises.json";

/// The program is some dozen MiB; a poor line takes its time.
const PROGRAM_SENT_WITHIN: Duration = Duration::from_secs(600);

/// A program that cannot be run has failed after this time; systemd then waits before it tries again.
const FAILED_WITHIN: Duration = Duration::from_secs(1);

/// Sets up from the machine whose files are below `root`.
pub struct VoterFiles {
    /// The folder that stands for `/`.
    pub root: PathBuf,
}

/// What each voter goes by.
struct Papers {
    primary: LeaseFile,
    alternate: LeaseFile,
    witness: Option<LeaseFile>,
    memory: Memory,
    etcd: Option<EtcdCard>,
}

impl VoterFiles {
    fn own_file(&self) -> PathBuf {
        voter::folder(&self.root).join("lease.yaml")
    }

    async fn install_on_primary(
        &self,
        host: &dyn Host,
        (configuration, material): (&Configuration, &Material),
        papers: &Papers,
    ) -> Result<Vec<String>, SetupError> {
        let mut told = Vec::new();
        // The folder first: nobody else may look into it when the keys come.
        run_checked(host, Command::new(["mkdir", "-p", "-m", "700", FOLDER])).await?;
        let (program, sent) = send_program(host).await?;
        told.extend(sent);
        let platform = &configuration.membership.platform.name;
        let profile = self.root.join(format!("etc/mxone_system_redundancy/platforms/{platform}.yaml"));
        if let Ok(text) = std::fs::read_to_string(profile) {
            server_file::write(host, &format!("{PLATFORMS}/{platform}.yaml"), text).await?;
        }
        server_file::write(host, &format!("{FOLDER}/config.yaml"), material.configuration.clone()).await?;
        server_file::write(host, &format!("{FOLDER}/translation.yaml"), material.translation.clone()).await?;
        // Plain values always become JSON.
        server_file::write(host, MEMORY, serde_json::to_vec(&papers.memory).unwrap_or_default()).await?;
        if let Some(card) = &papers.etcd {
            etcd_setup::send_certificates(host, card, &voter::folder(&self.root)).await?;
        }
        server_file::write(host, &format!("{FOLDER}/lease.yaml"), lease::write(&papers.primary)).await?;
        let unit = format!("/etc/systemd/system/{MONITOR_UNIT}");
        server_file::write(host, &unit, monitor_unit::text(Path::new(&program), "")).await?;
        told.push("installed on LIM 1 of the primary system: its files and its unit".to_owned());
        told.extend(start_monitor(host).await?);
        Ok(told)
    }
}

/// What servers lack, all of it at once. Without nft or ipset there is no gate, and without a gate nothing ends by itself.
async fn refuse_what_lacks(configuration: &Configuration, hosts: &dyn Hosts, timing: Timing) -> Result<(), SetupError> {
    let announces = !configuration.service_address.is_empty();
    let lacking = configuration.membership.servers.keys().map(|server| async move {
        let host = hosts.host(*server);
        let gate = match form_of(host.as_ref()).await {
            Ok(GateForm::Nft) => None,
            Ok(GateForm::Ipset) => timing.in_whole_seconds().err().map(|error| error.to_string()),
            Err(error @ GateError::Refused(_)) => Some(format!("{error}; install nftables there")),
            Err(error) => Some(error.to_string()),
        };
        let gate = gate.map(|because| format!("{server} cannot be gated: {because}"));
        // LIM 1 works on its own gate by itself, and announces what moves with the live site.
        let is_needed = announces || server.lim != LimNumber::FIRST;
        let lacks = if is_needed { lacks_maintenance(*server, host.as_ref()).await } else { None };
        [gate, lacks]
    });
    let lacking: Vec<String> = join_all(lacking).await.into_iter().flatten().flatten().collect();
    if lacking.is_empty() { Ok(()) } else { Err(SetupError::Unfit(lacking.join("\n"))) }
}

/// Whether a server has the program that holds its gate for LIM 1, of this version: both speak with each other.
async fn lacks_maintenance(server: ServerId, host: &dyn Host) -> Option<String> {
    let ours = format!("{MAINTENANCE} {}", env!("CARGO_PKG_VERSION"));
    match host.run(Command::new([MAINTENANCE, "--version"])).await {
        Ok(output) if output.success() && output.text().trim() == ours => None,
        Ok(output) if output.success() => {
            let there = printable(output.text().trim());
            Some(format!("{server} has \"{there}\" where \"{ours}\" is needed; install the same version there"))
        }
        Ok(_) | Err(HostError::NotStarted { .. }) => {
            Some(format!("{MAINTENANCE} is missing on {server}; install it there, where its shell finds it"))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// The program that runs here has to run there as well.
async fn refuse_another_machine(host: &dyn Host) -> Result<(), SetupError> {
    let (there, here) = (run_checked(host, Command::new(["uname", "-m"])).await?, std::env::consts::ARCH);
    match there.text().trim() {
        machine if machine == here => Ok(()),
        machine => {
            Err(SetupError::Unfit(format!("the primary is a {machine} machine, and this program is for {here}")))
        }
    }
}

/// Sends the program, unless the primary has the same version already. Where it is there, and that it was sent.
async fn send_program(host: &dyn Host) -> Result<(String, Option<String>), SetupError> {
    if let Some(path) = program_there(host).await {
        return Ok((path, None));
    }
    let own = std::env::current_exe().and_then(std::fs::read);
    let program = own.map_err(|source| SetupError::Io { file: PathBuf::from("/proc/self/exe"), source })?;
    let new = format!("{PROGRAM}.new");
    let send = Command::new(["dd".to_owned(), format!("of={new}"), "conv=fsync".to_owned(), "status=none".to_owned()]);
    run_checked(host, send.with_input(program).within(PROGRAM_SENT_WITHIN)).await?;
    run_checked(host, Command::new(["chmod", "0755", &new])).await?;
    if !host.run(Command::new(["test", "-e", PROGRAM])).await?.success() {
        // Before it is there, so that one that was sent is never taken for one that was there.
        let sum = run_checked(host, Command::new(["sha256sum", &new])).await?;
        let sum = sum.text().replacen(&new, PROGRAM, 1);
        server_file::write(host, SENT, sum).await?;
    }
    run_checked(host, Command::new(["mv", "-T", &new, PROGRAM])).await?;
    Ok((PROGRAM.to_owned(), Some(format!("the program was sent to {PROGRAM} on LIM 1 of the primary system"))))
}

/// The path of the program that a shell there finds, if it is of this version. A unit is given the path that answered.
async fn program_there(host: &dyn Host) -> Option<String> {
    let found = host.run(Command::new(["sh", "-c", "command -v \"$0\"", NAME])).await.ok()?;
    let path = found.text().trim().to_owned();
    if !found.success() || !path.starts_with('/') {
        return None;
    }
    let there = host.run(Command::new([path.as_str(), "--version"])).await.ok()?;
    let ours = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    (there.success() && there.text().trim() == ours).then_some(path)
}

/// Has systemd start the monitor, and looks whether it did: it enables and starts also what cannot be run.
async fn start_monitor(host: &dyn Host) -> Result<Option<String>, SetupError> {
    for words in [&["daemon-reload"][..], &["enable", "--now", MONITOR_UNIT], &["is-active", MONITOR_UNIT]] {
        if words[0] == "is-active" {
            tokio::time::sleep(FAILED_WITHIN).await;
        }
        let output = host.run(Command::new(["systemctl"].iter().chain(words).copied())).await?;
        if !output.success() {
            let (words, told) = (words.join(" "), format!("{} {}", output.text(), output.complaint()));
            return Ok(Some(format!(
                "NOT started on LIM 1 of the primary system (systemctl {words}: {}): start its monitor there by hand",
                printable(told.trim())
            )));
        }
    }
    Ok(None)
}

fn papers(
    configuration: &Configuration,
    memory: Memory,
    wish: &Wish,
    etcd: Option<EtcdCard>,
) -> std::io::Result<Papers> {
    let address = |site| {
        let card = configuration.membership.servers.get(&ServerId::first_of(site));
        card.map(|card| SocketAddr::new(card.address, wish.port))
    };
    let pair = Key::draw()?.written();
    let (with_primary, with_alternate) = (Key::draw()?.written(), Key::draw()?.written());
    let is_v6 = address(Site::Primary).is_some_and(|address| address.is_ipv6());
    let anywhere = if is_v6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
    let card = |address: Option<SocketAddr>, key: &String| VoterCard { address, key: key.clone() };
    let file = |me: Voter, port: u16, voters: BTreeMap<Voter, VoterCard>| LeaseFile {
        me,
        listen: SocketAddr::new(anywhere, port),
        timing: wish.timing,
        third: match wish.third {
            Third::Witness { .. } | Third::Etcd(_) => ThirdVote::Witness,
            Third::ControlAddress => ThirdVote::ControlAddress,
        },
        first_active: memory.order.active,
        first_epoch: memory.order.epoch,
        voters,
        etcd: etcd.clone().filter(|_| me != Voter::Witness),
    };
    let mut at_primary = BTreeMap::from([(ALTERNATE, card(address(Site::Alternate), &pair))]);
    let mut at_alternate = BTreeMap::from([(PRIMARY, card(address(Site::Primary), &pair))]);
    let witness = match &wish.third {
        Third::Witness { address, .. } => Some(*address),
        Third::Etcd(_) | Third::ControlAddress => None,
    };
    let witness = witness.map(|place| {
        at_primary.insert(Voter::Witness, card(Some(place), &with_primary));
        at_alternate.insert(Voter::Witness, card(Some(place), &with_alternate));
        let of = [(PRIMARY, Site::Primary, &with_primary), (ALTERNATE, Site::Alternate, &with_alternate)];
        let voters = of.map(|(voter, site, key)| (voter, card(address(site), key)));
        file(Voter::Witness, place.port(), BTreeMap::from(voters))
    });
    Ok(Papers {
        primary: file(PRIMARY, wish.port, at_primary),
        alternate: file(ALTERNATE, wish.port, at_alternate),
        witness,
        memory,
        etcd,
    })
}

/// A file with keys in it, which only its owner reads.
fn write_secret(path: &Path, text: &str) -> Result<(), SetupError> {
    let failed = |source| SetupError::Io { file: path.to_owned(), source };
    durable::write(path, text.as_bytes()).map_err(failed)
}

#[async_trait]
impl VoterSetup for VoterFiles {
    fn problems(&self) -> Vec<String> {
        voter::read(&self.root).err().unwrap_or_default()
    }

    fn is_set_up(&self) -> bool {
        self.own_file().exists()
    }

    async fn check(&self, configuration: &Configuration, hosts: &dyn Hosts, wish: &Wish) -> Result<(), SetupError> {
        refuse_what_lacks(configuration, hosts, wish.timing).await?;
        let primary = hosts.host(ServerId::first_of(Site::Primary));
        refuse_another_machine(&*primary).await?;
        match &wish.third {
            Third::Witness { .. } | Third::ControlAddress => Ok(()),
            Third::Etcd(etcd) => {
                etcd_setup::look_from_primary(&*primary, &etcd.endpoints).await?;
                etcd_setup::check(etcd, wish.timing).await
            }
        }
    }

    async fn set_up(
        &self,
        settings: (&Configuration, &Material),
        hosts: &dyn Hosts,
        order: Order,
        wish: &Wish,
    ) -> Result<Vec<String>, SetupError> {
        let own = self.own_file();
        let host = hosts.host(ServerId::first_of(Site::Primary));
        let memory = Memory::beginning_with(order, Agreed::first(settings.0.takeover));
        let folder = voter::folder(&self.root);
        let (etcd, unreached) = match &wish.third {
            Third::Witness { .. } | Third::ControlAddress => (None, Vec::new()),
            Third::Etcd(wished) => {
                let unreached = etcd_setup::look_from_primary(&*host, &wished.endpoints).await?;
                (Some(etcd_setup::lay_down(wished, &folder, &memory).await?), unreached)
            }
        };
        let drawn = papers(settings.0, memory, wish, etcd);
        let papers = drawn.map_err(|source| SetupError::Io { file: PathBuf::from("a key"), source })?;
        let mut told = match self.install_on_primary(&*host, settings, &papers).await {
            Ok(told) => told,
            Err(error) => {
                // What cannot be taken away now is overwritten by the next try.
                let _ = clear_primary(&*host).await;
                if let Some(card) = &papers.etcd {
                    // Keys that nobody goes by do no harm; the next try makes its own.
                    let _ = etcd_setup::take_out(card, &folder).await;
                }
                return Err(error);
            }
        };
        if let Some(card) = &papers.etcd {
            told.extend(unreached);
            told.push(format!("created in etcd: {}", etcd_setup::place(&card.pair)));
        }
        if let (Third::Witness { file, .. }, Some(witness)) = (&wish.third, &papers.witness) {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            write_secret(&file, &lease::write(witness))?;
            told.push(format!("written: {}, the witness's file", file.display()));
        }
        let memory = MemoryFile::below(&self.root);
        memory.keep(&papers.memory).map_err(|source| SetupError::Io { file: memory.path().to_owned(), source })?;
        write_secret(&own, &lease::write(&papers.alternate))?;
        told.push(format!("written: {}", own.display()));
        Ok(told)
    }

    async fn take_out(&self, hosts: &dyn Hosts) -> Result<Vec<String>, SetupError> {
        let own = self.own_file();
        let text = std::fs::read_to_string(&own).unwrap_or_default();
        // A file that cannot be read names no etcd, and is removed all the same.
        let etcd = lease::read(&own, &text).ok().and_then(|file| file.etcd);
        let memory = MemoryFile::below(&self.root);
        for path in [own.as_path(), memory.path()] {
            durable::remove(path).map_err(|source| SetupError::Io { file: path.to_owned(), source })?;
        }
        let mut told = vec![format!("removed: {}", own.display())];
        if let Some(card) = &etcd {
            told.push(etcd_setup::take_out(card, &voter::folder(&self.root)).await);
        }
        let host = hosts.host(ServerId::first_of(Site::Primary));
        told.push(match clear_primary(&*host).await {
            Ok(what) => format!("removed from LIM 1 of the primary system: {what}"),
            Err(error) => format!(
                "NOT removed from LIM 1 of the primary system ({error}): its monitor goes on when it is back, and without \
                 a witness makes it live by itself; before it is connected again: systemctl disable --now {MONITOR_UNIT}, \
                 rm -r {FOLDER}"
            ),
        });
        Ok(told)
    }
}

/// Stops the primary's monitor and takes its files away, and the program if it is the one that was sent. What
/// that was.
async fn clear_primary(host: &dyn Host) -> Result<&'static str, SetupError> {
    // Where systemd does not run there is no unit to stop; a monitor whose files go ends its part by itself.
    let _ = host.run(Command::new(["systemctl", "disable", "--now", MONITOR_UNIT])).await?;
    let unit = format!("/etc/systemd/system/{MONITOR_UNIT}");
    let was_sent = host.run(Command::new(["sha256sum", "--check", "--status", SENT])).await?.success();
    let (program, what) = if was_sent {
        (Some(PROGRAM), "its files, its unit and the program")
    } else {
        (None, "its files and its unit")
    };
    // The program first: with the folder goes what tells that it was sent.
    for path in program.into_iter().chain([unit.as_str(), MEMORY, FOLDER]) {
        run_checked(host, Command::new(["rm", "-rf", path])).await?;
    }
    Ok(what)
}
