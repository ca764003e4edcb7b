//! Sets the three voters up: keys, files, and on LIM 1 of the primary the program and its unit.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::{etcd_setup, voter};
use crate::adapters::datagrams::Key;
use crate::adapters::gate::{GateForm, form_of};
use crate::adapters::voter_memory::MemoryFile;
use crate::adapters::{durable, monitor_unit, server_file};
use crate::config::lease::{self, EtcdCard, LeaseFile, VoterCard};
use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;
use crate::domain::lease::{Agreed, Memory, Policy, ThirdVote, Timing, Voter};
use crate::domain::site::{ServerId, Site};
use crate::ports::host::{Command, Host, run_checked};
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
const PLATFORMS: &str = "/etc/mxone_system_redundancy/platforms";
const MEMORY: &str = "/var/lib/mxone_system_redundancy/promises.json";

/// The program is some dozen MiB; a poor line takes its time.
const PROGRAM_SENT_WITHIN: Duration = Duration::from_secs(600);

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
        told.extend(send_program(host).await?);
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
        server_file::write(host, &unit, monitor_unit::text(Path::new(PROGRAM), "")).await?;
        told.push("installed on LIM 1 of the primary system: its files and its unit".to_owned());
        for words in [&["systemctl", "daemon-reload"][..], &["systemctl", "enable", "--now", MONITOR_UNIT]] {
            let output = host.run(Command::new(words.iter().copied())).await?;
            if !output.success() {
                let (words, complaint) = (words.join(" "), output.complaint());
                told.push(format!(
                    "NOT started on LIM 1 of the primary system ({words}: {complaint}): start its monitor there by hand"
                ));
                break;
            }
        }
        Ok(told)
    }
}

/// Without nft or ipset there is no gate, and without a gate nothing ends by itself.
async fn refuse_without_gate(
    configuration: &Configuration,
    hosts: &dyn Hosts,
    timing: Timing,
) -> Result<(), SetupError> {
    for server in configuration.membership.servers.keys() {
        let unfit = |because: String| SetupError::Unfit(format!("{server} cannot be gated: {because}"));
        match form_of(hosts.host(*server).as_ref()).await {
            Ok(GateForm::Nft) => {}
            Ok(GateForm::Ipset) => timing.in_whole_seconds().map_err(|error| unfit(error.to_string()))?,
            Err(error) => return Err(unfit(format!("{error}; install nftables there"))),
        }
    }
    Ok(())
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

/// Sends the program, unless the primary has the same version already.
async fn send_program(host: &dyn Host) -> Result<Option<String>, SetupError> {
    let ours = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let there = host.run(Command::new([NAME, "--version"])).await;
    if there.is_ok_and(|output| output.success() && output.text().trim() == ours) {
        return Ok(None);
    }
    let own = std::env::current_exe().and_then(std::fs::read);
    let program = own.map_err(|source| SetupError::Io { file: PathBuf::from("/proc/self/exe"), source })?;
    let new = format!("{PROGRAM}.new");
    let send = Command::new(["dd".to_owned(), format!("of={new}"), "conv=fsync".to_owned(), "status=none".to_owned()]);
    run_checked(host, send.with_input(program).within(PROGRAM_SENT_WITHIN)).await?;
    run_checked(host, Command::new(["chmod", "0755", &new])).await?;
    run_checked(host, Command::new(["mv", "-T", &new, PROGRAM])).await?;
    Ok(Some(format!("the program was sent to {PROGRAM} on LIM 1 of the primary system")))
}

fn papers(
    configuration: &Configuration,
    (active, memory): (Site, Memory),
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
        first_active: active,
        voters,
        etcd: etcd.clone().filter(|_| me != Voter::Witness),
        policy: Policy::default(),
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
        refuse_without_gate(configuration, hosts, wish.timing).await?;
        let primary = hosts.host(ServerId::first_of(Site::Primary));
        refuse_another_machine(&*primary).await?;
        match &wish.third {
            Third::Witness { .. } | Third::ControlAddress => Ok(()),
            Third::Etcd(etcd) => {
                etcd_setup::look_from_primary(&*primary, &etcd.endpoints).await?;
                etcd_setup::check(etcd).await
            }
        }
    }

    async fn set_up(
        &self,
        settings: (&Configuration, &Material),
        hosts: &dyn Hosts,
        active: Site,
        wish: &Wish,
    ) -> Result<Vec<String>, SetupError> {
        let own = self.own_file();
        let host = hosts.host(ServerId::first_of(Site::Primary));
        let memory = Memory::first(active, Agreed::first(settings.0.takeover));
        let folder = voter::folder(&self.root);
        let (etcd, unreached) = match &wish.third {
            Third::Witness { .. } | Third::ControlAddress => (None, Vec::new()),
            Third::Etcd(wished) => {
                let unreached = etcd_setup::look_from_primary(&*host, &wished.endpoints).await?;
                (Some(etcd_setup::lay_down(wished, &folder, &memory).await?), unreached)
            }
        };
        let drawn = papers(settings.0, (active, memory), wish, etcd);
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
            Ok(()) => "removed from LIM 1 of the primary system: its files and its unit".to_owned(),
            Err(error) => {
                format!("NOT removed from LIM 1 of the primary system ({error}): do it there when it is back")
            }
        });
        Ok(told)
    }
}

/// Stops the primary's monitor and takes its files away.
async fn clear_primary(host: &dyn Host) -> Result<(), SetupError> {
    // Where systemd does not run there is no unit to stop; a monitor whose files go ends its part by itself.
    let _ = host.run(Command::new(["systemctl", "disable", "--now", MONITOR_UNIT])).await?;
    let unit = format!("/etc/systemd/system/{MONITOR_UNIT}");
    run_checked(host, Command::new(["rm", "-rf", FOLDER, MEMORY, &unit])).await?;
    Ok(())
}
