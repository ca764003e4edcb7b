//! What `status` tells, as a document of a fixed shape (DESIGN §4).

use std::net::IpAddr;

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use super::alarm::{Alarm, SystemAlarm};
use super::configuration::{TakeoverSettings, WithoutPeer};
use super::site::{Epoch, LimNumber, Site};
use super::traffic::{Origin, Traffic, TrafficWord as Word};

mod promise;
mod switch_now;

pub use promise::{Guarantee, LeaseStatus, Promise, Voters, Why};
pub use switch_now::SwitchNow;

/// The format of the document.
pub const SCHEMA: u32 = 1;

/// Everything `status` knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The format.
    pub schema: u32,
    /// When it was read.
    pub read_at: DateTime<FixedOffset>,
    /// Whether redundancy is configured.
    pub configured: bool,
    /// The site that is meant to be active; `none` when not configured.
    pub active: Active,
    /// How new that order is.
    pub epoch: Epoch,
    /// What is promised.
    pub guarantee: Guarantee,
    /// The same in a line.
    pub guarantee_told: String,
    /// The voters of automatic takeover on this server.
    pub voters: Voters,
    /// The lease, where this server's voter goes by one.
    pub lease: Option<LeaseStatus>,
    /// What is decided now, and why; told when it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The primary.
    pub primary: Option<SystemStatus>,
    /// The alternate.
    pub alternate: Option<SystemStatus>,
    /// The control addresses, from both sites.
    pub network_control_address: Vec<ControlAddress>,
    /// The takeover settings.
    pub takeover: Option<TakeoverSettings>,
    /// What a server does at boot alone.
    pub boot_without_peer: Option<WithoutPeer>,
    /// The mirror in the alternate.
    pub mirror: Option<MirrorStatus>,
    /// The daily copy.
    pub auto_copy: Option<AutoCopyStatus>,
    /// The action that was begun and not finished.
    pub unfinished: Option<String>,
    /// Who is changing something now.
    pub running: Option<String>,
    /// Whether the monitor runs on this server.
    pub monitor_running: bool,
    /// The alarms that it has raised, the worst first.
    pub alarms_raised: Vec<Alarm>,
    /// What it all means, in a sentence.
    pub verdict: String,
}

/// The site that is meant to be active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// The primary.
    Primary,
    /// The alternate.
    Alternate,
    /// None: redundancy is not configured.
    None,
}

impl From<Site> for Active {
    fn from(site: Site) -> Self {
        match site {
            Site::Primary => Self::Primary,
            Site::Alternate => Self::Alternate,
        }
    }
}

/// One system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemStatus {
    /// Its traffic state as a whole.
    pub traffic: Word,
    /// Whether all its servers answer.
    pub reachable: bool,
    /// Its version, where it could be told.
    pub version: Option<String>,
    /// Calls that are up, where it could be told.
    pub calls: Option<u64>,
    /// The alarms it has itself; none where it does not tell, or cannot be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<SystemAlarm>,
    /// Its servers.
    pub servers: Vec<ServerStatus>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerStatus {
    /// Its number.
    pub lim: LimNumber,
    /// Its address.
    pub address: IpAddr,
    /// Whether it answered.
    pub reachable: bool,
    /// Its traffic state.
    pub traffic: Word,
    /// Age of the reading in seconds; it was read for this document.
    pub age_seconds: u64,
    /// Since when it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_since: Option<DateTime<FixedOffset>>,
    /// Packets turned away since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<u64>,
    /// What differs, or why it could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl ServerStatus {
    /// A server as it was just read.
    #[must_use]
    pub fn new(lim: LimNumber, address: IpAddr, traffic: &Traffic) -> Self {
        let mut status = Self {
            lim,
            address,
            reachable: true,
            traffic: traffic.word(),
            age_seconds: 0,
            blocked_since: None,
            turned_away: None,
            remarks: Vec::new(),
        };
        match traffic {
            Traffic::Allowed => {}
            Traffic::Blocked { origin: Origin::Gate, .. } => {
                status.remarks.push("the gate of automatic takeover is closed: no right lasts".to_owned());
            }
            Traffic::Blocked { origin: Origin::Order | Origin::Boot | Origin::Maintenance, since, turned_away } => {
                status.blocked_since = *since;
                status.turned_away = Some(*turned_away);
            }
            Traffic::Partial { differences } => status.remarks.clone_from(differences),
            Traffic::Unknown { because } => {
                status.reachable = false;
                status.remarks.push(because.clone());
            }
        }
        status
    }
}

/// A control address, as each site sees it; `None` where the site could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlAddress {
    /// The address.
    pub address: IpAddr,
    /// Whether it answers the primary.
    pub from_primary: Option<bool>,
    /// Whether it answers the alternate.
    pub from_alternate: Option<bool>,
}

/// The mirror in the alternate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MirrorStatus {
    /// Its name.
    pub name: String,
    /// When the copy was completed.
    pub taken_at: DateTime<FixedOffset>,
    /// When the primary made the backup inside it.
    pub backup_at: Option<DateTime<FixedOffset>>,
    /// When its load was proved.
    pub loaded_at: DateTime<FixedOffset>,
    /// Age of the data: of the backup where its time is told, else of the copy.
    pub age_seconds: i64,
    /// Whether the translation table is another one now than when it was loaded.
    pub table_changed: bool,
}

/// The daily copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AutoCopyStatus {
    /// Cron expression and time zone.
    pub schedule: String,
    /// When it runs next.
    pub next: Option<DateTime<FixedOffset>>,
    /// How the last copy ended.
    pub last_result: Option<String>,
    /// When.
    pub last_at: Option<DateTime<FixedOffset>>,
}

/// Says what the traffic states of both systems mean together (table 5.5 of the MX-ONE reference).
#[must_use]
pub fn verdict(primary: Word, alternate: Word) -> &'static str {
    match (primary, alternate) {
        (Word::Allowed, Word::Blocked) => "normal: the primary serves the users, the alternate stands ready",
        (Word::Blocked, Word::Allowed) => {
            "taken over: the alternate serves the users, no data is copied; plan the return"
        }
        (Word::Allowed, Word::Allowed) => "DUAL ACTIVE: both systems let traffic in; block one now",
        (Word::Blocked, Word::Blocked) => "no service: both systems are blocked; allow one now",
        (Word::Unknown, Word::Blocked) => "primary lost? it cannot be read, and the alternate is blocked",
        (Word::Unknown, Word::Allowed) => "running on the alternate; the primary cannot be read",
        (Word::Allowed, Word::Unknown) => "the primary serves the users; the alternate cannot be read",
        (Word::Blocked, Word::Unknown) => "the primary is blocked and the alternate cannot be read",
        (Word::Unknown, Word::Unknown) => "unknown: neither system can be read",
        (Word::Partial, _) | (_, Word::Partial) => {
            "PARTIAL: the servers of a system differ, or rules were changed; see the servers below"
        }
    }
}

impl SystemStatus {
    /// Whether a server of it was read as letting traffic in, at least in part.
    #[must_use]
    pub fn may_be_live(&self) -> bool {
        self.servers.iter().any(|server| matches!(server.traffic, Word::Allowed | Word::Partial))
    }
}

impl Status {
    /// Whether both systems were read as letting traffic in, at least in part.
    #[must_use]
    pub fn is_dual_live(&self) -> bool {
        [&self.primary, &self.alternate].iter().all(|system| system.as_ref().is_some_and(SystemStatus::may_be_live))
    }

    /// Takes in the promise in force; what both systems were read as goes before anybody's word.
    #[must_use]
    pub fn with(mut self, promise: Promise) -> Self {
        let promise = if self.is_dual_live() { promise.where_both_are_live() } else { promise };
        if promise.voters == Voters::Silent {
            self.verdict.push_str("; ");
            self.verdict.push_str(&promise.why.because);
        }
        let Promise { guarantee, told, voters, why, lease } = promise;
        Self { guarantee, guarantee_told: told, voters, lease, why: Some(why), ..self }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::{Duration, TimeZone};

    use super::*;
    use crate::domain::configuration::Mode;

    /// A pair of one server each, the primary active, read at a fixed moment.
    pub(crate) fn status() -> Status {
        let at = FixedOffset::east_opt(0).unwrap().with_ymd_and_hms(2026, 11, 21, 2, 14, 7).unwrap();
        status_of(&[Traffic::Allowed], &[blocked(at)], at)
    }

    /// A pair whose servers are in these states, read at this moment.
    pub(crate) fn status_of(primary: &[Traffic], alternate: &[Traffic], at: DateTime<FixedOffset>) -> Status {
        let (primary, alternate) = (system([192, 0, 2], primary), system([198, 51, 100], alternate));
        let manual = Mode::Manual;
        Status {
            schema: SCHEMA,
            read_at: at,
            configured: true,
            active: Active::Primary,
            epoch: Epoch(3),
            guarantee: Guarantee::Manual,
            guarantee_told: String::new(),
            voters: Voters::NotSetUp,
            lease: None,
            why: None,
            verdict: verdict(primary.traffic, alternate.traffic).to_owned(),
            primary: Some(primary),
            alternate: Some(alternate),
            network_control_address: vec![ControlAddress {
                address: [203, 0, 113, 1].into(),
                from_primary: Some(true),
                from_alternate: Some(true),
            }],
            takeover: Some(TakeoverSettings {
                alternate_from_primary: manual,
                primary_from_alternate: manual,
                ..TakeoverSettings::default()
            }),
            boot_without_peer: None,
            mirror: Some(MirrorStatus {
                name: "20261121013000-4".to_owned(),
                taken_at: at - Duration::minutes(11),
                backup_at: Some(at - Duration::minutes(44)),
                loaded_at: at - Duration::minutes(11),
                age_seconds: 44 * 60,
                table_changed: false,
            }),
            auto_copy: Some(AutoCopyStatus {
                schedule: "0 2 * * * (UTC)".to_owned(),
                next: Some(at + Duration::hours(23)),
                last_result: Some("done".to_owned()),
                last_at: Some(at),
            }),
            unfinished: None,
            running: None,
            monitor_running: true,
            alarms_raised: Vec::new(),
        }
        .with(Promise::by_people())
    }

    /// The promise of a voter that goes by a lease.
    pub(crate) fn by_lease() -> Promise {
        Promise {
            guarantee: Guarantee::AtMostOneLive,
            told: "AT MOST ONE LIVE (lease, epoch 3, witness heard 0.2 s ago; armed, 1.2 s left)".to_owned(),
            voters: Voters::Working,
            why: Why {
                decides: "stays live and renews".to_owned(),
                because: "its right lasts 1.2 s".to_owned(),
                would_change: "the loss of the right".to_owned(),
                known: Vec::new(),
            },
            lease: Some(LeaseStatus { right_seconds: Some(1.2), witness_heard_seconds: 0.2 }),
        }
    }

    /// A server that was blocked three hours before this moment.
    pub(crate) fn blocked(at: DateTime<FixedOffset>) -> Traffic {
        Traffic::Blocked { origin: Origin::Order, since: Some(at - Duration::hours(3)), turned_away: 301 }
    }

    fn system(network: [u8; 3], servers: &[Traffic]) -> SystemStatus {
        let [a, b, c] = network;
        let server = |(lim, traffic): (u8, &Traffic)| {
            ServerStatus::new(LimNumber::try_from(u16::from(lim)).unwrap(), [a, b, c, lim + 9].into(), traffic)
        };
        let told: Vec<ServerStatus> = (1..).zip(servers).map(server).collect();
        SystemStatus {
            traffic: Word::of_system(servers),
            reachable: told.iter().all(|server| server.reachable),
            version: Some("7.4.1".to_owned()),
            calls: None,
            alarms: Vec::new(),
            servers: told,
        }
    }

    #[test]
    fn both_systems_read_as_live_lose_the_guarantee_whatever_the_voter_says() {
        let at = status().read_at;
        let open = [Traffic::Allowed];
        let promised = status().with(by_lease());
        assert_eq!((promised.guarantee, promised.voters), (Guarantee::AtMostOneLive, Voters::Working));
        let dual = status_of(&open, &open, at).with(by_lease());
        assert_eq!(dual.guarantee, Guarantee::Lost);
        assert!(dual.guarantee_told.starts_with("LOST (both systems let traffic in; the voter here says: AT MOST"));
    }

    #[test]
    fn voters_of_which_none_works_here_promise_nothing_and_the_verdict_says_so() {
        let silent = status().with(Promise::of_silent_voters(None));
        assert_eq!((silent.guarantee, silent.voters), (Guarantee::Lost, Voters::Silent));
        assert_eq!(silent.guarantee_told, "LOST (voters are set up and none works here)");
        assert!(silent.verdict.starts_with("normal: ") && silent.verdict.ends_with("none works here"));
        let refused = status().with(Promise::of_silent_voters(Some("permission denied")));
        assert!(refused.guarantee_told.ends_with("cannot be asked: permission denied)"));
    }

    #[test]
    fn a_server_that_its_gate_blocks_says_so_and_counts_nothing() {
        let at = status().read_at;
        let frozen = status_of(&[Traffic::BY_GATE], &[Traffic::Allowed], at);
        assert_eq!(frozen.guarantee, Guarantee::Manual, "only one lets traffic in");
        let server = &frozen.primary.as_ref().unwrap().servers[0];
        assert_eq!((server.traffic, server.turned_away), (Word::Blocked, None));
        assert!(server.remarks[0].contains("gate"), "{server:?}");
    }

    #[test]
    fn one_open_server_on_each_side_loses_the_guarantee() {
        let unknown = Traffic::Unknown { because: "no answer".into() };
        let open = [Traffic::Allowed, unknown];
        let at = status().read_at;
        assert_eq!(status_of(&open, &open, at).guarantee, Guarantee::Lost);
        assert_eq!(status_of(&open, &[blocked(at)], at).guarantee, Guarantee::Manual);
    }
}
