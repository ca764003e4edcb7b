//! The service address at a switch by hand: given up where it is blocked, held where it is opened.

use std::collections::BTreeSet;

use super::Performer;
use crate::domain::journal::Begun;
use crate::domain::plan::Action;
use crate::domain::service_address::Lifetime;
use crate::domain::site::{LimNumber, ServerId};
use crate::flows::Stopped;

impl Performer<'_> {
    /// Before a site is blocked, so that no two sites ever hold it.
    pub(super) async fn give_up_address(&self, servers: &BTreeSet<ServerId>) -> Result<(), Stopped> {
        let addresses = &self.configuration.service_address;
        if !addresses.is_empty() {
            for first in firsts(servers) {
                self.systems.service_address.give_up(first, addresses).await?;
            }
        }
        Ok(())
    }

    /// Only a switch moves it: what else opens a site takes redundancy apart.
    pub(super) async fn take_address(&self, servers: &BTreeSet<ServerId>, begun: &Begun) -> Result<(), Stopped> {
        let addresses = &self.configuration.service_address;
        let is_switch = matches!(begun.plan.action, Action::TrafficInPrimary | Action::TrafficInAlternate);
        if is_switch && !addresses.is_empty() {
            let port = &self.systems.service_address;
            for first in firsts(servers) {
                port.hold(first, addresses, Lifetime::ForEver).await?;
                port.announce(first, addresses).await?;
            }
        }
        Ok(())
    }
}

/// The LIM 1 among these servers.
fn firsts(servers: &BTreeSet<ServerId>) -> impl Iterator<Item = ServerId> + '_ {
    servers.iter().copied().filter(|server| server.lim == LimNumber::FIRST)
}
