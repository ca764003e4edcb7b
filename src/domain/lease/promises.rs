//! A voter: to whom it promised, what it refuses, and what it does when it lost its memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::memory::{Kind, Memory, Promise, Stamp, Stored};
use super::message::{Ask, Clock, Force, Refused, Release, Voter};
use super::moment::Moment;
use crate::domain::site::{Order, Site};

/// The promises of one voter. It backs one site at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Promises {
    memory: Memory,
    kept: Memory,
    /// When the request of the present promise was heard; a promise read from disk counts as heard at the start.
    heard: Moment,
    blank: Option<Blank>,
}

/// A voter without a memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Blank {
    silent_until: Moment,
    heard: BTreeMap<Voter, Option<Memory>>,
    wanted: Vec<Voter>,
}

/// Whether a voter may promise to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// It may.
    Free,
    /// It promised to the other site, for so long.
    Until(Duration),
    /// It promised to the other site, and that does not end by time.
    Standing,
    /// It lost its memory.
    Blank,
}

impl Promises {
    /// A voter at its start; it counts the start.
    ///
    /// One that finds no memory promises nothing for `silence`, the longest promise it could have made, and until it
    /// has heard what all of `others` remember: a standing promise must not be forgotten with one disk.
    #[must_use]
    pub fn start(stored: Stored, nothing: Memory, (silence, others): (Duration, Vec<Voter>), now: Moment) -> Self {
        let (mut memory, blank) = match stored {
            Stored::Whole(memory) => (memory, None),
            Stored::Lost => {
                let blank = Blank { silent_until: now + silence, heard: BTreeMap::new(), wanted: others };
                (Memory { promise: None, ..nothing }, Some(blank))
            }
        };
        let kept = memory.clone();
        memory.starts = memory.starts.saturating_add(1);
        Self { memory, kept, heard: now, blank }
    }

    /// A voter whose memory lies elsewhere, whole; its promise was heard at `heard`. It has no starts to count.
    #[must_use]
    pub fn remembered(memory: Memory, heard: Moment) -> Self {
        Self { kept: memory.clone(), memory, heard, blank: None }
    }

    /// What it remembers.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What it tells another voter that lost its memory.
    #[must_use]
    pub fn recalled(&self) -> Option<Box<Memory>> {
        self.blank.is_none().then(|| Box::new(self.memory.clone()))
    }

    /// Its clock, as answers carry it.
    #[must_use]
    pub const fn clock(&self, now: Moment) -> Clock {
        Clock { start: self.memory.starts, now }
    }

    /// Changes what is not a promise: what both sites go by.
    pub fn change(&mut self, change: impl FnOnce(&mut Memory)) {
        change(&mut self.memory);
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Refused`] when it does not promise; then nothing has changed.
    pub fn ask(&mut self, from: Site, ask: &Ask, now: Moment) -> Result<(), Refused> {
        self.may(from, now)?;
        let renewed = self.memory.promise.filter(|promise| promise.to == from && promise.epoch == ask.epoch);
        match renewed {
            Some(promise) if ask.epoch < self.memory.highest || promise.stamp >= ask.stamp => {
                return Err(if promise.stamp >= ask.stamp { Refused::Late } else { self.low() });
            }
            None if ask.epoch <= self.memory.highest => return Err(self.low()),
            Some(_) | None => {}
        }
        let Ask { epoch, kind, length, stamp, .. } = *ask;
        self.promise(Promise { to: from, epoch, kind, length, stamp }, now);
        Ok(())
    }

    /// Whether it may promise to a site now.
    #[must_use]
    pub fn bar(&self, site: Site, now: Moment) -> Bar {
        match self.may(site, now) {
            Ok(()) => Bar::Free,
            Err(Refused::Promised { left: Some(left), .. }) => Bar::Until(left),
            Err(Refused::Promised { left: None, .. }) => Bar::Standing,
            Err(Refused::Blank | Refused::Late | Refused::LowEpoch { .. }) => Bar::Blank,
        }
    }

    /// Ends the promise of a site that gave its right back.
    pub fn release(&mut self, from: Site, release: Release) {
        if self.blank.is_some() {
            return;
        }
        self.memory.highest = self.memory.highest.max(release.epoch);
        if self.memory.promise.is_some_and(|promise| promise.to == from && promise.epoch <= release.epoch) {
            self.memory.promise = None;
        }
    }

    /// Takes a person's word against the promise there is. Whether it did.
    pub fn force(&mut self, site: Site, force: Force, now: Moment) -> bool {
        if force.epoch <= self.memory.highest {
            return false;
        }
        self.blank = None;
        let Force { epoch, stamp } = force;
        self.promise(Promise { to: site, epoch, kind: Kind::Standing, length: Duration::ZERO, stamp }, now);
        self.learn(Order { active: site, epoch });
        true
    }

    /// Promises the other site, as the one that hands over does.
    pub fn favour(&mut self, site: Site, length: Duration, now: Moment) {
        let epoch = self.memory.highest.next();
        self.promise(Promise { to: site, epoch, kind: Kind::Lease, length, stamp: Stamp::default() }, now);
    }

    /// Learns who is live.
    pub fn learn(&mut self, order: Order) {
        if order.epoch > self.memory.order.epoch {
            self.memory.order = order;
            self.memory.highest = self.memory.highest.max(order.epoch);
        }
    }

    /// Whom it still asks what they remember.
    #[must_use]
    pub fn unheard(&self) -> Vec<Voter> {
        let Some(blank) = &self.blank else { return Vec::new() };
        // One without a memory may have learned since.
        let open = |voter: &&Voter| !matches!(blank.heard.get(voter), Some(Some(_)));
        blank.wanted.iter().filter(open).copied().collect()
    }

    /// Hears what another remembers.
    pub fn remember(&mut self, from: Voter, memory: Option<Memory>) {
        if let Some(blank) = &mut self.blank {
            blank.heard.insert(from, memory);
        }
    }

    /// Adopts what the others remember, once the silence is over and all of them were heard. Whether it did.
    pub fn recover(&mut self, me: Voter, now: Moment) -> bool {
        let Some(blank) = &self.blank else { return false };
        if now < blank.silent_until || !self.unheard().is_empty() {
            return false;
        }
        let memories: Vec<Memory> = blank.heard.values().flatten().cloned().collect();
        let starts = memories.iter().map(|memory| starts_of(me, memory)).max().unwrap_or(0);
        self.blank = None;
        for memory in &memories {
            self.learn(memory.order);
            self.memory.highest = self.memory.highest.max(memory.highest);
            if self.memory.agreed.is_older_than(&memory.agreed) {
                self.memory.agreed = memory.agreed.clone();
            }
        }
        let standing = memories.iter().filter_map(|memory| memory.promise).filter(|p| p.kind == Kind::Standing);
        // A standing promise of an epoch before the last one held backs nobody any more.
        let standing = standing.filter(|promise| promise.epoch >= self.memory.order.epoch);
        self.memory.promise = standing.max_by_key(|promise| promise.epoch);
        self.memory.starts = self.memory.starts.max(starts.saturating_add(1));
        self.heard = now;
        true
    }

    /// What must be on disk before anything that follows from it leaves; `None` when it is there.
    pub fn to_keep(&mut self) -> Option<Memory> {
        if self.blank.is_some() || self.memory.is_kept_as(&self.kept) {
            return None;
        }
        self.kept = self.memory.clone();
        Some(self.memory.clone())
    }

    fn may(&self, site: Site, now: Moment) -> Result<(), Refused> {
        if self.blank.is_some() {
            return Err(Refused::Blank);
        }
        match self.memory.promise {
            Some(Promise { to, epoch, kind: Kind::Standing, .. }) if to != site => {
                Err(Refused::Promised { to, epoch, left: None })
            }
            Some(Promise { to, epoch, length, .. }) if to != site => {
                let left = (self.heard + length).since(now);
                if left.is_zero() { Ok(()) } else { Err(Refused::Promised { to, epoch, left: Some(left) }) }
            }
            Some(_) | None => Ok(()),
        }
    }

    const fn low(&self) -> Refused {
        Refused::LowEpoch { highest: self.memory.highest }
    }

    fn promise(&mut self, promise: Promise, now: Moment) {
        self.memory.highest = self.memory.highest.max(promise.epoch);
        self.memory.promise = Some(promise);
        self.heard = now;
    }
}

/// The starts of a site's monitor that another voter saw.
fn starts_of(me: Voter, memory: &Memory) -> u64 {
    match (me, memory.promise) {
        (Voter::Monitor(site), Some(promise)) if promise.to == site => promise.stamp.start,
        (Voter::Monitor(_) | Voter::Witness, _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::TakeoverSettings;
    use crate::domain::lease::agreed::Agreed;
    use crate::domain::site::Epoch;
    use Site::{Alternate, Primary};

    const PROMISE: Duration = Duration::from_secs(8);

    #[test]
    fn a_promise_to_one_site_is_refused_to_the_other_until_it_ends() {
        let mut voter = leased();
        let other = ask(3, Kind::Lease, 1);
        let refused = voter.ask(Alternate, &other, at(7)).unwrap_err();
        assert_eq!(refused.to_string(), "its promise to the primary system in epoch 2 stands for 1 s more");
        assert_eq!(voter.ask(Alternate, &other, at(8)), Ok(()));
        assert!(voter.ask(Primary, &ask(2, Kind::Lease, 20), at(9)).is_err());
    }

    #[test]
    fn a_standing_promise_is_refused_to_the_other_site_for_ever() {
        let mut voter = first();
        let refused = voter.ask(Alternate, &ask(9, Kind::Lease, 1), at(1_000_000)).unwrap_err();
        assert_eq!(refused, Refused::Promised { to: Primary, epoch: Epoch(1), left: None });
    }

    #[test]
    fn an_epoch_belongs_to_one_site_also_after_its_promise_ended() {
        let mut voter = leased();
        assert_eq!(voter.ask(Alternate, &ask(2, Kind::Lease, 1), at(60)), Err(Refused::LowEpoch { highest: Epoch(2) }));
        assert_eq!(voter.ask(Primary, &ask(2, Kind::Lease, 60), at(60)), Ok(()));
    }

    #[test]
    fn a_late_request_does_not_turn_a_standing_promise_into_one_that_ends() {
        let mut voter = leased();
        assert_eq!(voter.ask(Primary, &ask(2, Kind::Standing, 5), at(5)), Ok(()));
        assert_eq!(voter.ask(Primary, &ask(2, Kind::Lease, 4), at(6)), Err(Refused::Late));
        assert_eq!(voter.bar(Alternate, at(1000)), Bar::Standing);
    }

    #[test]
    fn a_released_epoch_is_never_promised_again() {
        let mut voter = leased();
        voter.release(Primary, Release { epoch: Epoch(2), by_person: false });
        assert_eq!(voter.bar(Alternate, at(0)), Bar::Free);
        assert_eq!(voter.ask(Primary, &ask(2, Kind::Lease, 9), at(1)), Err(Refused::LowEpoch { highest: Epoch(2) }));
        assert_eq!(voter.ask(Alternate, &ask(3, Kind::Lease, 1), at(1)), Ok(()));
    }

    #[test]
    fn a_release_of_an_older_epoch_does_not_end_a_newer_promise() {
        let mut voter = leased();
        voter.release(Primary, Release { epoch: Epoch(1), by_person: false });
        assert_eq!(voter.bar(Alternate, at(0)), Bar::Until(PROMISE));
    }

    #[test]
    fn a_promise_read_from_disk_counts_anew_from_the_start() {
        let memory = leased().memory().clone();
        let voter = Promises::start(Stored::Whole(memory), nothing(), quarantine(), at(100));
        assert_eq!(voter.bar(Alternate, at(107)), Bar::Until(Duration::from_secs(1)));
        assert_eq!(voter.bar(Alternate, at(108)), Bar::Free);
    }

    #[test]
    fn a_voter_that_lost_its_memory_is_silent_for_one_full_promise_and_until_both_others_spoke() {
        let mut voter = lost();
        voter.remember(Voter::Monitor(Primary), Some(leased().memory().clone()));
        assert!(!voter.recover(Voter::Witness, at(9)));
        voter.remember(Voter::Monitor(Alternate), None);
        assert!(!voter.recover(Voter::Witness, at(9)), "the alternate has nothing to tell yet");
        voter.remember(Voter::Monitor(Alternate), Some(Memory { promise: None, ..nothing() }));
        assert!(!voter.recover(Voter::Witness, at(7)));
        assert_eq!(voter.ask(Primary, &ask(9, Kind::Lease, 1), at(7)), Err(Refused::Blank));
        assert!(voter.recover(Voter::Witness, at(8)));
        assert_eq!(voter.memory().highest, Epoch(2));
        assert_eq!(voter.ask(Alternate, &ask(3, Kind::Lease, 1), at(8)), Ok(()));
    }

    #[test]
    fn a_voter_that_lost_its_memory_takes_over_a_standing_promise_that_another_remembers() {
        let mut voter = lost();
        voter.remember(Voter::Monitor(Primary), Some(first().memory().clone()));
        voter.remember(Voter::Monitor(Alternate), Some(Memory { promise: None, ..nothing() }));
        assert!(voter.recover(Voter::Witness, at(8)));
        assert_eq!(voter.bar(Alternate, at(1000)), Bar::Standing);
    }

    #[test]
    fn a_person_overrides_a_promise_once() {
        let mut voter = leased();
        let force = Force { epoch: Epoch(1002), stamp: Stamp::default() };
        assert!(voter.force(Alternate, force, at(1)));
        assert!(!voter.force(Alternate, force, at(2)));
        assert_eq!(voter.bar(Primary, at(1000)), Bar::Standing);
        assert_eq!(voter.memory().order, Order { active: Alternate, epoch: Epoch(1002) });
    }

    #[test]
    fn a_renewal_need_not_be_written_and_a_change_must() {
        let mut voter = leased();
        assert!(voter.to_keep().is_some());
        voter.ask(Primary, &ask(2, Kind::Lease, 2), at(1)).unwrap();
        assert_eq!(voter.to_keep(), None);
        voter.ask(Primary, &ask(2, Kind::Standing, 3), at(2)).unwrap();
        assert_eq!(voter.to_keep().unwrap().promise.unwrap().kind, Kind::Standing);
    }

    fn first() -> Promises {
        Promises::start(Stored::Whole(nothing()), nothing(), quarantine(), at(0))
    }

    fn leased() -> Promises {
        let mut voter = first();
        voter.ask(Primary, &ask(2, Kind::Lease, 1), at(0)).unwrap();
        voter
    }

    fn lost() -> Promises {
        Promises::start(Stored::Lost, nothing(), quarantine(), at(0))
    }

    fn nothing() -> Memory {
        Memory::first(Primary, Agreed::first(TakeoverSettings::default()))
    }

    fn quarantine() -> (Duration, Vec<Voter>) {
        (PROMISE, Voter::Witness.others().collect())
    }

    fn ask(epoch: u64, kind: Kind, sent: u64) -> Ask {
        let order = Order { active: Primary, epoch: Epoch(1) };
        Ask { epoch: Epoch(epoch), kind, length: PROMISE, stamp: Stamp { start: 1, sent }, order }
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }
}
