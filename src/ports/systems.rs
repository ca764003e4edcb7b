//! The way from settings to the servers of both systems.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::address::HostKey;
use crate::domain::configuration::{Membership, SshAccess};
use crate::domain::site::ServerId;
use crate::ports::backup_source::BackupSource;
use crate::ports::call_server::CallServer;
use crate::ports::host::{Host, HostError};
use crate::ports::service_address::ServiceAddresses;
use crate::ports::traffic_control::TrafficControl;

/// Opens the ports to the servers of a membership.
#[async_trait]
pub trait Systems: Send + Sync {
    /// The host key a server shows now; nothing is sent to it but the handshake.
    ///
    /// # Errors
    /// [`HostError`] when it does not answer.
    async fn host_key(&self, address: IpAddr, access: &SshAccess) -> Result<HostKey, HostError>;

    /// Ports to these servers. Nothing is connected before it is used; connections are kept and shared.
    fn open(&self, membership: &Membership) -> SystemPorts;
}

/// Ports to the servers of both systems.
#[derive(Clone)]
pub struct SystemPorts {
    /// Their packet filters and orders.
    pub traffic: Arc<dyn TrafficControl>,
    /// Their telephony software.
    pub call_server: Arc<dyn CallServer>,
    /// The primary's backups.
    pub backups: Arc<dyn BackupSource>,
    /// The addresses that move with the live site.
    pub service_address: Arc<dyn ServiceAddresses>,
    /// The servers themselves.
    pub hosts: Arc<dyn Hosts>,
}

/// The servers of both systems, as hosts.
pub trait Hosts: Send + Sync {
    /// The host of a server; one that is not in the membership answers every command with an error.
    fn host(&self, server: ServerId) -> Arc<dyn Host>;
}
