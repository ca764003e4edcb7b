//! The service addresses on LIM 1 of a site.

use async_trait::async_trait;

use crate::domain::service_address::{Interface, Lifetime, ServiceAddress};
use crate::domain::site::ServerId;
use crate::ports::host::HostError;

/// Works on the service addresses of a server. Each call can be repeated.
#[async_trait]
pub trait ServiceAddresses: Send + Sync {
    /// Makes a server hold these for so long from now on, whatever it was before. After that its kernel takes them
    /// away, with nobody's help.
    ///
    /// # Errors
    /// [`HostError`]; some may be held.
    async fn hold(&self, at: ServerId, addresses: &[ServiceAddress], lifetime: Lifetime) -> Result<(), HostError>;

    /// Takes these from a server, and reads that back.
    ///
    /// # Errors
    /// [`HostError`] when it may still hold one.
    async fn give_up(&self, at: ServerId, addresses: &[ServiceAddress]) -> Result<(), HostError>;

    /// Tells the network that these are at this server: gratuitous ARP, unsolicited neighbour advertisement.
    ///
    /// # Errors
    /// [`HostError`] when one was not sent.
    async fn announce(&self, at: ServerId, addresses: &[ServiceAddress]) -> Result<(), HostError>;

    /// Whether a server has this interface.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be asked.
    async fn has_interface(&self, at: ServerId, interface: &Interface) -> Result<bool, HostError>;
}
