//! The votes a site has won, and the right that follows from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::memory::Kind;
use super::message::{Grant, Voter};
use super::moment::Moment;
use crate::domain::site::Epoch;

/// The votes for one epoch. Two of three make a right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tally {
    /// The epoch they are for.
    pub epoch: Epoch,
    votes: BTreeMap<Voter, Vote>,
    /// Standing votes count from here on: a request that was sent before may still turn older ones into votes that end.
    standing_from: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Vote {
    asked: Moment,
    kind: Kind,
}

impl Tally {
    /// No votes yet.
    #[must_use]
    pub fn of(epoch: Epoch) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Counts a vote for a request that was sent at `asked`.
    pub fn count(&mut self, voter: Voter, asked: Moment, kind: Kind) {
        if self.votes.get(&voter).is_none_or(|vote| vote.asked < asked) {
            self.votes.insert(voter, Vote { asked, kind });
        }
    }

    /// Counts what a voter answered.
    pub fn granted(&mut self, voter: Voter, grant: &Grant) {
        if grant.epoch == self.epoch {
            self.count(voter, Moment::from_nanos(grant.stamp.sent), grant.kind);
        }
    }

    /// Notes that promises that end were asked for: standing votes for earlier requests count no more.
    pub fn asked_for_lease(&mut self, now: Moment) {
        self.standing_from = now;
    }

    /// Until when the site may be live: a lease from the later of the two best requests. `None` without two votes.
    #[must_use]
    pub fn until(&self, lease: Duration) -> Option<Moment> {
        let mut asked: Vec<Moment> = self.votes.values().map(|vote| vote.asked).collect();
        asked.sort_unstable();
        let second = asked.len().checked_sub(2)?;
        asked.get(second).map(|asked| *asked + lease)
    }

    /// Whether two voters promised for good.
    #[must_use]
    pub fn stands(&self) -> bool {
        let stands = |vote: &&Vote| vote.kind == Kind::Standing && vote.asked > self.standing_from;
        self.votes.values().filter(stands).count() >= 2
    }

    /// Takes the vote of a voter back.
    pub fn without(&mut self, voter: Voter) {
        self.votes.remove(&voter);
    }

    /// Takes all votes back.
    pub fn clear(&mut self) {
        self.votes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::Site;

    const OWN: Voter = Voter::Monitor(Site::Primary);

    #[test]
    fn the_right_counts_from_the_older_of_the_two_newest_requests() {
        let mut tally = Tally::of(Epoch(2));
        tally.count(OWN, at(5), Kind::Lease);
        assert_eq!(tally.until(LEASE), None);
        tally.count(Voter::Witness, at(3), Kind::Lease);
        assert_eq!(tally.until(LEASE), Some(at(9)));
        tally.count(Voter::Monitor(Site::Alternate), at(4), Kind::Lease);
        assert_eq!(tally.until(LEASE), Some(at(10)));
        tally.count(Voter::Witness, at(1), Kind::Lease);
        assert_eq!(tally.until(LEASE), Some(at(10)), "a late answer takes nothing back");
    }

    #[test]
    fn standing_votes_count_only_for_requests_after_the_last_one_for_a_lease() {
        let mut tally = Tally::of(Epoch(2));
        for voter in [OWN, Voter::Witness] {
            tally.count(voter, at(1), Kind::Standing);
        }
        assert!(tally.stands());
        tally.asked_for_lease(at(2));
        assert!(!tally.stands());
        tally.count(OWN, at(3), Kind::Standing);
        assert!(!tally.stands());
        tally.count(Voter::Witness, at(3), Kind::Standing);
        assert!(tally.stands());
    }

    const LEASE: Duration = Duration::from_secs(6);

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }
}
