//! `--resume` and `--abandon`: finishes an action that a crash cut off, or takes it back.

use std::collections::BTreeSet;

use super::carry_out::carry_out;
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, configured, survey};
use crate::domain::configuration::Configuration;
use crate::domain::journal::Begun;
use crate::domain::plan::{Action, Plan, Servers, Step};
use crate::domain::site::ServerId;
use crate::domain::traffic::Traffic;
use crate::ports::dialog::{Confirmation, Dialog};
use crate::ports::systems::SystemPorts;

/// Which way an unfinished action is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To its end.
    Resume,
    /// Back to where it began.
    Abandon,
}

/// Brings the unfinished action to its end, one way or the other.
///
/// An action that was on its way back is never resumed forwards: what it had put back would be done again on top of an
/// unknown state.
///
/// # Errors
/// [`Stopped::NothingUnfinished`], or as the action itself.
pub async fn recover(ports: &Ports, request: &Request, way: Way, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let seen = ports.journal.unfinished()?.ok_or(Stopped::NothingUnfinished)?;
    let held = if request.dry_run { None } else { Some(ports.journal.lock(seen.plan.action, &request.person)?) };
    // Read again: whoever held the lock until now may just have finished it.
    let mut begun = ports.journal.unfinished()?.ok_or(Stopped::NothingUnfinished)?;
    begun.going_back |= way == Way::Abandon;
    let configuration = configuration_of(ports, &begun)?;
    let systems = ports.systems.open(&configuration.membership);
    leave_silent_servers_out(&mut begun, &systems, &configuration).await;
    let left = left_to_do(&begun);
    if request.dry_run {
        return Ok(Ended::Planned(left));
    }
    dialog.confirm(&Confirmation::Plan(&left)).await?;
    note(ports, request, &begun)?;
    let performer = Performer::new(ports, &systems, &configuration);
    carry_out(&performer, begun, dialog).await?;
    drop(held);
    Ok(Ended::Done)
}

/// What is shown and confirmed: the steps there, or those of the way back.
fn left_to_do(begun: &Begun) -> Plan {
    let plan = begun.plan.clone();
    if begun.going_back { Plan { steps: plan.way_back, way_back: Vec::new(), ..plan } } else { plan }
}

/// A pair is taken apart also when servers are gone meanwhile; what is installed on them stays there, as with `remove`.
/// No switch of traffic is ever shortened so: for that a person has to vouch, with a forced takeover.
async fn leave_silent_servers_out(begun: &mut Begun, systems: &SystemPorts, configuration: &Configuration) {
    let plan = &mut begun.plan;
    let steps: Vec<&mut Step> = match plan.action {
        Action::Remove => plan.steps.iter_mut().chain(&mut plan.way_back).collect(),
        Action::Configure if begun.going_back => plan.way_back.iter_mut().collect(),
        Action::Configure
        | Action::TrafficInAlternate
        | Action::TrafficInPrimary
        | Action::DataCopy
        | Action::MirrorLoad
        | Action::MirrorRollBack
        | Action::Settings
        | Action::Lease
        | Action::Monitor
        | Action::IptablesAdd
        | Action::IptablesRemove
        | Action::Uninstall => return,
    };
    let contacts = survey::contacts(systems, configuration.membership.servers.keys().copied()).await;
    let is_silent = |id: &ServerId| matches!(contacts.get(id).map(|c| &c.traffic), Some(Traffic::Unknown { .. }));
    let mut left_out = BTreeSet::new();
    for step in steps {
        if let Step::RemoveGuard { servers }
        | Step::ForgetOrder { servers }
        | Step::InstallGuard { servers }
        | Step::Order { servers, .. } = step
        {
            left_out.extend(servers.iter().filter(|id| is_silent(id)).copied());
            servers.retain(|id| !is_silent(id));
        }
    }
    if !left_out.is_empty() {
        plan.warnings.push(format!("{} do not answer; what is installed there stays there", Servers(&left_out)));
    }
}

/// The lines of the action go on under the name of whoever began it; who goes on with it is kept as well.
fn note(ports: &Ports, request: &Request, begun: &Begun) -> Result<(), Stopped> {
    let way = if begun.going_back { "abandoned" } else { "resumed" };
    let text = format!("{way} {} of {} ({})", begun.plan.action, begun.at.to_rfc3339(), begun.person);
    configured::note(ports, request, begun.plan.action, text)
}

/// `configure` and `remove` carry the settings they write or take away; all others work with those in place.
fn configuration_of(ports: &Ports, begun: &Begun) -> Result<Configuration, Stopped> {
    match &begun.material {
        Some(material) => Ok(ports.settings.read(material)?),
        None => ports.settings.load()?.ok_or(Stopped::NotConfigured),
    }
}
