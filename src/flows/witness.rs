//! `settings witness`: sets up what automatic takeover needs, and takes it out again.

use super::carry_out::{Proposal, propose};
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::configuration::{Configuration, WithoutPeer};
use crate::domain::given::Given;
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::site::Order;
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
    if configuration.boot.without_peer == WithoutPeer::Open {
        return Err(Stopped::NotAllowed(
            "servers open by themselves after a boot (boot-without-peer: open), so it cannot be promised that one site \
             is live at most; choose stay-blocked, which is `without_peer` under `boot` in config.yaml"
                .to_owned(),
        ));
    }
    Ok(ports.voter_setup.check(configuration, &*systems.hosts, wish).await?)
}

/// The order that the voters begin with: the newest that any server keeps, and its site is live.
async fn begins_with(ports: &Ports, configured: &Configured) -> Result<Order, Stopped> {
    if ports.voter_setup.is_set_up() {
        return Err(Stopped::NotAllowed("the voters are set up already; take them out first with --remove".to_owned()));
    }
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

fn plan(wish: &Wish, order: Order) -> Plan {
    let warning = match &wish.third {
        Third::Witness { file, .. } => format!(
            "carry {} to the witness afterwards, as its lease/lease.yaml: it holds the witness's keys",
            file.display()
        ),
        Third::Etcd(_) => "etcd has to be at a third place: with the site that holds it, its vote is lost".to_owned(),
        Third::ControlAddress => {
            "two sites that both reach their control addresses, but not each other, can then both be live".to_owned()
        }
    };
    Plan {
        action: Action::Settings,
        steps: vec![Step::SetUpVoters { third: wish.third.to_string(), order }],
        way_back: vec![Step::TakeOutVoters],
        warnings: vec![warning],
    }
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
    refuse_while_automatic(&configuration)?;
    let (steps, way_back, warnings) = (vec![Step::TakeOutVoters], Vec::new(), Vec::new());
    let plan = Plan { action: Action::Settings, steps, way_back, warnings };
    let performer = Performer::new(ports, &systems, &configuration);
    let ended = propose(&performer, request, Proposal::from(plan), dialog).await?;
    drop(held);
    Ok(ended)
}

/// What stands in the way of taking voters out: where a direction is automatic a site may be armed.
///
/// # Errors
/// [`Stopped::NotAllowed`] then.
pub fn refuse_while_automatic(configuration: &Configuration) -> Result<(), Stopped> {
    if configuration.takeover.is_any_automatic() {
        return Err(Stopped::NotAllowed(
            "takeover is automatic, so a site may be armed; make both directions manual first (settings takeover)"
                .to_owned(),
        ));
    }
    Ok(())
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
