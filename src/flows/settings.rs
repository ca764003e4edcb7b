//! `settings`: translation, takeover, network control address. A change is kept whole or not at all.

use std::net::IpAddr;

use super::configured::{self, Configured};
use super::{Ended, Ports, Request, Stopped};
use crate::domain::backup::GenerationName;
use crate::domain::configuration::{Configuration, Direction, Mode};
use crate::domain::plan::Action;
use crate::domain::scan::Scan;
use crate::domain::site::Site;
use crate::domain::translation::Preview;
use crate::flows::perform::exchange_data::own_networks;
use crate::ports::call_server::Condition;
use crate::ports::dialog::{Dialog, News};
use crate::ports::mirror_store::MirrorError;

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
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let mut configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    let before = configuration.clone();
    change(&mut configuration)?;
    if configuration == before {
        return Ok(Ended::NotDone("the settings are so already".to_owned()));
    }
    if request.dry_run {
        return Ok(Ended::NotDone(format!("a dry run: {what} would be changed")));
    }
    ports.settings.save(&ports.settings.material(&configuration))?;
    configured::note(ports, request, Action::Settings, what)?;
    drop(held);
    Ok(Ended::Done)
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
    if mode == Mode::Automatic {
        dialog.tell(News::Note(
            "automatic takeover is recorded; this version does not act on it yet, so people still switch".to_owned(),
        ));
    }
    let what = format!("takeover {} {}", direction_word(direction), mode_word(mode));
    change(ports, request, &what, |configuration| {
        let settings = &mut configuration.takeover;
        match direction {
            Direction::AlternateFromPrimary => settings.alternate_from_primary = mode,
            Direction::PrimaryFromAlternate => settings.primary_from_alternate = mode,
        }
        Ok(())
    })
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

/// Replaces the network control addresses.
///
/// # Errors
/// As [`change`].
pub fn control_addresses(ports: &Ports, request: &Request, addresses: &[IpAddr]) -> Result<Ended, Stopped> {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    change(ports, request, &format!("network-control-address {}", texts.join(", ")), |configuration| {
        for former in &configuration.network_control_address {
            configuration.membership.never_block.remove(former);
        }
        configuration.membership.never_block.extend(addresses.iter().copied());
        configuration.network_control_address = addresses.to_vec();
        Ok(())
    })
}

/// What the next load of the newest mirror would change.
///
/// # Errors
/// When there is no mirror or it cannot be read.
pub fn preview(ports: &Ports) -> Result<(GenerationName, Preview), Stopped> {
    let configuration = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    let newest = newest(ports)?;
    let places = &configuration.membership.platform.addresses;
    let preview = ports.mirrors.preview(&newest, places, &configuration.translation, CHANGES_LISTED)?;
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
