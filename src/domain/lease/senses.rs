//! What a site sees of itself and of the others: control addresses, call server, data, who was heard when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::decide::{Control, Data, Health};
use super::limits::Limits;
use super::memory::Stamp;
use super::message::{Beat, Standing, Voter};
use super::moment::Moment;
use crate::domain::site::Site;

/// What a site sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Senses {
    control: Option<(u8, u8)>,
    control_misses: u32,
    failures: u32,
    /// It was ill when the site was blocked, and has not been seen well since.
    doubt: Option<Doubt>,
    data: Option<(Duration, Moment)>,
    heard: BTreeMap<Voter, Moment>,
    peer: Option<Seen>,
    free_since: Option<Moment>,
}

/// What is known of a call server that was ill when its site was blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Doubt {
    /// No more than that.
    Unasked,
    /// It says itself that it is not well.
    SaysIll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    stamp: Stamp,
    standing: Standing,
    at: Moment,
    /// Since when it has been well without a break.
    well_since: Option<Moment>,
}

impl Senses {
    /// Nothing seen yet; nobody is missed before the start.
    #[must_use]
    pub fn at_start(me: Voter, now: Moment) -> Self {
        let heard = me.others().map(|voter| (voter, now)).collect();
        Self {
            control: None,
            control_misses: 0,
            failures: 0,
            doubt: None,
            data: None,
            heard,
            peer: None,
            free_since: None,
        }
    }

    /// Takes in one round of probes of the control addresses.
    pub fn control(&mut self, answering: u8, of: u8, limits: &Limits) {
        self.control = Some((answering, of));
        let is_enough = answering >= limits.control_needed;
        self.control_misses = if is_enough { 0 } else { self.control_misses.saturating_add(1) };
    }

    /// Takes in one probe of the call server, made while the site is live.
    pub fn health(&mut self, is_well: bool) {
        self.failures = if is_well { 0 } else { self.failures.saturating_add(1) };
        self.doubt = self.doubt.filter(|_| !is_well);
    }

    /// The site is blocked. A blocked call server answers no probe, so the failures say nothing any more: it counts as
    /// well, or nobody could ever be live here again. That it was ill stays as a doubt until it is seen well.
    pub fn blocked(&mut self, limits: &Limits) {
        if let Health::Ill { .. } = self.health_seen(limits) {
            self.doubt = Some(Doubt::Unasked);
        }
        self.failures = 0;
    }

    /// Takes in what the call server of a blocked site says of itself; it only raises or ends a doubt, since a command
    /// that was meant for a live site may say no of every blocked one.
    pub fn health_while_blocked(&mut self, is_well: bool) {
        self.doubt = self.doubt.filter(|_| !is_well).map(|_| Doubt::SaysIll);
    }

    /// Takes in how old the loaded data is.
    pub fn data(&mut self, age: Option<Duration>, now: Moment) {
        self.data = age.map(|age| (age, now));
    }

    /// Notes that a voter was heard.
    pub fn hear(&mut self, voter: Voter, now: Moment) {
        self.heard.insert(voter, now);
    }

    /// Takes in how the other site is; `false` when that is older than what is known.
    pub fn peer(&mut self, beat: &Beat, now: Moment, silent_after: Duration) -> bool {
        let before = self.peer;
        if before.is_some_and(|seen| seen.stamp.start == beat.stamp.start && seen.stamp.sent >= beat.stamp.sent) {
            return false;
        }
        let standing = beat.standing;
        let is_well = standing.control && standing.healthy && !standing.doubted && standing.live.is_none();
        let unbroken = before.filter(|seen| now.since(seen.at) <= silent_after).and_then(|seen| seen.well_since);
        let well_since = is_well.then(|| unbroken.unwrap_or(now));
        self.peer = Some(Seen { stamp: beat.stamp, standing, at: now, well_since });
        true
    }

    /// The other site said that it is blocked, ahead of its next beat.
    pub fn peer_blocked(&mut self) {
        if let Some(seen) = &mut self.peer {
            seen.standing.live = None;
        }
    }

    /// How the other site is, if it was heard just now.
    #[must_use]
    pub fn peer_heard(&self, now: Moment, silent_after: Duration) -> Option<Standing> {
        self.peer.filter(|seen| now.since(seen.at) <= silent_after).map(|seen| seen.standing)
    }

    /// For how long the other site has been well without a break.
    #[must_use]
    pub fn peer_well_for(&self, now: Moment, silent_after: Duration) -> Option<Duration> {
        self.peer_heard(now, silent_after)?;
        self.peer.and_then(|seen| seen.well_since).map(|since| now.since(since))
    }

    /// How long a voter has not been heard.
    #[must_use]
    pub fn silence(&self, voter: Voter, now: Moment) -> Duration {
        self.heard.get(&voter).map_or(Duration::MAX, |heard| now.since(*heard))
    }

    /// The control addresses as the decision takes them.
    #[must_use]
    pub fn control_seen(&self, limits: &Limits) -> Control {
        let needed = limits.control_needed;
        match self.control {
            None => Control::Unknown,
            Some((answering, of)) if answering >= needed => Control::Reached { answering, of },
            Some((answering, of)) if self.control_misses >= limits.control_fall => {
                Control::Lost { answering, of, needed }
            }
            Some((answering, of)) => Control::Missed { answering, of, needed },
        }
    }

    /// The call server as the decision takes it.
    #[must_use]
    pub const fn health_seen(&self, limits: &Limits) -> Health {
        if self.failures >= limits.health_fall { Health::Ill { failures: self.failures } } else { Health::Well }
    }

    /// Whether the last probe of the call server was good, and it does not say of itself that it is ill: nothing is
    /// handed over to one that has begun to fail.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.failures == 0 && !matches!(self.doubt, Some(Doubt::SaysIll))
    }

    /// Whether the call server was ill when the site was blocked and was not seen well since. It may go live where
    /// nobody else serves better, but nothing comes back to it by itself.
    #[must_use]
    pub const fn is_doubted(&self) -> bool {
        self.doubt.is_some()
    }

    /// The data as the decision takes it. The primary's data is always its own.
    #[must_use]
    pub fn data_seen(&self, site: Site, limits: &Limits, now: Moment) -> Data {
        let limit = limits.data_limit;
        match (site, self.data) {
            (Site::Primary, _) => Data::Own,
            (Site::Alternate, None) => Data::Unknown,
            (Site::Alternate, Some((age, at))) => {
                let age = age + now.since(at);
                if age > limit { Data::Old { age, limit } } else { Data::Fresh { age } }
            }
        }
    }

    /// Notes whether the own vote is free; for how long it has been.
    pub fn free(&mut self, is_free: bool, now: Moment) -> Duration {
        self.free_since = if is_free { self.free_since.or(Some(now)) } else { None };
        self.free_since.map_or(Duration::ZERO, |since| now.since(since))
    }
}
