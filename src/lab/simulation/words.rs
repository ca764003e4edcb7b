//! What the monitors say: each change of role has a reason and an actor, and an alarm is taken back when all is well.

use std::collections::BTreeMap;
use std::time::Duration;

use super::auditor::millis;
use super::finding::Finding;
use super::world::nanos;
use crate::domain::lease::decide::What;
use crate::domain::lease::node::{Told, Worry};
use crate::domain::lease::{Decision, Voter};
use crate::domain::site::Site;

/// A gate that is prolonged late shuts for what opening it takes; that is no change of role.
const GAP: Duration = Duration::from_millis(50);
/// The kernel blocks by itself when the right ends, and its monitor says so when it wakes up. A gate that is opened and
/// shut at once, as what is ordered of it comes one after the other, makes no site live.
const SOON: Duration = Duration::from_millis(100);

/// What was said by whom.
#[derive(Debug, Default)]
pub(super) struct Words {
    said: BTreeMap<Site, Said>,
    alarms: BTreeMap<(Voter, Worry), Raised>,
    tickets: BTreeMap<Voter, u64>,
}

/// An alarm. One about a write or a block that failed stands until the next one: it is mended when that has succeeded.
#[derive(Debug)]
struct Raised {
    at: u64,
    is_mended: bool,
}

/// What a monitor said, and how its site was when it was last looked at.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact by itself")]
struct Said {
    is_live: bool,
    changed: Option<u64>,
    is_started: bool,
    rises: bool,
    blocks: bool,
    silent_since: Option<u64>,
}

impl Words {
    /// A monitor tells something.
    pub(super) fn told(&mut self, who: Voter, told: &Told, now: u64) {
        match told {
            Told::Worry { worry } => {
                let is_mended = !matches!(worry, Worry::NotKept | Worry::BlockNotVerified);
                self.alarms.entry((who, *worry)).or_insert(Raised { at: now, is_mended });
            }
            Told::Cleared { worry } => {
                self.alarms.remove(&(who, *worry));
            }
            Told::Won { .. } | Told::Forced { .. } => self.of(who, |said| said.rises = true),
            // A monitor that starts at a site whose gates are open has only this to say about it.
            Told::Decided { decision: Decision { what: What::Stay | What::Renew, .. } } => {
                self.of(who, |said| said.rises |= std::mem::take(&mut said.is_started));
            }
            Told::Decided { .. }
            | Told::Armed
            | Told::Disarmed
            | Told::Released { .. }
            | Told::Refused { .. }
            | Told::Agreed { .. }
            | Told::Recalled => {}
        }
    }

    /// A voter's memory was written.
    pub(super) fn kept(&mut self, who: Voter) {
        self.mended(who, Worry::NotKept);
    }

    /// The gates of a monitor were given something to do.
    pub(super) fn ordered(&mut self, who: Voter, ticket: u64) {
        self.tickets.insert(who, ticket);
    }

    /// A block was proved; only the last that was ordered says something about the site.
    pub(super) fn closed(&mut self, who: Voter, ticket: u64) {
        if self.tickets.get(&who) == Some(&ticket) {
            self.mended(who, Worry::BlockNotVerified);
        }
    }

    /// A monitor blocks; the reason is part of that.
    pub(super) fn blocks(&mut self, who: Voter) {
        self.of(who, |said| {
            said.blocks = true;
            said.silent_since = None;
        });
    }

    /// A process starts: an alarm of the one before ended with it.
    pub(super) fn starts(&mut self, who: Voter) {
        self.alarms.retain(|(raised, _), _| *raised != who);
        self.of(who, |said| said.is_started = true);
    }

    /// Looks at whether a site is live; `is_explained`: a fault has just struck, or its monitor cannot speak.
    pub(super) fn look(&mut self, site: Site, is_live: bool, is_explained: bool, now: u64) -> Option<Finding> {
        let said = self.said.entry(site).or_default();
        if is_live == said.is_live {
            let since = said.silent_since.filter(|since| now > since + nanos(SOON))?;
            said.silent_since = None;
            return Some(Finding::Unexplained { at_millis: millis(since), site, is_live });
        }
        let is_gap = is_live && said.changed.is_some_and(|changed| now <= changed + nanos(GAP));
        let is_told = std::mem::take(if is_live { &mut said.rises } else { &mut said.blocks });
        (said.is_live, said.changed) = (is_live, Some(now));
        said.blocks &= !is_live;
        said.silent_since = (!is_told && !is_explained && !is_gap).then_some(now);
        None
    }

    /// The alarms that are raised still.
    pub(super) fn left(&self) -> Vec<Finding> {
        let left = self.alarms.iter().filter(|(_, raised)| raised.is_mended).map(|((who, worry), raised)| {
            Finding::AlarmLeft { at_millis: millis(raised.at), who: who.to_string(), worry: *worry }
        });
        left.collect()
    }

    fn mended(&mut self, who: Voter, worry: Worry) {
        self.alarms.entry((who, worry)).and_modify(|raised| raised.is_mended = true);
    }

    fn of(&mut self, who: Voter, change: impl FnOnce(&mut Said)) {
        if let Voter::Monitor(site) = who {
            change(self.said.entry(site).or_default());
        }
    }
}
