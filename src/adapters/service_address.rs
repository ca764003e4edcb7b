//! Service addresses with `ip` of iproute2; announced by `mxone_maintenance announce` on the server that holds them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::service_address::{Interface, Lifetime, ServiceAddress};
use crate::domain::site::ServerId;
use crate::ports::host::{Command, HostError, run_checked};
use crate::ports::service_address::ServiceAddresses;
use crate::ports::systems::Hosts;

/// The program that announces, where `PATH` finds it there.
const MAINTENANCE: &str = "mxone_maintenance";

/// `ip` asks the kernel of its own server, which takes some milliseconds. A block waits for no longer.
const WITHIN: Duration = Duration::from_secs(1);

/// See the module.
pub struct IpAddresses {
    hosts: Arc<dyn Hosts>,
}

impl IpAddresses {
    /// Those of these servers.
    #[must_use]
    pub fn new(hosts: Arc<dyn Hosts>) -> Self {
        Self { hosts }
    }

    /// Runs lines of `ip`, each whatever became of those before it.
    async fn batch(&self, at: ServerId, lines: String) -> Result<(), HostError> {
        let command = Command::new(["ip", "-force", "-batch", "-"]).with_input(lines).within(WITHIN);
        run_checked(self.hosts.host(at).as_ref(), command).await.map(drop)
    }

    async fn held(&self, at: ServerId, addresses: &[ServiceAddress]) -> Result<Vec<ServiceAddress>, HostError> {
        let list = Command::new(["ip", "-oneline", "address", "show"]).within(WITHIN);
        let text = run_checked(self.hosts.host(at).as_ref(), list).await?.text();
        let is_held = |address: &&ServiceAddress| {
            let word = format!("{}/", address.ip());
            text.split_whitespace().any(|found| found.starts_with(&word))
        };
        Ok(addresses.iter().filter(is_held).cloned().collect())
    }
}

#[async_trait]
impl ServiceAddresses for IpAddresses {
    async fn hold(&self, at: ServerId, addresses: &[ServiceAddress], lifetime: Lifetime) -> Result<(), HostError> {
        let line = |ServiceAddress { address, interface }: &ServiceAddress| {
            // A new IPv6 address would be tried out for a second before it is of use; here nobody else may have it.
            let at_once = if address.addr().is_ipv6() { " nodad" } else { "" };
            format!(
                "address replace {address} dev {interface}{at_once} valid_lft {lifetime} preferred_lft {lifetime}\n"
            )
        };
        self.batch(at, addresses.iter().map(line).collect()).await
    }

    async fn give_up(&self, at: ServerId, addresses: &[ServiceAddress]) -> Result<(), HostError> {
        let held = self.held(at, addresses).await?;
        if held.is_empty() {
            return Ok(());
        }
        let line = |ServiceAddress { address, interface }: &ServiceAddress| {
            format!("address delete {address} dev {interface}\n")
        };
        // One that ended by itself meanwhile is missed; what counts is read back.
        let deleted = self.batch(at, held.iter().map(line).collect()).await;
        match self.held(at, &held).await?.first() {
            None => Ok(()),
            Some(still) => Err(deleted.err().unwrap_or_else(|| HostError::Failed {
                host: self.hosts.host(at).name(),
                command: "ip address delete".to_owned(),
                status: 0,
                complaint: format!("{} is held with another network or on another interface", still.address),
            })),
        }
    }

    async fn announce(&self, at: ServerId, addresses: &[ServiceAddress]) -> Result<(), HostError> {
        let host = self.hosts.host(at);
        for ServiceAddress { address, interface } in addresses {
            let address = address.addr().to_string();
            run_checked(host.as_ref(), Command::new([MAINTENANCE, "announce", &address, interface.name()])).await?;
        }
        Ok(())
    }

    async fn has_interface(&self, at: ServerId, interface: &Interface) -> Result<bool, HostError> {
        let show = Command::new(["ip", "link", "show", "dev", interface.name()]);
        Ok(self.hosts.host(at).run(show).await?.success())
    }
}
