//! Turning telephony traffic away from servers, letting it in again, and reading back which is so.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::configuration::BootPolicy;
use crate::domain::site::{Order, ServerId};
use crate::domain::traffic::{Origin, Traffic};
use crate::ports::host::HostError;

/// A first application on a remote server is taken back by the server itself unless a new SSH connection confirms it
/// within this time (DESIGN §5.4; the usual value of such guards).
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(30);

/// The packet filters of all servers of both systems.
#[async_trait]
pub trait TrafficControl: Send + Sync {
    /// Does beforehand what a coming block, allow or order on a server need not wait with until no site is live: looks
    /// at what is there, and lays the order beside the place where it will count. No traffic is turned away or let in.
    ///
    /// A server that the order will make passive no longer opens by itself at boot from here on.
    ///
    /// # Errors
    /// [`TrafficError`] when something could not be done beforehand; the step itself then does it.
    async fn prepare(&self, server: ServerId, order: Option<Order>) -> Result<(), TrafficError>;

    /// Reads a server's packet filter afresh. A server that cannot be asked is [`Traffic::Unknown`], never an error.
    async fn read(&self, server: ServerId) -> Traffic;

    /// Turns telephony traffic away from a server, in both families; blocking a blocked server changes nothing but
    /// the origin where that differs.
    ///
    /// The first time on a remote server it is confirmed over a new connection, else the server undoes it by itself.
    ///
    /// # Errors
    /// [`TrafficError`] when the rules could not be put in place; then they are as they were.
    async fn block(&self, server: ServerId, origin: Origin) -> Result<(), TrafficError>;

    /// Lets telephony traffic reach a server: takes out our chains and nothing else.
    ///
    /// # Errors
    /// [`TrafficError`] when the rules could not be taken out; then they are as they were.
    async fn allow(&self, server: ServerId) -> Result<(), TrafficError>;

    /// Takes out the kernel gate of automatic takeover, so that only the rules of [`TrafficControl::block`] count; one
    /// that is not there is taken out already. A voter that works makes it anew.
    ///
    /// # Errors
    /// [`TrafficError`] when it is there and cannot be taken out.
    async fn remove_gate(&self, server: ServerId) -> Result<(), TrafficError>;

    /// Forgets the established telephony flows of a blocked server, where `conntrack` is there. How many were cut, or
    /// `None` where the tool is not there.
    ///
    /// # Errors
    /// [`TrafficError`] when the server cannot be asked.
    async fn cut_established(&self, server: ServerId) -> Result<Option<u64>, TrafficError>;

    /// Puts the boot guard (unit and rules file) on a server, so that it boots blocked before its network is up.
    ///
    /// # Errors
    /// [`TrafficError`] when a file cannot be written.
    async fn install_guard(&self, server: ServerId, boot: BootPolicy) -> Result<(), TrafficError>;

    /// Takes the boot guard out again; taking out what is not there is done at once.
    ///
    /// # Errors
    /// [`TrafficError`] when a file cannot be removed.
    async fn remove_guard(&self, server: ServerId) -> Result<(), TrafficError>;

    /// Whether the boot guard is on the server, whole.
    ///
    /// # Errors
    /// [`TrafficError`] when the server cannot be asked.
    async fn guard_installed(&self, server: ServerId) -> Result<bool, TrafficError>;

    /// The order kept on a server; `None` where there is none yet.
    ///
    /// # Errors
    /// [`TrafficError`] when the server cannot be asked, or what it keeps cannot be read.
    async fn order(&self, server: ServerId) -> Result<Option<Order>, TrafficError>;

    /// Writes the order down on a server, durably. An order of a lower epoch never replaces a higher one.
    ///
    /// # Errors
    /// [`TrafficError`] when it cannot be written, or a higher epoch is already there.
    async fn write_order(&self, server: ServerId, order: Order) -> Result<(), TrafficError>;

    /// Takes the order off a server, as `remove` does.
    ///
    /// # Errors
    /// [`TrafficError`] when it cannot be removed.
    async fn forget_order(&self, server: ServerId) -> Result<(), TrafficError>;
}

/// Why the packet filter of a server could not be changed.
#[derive(Debug, Error)]
pub enum TrafficError {
    /// The server could not be asked, or a command failed there.
    #[error("{server}: {doing} failed")]
    Host {
        /// The server.
        server: ServerId,
        /// What was being done, as a noun: `blocking`, `reading the order`.
        doing: &'static str,
        /// What happened.
        #[source]
        source: HostError,
    },
    /// The rules were put in place, but reading them back showed something else.
    #[error("{server}: the rules read back are not those that were written: {}", differences.join("; "))]
    NotInForce {
        /// The server.
        server: ServerId,
        /// What differs.
        differences: Vec<String>,
    },
    /// No new connection after the rules were put in place; the server takes them back by itself.
    #[error("{server}: no new SSH connection after blocking, so the server restores its rules by itself")]
    NotConfirmed {
        /// The server.
        server: ServerId,
        /// Why there was none.
        #[source]
        source: HostError,
    },
    /// A newer order is there.
    #[error("{server} already keeps a newer order: {present}")]
    NewerOrder {
        /// The server.
        server: ServerId,
        /// The order there.
        present: Order,
    },
    /// What the server keeps or prints cannot be understood.
    #[error("{server}: {what} cannot be understood: {because}")]
    Unreadable {
        /// The server.
        server: ServerId,
        /// What was read.
        what: &'static str,
        /// Why not.
        because: String,
    },
}
