//! `data mirrors`: lists, verifies, loads, and goes back to the mirror before.

use super::carry_out::propose;
use super::configured::{self, Configured};
use super::perform::Performer;
use super::perform::exchange_data::{own_networks, refuse_wrong_translation};
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::backup::{Generation, GenerationName};
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::site::Site;
use crate::ports::dialog::Dialog;
use crate::ports::journal::Held;
use crate::ports::mirror_store::MirrorError;

/// A mirror as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The mirror.
    pub generation: Generation,
    /// What it is there for.
    pub using: Use,
}

/// What a mirror is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is the one in the alternate.
    Loaded,
    /// It was loaded before that one; `roll-back` loads it.
    Former,
    /// It is kept.
    Kept,
}

/// The mirrors, newest first.
///
/// # Errors
/// When the mirror folder cannot be read.
pub fn list(ports: &Ports) -> Result<Vec<Listed>, Stopped> {
    let memory = ports.journal.memory()?;
    let loaded = memory.loaded.map(|loaded| loaded.generation.name);
    let using = |name: &GenerationName| match name {
        name if Some(name) == loaded.as_ref() => Use::Loaded,
        name if Some(name) == memory.former.as_ref() => Use::Former,
        _ => Use::Kept,
    };
    let generations = ports.mirrors.generations()?;
    Ok(generations.into_iter().map(|generation| Listed { using: using(&generation.name), generation }).collect())
}

/// Reads a mirror again (the newest without a name); the files whose checksums are wrong.
///
/// # Errors
/// When there is no such mirror or it cannot be read.
pub fn verify(ports: &Ports, name: Option<&str>) -> Result<(GenerationName, Vec<String>), Stopped> {
    let name = resolve(ports, name)?;
    let damaged = ports.mirrors.verify(&name)?;
    Ok((name, damaged))
}

/// Loads a mirror into the blocked alternate.
///
/// # Errors
/// [`Stopped`]; the mirror loaded before is loaded again when this one cannot be proved.
pub async fn load(
    ports: &Ports,
    request: &Request,
    name: Option<&str>,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    if ports.settings.load()?.is_none() {
        return Err(Stopped::NotConfigured);
    }
    let held = lock(ports, request, Action::MirrorLoad)?;
    let name = resolve(ports, name)?;
    load_named(ports, request, (Action::MirrorLoad, held), name, dialog).await
}

/// Loads the mirror that was loaded before the present one.
///
/// # Errors
/// [`Stopped::NotAllowed`] when none was, else as [`load`].
pub async fn roll_back(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    if ports.settings.load()?.is_none() {
        return Err(Stopped::NotConfigured);
    }
    let held = lock(ports, request, Action::MirrorRollBack)?;
    let former = ports.journal.memory()?.former;
    let former = former.ok_or_else(|| Stopped::NotAllowed("no other mirror was loaded before".to_owned()))?;
    load_named(ports, request, (Action::MirrorRollBack, held), former, dialog).await
}

/// The lock; a dry run needs none.
fn lock(ports: &Ports, request: &Request, action: Action) -> Result<Option<Box<dyn Held>>, Stopped> {
    if request.dry_run { Ok(None) } else { configured::lock(ports, action, request).map(Some) }
}

async fn load_named(
    ports: &Ports,
    request: &Request,
    (action, held): (Action, Option<Box<dyn Held>>),
    name: GenerationName,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    let Configured { configuration, systems } = Configured::open(ports)?;
    let situation = survey::situation(ports, &systems, &configuration).await?;
    if situation.order.active == Site::Alternate || !situation.is_blocked(Site::Alternate) {
        return Err(Stopped::NotAllowed(
            "the alternate is not blocked; a load never touches an active system".to_owned(),
        ));
    }
    let places = &configuration.membership.platform.addresses;
    let scan = ports.mirrors.scan(&name, places, &own_networks(&configuration))?;
    refuse_wrong_translation(&configuration.translation, &scan)?;
    let loaded = ports.journal.memory()?.loaded.map(|loaded| loaded.generation);
    let mut warnings = vec!["the alternate system is reloaded".to_owned()];
    warnings.extend(from_which_to_which(ports, loaded.as_ref(), &name)?);
    let plan = Plan {
        action,
        steps: vec![Step::Load { mirror: Some(name) }],
        way_back: vec![Step::LoadFormer { mirror: loaded.map(|loaded| loaded.name) }],
        warnings,
    };
    let performer = Performer::new(ports, &systems, &configuration);
    let ended = propose(&performer, request, plan.into(), dialog).await;
    drop(held);
    ended
}

/// Of when the data in the alternate is, and of when it will be.
fn from_which_to_which(
    ports: &Ports,
    loaded: Option<&Generation>,
    name: &GenerationName,
) -> Result<Option<String>, Stopped> {
    let of = |generation: &Generation| {
        let at = generation.backup.taken_at.unwrap_or(generation.taken_at);
        format!("{} (data of {})", generation.name, at.format("%Y-%m-%d %H:%M"))
    };
    let generations = ports.mirrors.generations()?;
    let Some(wanted) = generations.iter().find(|generation| generation.name == *name) else { return Ok(None) };
    Ok(Some(match loaded {
        Some(loaded) if loaded.name == *name => format!("mirror {} is loaded once more", of(wanted)),
        Some(loaded) => format!("the alternate has mirror {}; it gets mirror {}", of(loaded), of(wanted)),
        None => format!("the alternate gets mirror {}", of(wanted)),
    }))
}

fn resolve(ports: &Ports, name: Option<&str>) -> Result<GenerationName, Stopped> {
    let generations = ports.mirrors.generations()?;
    let found = match name {
        Some(name) => generations.into_iter().find(|generation| generation.name.0 == name),
        None => generations.into_iter().next(),
    };
    found.map(|generation| generation.name).ok_or_else(|| {
        MirrorError::NoSuchMirror(GenerationName(name.unwrap_or("at all; run data copy first").to_owned())).into()
    })
}
