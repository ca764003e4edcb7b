//! `settings witness`: sets up what automatic takeover needs, and takes it out again.

use std::collections::{BTreeMap, BTreeSet};

use super::carry_out::{Proposal, propose};
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::configuration::{Configuration, WithoutPeer};
use crate::domain::given::Given;
use crate::domain::plan::{Action, Plan, Servers, Step};
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::takeover::Situation;
use crate::domain::traffic::Traffic;
use crate::ports::dialog::Dialog;
use crate::ports::systems::SystemPorts;
use crate::ports::voter_setup::{Third, Wish};

pub(super) mod interview;

/// Sets the voters up: both monitors and, where there is one, the witness. Traffic does not change.
///
/// # Errors
/// [`Stopped`]: voters are there already, a server does not answer or cannot take part, or nobody or both are live.
pub async fn set_up(
    ports: &Ports,
    request: &Request,
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let configured = Configured::open(ports)?;
    let order = begins_with(ports, &configured).await?;
    let wish = interview::ask(given, dialog).await?;
    let ended = set_up_as(ports, request, &configured, (&wish, order), dialog).await?;
    drop(held);
    Ok(ended)
}

/// The same as it was wished when the pair was configured, which holds the lock still.
///
/// # Errors
/// As above.
pub(super) async fn set_up_after_configure(
    ports: &Ports,
    request: &Request,
    wish: &Wish,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    let configured = Configured::open(ports)?;
    let order = begins_with(ports, &configured).await?;
    set_up_as(ports, request, &configured, (wish, order), dialog).await
}

async fn set_up_as(
    ports: &Ports,
    request: &Request,
    Configured { configuration, systems }: &Configured,
    (wish, order): (&Wish, Order),
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    check(ports, configuration, systems, wish).await?;
    let performer = Performer { wish: Some(wish), ..Performer::new(ports, systems, configuration) };
    let ended = propose(&performer, request, Proposal::from(plan(wish, order)), dialog).await?;
    if ended == Ended::Done {
        configured::note(ports, request, Action::Settings, format!("the third vote: {}", wish.third))?;
    }
    Ok(ended)
}

/// Whether voters can be set up as wished; nothing is changed.
///
/// # Errors
/// What stands in the way.
pub(super) async fn check(
    ports: &Ports,
    configuration: &Configuration,
    systems: &SystemPorts,
    wish: &Wish,
) -> Result<(), Stopped> {
    if ports.voter_setup.is_set_up() {
        let told = "the voters are set up already; take them out first with `settings witness --remove`";
        return Err(Stopped::NotAllowed(told.to_owned()));
    }
    if configuration.boot.without_peer == WithoutPeer::Open {
        return Err(Stopped::NotAllowed(
            "servers open by themselves after a boot (boot-without-peer: open), so it cannot be promised that one site \
             is live at most; write `without_peer: stay-blocked` under `boot` in config.yaml first"
                .to_owned(),
        ));
    }
    Ok(ports.voter_setup.check(configuration, &*systems.hosts, wish).await?)
}

/// The order that the voters begin with: the newest that any server keeps, and its site is live.
async fn begins_with(ports: &Ports, configured: &Configured) -> Result<Order, Stopped> {
    let situation = survey::situation(ports, &configured.systems, &configured.configuration).await?;
    let order = situation.order;
    let active = order.active;
    if !situation.is_allowed(active) || !situation.is_blocked(active.other()) {
        return Err(Stopped::NotAllowed(format!(
            "the voters begin with the {active} system live and the {} system blocked, and it is not so; see `status`",
            active.other()
        )));
    }
    Ok(order)
}

/// What a person has to know before voters are set up so.
pub(super) fn warning(wish: &Wish) -> String {
    match &wish.third {
        Third::Witness { file, .. } => format!(
            "carry {} to the witness afterwards, as its lease/lease.yaml: it holds the witness's keys",
            file.display()
        ),
        Third::Etcd(_) => "etcd has to be at a third place: with the site that holds it, its vote is lost".to_owned(),
        Third::ControlAddress => {
            "two sites that both reach their control addresses, but not each other, can then both be live".to_owned()
        }
    }
}

fn plan(wish: &Wish, order: Order) -> Plan {
    Plan {
        action: Action::Settings,
        steps: vec![Step::SetUpVoters { third: wish.third.to_string(), order }],
        way_back: vec![Step::TakeOutVoters],
        warnings: vec![warning(wish)],
    }
}

/// Takes the voters out again; both directions of takeover have to wait for a person then.
///
/// # Errors
/// [`Stopped::NotAllowed`] while a direction is automatic, or while a gate alone blocks a server.
pub async fn take_out(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Settings, request)?) };
    let Configured { configuration, systems } = Configured::open(ports)?;
    if !ports.voter_setup.is_set_up() {
        return Ok(Ended::NotDone("no voters are set up".to_owned()));
    }
    let situation = survey::situation(ports, &systems, &configuration).await?;
    let warnings = taking_out(&configuration, &situation)?;
    let plan = Plan { action: Action::Settings, steps: vec![Step::TakeOutVoters], way_back: Vec::new(), warnings };
    let performer = Performer::new(ports, &systems, &configuration);
    let ended = propose(&performer, request, Proposal::from(plan), dialog).await?;
    drop(held);
    Ok(ended)
}

/// What is to be known before voters are taken out, for whoever confirms it.
///
/// # Errors
/// [`Stopped::NotAllowed`] while a direction is automatic, for a site could be armed, or while a gate alone blocks a
/// server: it goes with the voters.
pub(super) fn taking_out(configuration: &Configuration, situation: &Situation) -> Result<Vec<String>, Stopped> {
    if configuration.takeover.is_any_automatic() {
        return Err(Stopped::NotAllowed(
            "takeover is automatic, so a site may be armed; make both directions manual first (settings takeover)"
                .to_owned(),
        ));
    }
    refuse_held_by_gates(&situation.servers)?;
    let mut warnings =
        vec!["the voters of automatic takeover are taken out, and no step back brings them back".to_owned()];
    if situation.answering(Site::Primary).is_empty() {
        warnings.push(
            "the primary does not answer, so its monitor stays there; without a witness that makes it live by itself \
             when it is back: disable its monitor before it is connected again"
                .to_owned(),
        );
    }
    Ok(warnings)
}

/// A gate goes with the voters, and whatever it alone holds back would be open then.
///
/// # Errors
/// [`Stopped::NotAllowed`] while there is such a server.
pub(super) fn refuse_held_by_gates(servers: &BTreeMap<ServerId, Traffic>) -> Result<(), Stopped> {
    let is_held = |traffic: &Traffic| matches!(traffic, Traffic::Blocked { .. }) && !traffic.is_blocked_for_good();
    let held: BTreeSet<ServerId> =
        servers.iter().filter(|(_, traffic)| is_held(traffic)).map(|(server, _)| *server).collect();
    if held.is_empty() {
        return Ok(());
    }
    Err(Stopped::NotAllowed(format!(
        "only the gate of automatic takeover blocks {}, and it would go; its monitor blocks with \
         lasting rules within seconds, so look with `status` and try again; where no monitor works, block it with \
         mxone_maintenance first",
        Servers(&held)
    )))
}

/// What stands in the way of a change that the voters would not learn of: each goes by a copy of its own.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::traffic::Origin;

    #[test]
    fn voters_whose_gate_alone_blocks_a_server_are_not_taken_out() {
        let lasting = Traffic::Blocked { origin: Origin::Order, since: None, turned_away: 0 };
        for (of_alternate, is_refused) in [(lasting, false), (Traffic::BY_GATE, true)] {
            let [primary, alternate] = Site::BOTH.map(ServerId::first_of);
            let servers = BTreeMap::from([(primary, Traffic::Allowed), (alternate, of_alternate)]);
            let refused = refuse_held_by_gates(&servers);
            assert_eq!(matches!(refused, Err(Stopped::NotAllowed(_))), is_refused, "{refused:?}");
        }
    }
}
