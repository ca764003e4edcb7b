//! Whether an address answers this machine.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Sends ICMP echo requests, which people call ping.
#[async_trait]
pub trait Echo: Send + Sync {
    /// Whether an address answers within two seconds.
    ///
    /// # Errors
    /// When nothing could be sent.
    async fn answers(&self, address: IpAddr) -> io::Result<bool>;
}
