//! `settings`: translation, takeover, network control address. A change is kept whole or not at all.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::join_all;

use super::carry_out::{Proposal, propose};
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, survey, witness};
use crate::domain::address::names_one_host;
use crate::domain::backup::GenerationName;
use crate::domain::configuration::{Configuration, Direction, Mode};
use crate::domain::lease::Command;
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::scan::Scan;
use crate::domain::site::{ServerId, Site};
use crate::domain::takeover::Situation;
use crate::domain::traffic::Traffic;
use crate::domain::translation::{Preview, TranslationTable};
use crate::flows::perform::exchange_data::own_networks;
use crate::ports::call_server::Condition;
use crate::ports::dialog::{Dialog, News};
use crate::ports::mirror_store::MirrorError;
use crate::ports::settings::SettingsError;
use crate::ports::systems::SystemPorts;

/// Changed lines a preview lists: more than a person reads, and few enough to print.
const CHANGES_LISTED: usize = 1000;

/// Changes the settings and writes down what was changed.
///
/// # Errors
/// When redundancy is not configured, another action runs or is unfinished, or the files cannot be written.
pub fn change(
    ports: &Ports,
    request: &Request,
    what: &str,
    change: impl FnOnce(&mut Configuration) -> Result<(), Stopped>,
) -> Result<Ended, Stopped> {
    change_and_then(ports, request, what, change, || Ok(()))
}

/// As [`change`]; what follows from the change is done under the same lock, and only when it was kept.
///
/// # Errors
/// As [`change`], and those of `then`.
pub fn change_and_then(
    ports: &Ports,
    request: &Request,
    what: &str,
    change: impl FnOnce(&mut Configuration) -> Result<(), Stopped>,
    then: impl FnOnce() -> Result<(), Stopped>,
) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let mut configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    let before = configuration.clone();
    change(&mut configuration)?;
    if configuration == before {
        return Ok(Ended::NotDone("the settings are so already".to_owned()));
    }
    if request.dry_run {
        return Ok(Ended::WouldChange(what.to_owned()));
    }
    ports.settings.save(&ports.settings.material(&configuration)).map_err(without_places)?;
    then()?;
    configured::note(ports, request, Action::Settings, what)?;
    drop(held);
    Ok(Ended::Done)
}

/// What would be wrong with files that were never written has no place in them.
fn without_places(error: SettingsError) -> Stopped {
    match error {
        SettingsError::Problems(problems) => {
            let bare = |problem: &String| problem.split_once(": ").map_or(problem.clone(), |(_, told)| told.to_owned());
            Stopped::BadInput(problems.iter().map(bare).collect::<Vec<_>>().join("\n"))
        }
        error @ SettingsError::Io { .. } => error.into(),
    }
}

/// Makes a direction of takeover manual or automatic. Works with the other side unreachable.
///
/// # Errors
/// As [`change`], and [`Stopped::NotAllowed`] when the primary's clusters do not fall back automatically.
pub async fn takeover(
    ports: &Ports,
    request: &Request,
    direction: Direction,
    mode: Mode,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    if direction == Direction::PrimaryFromAlternate && mode == Mode::Automatic {
        check_fallback(ports, dialog).await?;
    }
    let has_voters = ports.voter_setup.is_set_up();
    if mode == Mode::Automatic && !has_voters {
        dialog.tell(News::Note(
            "automatic takeover is recorded and not in force: it needs a witness (`settings witness`); until then \
             people switch"
                .to_owned(),
        ));
    }
    let what = format!("takeover {} {}", direction_word(direction), mode_word(mode));
    let ended = change(ports, request, &what, |configuration| {
        let settings = &mut configuration.takeover;
        match direction {
            Direction::AlternateFromPrimary => settings.alternate_from_primary = mode,
            Direction::PrimaryFromAlternate => settings.primary_from_alternate = mode,
        }
        Ok(())
    })?;
    if has_voters && !request.dry_run {
        tell_voters(ports, dialog).await?;
    }
    Ok(ended)
}

/// The voters go by the settings as soon as they know them; they pass them on to each other.
pub(super) async fn tell_voters(ports: &Ports, dialog: &mut dyn Dialog) -> Result<(), Stopped> {
    let takeover = ports.settings.load()?.ok_or(Stopped::NotConfigured)?.takeover;
    let because = match ports.voter.ask(Some(Command::Takeover(takeover))).await {
        Ok(Some(state)) => {
            dialog.tell(News::Note(format!("guarantee: {}", state.guarantee.1)));
            return Ok(());
        }
        Ok(None) => "it does not run here".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Stopped::NotProved(format!(
        "it is written down, but the monitor was not told ({because}); see to it and repeat this"
    )))
}

async fn check_fallback(ports: &Ports, dialog: &mut dyn Dialog) -> Result<(), Stopped> {
    let systems = Configured::open(ports)?.systems;
    match systems.call_server.holds(Site::Primary, Condition::AutomaticFallback).await {
        Ok(Some(false)) => Err(Stopped::NotAllowed(
            "the primary's clusters do not all fall back automatically; set their fallback type to automatic first"
                .to_owned(),
        )),
        Ok(Some(true) | None) => Ok(()),
        Err(error) => {
            dialog.tell(News::Note(format!(
                "whether the primary's clusters fall back automatically cannot be told: {error}"
            )));
            Ok(())
        }
    }
}

/// The literal word of a direction.
#[must_use]
pub const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::AlternateFromPrimary => "alternate-from-primary",
        Direction::PrimaryFromAlternate => "primary-from-alternate",
    }
}

/// The literal word of a mode.
#[must_use]
pub const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Manual => "manual",
        Mode::Automatic => "automatic",
    }
}

/// Replaces the network control addresses. They are never blocked, so the rules and the boot guards change with them.
///
/// # Errors
/// As [`change`]; while voters are set up; [`Stopped::BadInput`] when an address is none or there twice; [`Stopped::LeftStanding`] when a
/// server could not be given its new rules, which the monitor or the next change does then.
pub async fn control_addresses(
    ports: &Ports,
    request: &Request,
    addresses: &[IpAddr],
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    refuse_unfit(addresses)?;
    // Each monitor goes by the file that it was started with, and would write back the former rules.
    witness::refuse_while_set_up(ports)?;
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let Configured { configuration: before, systems } = Configured::open(ports)?;
    let mut configuration = before.clone();
    for former in &before.network_control_address {
        configuration.membership.never_block.remove(former);
    }
    configuration.membership.never_block.extend(addresses.iter().copied());
    configuration.network_control_address = addresses.to_vec();
    configuration.takeover.limits.fault(addresses.len()).map_or(Ok(()), |fault| Err(Stopped::BadInput(fault)))?;
    let situation = survey::situation(ports, &systems, &before).await?;
    if configuration == before && in_force(&systems, &situation).await {
        return Ok(Ended::NotDone("the settings are so already".to_owned()));
    }
    tell_unreached(&systems, addresses, dialog).await;
    let material = Some(ports.settings.material(&configuration));
    let systems = ports.systems.open(&configuration.membership);
    let performer = Performer::new(ports, &systems, &configuration);
    let proposal = Proposal { plan: control_address_plan(&situation), material, word: None };
    let ended = propose(&performer, request, proposal, dialog).await?;
    if ended == Ended::Done {
        configured::note(ports, request, Action::Settings, format!("network-control-address {}", listed(addresses)))?;
    }
    drop(held);
    Ok(ended)
}

fn refuse_unfit(addresses: &[IpAddr]) -> Result<(), Stopped> {
    for (i, address) in addresses.iter().enumerate() {
        if !names_one_host(*address) {
            return Err(Stopped::BadInput(format!("{address} is not the address of one host")));
        }
        if addresses.iter().take(i).any(|before| before == address) {
            return Err(Stopped::BadInput(format!("{address} is there twice; write it once")));
        }
    }
    Ok(())
}

/// Whether every server is blocked and guarded by the rules of the present settings, as far as it is to be.
async fn in_force(systems: &SystemPorts, situation: &Situation) -> bool {
    let guards = situation.servers.keys().map(|server| systems.traffic.guard_installed(*server));
    let guarded = join_all(guards).await.into_iter().all(|guarded| matches!(guarded, Ok(true)));
    guarded && situation.is_blocked(situation.order.active.other())
}

/// An address that nobody reaches now may be reached when it is needed; it is told and taken.
async fn tell_unreached(systems: &SystemPorts, addresses: &[IpAddr], dialog: &mut dyn Dialog) {
    for address in addresses {
        for site in Site::BOTH {
            if systems.call_server.reaches(site, *address).await.is_ok_and(|reached| !reached) {
                dialog.tell(News::Note(format!("{address} does not answer the {site} system")));
            }
        }
    }
}

/// Blocked servers get the new rules at once, and every server that answers the new boot guard.
fn control_address_plan(situation: &Situation) -> Plan {
    let is_cut_off = |id: &&ServerId| {
        matches!(situation.servers.get(id), Some(Traffic::Blocked { .. } | Traffic::Partial { .. }))
            && situation.order.active != id.site
    };
    let answering: BTreeSet<ServerId> = Site::BOTH.into_iter().flat_map(|site| situation.answering(site)).collect();
    let cut_off: BTreeSet<ServerId> = answering.iter().filter(is_cut_off).copied().collect();
    let silent = Site::BOTH.into_iter().flat_map(|site| situation.silent(site));
    let mut steps = vec![Step::SaveConfiguration];
    if !cut_off.is_empty() {
        steps.push(Step::Block { servers: cut_off });
    }
    if !answering.is_empty() {
        steps.push(Step::InstallGuard { servers: answering });
    }
    let warning = |server| format!("{server} does not answer and keeps its former rules; repeat this when it is back");
    Plan { action: Action::Settings, steps, way_back: Vec::new(), warnings: silent.map(warning).collect() }
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What the next load of the newest mirror would change.
///
/// # Errors
/// When there is no mirror or it cannot be read.
pub fn preview(ports: &Ports) -> Result<(GenerationName, Preview), Stopped> {
    let configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    preview_of(ports, &configuration, &configuration.translation)
}

/// The same with another table.
///
/// # Errors
/// As [`preview`].
pub fn preview_of(
    ports: &Ports,
    configuration: &Configuration,
    table: &TranslationTable,
) -> Result<(GenerationName, Preview), Stopped> {
    let newest = newest(ports)?;
    let places = &configuration.membership.platform.addresses;
    let preview = ports.mirrors.preview(&newest, places, table, CHANGES_LISTED)?;
    Ok((newest, preview))
}

fn newest(ports: &Ports) -> Result<GenerationName, Stopped> {
    let newest = ports.mirrors.generations()?.into_iter().next();
    let none = || MirrorError::NoSuchMirror(GenerationName("at all; run data copy first".to_owned()));
    Ok(newest.ok_or_else(none)?.name)
}

/// Every address of the newest mirror, with where it occurs.
///
/// # Errors
/// When there is no mirror or it cannot be read.
pub fn scan(ports: &Ports) -> Result<(Configuration, Scan), Stopped> {
    let configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    let places = &configuration.membership.platform.addresses;
    let scan = ports.mirrors.scan(&newest(ports)?, places, &own_networks(&configuration))?;
    Ok((configuration, scan))
}
