//! `data copy`: fetches the primary's current backup, and loads it into the alternate.

use super::carry_out::propose;
use super::configured::{self, Configured};
use super::perform::Performer;
use super::preflight::Preflight;
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::backup::{Backup, GenerationName};
use crate::domain::journal::{Event, LastCopy, Line, Outcome};
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::preflight::{Check, hindrances};
use crate::domain::site::Site;
use crate::domain::takeover::Situation;
use crate::ports::dialog::Dialog;
use crate::ports::journal::Held;

/// What must hold before a copy.
const CHECKS: [Check; 6] =
    [Check::Reachable, Check::Version, Check::Topology, Check::RegularServer, Check::Backup, Check::Disk];

/// Copies and loads. With the alternate active nothing is copied, and that is an outcome, not an error.
///
/// # Errors
/// [`Stopped`]; the mirrors there were and the data that was loaded are as they were, or are loaded again.
pub async fn copy(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    if request.dry_run {
        return copy_and_load(ports, request, dialog).await;
    }
    let held = configured::lock(ports, Action::DataCopy, request)?;
    let ended = copy_under(&*held, ports, request, dialog).await;
    drop(held);
    ended
}

/// As [`copy`], for whoever holds the lock already.
///
/// # Errors
/// As [`copy`].
pub async fn copy_under(
    _held: &dyn Held,
    ports: &Ports,
    request: &Request,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    let ended = copy_and_load(ports, request, dialog).await;
    remember(ports, &ended)?;
    ended
}

async fn copy_and_load(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let Configured { configuration, systems } = Configured::open(ports)?;
    let situation = survey::situation(ports, &systems, &configuration).await?;
    if let Some(because) = not_now(&situation) {
        if !request.dry_run {
            record_not_done(ports, request, &because)?;
        }
        return Ok(Ended::NotDone(because));
    }
    let backup = systems.call_server.current_backup(Site::Primary).await?;
    let backup = backup.ok_or_else(|| Stopped::NotAllowed("the primary has no backup to copy".to_owned()))?;
    let bytes = systems.backups.bytes(&backup).await?;
    let preflight = Preflight { ports, systems: &systems, configuration: &configuration, who: &request.person.who };
    check(&preflight, request, (&backup, bytes), dialog).await?;
    let former = ports.journal.memory()?.loaded.map(|loaded| loaded.generation.name);
    let performer = Performer::new(ports, &systems, &configuration);
    propose(&performer, request, plan(backup, former).into(), dialog).await
}

async fn check(
    preflight: &Preflight<'_>,
    request: &Request,
    backup: (&Backup, u64),
    dialog: &mut dyn Dialog,
) -> Result<(), Stopped> {
    let findings = preflight.check(&CHECKS, Some(backup), dialog).await;
    let hindrances = hindrances(&findings, &request.skipped);
    if !hindrances.is_empty() {
        return Err(Stopped::Hindered(hindrances));
    }
    configured::note_skipped(preflight.ports, request, Action::DataCopy)
}

/// Why nothing is copied now, if so: exchange data only goes from an active primary to a blocked alternate.
fn not_now(situation: &Situation) -> Option<String> {
    if situation.order.active == Site::Alternate {
        return Some("the alternate is active; exchange data is copied only while the primary is".to_owned());
    }
    (!situation.is_blocked(Site::Alternate))
        .then(|| "the alternate is not wholly blocked; a load would touch a system that may be live".to_owned())
}

fn plan(backup: Backup, former: Option<GenerationName>) -> Plan {
    Plan {
        action: Action::DataCopy,
        steps: vec![Step::Copy { backup }, Step::Load { mirror: None }, Step::Prune],
        way_back: vec![Step::LoadFormer { mirror: former }],
        warnings: vec!["the alternate system is reloaded".to_owned()],
    }
}

fn record_not_done(ports: &Ports, request: &Request, because: &str) -> Result<(), Stopped> {
    let at = ports.clock.now().fixed_offset();
    Ok(ports.journal.record(&[Line {
        schema: configured::JOURNAL_SCHEMA,
        at,
        id: at.format("%Y%m%dT%H%M%S%.6f").to_string(),
        action: Action::DataCopy,
        person: request.person.clone(),
        reason: request.reason.clone(),
        event: Event::Ended { milliseconds: 0, outcome: Outcome::NotDone { because: because.to_owned() } },
    }])?)
}

/// Keeps how the copy ended, for `status`.
fn remember(ports: &Ports, ended: &Result<Ended, Stopped>) -> Result<(), Stopped> {
    let outcome = match ended {
        Ok(Ended::Done | Ended::Planned(_)) => Outcome::Done { found: String::new() },
        Ok(Ended::NotDone(because)) => Outcome::NotDone { because: because.clone() },
        // A person who says no, or an earlier action in the way, is no result of a copy.
        Ok(Ended::WouldChange(_)) | Err(Stopped::Dialog(_) | Stopped::NotConfigured | Stopped::Settings(_)) => {
            return Ok(());
        }
        Err(error) => Outcome::Failed { because: super::carry_out::describe(error) },
    };
    let mut memory = ports.journal.memory()?;
    memory.last_copy = Some(LastCopy { at: ports.clock.now().fixed_offset(), outcome });
    Ok(ports.journal.remember(&memory)?)
}
