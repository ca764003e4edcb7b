//! What the monitor of the alternate finds by looking at both systems from time to time: the alarms that no voter can
//! tell of, and where no voters work, those as well that they would tell.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::configured::Configured;
use super::{Ports, survey, system_alarms};
use crate::domain::alarm::{Alarm, Finding, Reading, SystemAlarm};
use crate::domain::boot::{Contact, Corrections};
use crate::domain::configuration::Configuration;
use crate::domain::journal::{Memory, Outcome};
use crate::domain::schedule::AutoCopy;
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::traffic::Traffic;
use crate::ports::systems::SystemPorts;

/// The time between two looks: soon enough for a person who is called, and little work for the servers.
pub const EVERY: Duration = Duration::from_secs(10);

/// Two sites read one after the other in the midst of a switch look as if both were live; a second look tells.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A copy that has not begun so long after its time is late: a lock that is held for an action is free again by then.
const LATE_AFTER: Duration = Duration::from_secs(3600);

/// Versions are asked for in one look of so many, every five minutes: they change in hours.
const VERSIONS_EVERY: u32 = 30;

/// The alarms of the systems themselves are asked for in one look of so many, every minute.
const SYSTEM_ALARMS_EVERY: u32 = 6;

/// Unexpected alarms of one system that are told one by one; a system that has more of them is in a state of its own.
const TOLD_ONE_BY_ONE: usize = 20;

/// What stands for the others.
const MORE: &str = "it has more alarms than are told one by one";

/// What one look found.
#[derive(Debug, Default)]
pub struct Found {
    /// The alarms that are raised or not.
    pub findings: Vec<Finding>,
    /// The unexpected alarms of each system that could be asked for them.
    pub system_alarms: Vec<(Site, BTreeSet<String>)>,
    /// The order in force, where a server told it.
    pub order: Option<Order>,
}

/// Looks from time to time.
#[derive(Debug, Default, Clone, Copy)]
pub struct Looker {
    looks: u32,
    /// Whether the primary was silent in the look before.
    was_silent: bool,
}

impl Looker {
    /// Looks once. `voters` says whether voters work here, who tell of the other site and of the rules themselves.
    pub async fn look(&mut self, ports: &Ports, voters: bool) -> Found {
        // Problems with the files are told by others.
        let Ok(configured) = Configured::open(ports) else { return Found::default() };
        let configuration = &configured.configuration;
        let contacts = confirmed(&configured.systems, configuration).await;
        let mut findings: Vec<Finding> = dual_live(&contacts).into_iter().collect();
        let mut system_alarms = Vec::new();
        if !voters {
            findings.extend(self.primary_lost(&contacts));
            findings.push(tampered(&contacts));
        }
        if let Ok(memory) = ports.journal.memory() {
            let now = ports.clock.now().fixed_offset();
            findings.extend(copy_failed(&memory));
            findings.push(copy_late(configuration.auto_copy.as_ref(), &memory, now));
        }
        if self.looks.is_multiple_of(VERSIONS_EVERY) {
            findings.extend(versions(&configured.systems).await);
        }
        if self.looks.is_multiple_of(SYSTEM_ALARMS_EVERY) {
            let is_loaded = ports.journal.memory().is_ok_and(|memory| memory.loaded.is_some());
            system_alarms = unexpected_alarms(&configured, &contacts, is_loaded).await;
        }
        self.looks = self.looks.wrapping_add(1);
        Found { findings, system_alarms, order: Corrections::judge(&contacts).order }
    }

    /// The primary is lost when its LIM 1 did not answer in two looks.
    fn primary_lost(&mut self, contacts: &BTreeMap<ServerId, Contact>) -> Option<Finding> {
        let first = contacts.get(&ServerId::first_of(Site::Primary))?;
        let is_silent = matches!(first.traffic, Traffic::Unknown { .. });
        let was_silent = std::mem::replace(&mut self.was_silent, is_silent);
        match (is_silent, was_silent) {
            (true, true) => Some(Finding::of(Alarm::PeerLost, Some("LIM 1 of the primary system does not answer"))),
            (true, false) => None,
            (false, _) => Some(Finding::of(Alarm::PeerLost, None::<String>)),
        }
    }
}

/// The servers as they are; read twice where both sites seem to let traffic in.
async fn confirmed(systems: &SystemPorts, configuration: &Configuration) -> BTreeMap<ServerId, Contact> {
    let servers = || configuration.membership.servers.keys().copied();
    let contacts = survey::contacts(systems, servers()).await;
    if dual_live(&contacts).is_none_or(|found| found.wrong.is_none()) {
        return contacts;
    }
    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    survey::contacts(systems, servers()).await
}

/// Both sites let traffic in; nothing is found where a server that might be open cannot be read.
fn dual_live(contacts: &BTreeMap<ServerId, Contact>) -> Option<Finding> {
    let of = |site: Site| contacts.iter().filter(move |(server, _)| server.site == site);
    let is_open =
        |site| of(site).any(|(_, contact)| matches!(contact.traffic, Traffic::Allowed | Traffic::Partial { .. }));
    if Site::BOTH.into_iter().all(is_open) {
        return Some(Finding::of(Alarm::DualLive, Some("both systems let traffic in")));
    }
    Site::BOTH.into_iter().any(|site| is_blocked(contacts, site)).then(|| Finding::of(Alarm::DualLive, None::<String>))
}

/// Whether every server of a site was read as blocked.
fn is_blocked(contacts: &BTreeMap<ServerId, Contact>, site: Site) -> bool {
    let mut of = contacts.iter().filter(|(server, _)| server.site == site);
    of.all(|(_, contact)| matches!(contact.traffic, Traffic::Blocked { .. }))
}

fn tampered(contacts: &BTreeMap<ServerId, Contact>) -> Finding {
    let changed: Vec<String> = contacts
        .iter()
        .filter(|(_, contact)| matches!(contact.traffic, Traffic::Partial { .. }))
        .map(|(server, _)| format!("the rules of {server} are not as they were written"))
        .collect();
    Finding::of(Alarm::RulesTampered, (!changed.is_empty()).then(|| changed.join("; ")))
}

fn copy_failed(memory: &Memory) -> Option<Finding> {
    let wrong = match &memory.last_copy.as_ref()?.outcome {
        Outcome::Done { .. } => None,
        Outcome::Failed { because } | Outcome::WentBack { because } => Some(because.clone()),
        // That nothing was to be copied neither mends nor breaks anything.
        Outcome::NotDone { .. } => return None,
    };
    Some(Finding::of(Alarm::CopyFailed, wrong))
}

/// Whether a slot of the daily copy passed without an attempt.
fn copy_late(auto_copy: Option<&AutoCopy>, memory: &Memory, now: DateTime<FixedOffset>) -> Finding {
    let due = auto_copy.and_then(|auto_copy| {
        let last = memory.last_copy.as_ref().map(|last| last.at);
        let since = [last, memory.last_attempt, memory.auto_copy_since].into_iter().flatten().max()?;
        let slot = auto_copy.next_after(&since)?.fixed_offset();
        let limit = chrono::Duration::from_std(auto_copy.random_delay + LATE_AFTER).ok()?;
        (now > slot + limit).then_some(slot)
    });
    Finding::of(Alarm::CopyLate, due.map(|slot| format!("the copy of {} was not made", slot.to_rfc3339())))
}

/// The unexpected alarms of each system; nothing is found where it cannot be asked.
async fn unexpected_alarms(
    configured: &Configured,
    contacts: &BTreeMap<ServerId, Contact>,
    is_loaded: bool,
) -> Vec<(Site, BTreeSet<String>)> {
    let expected = &configured.configuration.membership.platform.expected_alarms;
    let of = async |site| {
        let is_passive = is_blocked(contacts, site);
        let standing = system_alarms::standing(site, is_passive, is_loaded);
        let told = configured.systems.call_server.alarms(site).await.ok()??;
        Some((site, unexpected(&system_alarms::read(told, expected, standing))))
    };
    let (primary, alternate) = tokio::join!(of(Site::Primary), of(Site::Alternate));
    [primary, alternate].into_iter().flatten().collect()
}

fn unexpected(alarms: &[SystemAlarm]) -> BTreeSet<String> {
    let unexpected = alarms.iter().filter(|alarm| alarm.reading == Reading::Unexpected);
    let texts: BTreeSet<String> = unexpected.map(|alarm| alarm.text.clone()).collect();
    let more = (texts.len() > TOLD_ONE_BY_ONE).then(|| MORE.to_owned());
    texts.into_iter().take(TOLD_ONE_BY_ONE).chain(more).collect()
}

/// Whether both systems tell the same version; nothing is found where one does not tell.
async fn versions(systems: &SystemPorts) -> Option<Finding> {
    let of = async |site| systems.call_server.version(site).await.ok().flatten();
    let (primary, alternate) = tokio::join!(of(Site::Primary), of(Site::Alternate));
    let (primary, alternate) = (primary?, alternate?);
    let wrong = (primary != alternate).then(|| format!("the primary has {primary}, the alternate {alternate}"));
    Some(Finding::of(Alarm::VersionsDiffer, wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::traffic::Origin;

    fn contacts(primary: &Traffic, alternate: &Traffic) -> BTreeMap<ServerId, Contact> {
        [(Site::Primary, primary), (Site::Alternate, alternate)]
            .into_iter()
            .map(|(site, traffic)| (ServerId::first_of(site), Contact { traffic: traffic.clone(), order: None }))
            .collect()
    }

    fn blocked() -> Traffic {
        Traffic::Blocked { origin: Origin::Order, since: None, turned_away: 0 }
    }

    fn unknown() -> Traffic {
        Traffic::Unknown { because: "no answer".to_owned() }
    }

    fn is_wrong(found: Option<Finding>) -> Option<bool> {
        found.map(|found| found.wrong.is_some())
    }

    #[test]
    fn both_open_is_an_alarm_one_blocked_is_none_and_silence_tells_nothing() {
        let open = Traffic::Allowed;
        assert_eq!(is_wrong(dual_live(&contacts(&open, &open))), Some(true));
        assert_eq!(is_wrong(dual_live(&contacts(&open, &blocked()))), Some(false));
        assert_eq!(is_wrong(dual_live(&contacts(&unknown(), &blocked()))), Some(false));
        assert_eq!(is_wrong(dual_live(&contacts(&unknown(), &open))), None);
        let partial = Traffic::Partial { differences: vec!["a rule is missing".to_owned()] };
        assert_eq!(is_wrong(dual_live(&contacts(&partial, &open))), Some(true));
        assert!(tampered(&contacts(&partial, &open)).wrong.unwrap().contains("LIM 1 of the primary"));
    }

    #[test]
    fn a_primary_that_missed_one_look_is_not_lost_and_two_is() {
        let mut looker = Looker::default();
        let (silent, there) = (contacts(&unknown(), &blocked()), contacts(&blocked(), &blocked()));
        assert_eq!(is_wrong(looker.primary_lost(&silent)), None);
        assert_eq!(is_wrong(looker.primary_lost(&silent)), Some(true));
        assert_eq!(is_wrong(looker.primary_lost(&there)), Some(false));
        assert_eq!(is_wrong(looker.primary_lost(&silent)), None);
    }

    #[test]
    fn what_is_expected_of_a_system_is_no_alarm_and_what_is_not_is_told_once() {
        let alarm =
            |text: &str, reading| SystemAlarm { text: text.into(), lim: "1".into(), severity: "3".into(), reading };
        let expected = alarm("CSTA, Faulty communication channel", Reading::ExpectedWhilePassive);
        let disk = alarm("Disk full", Reading::Unexpected);
        assert!(unexpected(std::slice::from_ref(&expected)).is_empty());
        let licence = alarm("Licence expiring", Reading::Unexpected);
        let found = unexpected(&[expected, disk.clone(), licence, disk]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["Disk full", "Licence expiring"]);
        let storm: Vec<SystemAlarm> =
            (0..500).map(|line| alarm(&format!("Line {line}"), Reading::Unexpected)).collect();
        let found = unexpected(&storm);
        assert!(found.len() == TOLD_ONE_BY_ONE + 1 && found.contains(MORE), "{found:?}");
    }

    #[test]
    fn a_copy_that_nobody_began_within_an_hour_of_its_time_is_late_until_one_is_tried() {
        let at = |text: &str| Some(DateTime::parse_from_rfc3339(text).unwrap());
        let random_delay = Duration::from_secs(600);
        let nightly =
            AutoCopy { schedule: "0 2 * * *".parse().unwrap(), zone: chrono_tz::Europe::Berlin, random_delay };
        let since = Memory { auto_copy_since: at("2026-11-20T12:00:00+01:00"), ..Memory::default() };
        let late = |memory: &Memory, now: &str| copy_late(Some(&nightly), memory, at(now).unwrap()).wrong;
        assert_eq!(late(&since, "2026-11-21T03:09:00+01:00"), None, "its delay and an hour are not over");
        let told = late(&since, "2026-11-21T03:11:00+01:00").unwrap();
        assert!(told.contains("2026-11-21T02:00:00+01:00"), "{told}");
        let tried = Memory { last_attempt: at("2026-11-21T03:12:00+01:00"), ..since.clone() };
        assert_eq!(late(&tried, "2026-11-21T12:00:00+01:00"), None);
        assert!(late(&tried, "2026-11-22T04:00:00+01:00").is_some(), "the next night");
        assert_eq!(copy_late(None, &since, at("2027-01-01T00:00:00+01:00").unwrap()).wrong, None, "none is wanted");
    }

    #[test]
    fn a_copy_that_failed_is_an_alarm_until_one_is_done() {
        let at = DateTime::parse_from_rfc3339("2026-11-21T02:00:00+01:00").unwrap();
        let after = |outcome| {
            let last_copy = Some(crate::domain::journal::LastCopy { at, outcome });
            is_wrong(copy_failed(&Memory { last_copy, ..Memory::default() }))
        };
        assert_eq!(after(Outcome::WentBack { because: "no space".into() }), Some(true));
        assert_eq!(after(Outcome::NotDone { because: "the alternate is active".into() }), None);
        assert_eq!(after(Outcome::Done { found: String::new() }), Some(false));
        assert_eq!(is_wrong(copy_failed(&Memory::default())), None);
    }
}
