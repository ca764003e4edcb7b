//! Notices that this machine stood still: the clocks of the others moved on and its own did not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::message::{Clock, Voter};
use super::moment::Moment;
use super::timing::Timing;

/// What the others' clocks showed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Clocks {
    seen: BTreeMap<Voter, Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    asked: Moment,
    clock: Clock,
}

impl Clocks {
    /// Compares an answer with the one before: how long this machine must have stood still at least, if it did.
    ///
    /// Between the moments at which the two answers were stamped, our clock moved at most from the first request to the
    /// second answer. A standstill shorter than [`Timing::lateness`] is covered by the promises and is not told.
    pub fn compare(
        &mut self,
        voter: Voter,
        (asked, clock): (Moment, Clock),
        timing: &Timing,
        now: Moment,
    ) -> Option<Duration> {
        let seen = Seen { asked, clock };
        let Some(before) = self.seen.get(&voter).copied() else {
            self.seen.insert(voter, seen);
            return None;
        };
        if before.clock.start == clock.start && clock.now <= before.clock.now {
            return None;
        }
        self.seen.insert(voter, seen);
        if before.clock.start != clock.start {
            return None;
        }
        let theirs = clock.now.since(before.clock.now);
        let ours = now.since(before.asked);
        let allowed = ours + slack(ours, timing.drift()) + timing.lateness();
        theirs.checked_sub(allowed).map(|more| more + timing.lateness())
    }
}

/// How much further a right clock may move than ours: both may be wrong, in opposite directions.
fn slack(ours: Duration, drift: u32) -> Duration {
    let nanos = ours.as_nanos() * u128::from(drift) * 2 / 1_000_000;
    // What two clocks that are both wrong add to this is below a thousandth of it.
    let nanos = nanos + nanos * u128::from(drift) * 2 / 1_000_000;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_stood_still_is_told_for_how_long_at_least() {
        let mut clocks = Clocks::default();
        assert_eq!(compare(&mut clocks, (1_000, 51_000), 1_010), None);
        assert_eq!(compare(&mut clocks, (2_000, 52_005), 2_010), None);
        let stood = compare(&mut clocks, (3_000, 73_005), 3_010).unwrap();
        assert!((19_900..20_000).contains(&stood.as_millis()), "{stood:?}");
        assert_eq!(compare(&mut clocks, (4_000, 74_005), 4_010), None, "it is told once");
    }

    #[test]
    fn a_slow_answer_is_no_standstill() {
        let mut clocks = Clocks::default();
        assert_eq!(compare(&mut clocks, (1_000, 51_000), 4_000), None);
        assert_eq!(compare(&mut clocks, (2_000, 55_000), 5_000), None);
    }

    #[test]
    fn a_voter_that_started_anew_has_another_clock() {
        let mut clocks = Clocks::default();
        assert_eq!(compare(&mut clocks, (1_000, 1_000), 1_010), None);
        let clock = Clock { start: 2, now: at(90_000) };
        assert_eq!(clocks.compare(Voter::Witness, (at(2_000), clock), &Timing::STANDARD, at(2_010)), None);
    }

    #[test]
    fn a_voter_without_a_clock_tells_of_no_standstill() {
        let mut clocks = Clocks::default();
        for asked in [1_000, 2_000, 90_000] {
            let answer = (at(asked), Clock::NONE);
            assert_eq!(clocks.compare(Voter::Witness, answer, &Timing::STANDARD, at(asked + 10)), None);
        }
    }

    fn compare(clocks: &mut Clocks, (asked, theirs): (u64, u64), now: u64) -> Option<Duration> {
        let clock = Clock { start: 1, now: at(theirs) };
        clocks.compare(Voter::Witness, (at(asked), clock), &Timing::STANDARD, at(now))
    }

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }
}
