//! Looks at every server of both systems, all at the same time.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Ports, Stopped};
use crate::domain::boot::{Contact, Corrections};
use crate::domain::configuration::Configuration;
use crate::domain::site::{Epoch, Order, ServerId, Site};
use crate::domain::takeover::Situation;
use crate::domain::traffic::Traffic;
use crate::ports::systems::SystemPorts;

/// Reads the traffic state and the order of every server.
pub async fn contacts(systems: &SystemPorts, servers: impl Iterator<Item = ServerId>) -> BTreeMap<ServerId, Contact> {
    join_all(servers.map(|server| contact(systems, server))).await.into_iter().collect()
}

async fn contact(systems: &SystemPorts, server: ServerId) -> (ServerId, Contact) {
    let (traffic, order) = tokio::join!(systems.traffic.read(server), systems.traffic.order(server));
    let contact = match (traffic, order) {
        (Traffic::Unknown { because }, _) => Contact { traffic: Traffic::Unknown { because }, order: None },
        (traffic, Ok(order)) => Contact { traffic, order },
        // A server that keeps an order nobody can read may know better than we do: nothing is concluded from it.
        (_, Err(error)) => Contact { traffic: Traffic::Unknown { because: error.to_string() }, order: None },
    };
    (server, contact)
}

/// What is known of both systems now.
///
/// # Errors
/// When what is kept about mirrors cannot be read.
pub async fn situation(
    ports: &Ports,
    systems: &SystemPorts,
    configuration: &Configuration,
) -> Result<Situation, Stopped> {
    let contacts = contacts(systems, configuration.membership.servers.keys().copied()).await;
    let order = Corrections::judge(&contacts).order.unwrap_or(FIRST_ORDER);
    let loaded = ports.journal.memory()?.loaded.is_some();
    let servers = contacts.into_iter().map(|(server, contact)| (server, contact.traffic)).collect();
    Ok(Situation { order, servers, loaded })
}

/// The order of a pair that has none yet: the primary serves the users.
pub const FIRST_ORDER: Order = Order { active: Site::Primary, epoch: Epoch(0) };
