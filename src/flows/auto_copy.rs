//! `data auto`: the daily copy is set up, changed and taken out; `monitor` runs it.

use super::settings;
use super::{Ended, Ports, Request, Stopped};
use crate::domain::schedule::AutoCopy;

/// Sets the daily copy up.
///
/// # Errors
/// [`Stopped::NotAllowed`] when it is set up already, else as a change of settings.
pub fn create(ports: &Ports, request: &Request, wanted: AutoCopy) -> Result<Ended, Stopped> {
    settings::change(ports, request, &format!("data auto create {}", wanted.schedule), |configuration| {
        if configuration.auto_copy.is_some() {
            return Err(Stopped::NotAllowed("a daily copy is set up already; use data auto change".to_owned()));
        }
        configuration.auto_copy = Some(wanted);
        begin_now(ports, request)
    })
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
    settings::change(ports, request, "data auto change", |configuration| match &mut configuration.auto_copy {
        Some(auto_copy) => {
            edit(auto_copy)?;
            begin_now(ports, request)
        }
        None => Err(Stopped::NotAllowed("no daily copy is set up; use data auto create".to_owned())),
    })
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

/// Slots before this moment are not made up.
fn begin_now(ports: &Ports, request: &Request) -> Result<(), Stopped> {
    if request.dry_run {
        return Ok(());
    }
    let mut memory = ports.journal.memory()?;
    memory.auto_copy_since = Some(ports.clock.now().fixed_offset());
    Ok(ports.journal.remember(&memory)?)
}
