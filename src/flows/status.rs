//! `status`: reads both sides afresh, in parallel, and says what it means.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures_util::future::join_all;

use super::configured::Configured;
use super::{Ports, Stopped, survey, system_alarms};
use crate::domain::alarm::Alarm;
use crate::domain::boot::{Contact, Corrections};
use crate::domain::configuration::Configuration;
use crate::domain::journal::{Memory, Outcome};
use crate::domain::report::{
    self, Active, AutoCopyStatus, ControlAddress, Guarantee, LeaseStatus, MirrorStatus, Promise, SCHEMA, ServerStatus,
    Status, SystemStatus, Voters, Why,
};
use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::{Traffic, TrafficWord};
use crate::ports::call_server::RawAlarm;
use crate::ports::systems::SystemPorts;

/// Reads everything that `status` tells.
///
/// # Errors
/// When the configuration or the journal cannot be read; a server that does not answer is no error.
pub async fn status(ports: &Ports) -> Result<Status, Stopped> {
    match Configured::open(ports) {
        Ok(configured) => read(ports, &configured.configuration, &configured.systems).await,
        Err(Stopped::NotConfigured) => not_configured(ports),
        Err(error) => Err(error),
    }
}

async fn read(ports: &Ports, configuration: &Configuration, systems: &SystemPorts) -> Result<Status, Stopped> {
    let servers = configuration.membership.servers.keys().copied();
    let ((contacts, control), facts, promise) = tokio::join!(
        async { tokio::join!(survey::contacts(systems, servers), control_addresses(systems, configuration)) },
        facts(systems),
        promise(ports),
    );
    let order = Corrections::judge(&contacts).order.unwrap_or(survey::FIRST_ORDER);
    let [primary_facts, alternate_facts] = facts;
    let memory = ports.journal.memory()?;
    let is_loaded = memory.loaded.is_some();
    let primary = system(configuration, &contacts, Site::Primary, (primary_facts, is_loaded));
    let alternate = system(configuration, &contacts, Site::Alternate, (alternate_facts, is_loaded));
    let now = ports.clock.now().fixed_offset();
    let (running, unfinished) = doing(ports)?;
    Ok(Status {
        schema: SCHEMA,
        read_at: now,
        configured: true,
        active: order.active.into(),
        epoch: order.epoch,
        guarantee: promise.guarantee,
        guarantee_told: String::new(),
        voters: promise.voters,
        lease: None,
        why: None,
        verdict: report::verdict(primary.traffic, alternate.traffic).to_owned(),
        network_control_address: control,
        takeover: Some(configuration.takeover),
        boot_without_peer: Some(configuration.boot.without_peer),
        mirror: mirror(&memory, configuration, now),
        auto_copy: auto_copy(configuration, &memory, now),
        unfinished,
        running,
        monitor_running: ports.journal.watched(),
        alarms_raised: alarms(ports),
        primary: Some(primary),
        alternate: Some(alternate),
    }
    .with(promise))
}

/// The alarms that the monitor of this server keeps; what cannot be read is told by `events`.
fn alarms(ports: &Ports) -> Vec<Alarm> {
    let register = ports.events.register().unwrap_or_default();
    register.worst_first().iter().map(|raised| raised.alarm).collect()
}

/// What the voter on this server promises. Where it should be and does not answer, nothing is.
async fn promise(ports: &Ports) -> Promise {
    match ports.voter.ask(None).await {
        Ok(Some(state)) => {
            let why = state.why.map(|why| Why {
                decides: why.what.to_string(),
                because: why.because.to_string(),
                would_change: state.would_change.unwrap_or_default(),
                known: state.known,
            });
            let Some(why) = why else { return Promise::of_silent_voters(Some("it is no site's")) };
            Promise {
                guarantee: Guarantee::of_word(&state.guarantee.0),
                told: state.guarantee.1,
                voters: Voters::Working,
                why,
                lease: state.lease.map(|lease| LeaseStatus::new(lease.right, lease.witness_heard)),
            }
        }
        Ok(None) if ports.voter_setup.is_set_up() => Promise::of_silent_voters(None),
        Ok(None) => Promise::by_people(),
        Err(error) => Promise::of_silent_voters(Some(&error.to_string())),
    }
}

/// Who holds the lock, and what was cut off. An action that runs now is not unfinished.
fn doing(ports: &Ports) -> Result<(Option<String>, Option<String>), Stopped> {
    let running = ports.journal.holder();
    let unfinished = ports.journal.unfinished()?.filter(|_| running.is_none());
    let told = unfinished.map(|begun| format!("{} of {} ({})", begun.plan.action, begun.at.to_rfc3339(), begun.person));
    Ok((running, told))
}

/// Without a configuration there may still be a `configure` or a `remove` that was cut off.
fn not_configured(ports: &Ports) -> Result<Status, Stopped> {
    let (running, unfinished) = doing(ports)?;
    Ok(Status {
        schema: SCHEMA,
        read_at: ports.clock.now().fixed_offset(),
        configured: false,
        active: Active::None,
        epoch: survey::FIRST_ORDER.epoch,
        guarantee: Guarantee::Manual,
        guarantee_told: String::new(),
        voters: Voters::NotSetUp,
        lease: None,
        why: None,
        primary: None,
        alternate: None,
        network_control_address: Vec::new(),
        takeover: None,
        boot_without_peer: None,
        mirror: None,
        auto_copy: None,
        unfinished,
        running,
        monitor_running: ports.journal.watched(),
        alarms_raised: alarms(ports),
        verdict: "system redundancy is not configured".to_owned(),
    })
}

/// What a system tells of itself, as far as it can be told.
struct Facts {
    version: Option<String>,
    calls: Option<u64>,
    alarms: Vec<RawAlarm>,
}

async fn facts(systems: &SystemPorts) -> [Facts; 2] {
    let of = async |site| {
        let asked = &systems.call_server;
        let (version, usage, alarms) = tokio::join!(asked.version(site), asked.load_now(site), asked.alarms(site));
        Facts {
            version: version.ok().flatten(),
            calls: usage.ok().and_then(|usage| usage.calls),
            alarms: alarms.ok().flatten().unwrap_or_default(),
        }
    };
    let (primary, alternate) = tokio::join!(of(Site::Primary), of(Site::Alternate));
    [primary, alternate]
}

fn system(
    configuration: &Configuration,
    contacts: &BTreeMap<ServerId, Contact>,
    site: Site,
    (facts, is_loaded): (Facts, bool),
) -> SystemStatus {
    let servers: Vec<ServerStatus> = contacts
        .iter()
        .filter(|(server, _)| server.site == site)
        .filter_map(|(server, contact)| {
            let card = configuration.membership.servers.get(server)?;
            Some(ServerStatus::new(server.lim, card.address, &contact.traffic))
        })
        .collect();
    let traffic = TrafficWord::of_system(of_site(contacts, site));
    let standing = system_alarms::standing(site, traffic == TrafficWord::Blocked, is_loaded);
    let expected = &configuration.membership.platform.expected_alarms;
    SystemStatus {
        traffic,
        reachable: servers.iter().all(|server| server.reachable),
        version: facts.version,
        calls: facts.calls,
        alarms: system_alarms::read(facts.alarms, expected, standing),
        servers,
    }
}

fn of_site(contacts: &BTreeMap<ServerId, Contact>, site: Site) -> impl Iterator<Item = &Traffic> {
    contacts.iter().filter(move |(server, _)| server.site == site).map(|(_, contact)| &contact.traffic)
}

async fn control_addresses(systems: &SystemPorts, configuration: &Configuration) -> Vec<ControlAddress> {
    join_all(configuration.network_control_address.iter().map(|address| control_address(systems, *address))).await
}

async fn control_address(systems: &SystemPorts, address: IpAddr) -> ControlAddress {
    let reaches = async |site| systems.call_server.reaches(site, address).await.ok();
    let (from_primary, from_alternate) = tokio::join!(reaches(Site::Primary), reaches(Site::Alternate));
    ControlAddress { address, from_primary, from_alternate }
}

fn mirror(
    memory: &Memory,
    configuration: &Configuration,
    now: chrono::DateTime<chrono::FixedOffset>,
) -> Option<MirrorStatus> {
    let loaded = memory.loaded.as_ref()?;
    let generation = &loaded.generation;
    let from = generation.backup.taken_at.unwrap_or(generation.taken_at);
    Some(MirrorStatus {
        name: generation.name.to_string(),
        taken_at: generation.taken_at,
        backup_at: generation.backup.taken_at,
        loaded_at: loaded.at,
        age_seconds: (now - from).num_seconds(),
        table_changed: loaded.table.is_some_and(|table| table != configuration.translation.fingerprint()),
    })
}

fn auto_copy(
    configuration: &Configuration,
    memory: &Memory,
    now: chrono::DateTime<chrono::FixedOffset>,
) -> Option<AutoCopyStatus> {
    let auto_copy = configuration.auto_copy.as_ref()?;
    Some(AutoCopyStatus {
        schedule: format!("{} ({})", auto_copy.schedule, auto_copy.zone),
        next: auto_copy.next_after(&now).map(|next| next.fixed_offset()),
        last_result: memory.last_copy.as_ref().map(|last| outcome(&last.outcome)),
        last_at: memory.last_copy.as_ref().map(|last| last.at),
    })
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { .. } => "done".to_owned(),
        Outcome::Failed { because } => format!("failed: {because}"),
        Outcome::WentBack { because } => format!("failed and put back: {because}"),
        Outcome::NotDone { because } => format!("not done: {because}"),
    }
}
