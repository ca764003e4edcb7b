//! `configure`: asks, looks at both systems, fetches and scans a first mirror, and sets the pair up.

use std::collections::BTreeSet;

use super::carry_out::{Proposal, propose};
use super::configured;
use super::perform::Performer;
use super::perform::exchange_data::{own_networks, refuse_wrong_translation};
use super::preflight::Preflight;
use super::{Ended, Ports, Request, Stopped, survey, witness};
use crate::domain::backup::{Generation, GenerationName};
use crate::domain::configuration::Configuration;
use crate::domain::given::Given;
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::preflight::{Check, Finding, hindrances};
use crate::domain::scan::Scan;
use crate::domain::site::{ServerId, Site};
use crate::domain::takeover::Situation;
use crate::domain::traffic::Traffic;
use crate::ports::dialog::{Dialog, News};
use crate::ports::systems::SystemPorts;
use crate::ports::voter_setup::Wish;

pub mod interview;

/// Sets the pair up. Before the confirmation nothing is written outside the scratch folder.
///
/// # Errors
/// [`Stopped`]; a failed or cancelled configure leaves both systems as they were.
pub async fn configure(
    ports: &Ports,
    request: &Request,
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    // A dry run fetches into the scratch folder as well, so it takes the lock like the real one.
    let held = configured::lock(ports, Action::Configure, request)?;
    if ports.settings.load()?.is_some() {
        return Err(Stopped::AlreadyConfigured);
    }
    let ended = prepare_and_set_up(ports, request, given, dialog).await;
    if !matches!(ended, Ok((Ended::Done, _))) {
        ports.scratch.clear()?;
    }
    let (ended, wish) = ended?;
    if let (Ended::Done, Some(wish)) = (&ended, wish) {
        // An action of its own: a pair that takes over by hand alone is worth keeping.
        // What is stuck is unfinished, and goes on or back as any other action does.
        let is_stuck = |error: &Stopped| matches!(error, Stopped::Stuck { .. });
        let set_up = witness::set_up_after_configure(ports, request, &wish, dialog).await;
        set_up.map_err(|error| if is_stuck(&error) { error } else { Stopped::VotersNotSetUp(Box::new(error)) })?;
    }
    drop(held);
    Ok(ended)
}

async fn prepare_and_set_up(
    ports: &Ports,
    request: &Request,
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<(Ended, Option<Wish>), Stopped> {
    let mut configuration = interview::members(ports, given, dialog).await?;
    let systems = ports.systems.open(&configuration.membership);
    let situation = survey::situation(ports, &systems, &configuration).await?;
    refuse_a_live_alternate(&systems, &situation).await?;
    let mirror = first_mirror(ports, request, &systems, &configuration, dialog).await?;
    let places = &configuration.membership.platform.addresses;
    let scan = ports.scratch.scan(&mirror.name, places, &own_networks(&configuration))?;
    configuration.translation = dialog.complete_translation(&scan, configuration.translation).await?;
    refuse_wrong_translation(&configuration.translation, &scan)?;
    let wish = interview::settings(&mut configuration, given, dialog).await?;
    let preflight = Preflight { ports, systems: &systems, configuration: &configuration, who: &request.person.who };
    refuse_hindrances(&preflight.check(&[BY_MODE], None, dialog).await, request)?;
    if let Some(wish) = &wish {
        witness::check(ports, &configuration, &systems, wish).await?;
    }
    configuration.topology = systems.call_server.topology(Site::Primary).await?;
    let kept_already = ports.mirrors.generations()?.iter().any(|kept| kept.name == mirror.name);
    let mut plan = plan(&configuration, &situation, &mirror.name, kept_already);
    plan.warnings.extend(unconfirmed(&configuration, &scan));
    if let Some(wish) = &wish {
        let told = format!("third vote: {}; the voters are set up after the pair, by a plan of their own", wish.third);
        dialog.tell(News::Note(told));
        dialog.tell(News::Note(witness::warning(wish)));
    }
    let material = Some(ports.settings.material(&configuration));
    let performer = Performer::new(ports, &systems, &configuration);
    Ok((propose(&performer, request, Proposal { plan, material, word: None }, dialog).await?, wish))
}

/// Addresses of neither system that nobody has looked at stay as they are, which may be right or wrong.
fn unconfirmed(configuration: &Configuration, scan: &Scan) -> Option<String> {
    let table = &configuration.translation;
    let open: Vec<String> = scan
        .foreign_addresses()
        .filter(|found| table.translate(*found).is_none())
        .map(|found| found.to_string())
        .collect();
    let shown = open.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if open.len() > 3 { ", ..." } else { "" };
    let are = if open.len() == 1 {
        "address that belongs to neither system stays as it is"
    } else {
        "addresses that belong to neither system stay as they are"
    };
    (!open.is_empty()).then(|| format!("{} {are}, and nobody has confirmed that: {shown}{more}", open.len()))
}

/// A load restarts the alternate, so an alternate that serves users is never configured upon.
async fn refuse_a_live_alternate(systems: &SystemPorts, situation: &Situation) -> Result<(), Stopped> {
    let alternate_open = !situation.is_blocked(Site::Alternate);
    let unread: Vec<String> = situation.servers.iter().filter_map(unread).collect();
    if alternate_open && !unread.is_empty() {
        return Err(Stopped::NotAllowed(format!(
            "it cannot be told which system is the active one, and configure reloads the alternate: {}",
            unread.join("; ")
        )));
    }
    if alternate_open && !situation.is_allowed(Site::Primary) {
        return Err(Stopped::NotAllowed(
            "the alternate lets traffic in while the primary does not: it is the active system, and configure would \
             reload it"
                .to_owned(),
        ));
    }
    let usage = systems.call_server.load_now(Site::Alternate).await.unwrap_or_default();
    match usage.calls {
        Some(calls) if calls > 0 => Err(Stopped::NotAllowed(format!(
            "{calls} calls are up in the alternate system, and configure would reload it"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// A server that could not be read, and why.
fn unread((server, traffic): (&ServerId, &Traffic)) -> Option<String> {
    match traffic {
        Traffic::Unknown { because } => Some(format!("{server} cannot be read: {because}")),
        Traffic::Allowed | Traffic::Blocked { .. } | Traffic::Partial { .. } => None,
    }
}

/// The check that depends on what is asked last.
const BY_MODE: Check = Check::AutomaticFallback;

fn refuse_hindrances(findings: &[Finding], request: &Request) -> Result<(), Stopped> {
    let hindrances = hindrances(findings, &request.skipped);
    if hindrances.is_empty() { Ok(()) } else { Err(Stopped::Hindered(hindrances)) }
}

/// Makes the preflight checks, and fetches the current backup into the scratch folder.
async fn first_mirror(
    ports: &Ports,
    request: &Request,
    systems: &SystemPorts,
    configuration: &Configuration,
    dialog: &mut dyn Dialog,
) -> Result<Generation, Stopped> {
    let backup = systems.call_server.current_backup(Site::Primary).await?;
    let known = match &backup {
        Some(backup) => Some((backup, systems.backups.bytes(backup).await?)),
        None => None,
    };
    let preflight = Preflight { ports, systems, configuration, who: &request.person.who };
    let now: Vec<Check> = Check::ALL.into_iter().filter(|check| *check != BY_MODE).collect();
    refuse_hindrances(&preflight.check(&now, known, dialog).await, request)?;
    configured::note_skipped(ports, request, Action::Configure)?;
    let Some((backup, _)) = known else {
        return Err(Stopped::NotAllowed("the primary has no backup to make the first mirror of".to_owned()));
    };
    let performer = Performer::new(ports, systems, configuration);
    let mirror = performer.receive(&*ports.scratch, backup, dialog).await?;
    dialog.tell(News::Note(format!("fetched backup {} as the first mirror", mirror.backup.id)));
    Ok(mirror)
}

/// Mirrors of an earlier configuration are still there; the way back takes away only what was not there before.
fn plan(configuration: &Configuration, situation: &Situation, mirror: &GenerationName, kept_already: bool) -> Plan {
    let all: BTreeSet<ServerId> = configuration.membership.servers.keys().copied().collect();
    let alternate: BTreeSet<ServerId> = configuration.membership.of_site(Site::Alternate).collect();
    let was_allowed = |id: &&ServerId| matches!(situation.servers.get(id), Some(Traffic::Allowed));
    let reopened: BTreeSet<ServerId> = alternate.iter().filter(was_allowed).copied().collect();
    let order = situation.order.succeeded_by(Site::Primary);
    let mut way_back = vec![
        Step::RemoveConfiguration,
        Step::ForgetOrder { servers: all.clone() },
        Step::RemoveGuard { servers: all.clone() },
        Step::LoadFormer { mirror: None },
    ];
    if !reopened.is_empty() {
        way_back.push(Step::Allow { servers: reopened });
    }
    if !kept_already {
        way_back.push(Step::DropMirror { mirror: mirror.clone() });
    }
    Plan {
        action: Action::Configure,
        steps: vec![
            Step::Block { servers: alternate.clone() },
            Step::ConfirmBlocked { servers: alternate },
            Step::KeepMirror { mirror: mirror.clone() },
            Step::Load { mirror: Some(mirror.clone()) },
            Step::Order { servers: all.clone(), order },
            Step::InstallGuard { servers: all },
            Step::SaveConfiguration,
        ],
        way_back,
        warnings: vec!["the alternate system is reloaded, and its exchange data is overwritten".to_owned()],
    }
}
