//! `data auto`: the daily copy is set up, changed and taken out; `monitor` runs it.

use super::settings;
use super::{Ended, Ports, Request, Stopped};
use crate::domain::configuration::Configuration;
use crate::domain::schedule::AutoCopy;

/// Sets the daily copy up.
///
/// # Errors
/// [`Stopped::NotAllowed`] when it is set up already, else as a change of settings.
pub fn create(ports: &Ports, request: &Request, wanted: AutoCopy) -> Result<Ended, Stopped> {
    let what = format!("data auto create {}", wanted.schedule);
    let create = |configuration: &mut Configuration| {
        if configuration.auto_copy.is_some() {
            return Err(Stopped::NotAllowed("a daily copy is set up already; use data auto change".to_owned()));
        }
        configuration.auto_copy = Some(wanted);
        Ok(())
    };
    settings::change_and_then(ports, request, &what, create, || begin_now(ports))
}

/// Changes the daily copy.
///
/// # Errors
/// [`Stopped::NotAllowed`] when none is set up, else as a change of settings.
pub fn change(
    ports: &Ports,
    request: &Request,
    edit: impl FnOnce(&mut AutoCopy) -> Result<(), Stopped>,
) -> Result<Ended, Stopped> {
    let change = |configuration: &mut Configuration| match &mut configuration.auto_copy {
        Some(auto_copy) => edit(auto_copy),
        None => Err(Stopped::NotAllowed("no daily copy is set up; use data auto create".to_owned())),
    };
    settings::change_and_then(ports, request, "data auto change", change, || begin_now(ports))
}

/// Takes the daily copy out.
///
/// # Errors
/// [`Stopped::NotAllowed`] when none is set up, else as a change of settings.
pub fn remove(ports: &Ports, request: &Request) -> Result<Ended, Stopped> {
    settings::change(ports, request, "data auto remove", |configuration| match configuration.auto_copy.take() {
        Some(_) => Ok(()),
        None => Err(Stopped::NotAllowed("no daily copy is set up".to_owned())),
    })
}

/// Slots before this moment are not made up. Called under the lock: a copy that runs keeps its notes in the same place.
fn begin_now(ports: &Ports) -> Result<(), Stopped> {
    let mut memory = ports.journal.memory()?;
    memory.auto_copy_since = Some(ports.clock.now().fixed_offset());
    Ok(ports.journal.remember(&memory)?)
}
