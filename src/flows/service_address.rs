//! `settings service-address`: the addresses that move with the live site.

use std::net::IpAddr;

use super::configured::Configured;
use super::{Ended, Ports, Request, Stopped, settings, survey, witness};
use crate::domain::configuration::Configuration;
use crate::domain::service_address::{Lifetime, ServiceAddress};
use crate::domain::site::{ServerId, Site};
use crate::ports::dialog::{Dialog, News};
use crate::ports::systems::SystemPorts;

/// What is to change.
#[derive(Debug, Clone)]
pub enum Change {
    /// This one is held from now on, in place of one with the same address.
    Set(ServiceAddress),
    /// This one is not; `None`: none is.
    Remove(Option<IpAddr>),
}

/// Changes the service addresses: the site that is live holds them at once.
///
/// # Errors
/// [`Stopped`]: while voters are set up, an address that is in use, an interface that is not there, or as
/// [`settings::change`].
pub async fn change(
    ports: &Ports,
    request: &Request,
    change: Change,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    // Each monitor goes by the file that it was started with.
    witness::refuse_while_set_up(ports)?;
    let Configured { configuration: before, systems } = Configured::open(ports)?;
    if let Change::Set(address) = &change {
        refuse_unfit(address, &before)?;
        for site in Site::BOTH {
            check_interface(&systems, site, address, dialog).await?;
        }
    }
    let what = match &change {
        Change::Set(address) => format!("service-address {address}"),
        Change::Remove(Some(address)) => format!("service-address {address} removed"),
        Change::Remove(None) => "service-address removed".to_owned(),
    };
    let ended = settings::change(ports, request, &what, |configuration| {
        let addresses = &mut configuration.service_address;
        match &change {
            Change::Set(address) => {
                addresses.retain(|known| known.ip() != address.ip());
                addresses.push(address.clone());
            }
            Change::Remove(None) => addresses.clear(),
            Change::Remove(Some(address)) => addresses.retain(|known| known.ip() != *address),
        }
        Ok(())
    })?;
    // Said again, it is held again: a restart of LIM 1 takes it away.
    let is_said_again = matches!((&ended, &change), (Ended::NotDone(_), Change::Set(_)));
    if ended == Ended::Done || is_said_again {
        let configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
        carry_out(ports, &systems, (&before, &configuration), dialog).await?;
    }
    Ok(ended)
}

fn refuse_unfit(address: &ServiceAddress, configuration: &Configuration) -> Result<(), Stopped> {
    let servers = configuration.membership.servers.values().map(|card| card.address);
    let control = configuration.network_control_address.iter().copied();
    address.fault(servers.chain(control)).map_or(Ok(()), |fault| Err(Stopped::BadInput(fault)))
}

/// A site that does not answer is told: its interface is seen when it has to hold the address.
async fn check_interface(
    systems: &SystemPorts,
    site: Site,
    address: &ServiceAddress,
    dialog: &mut dyn Dialog,
) -> Result<(), Stopped> {
    let first = ServerId::first_of(site);
    match systems.service_address.has_interface(first, &address.interface).await {
        Ok(true) => {}
        Ok(false) => {
            return Err(Stopped::BadInput(format!("{first} has no network interface {}", address.interface)));
        }
        Err(error) => {
            dialog.tell(News::Note(format!("whether {first} has {} is not known: {error}", address.interface)));
        }
    }
    Ok(())
}

/// What was is given up at both sites before the live one holds what is.
async fn carry_out(
    ports: &Ports,
    systems: &SystemPorts,
    (before, now): (&Configuration, &Configuration),
    dialog: &mut dyn Dialog,
) -> Result<(), Stopped> {
    let gone: Vec<ServiceAddress> =
        before.service_address.iter().filter(|address| !now.service_address.contains(address)).cloned().collect();
    let mut failures = Vec::new();
    if !gone.is_empty() {
        for site in Site::BOTH {
            let first = ServerId::first_of(site);
            if let Err(error) = systems.service_address.give_up(first, &gone).await {
                failures.push(format!("{first} may still hold the former service address: {error}"));
            }
        }
    }
    if !now.service_address.is_empty() && failures.is_empty() {
        let live = ServerId::first_of(survey::situation(ports, systems, now).await?.order.active);
        let port = &systems.service_address;
        port.hold(live, &now.service_address, Lifetime::ForEver).await?;
        port.announce(live, &now.service_address).await?;
        dialog.tell(News::Note(format!("held by {live}")));
    }
    if failures.is_empty() { Ok(()) } else { Err(Stopped::NotProved(failures.join("; "))) }
}
