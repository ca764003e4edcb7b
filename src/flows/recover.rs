//! `--resume` and `--abandon`: finishes an action that a crash cut off, or takes it back.

use super::carry_out::carry_out;
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped};
use crate::domain::configuration::Configuration;
use crate::domain::journal::Begun;
use crate::ports::dialog::{Confirmation, Dialog};

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
/// # Errors
/// [`Stopped::NothingUnfinished`], or as the action itself.
pub async fn recover(ports: &Ports, request: &Request, way: Way, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let unfinished = ports.journal.unfinished()?.ok_or(Stopped::NothingUnfinished)?;
    let held = ports.journal.lock(unfinished.plan.action, &request.person)?;
    let begun = again(unfinished, way);
    let configuration = configuration_of(ports, &begun)?;
    if request.dry_run {
        return Ok(Ended::Planned(begun.plan));
    }
    dialog.confirm(&Confirmation::Plan(&begun.plan)).await?;
    let systems = ports.systems.open(&configuration.membership);
    let performer = Performer { ports, systems: &systems, configuration: &configuration };
    carry_out(&performer, begun, dialog).await?;
    drop(held);
    Ok(Ended::Done)
}

/// The record with the steps that are left to do. An action that was on its way back is never resumed forwards: what
/// it had put back would be done again on top of an unknown state.
fn again(mut begun: Begun, way: Way) -> Begun {
    match way {
        Way::Resume if !begun.going_back => {}
        Way::Resume | Way::Abandon => {
            begun.going_back = false;
            begun.plan.steps = std::mem::take(&mut begun.plan.way_back);
            begun.plan.warnings.clear();
        }
    }
    begun
}

/// `configure` and `remove` carry the settings they write or take away; all others work with those in place.
fn configuration_of(ports: &Ports, begun: &Begun) -> Result<Configuration, Stopped> {
    match &begun.material {
        Some(material) => Ok(ports.settings.read(material)?),
        None => ports.settings.load()?.ok_or(Stopped::NotConfigured),
    }
}
