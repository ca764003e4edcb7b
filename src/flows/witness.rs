//! `settings witness`: sets up what automatic takeover needs, and takes it out again.

use std::time::Duration;

use futures_util::future::join_all;

use super::configured::{self, Configured};
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::configuration::{Mode, WithoutPeer};
use crate::domain::plan::Action;
use crate::domain::site::{ServerId, Site};
use crate::ports::dialog::{Dialog, News};
use crate::ports::voter_setup::Wish;

/// After this time no monitor goes by files that are gone.
const VOTERS_END_WITHIN: Duration = Duration::from_secs(4);

/// Sets the voters up: both monitors and, where there is one, the witness. Traffic does not change.
///
/// # Errors
/// [`Stopped`]: voters are there already, a server does not answer, or nobody or both are live.
pub async fn set_up(ports: &Ports, request: &Request, wish: &Wish, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let Configured { configuration, systems } = Configured::open(ports)?;
    if ports.voter_setup.is_set_up() {
        return Err(Stopped::NotAllowed("the voters are set up already; take them out first with --remove".to_owned()));
    }
    if configuration.boot.without_peer == WithoutPeer::Open {
        return Err(Stopped::NotAllowed(
            "servers open by themselves after a boot (boot-without-peer: open), so it cannot be promised that one site \
             is live at most; write `without_peer: stay-blocked` under `boot` in config.yaml first"
                .to_owned(),
        ));
    }
    let situation = survey::situation(ports, &systems, &configuration).await?;
    let active = situation.order.active;
    if !situation.is_allowed(active) || !situation.is_blocked(active.other()) {
        return Err(Stopped::NotAllowed(format!(
            "the voters begin with the {active} system live and the {} system blocked, and it is not so; see `status`",
            active.other()
        )));
    }
    if request.dry_run {
        return Ok(Ended::WouldChange(ports.voter_setup.would_set_up(wish).join("\n")));
    }
    let material = ports.settings.material(&configuration);
    for line in ports.voter_setup.set_up((&configuration, &material), &*systems.hosts, active, wish).await? {
        dialog.tell(News::Note(line));
    }
    if configuration.membership.of_site(Site::Primary).count() > 1 {
        dialog.tell(News::Note(
            "LIM 1 of the primary system has to reach its other servers over SSH, with the user and the key that \
             config.yaml names; until it does, nothing becomes automatic"
                .to_owned(),
        ));
    }
    configured::note(ports, request, Action::Settings, format!("witness {}", wish.third()))?;
    drop(held);
    Ok(Ended::Done)
}

/// Takes the voters out again; both directions of takeover have to wait for a person then.
///
/// # Errors
/// [`Stopped::NotAllowed`] while a direction is automatic: a site could be armed.
pub async fn take_out(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let Configured { configuration, systems } = Configured::open(ports)?;
    if !ports.voter_setup.is_set_up() {
        return Ok(Ended::NotDone("no voters are set up".to_owned()));
    }
    let takeover = configuration.takeover;
    if [takeover.alternate_from_primary, takeover.primary_from_alternate].contains(&Mode::Automatic) {
        return Err(Stopped::NotAllowed(
            "takeover is automatic, so a site may be armed; make both directions manual first".to_owned(),
        ));
    }
    if request.dry_run {
        return Ok(Ended::WouldChange("the voters' files and the unit on LIM 1 of the primary system go".to_owned()));
    }
    for line in ports.voter_setup.take_out(&*systems.hosts).await? {
        dialog.tell(News::Note(line));
    }
    // Monitors look for their files every two seconds, and one that works would make its gate anew.
    tokio::time::sleep(VOTERS_END_WITHIN).await;
    let servers: Vec<ServerId> = configuration.membership.servers.keys().copied().collect();
    let removed = join_all(servers.iter().map(|server| systems.traffic.remove_gate(*server))).await;
    for (server, removed) in servers.iter().zip(removed) {
        if let Err(error) = removed {
            dialog.tell(News::Note(format!("the gate of {server} was not taken out: {error}")));
        }
    }
    configured::note(ports, request, Action::Settings, "witness removed")?;
    drop(held);
    Ok(Ended::Done)
}

/// What stands in the way of an action that would leave the voters without their configuration.
///
/// # Errors
/// [`Stopped::NotAllowed`] while voters are set up.
pub fn refuse_while_set_up(ports: &Ports) -> Result<(), Stopped> {
    if ports.voter_setup.is_set_up() {
        let told = "the voters of automatic takeover are set up; take them out first with `settings witness --remove`";
        return Err(Stopped::NotAllowed(told.to_owned()));
    }
    Ok(())
}
