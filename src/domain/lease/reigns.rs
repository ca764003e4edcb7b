//! When a site let telephony in, and whether two sites did so at the same time.
//!
//! Each site keeps its own reigns by its own wall clock. After the line between the sites comes back they are held
//! against each other; how far the two clocks are apart is measured then.

use std::fmt;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::domain::site::Epoch;

/// Reigns that are kept: months of a pair that is switched every day.
const KEPT: usize = 100;

/// A time during which a site let telephony in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    /// Its epoch.
    pub epoch: Epoch,
    /// Since when.
    pub from: DateTime<FixedOffset>,
    /// Until when it is known to last, or did: for a lease the end that its kernels were given.
    pub until: DateTime<FixedOffset>,
}

/// The reigns of one site, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reigns(Vec<Reign>);

/// What a site lets in, as it is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Its kernels end it at this moment, unless it is prolonged.
    Until(DateTime<FixedOffset>),
    /// Without an end; it is open now, and so it was since it was noted last.
    Standing,
    /// Nothing any more.
    Closed,
}

impl Reigns {
    /// Notes what is let in from `now` on; whether that is more than the last reign growing longer.
    pub fn note(&mut self, epoch: Epoch, noted: Noted, now: DateTime<FixedOffset>) -> bool {
        let last = self.0.last_mut().filter(|last| last.epoch == epoch);
        match (noted, last) {
            (Noted::Closed, Some(last)) => {
                last.until = last.until.min(now);
                true
            }
            (Noted::Closed, None) => false,
            (Noted::Until(end), Some(last)) if now <= last.until => {
                last.until = end.max(last.until);
                false
            }
            // A gate without an end stays open while its monitor is away.
            (Noted::Standing, Some(last)) => {
                last.until = now.max(last.until);
                false
            }
            (Noted::Until(until), _) => self.begin(Reign { epoch, from: now, until }),
            (Noted::Standing, None) => self.begin(Reign { epoch, from: now, until: now }),
        }
    }

    /// The newest ones, at most so many.
    #[must_use]
    pub fn last(&self, number: usize) -> &[Reign] {
        self.0.split_at(self.0.len().saturating_sub(number)).1
    }

    fn begin(&mut self, reign: Reign) -> bool {
        self.0.push(reign);
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        true
    }
}

/// How far another site's clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// What is added to its times to have ours.
    pub add: TimeDelta,
    /// How far off that may be: half of what the question took.
    pub within: TimeDelta,
}

impl Offset {
    /// From a question asked and answered at these times here, and the time that the answer tells.
    #[must_use]
    pub fn measured(
        asked: DateTime<FixedOffset>,
        told: DateTime<FixedOffset>,
        answered: DateTime<FixedOffset>,
    ) -> Self {
        // A clock that was set back meanwhile makes nothing exact.
        let half = (answered - asked).abs() / 2;
        Self { add: asked + half - told, within: half }
    }
}

/// A time at which both sites let telephony in, by our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// The epochs, ours first.
    pub epochs: (Epoch, Epoch),
    /// Since when.
    pub from: DateTime<FixedOffset>,
    /// How long.
    pub length: TimeDelta,
    /// How far off that may be.
    pub within: TimeDelta,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |span: TimeDelta| span.as_seconds_f64();
        let (ours, theirs) = self.epochs;
        write!(
            f,
            "BOTH SITES WERE LIVE for {:.1} s from {} (epochs {ours} and {theirs}; by both clocks, to within {:.1} s)",
            seconds(self.length),
            self.from.format("%Y-%m-%d %H:%M:%S %:z"),
            seconds(self.within)
        )
    }
}

/// Every time at which both sites let telephony in, as far as the clocks can tell.
#[must_use]
pub fn overlaps(ours: &[Reign], theirs: &[Reign], offset: Offset) -> Vec<Overlap> {
    let mut found = Vec::new();
    for our in ours {
        for their in theirs {
            let from = our.from.max(their.from + offset.add);
            let until = our.until.min(their.until + offset.add);
            let length = until - from;
            if length > offset.within {
                found.push(Overlap { epochs: (our.epoch, their.epoch), from, length, within: offset.within });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_prolonged_is_one_reign_and_one_that_ended_is_followed_by_another() {
        let mut reigns = Reigns::default();
        assert!(reigns.note(Epoch(2), Noted::Until(at(10)), at(0)));
        assert!(!reigns.note(Epoch(2), Noted::Until(at(15)), at(5)));
        assert!(reigns.note(Epoch(2), Noted::Until(at(40)), at(30)), "the kernel had blocked meanwhile");
        assert_eq!(reigns.last(9), [reign(2, 0, 15), reign(2, 30, 40)]);
    }

    #[test]
    fn a_block_ends_a_reign_before_its_right_does() {
        let mut reigns = Reigns::default();
        reigns.note(Epoch(2), Noted::Until(at(10)), at(0));
        assert!(reigns.note(Epoch(2), Noted::Closed, at(4)));
        reigns.note(Epoch(2), Noted::Closed, at(60));
        assert_eq!(reigns.last(9), [reign(2, 0, 4)], "a block that is repeated changes nothing");
    }

    #[test]
    fn a_site_that_is_open_without_an_end_was_open_while_its_monitor_was_away() {
        let mut reigns = Reigns::default();
        reigns.note(Epoch(2), Noted::Standing, at(0));
        reigns.note(Epoch(2), Noted::Standing, at(3600));
        assert_eq!(reigns.last(9), [reign(2, 0, 3600)]);
    }

    #[test]
    fn only_the_newest_reigns_are_kept() {
        let mut reigns = Reigns::default();
        for epoch in 0..150 {
            reigns.note(Epoch(epoch), Noted::Standing, at(0));
        }
        assert_eq!(reigns.last(1000).len(), KEPT);
        assert_eq!(reigns.last(1), [reign(149, 0, 0)]);
    }

    #[test]
    fn two_sites_that_were_live_at_once_are_told_with_times_and_length() {
        let found = overlaps(&[reign(1001, 100, 160)], &[reign(7, 0, 138)], exact());
        let told = found[0].to_string();
        assert_eq!(
            told,
            "BOTH SITES WERE LIVE for 38.0 s from 1970-01-01 00:01:40 +00:00 (epochs 1001 and 7; by both clocks, to \
             within 0.0 s)"
        );
        assert_eq!(overlaps(&[reign(8, 140, 160)], &[reign(7, 0, 138)], exact()), []);
    }

    #[test]
    fn clocks_that_are_apart_are_held_against_each_other_by_the_question_that_measured_them() {
        // The other clock is an hour behind: what it calls 0 to 138 was 3600 to 3738 here.
        let offset = Offset::measured(at(7200), at(3601), at(7202));
        assert_eq!((offset.add, offset.within), (TimeDelta::seconds(3600), TimeDelta::seconds(1)));
        assert_eq!(overlaps(&[reign(8, 3700, 3800)], &[reign(7, 0, 138)], offset).len(), 1);
        assert_eq!(overlaps(&[reign(8, 100, 200)], &[reign(7, 0, 138)], offset), []);
        assert_eq!(overlaps(&[reign(8, 3737, 3800)], &[reign(7, 0, 138)], offset), [], "the clocks cannot tell");
    }

    fn exact() -> Offset {
        Offset { add: TimeDelta::zero(), within: TimeDelta::zero() }
    }

    fn reign(epoch: u64, from: i64, until: i64) -> Reign {
        Reign { epoch: Epoch(epoch), from: at(from), until: at(until) }
    }

    fn at(seconds: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp(seconds, 0).unwrap().fixed_offset()
    }
}
