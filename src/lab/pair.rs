//! Two simulated sites with their servers, ready to be configured: where they are dialled, their keys, and what may
//! happen to them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, load_secret_key};
use thiserror::Error;

use super::machine::{Machine, SimCommand};
use super::network::Network;
use super::root_folder::RootFolder;
use super::server::LabServer;
use super::sip::SipResponder;
use crate::domain::address::{AddressError, HostKey};
use crate::domain::site::{LimNumber, ServerId, Site, SiteError};
use crate::ports::clock::Clock;

/// The router of the users' network: a network control address that both sites reach.
pub const NETWORK_CONTROL_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// LIM n of a site has this number plus n as the last part of its address.
const BEFORE_LIM_1: u8 = 10;

/// What every simulated server tells about its memory.
const MEMORY: &str = "MemTotal:        8149104 kB\nMemFree:         5120000 kB\nMemAvailable:    6400000 kB\n";

/// See the module. Everything ends when it is dropped; the folders stay.
pub struct TwoSiteLab {
    servers: BTreeMap<ServerId, LabMachine>,
    network: Arc<Network>,
    identity: PathBuf,
}

struct LabMachine {
    machine: Arc<Machine>,
    host_key: HostKey,
    ssh: LabServer,
    sip: SipResponder,
}

impl TwoSiteLab {
    /// Starts both sites in `root`, all servers powered. Files and keys of an earlier lab there are used again.
    ///
    /// # Errors
    /// [`LabError`] when a folder, key or port cannot be had.
    pub async fn start(root: &Path, servers_per_site: usize, clock: Arc<dyn Clock>) -> Result<Self, LabError> {
        std::fs::create_dir_all(root).map_err(failed(root, "making the folder"))?;
        let identity = root.join("client_key");
        let client = key(&identity)?.public_key().clone();
        let network = Arc::new(Network::default());
        network.set_other(NETWORK_CONTROL_ADDRESS, Site::BOTH.into());
        let mut servers = BTreeMap::new();
        for site in Site::BOTH {
            for number in 1..=u16::try_from(servers_per_site).unwrap_or(u16::MAX) {
                let id = ServerId { site, lim: LimNumber::try_from(number)? };
                let folder = root.join(format!("{site}-{number}"));
                let machine = machine(id, &folder, (Arc::clone(&network), Arc::clone(&clock)))?;
                let host_key = key(&folder.join("host_key"))?;
                let public = host_key.public_key().to_openssh().map_err(io::Error::other);
                let public = public.map_err(failed(&folder, "reading the host key"))?.parse()?;
                let ssh = LabServer::start(Arc::clone(&machine), host_key, client.clone()).await;
                let prober = address(ServerId::first_of(Site::Alternate));
                let sip = SipResponder::start(Arc::clone(&machine), prober).await;
                machine.boot().map_err(failed(&folder, "booting"))?;
                let port = failed(&folder, "opening a port");
                let (ssh, sip) = ssh.and_then(|ssh| Ok((ssh, sip?))).map_err(port)?;
                servers.insert(id, LabMachine { machine, host_key: public, ssh, sip });
            }
        }
        Ok(Self { servers, network, identity })
    }

    /// Where each server's address is dialled over SSH.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<IpAddr, SocketAddr> {
        self.servers.values().map(|server| (server.machine.address(), server.ssh.address())).collect()
    }

    /// Where each server's address is probed by SIP.
    #[must_use]
    pub fn probe_routes(&self) -> BTreeMap<IpAddr, SocketAddr> {
        self.servers.values().map(|server| (server.machine.address(), server.sip.address())).collect()
    }

    /// The host keys of all servers.
    #[must_use]
    pub fn host_keys(&self) -> BTreeMap<ServerId, HostKey> {
        self.servers.iter().map(|(id, server)| (*id, server.host_key.clone())).collect()
    }

    /// The private key that every server lets in.
    #[must_use]
    pub fn identity(&self) -> &Path {
        &self.identity
    }

    /// The network between the servers.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All servers.
    pub fn machines(&self) -> impl Iterator<Item = &Arc<Machine>> {
        self.servers.values().map(|server| &server.machine)
    }

    /// One server.
    ///
    /// # Errors
    /// [`LabError::NoSuchServer`].
    pub fn machine(&self, server: ServerId) -> Result<&Arc<Machine>, LabError> {
        self.servers.get(&server).map(|server| &server.machine).ok_or(LabError::NoSuchServer(server))
    }

    /// Teaches a command to every server.
    pub fn teach(&self, name: &str, command: &Arc<dyn SimCommand>) {
        self.machines().for_each(|machine| machine.teach(name, Arc::clone(command)));
    }

    /// Pulls a site's cable.
    pub fn cut(&self, site: Site) {
        self.network.set_cut(site, true);
        self.machines().filter(|machine| machine.id().site == site).for_each(|machine| machine.interrupt());
    }

    /// Plugs a site's cable in again.
    pub fn heal(&self, site: Site) {
        self.network.set_cut(site, false);
    }

    /// Takes a server's power.
    ///
    /// # Errors
    /// [`LabError::NoSuchServer`].
    pub fn power_off(&self, server: ServerId) -> Result<(), LabError> {
        self.machine(server)?.power_off();
        Ok(())
    }

    /// Powers a server, or boots it again.
    ///
    /// # Errors
    /// [`LabError`] when there is no such server or its files cannot be read.
    pub fn boot(&self, server: ServerId) -> Result<(), LabError> {
        let machine = self.machine(server)?;
        machine.boot().map_err(failed(machine.root().folder(), "booting"))
    }
}

/// The simulated address of a server: documentation addresses (RFC 5737).
#[must_use]
pub fn address(server: ServerId) -> IpAddr {
    let last = BEFORE_LIM_1.saturating_add(server.lim.get());
    IpAddr::V4(match server.site {
        Site::Primary => Ipv4Addr::new(192, 0, 2, last),
        Site::Alternate => Ipv4Addr::new(198, 51, 100, last),
    })
}

/// Why the lab does not start, or cannot do it.
#[derive(Debug, Error)]
pub enum LabError {
    /// A file, folder or port.
    #[error("{}: {doing} failed", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as a noun.
        doing: &'static str,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// No such server.
    #[error("the lab has no {0}")]
    NoSuchServer(ServerId),
    /// More servers than a system can have.
    #[error(transparent)]
    TooMany(#[from] SiteError),
    /// A key that was made, but cannot be read back.
    #[error(transparent)]
    Key(#[from] AddressError),
}

fn machine(id: ServerId, folder: &Path, world: (Arc<Network>, Arc<dyn Clock>)) -> Result<Arc<Machine>, LabError> {
    let root = RootFolder::make(&folder.join("root")).map_err(failed(folder, "making the folder"))?;
    let proc = root.folder().join("proc");
    let made = std::fs::create_dir_all(&proc).and_then(|()| std::fs::write(proc.join("meminfo"), MEMORY));
    made.map_err(failed(&proc, "writing"))?;
    Ok(Machine::new(id, address(id), root, world))
}

/// Reads a key file, or makes one that only its owner can read.
fn key(path: &Path) -> Result<PrivateKey, LabError> {
    let unusable = |error: &dyn std::fmt::Display| LabError::Io {
        path: path.to_owned(),
        doing: "using the key",
        source: io::Error::other(error.to_string()),
    };
    if path.exists() {
        return load_secret_key(path, None).map_err(|error| unusable(&error));
    }
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(|error| unusable(&error))?;
    let text = key.to_openssh(LineEnding::LF).map_err(|error| unusable(&error))?;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())).map_err(failed(path, "writing"))?;
    Ok(key)
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> LabError {
    let path = path.to_owned();
    move |source| LabError::Io { path, doing, source }
}
