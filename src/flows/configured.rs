//! The beginning that all actions share: the configuration, the lock, no unfinished action, the ports to the servers.

use super::{Ports, Request, Stopped};
use crate::domain::configuration::Configuration;
use crate::domain::journal::{Begun, Event, Line, Material};
use crate::domain::plan::{Action, Plan};
use crate::ports::journal::Held;
use crate::ports::systems::SystemPorts;

/// The format of journal records.
pub const JOURNAL_SCHEMA: u32 = 1;

/// A configured pair, ready to be looked at.
pub struct Configured {
    /// Its settings.
    pub configuration: Configuration,
    /// The ports to its servers.
    pub systems: SystemPorts,
}

impl Configured {
    /// Reads the configuration and opens the ports.
    ///
    /// # Errors
    /// [`Stopped::NotConfigured`], or what is wrong with the files.
    pub fn open(ports: &Ports) -> Result<Self, Stopped> {
        let configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
        let systems = ports.systems.open(&configuration.membership);
        Ok(Self { configuration, systems })
    }
}

/// Takes the lock for an action, and refuses while an earlier action is unfinished.
///
/// # Errors
/// [`Stopped::Journal`] with the holder of the lock, or [`Stopped::Unfinished`].
pub fn lock(ports: &Ports, action: Action, request: &Request) -> Result<Box<dyn Held>, Stopped> {
    let held = ports.journal.lock(action, &request.person)?;
    match ports.journal.unfinished()? {
        Some(begun) => Err(Stopped::Unfinished(Box::new(begun))),
        None => Ok(held),
    }
}

/// As [`lock`], but an unfinished takeover is no hindrance: a forced one takes its place.
///
/// A takeover that was cut off, and whose other side is then lost, can be neither finished nor taken back. A forced
/// takeover is planned anew from what is read now, blocks before it opens, and raises the epoch over all that is kept.
///
/// # Errors
/// As [`lock`].
pub fn lock_over_a_takeover(ports: &Ports, action: Action, request: &Request) -> Result<Box<dyn Held>, Stopped> {
    let held = ports.journal.lock(action, &request.person)?;
    match ports.journal.unfinished()? {
        Some(begun) if !matches!(begun.plan.action, Action::TrafficInAlternate | Action::TrafficInPrimary) => {
            Err(Stopped::Unfinished(Box::new(begun)))
        }
        Some(_) | None => Ok(held),
    }
}

/// The record of an action that begins now.
#[must_use]
pub fn begun(ports: &Ports, request: &Request, plan: Plan, material: Option<Material>) -> Begun {
    let at = ports.clock.now().fixed_offset();
    Begun {
        schema: JOURNAL_SCHEMA,
        id: at.format("%Y%m%dT%H%M%S%.6f").to_string(),
        person: request.person.clone(),
        reason: request.reason.clone(),
        at,
        plan,
        material,
        going_back: false,
    }
}

/// Writes something worth keeping, that is no step, into the history.
///
/// # Errors
/// When the history cannot be written.
pub fn note(ports: &Ports, request: &Request, action: Action, note: impl Into<String>) -> Result<(), Stopped> {
    let at = ports.clock.now().fixed_offset();
    Ok(ports.journal.record(&[Line {
        schema: JOURNAL_SCHEMA,
        at,
        id: at.format("%Y%m%dT%H%M%S%.6f").to_string(),
        action,
        person: request.person.clone(),
        reason: request.reason.clone(),
        event: Event::Noted { note: note.into() },
    }])?)
}

/// A check that was skipped is kept in the history with its reason; of a dry run nothing is kept.
///
/// # Errors
/// When the history cannot be written.
pub fn note_skipped(ports: &Ports, request: &Request, action: Action) -> Result<(), Stopped> {
    for check in request.skipped.iter().filter(|_| !request.dry_run) {
        note(ports, request, action, format!("check {check} was skipped"))?;
    }
    Ok(())
}
