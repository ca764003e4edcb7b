//! The way from settings to servers: which one is this machine, where each is dialled, and connections that are kept.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::call_server::ProfiledCallServer;
use super::local::LocalHost;
use super::netfilter::Netfilter;
use super::remote_backup::RemoteBackup;
use super::service_address::IpAddresses;
use super::ssh::{Login, SshHost, SshServer, Timeouts, shown_host_key};
use crate::domain::address::HostKey;
use crate::domain::configuration::{Membership, ServerCard, SshAccess};
use crate::domain::site::{ServerId, Site};
use crate::ports::clock::Clock;
use crate::ports::host::{Command, Host, HostError, Output, Sink};
use crate::ports::systems::{Hosts, SystemPorts, Systems};

/// How servers are reached, where that is not as usual: in the embedded lab.
#[derive(Clone, Default)]
pub struct Reach {
    /// Where a server's address is really dialled.
    pub routes: BTreeMap<IpAddr, SocketAddr>,
    /// Where SIP OPTIONS for a server are really sent.
    pub probe_routes: BTreeMap<IpAddr, SocketAddr>,
    /// LIM 1 of the alternate, where that is not this machine.
    pub here: Option<Arc<dyn Host>>,
    /// The site whose LIM 1 this machine is; without one, the alternate.
    pub site: Option<Site>,
}

/// The servers of the real world, or of the embedded lab: the same code dials them elsewhere.
pub struct RealSystems {
    reach: Reach,
    files: PathBuf,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

/// What outlives one membership, so that a change of settings does not break connections.
#[derive(Default)]
struct Kept {
    logins: Vec<(SshAccess, Arc<Login>)>,
    hosts: Vec<(ServerCard, SshAccess, Arc<SshHost>)>,
}

impl RealSystems {
    /// Servers reached so, on which our files lie below `files` (`/` on real systems).
    #[must_use]
    pub fn new(reach: Reach, files: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { reach, files, clock, kept: Mutex::default() }
    }

    /// The servers of a membership as hosts. Nothing is connected before it is used.
    #[must_use]
    pub fn hosts(&self, membership: &Membership) -> Arc<dyn Hosts> {
        let hosts =
            membership.servers.iter().map(|(server, card)| (*server, self.host(*server, card, &membership.ssh)));
        Arc::new(ServerHosts { hosts: hosts.collect() })
    }

    fn host(&self, server: ServerId, card: &ServerCard, access: &SshAccess) -> Arc<dyn Host> {
        if server == ServerId::first_of(self.site()) {
            return self.reach.here.clone().unwrap_or_else(|| Arc::new(LocalHost));
        }
        let Some(host_key) = &card.host_key else {
            return Arc::new(NoHost { name: card.address.to_string(), because: "its host key is not pinned" });
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., host)) = kept.hosts.iter().find(|(known, by, _)| known == card && by == access) {
            return Arc::<SshHost>::clone(host);
        }
        let login = kept.login(access);
        let address = self.dialled(card.address, access);
        let server = SshServer { name: card.address.to_string(), address, host_key: host_key.clone() };
        let host = Arc::new(SshHost::new(server, login));
        kept.hosts.push((card.clone(), access.clone(), Arc::clone(&host)));
        host
    }

    fn site(&self) -> Site {
        self.reach.site.unwrap_or(Site::Alternate)
    }

    fn dialled(&self, address: IpAddr, access: &SshAccess) -> SocketAddr {
        self.reach.routes.get(&address).copied().unwrap_or_else(|| SocketAddr::new(address, access.port))
    }
}

impl Kept {
    fn login(&mut self, access: &SshAccess) -> Arc<Login> {
        if let Some((_, login)) = self.logins.iter().find(|(known, _)| known == access) {
            return Arc::clone(login);
        }
        let login = Arc::new(Login::new(access));
        self.logins.push((access.clone(), Arc::clone(&login)));
        login
    }
}

/// The servers of one membership.
struct ServerHosts {
    hosts: BTreeMap<ServerId, Arc<dyn Host>>,
}

impl Hosts for ServerHosts {
    fn host(&self, server: ServerId) -> Arc<dyn Host> {
        let absent = || -> Arc<dyn Host> {
            Arc::new(NoHost { name: server.to_string(), because: "it is not one of the servers configured" })
        };
        self.hosts.get(&server).map_or_else(absent, Arc::clone)
    }
}

/// A server that cannot be dialled, and why.
struct NoHost {
    name: String,
    because: &'static str,
}

impl NoHost {
    fn error(&self) -> HostError {
        HostError::Unreachable { host: self.name.clone(), source: io::Error::other(self.because) }
    }
}

#[async_trait]
impl Host for NoHost {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn run(&self, _: Command) -> Result<Output, HostError> {
        Err(self.error())
    }

    async fn stream(&self, _: Command, _: &mut dyn Sink) -> Result<Output, HostError> {
        Err(self.error())
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        Err(self.error())
    }
}

#[async_trait]
impl Systems for RealSystems {
    async fn host_key(&self, address: IpAddr, access: &SshAccess) -> Result<HostKey, HostError> {
        shown_host_key(&address.to_string(), self.dialled(address, access), Timeouts::from(access)).await
    }

    fn open(&self, membership: &Membership) -> SystemPorts {
        let hosts = self.hosts(membership);
        let (clock, probes) = (Arc::clone(&self.clock), self.reach.probe_routes.clone());
        let netfilter =
            Netfilter::new(Arc::clone(&hosts), membership, Arc::clone(&clock)).below(&self.files).on(self.site());
        SystemPorts {
            traffic: Arc::new(netfilter),
            call_server: Arc::new(ProfiledCallServer::new(Arc::clone(&hosts), membership, clock, probes)),
            service_address: Arc::new(IpAddresses::new(Arc::clone(&hosts))),
            backups: Arc::new(RemoteBackup::new(hosts.host(ServerId::first_of(Site::Primary)))),
            hosts,
        }
    }
}
