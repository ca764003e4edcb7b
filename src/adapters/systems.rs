//! The way from settings to servers: which one is this machine, where each is dialled, and connections that are kept.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::call_server::ProfiledCallServer;
use super::local::LocalHost;
use super::netfilter::Netfilter;
use super::remote_backup::RemoteBackup;
use super::ssh::{Login, SshHost, SshServer, Timeouts, shown_host_key};
use crate::domain::address::HostKey;
use crate::domain::configuration::{Membership, ServerCard, SshAccess};
use crate::domain::site::{ServerId, Site};
use crate::ports::clock::Clock;
use crate::ports::host::{Command, Host, HostError, Output, Sink};
use crate::ports::systems::{Hosts, SystemPorts, Systems};

/// The servers of the real world, or of the embedded lab: the same code dials them elsewhere.
pub struct RealSystems {
    clock: Arc<dyn Clock>,
    routes: Routes,
    kept: Mutex<Kept>,
}

/// Where servers are reached other than at their addresses; empty outside of the lab.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Over SSH.
    pub ssh: BTreeMap<IpAddr, SocketAddr>,
    /// By probes of their telephony.
    pub probes: BTreeMap<IpAddr, SocketAddr>,
}

/// What outlives one membership, so that a change of settings does not break connections.
#[derive(Default)]
struct Kept {
    logins: Vec<(SshAccess, Arc<Login>)>,
    hosts: Vec<(ServerCard, SshAccess, Arc<SshHost>)>,
}

impl RealSystems {
    /// Servers are dialled at their addresses, but for those that have a route.
    ///
    /// LIM 1 of the alternate is this machine, unless it has a route as well.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, routes: Routes) -> Self {
        Self { clock, routes, kept: Mutex::default() }
    }

    fn hosts(&self, membership: &Membership) -> Arc<dyn Hosts> {
        let hosts =
            membership.servers.iter().map(|(server, card)| (*server, self.host(*server, card, &membership.ssh)));
        Arc::new(ServerHosts { hosts: hosts.collect() })
    }

    fn host(&self, server: ServerId, card: &ServerCard, access: &SshAccess) -> Arc<dyn Host> {
        if server == ServerId::first_of(Site::Alternate) && !self.routes.ssh.contains_key(&card.address) {
            return Arc::new(LocalHost);
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

    fn dialled(&self, address: IpAddr, access: &SshAccess) -> SocketAddr {
        self.routes.ssh.get(&address).copied().unwrap_or_else(|| SocketAddr::new(address, access.port))
    }
}

#[async_trait]
impl Systems for RealSystems {
    async fn host_key(&self, address: IpAddr, access: &SshAccess) -> Result<HostKey, HostError> {
        shown_host_key(&address.to_string(), self.dialled(address, access), Timeouts::from(access)).await
    }

    fn open(&self, membership: &Membership) -> SystemPorts {
        let hosts = self.hosts(membership);
        let clock = || Arc::clone(&self.clock);
        let probes = self.routes.probes.clone();
        SystemPorts {
            traffic: Arc::new(Netfilter::new(Arc::clone(&hosts), membership, clock())),
            call_server: Arc::new(ProfiledCallServer::new(Arc::clone(&hosts), membership, clock(), probes)),
            backups: Arc::new(RemoteBackup::new(hosts.host(ServerId::first_of(Site::Primary)))),
            hosts,
        }
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
