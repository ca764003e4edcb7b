//! When the daily copy runs: a cron expression in a time zone, and what becomes of runs that were missed.

mod cron_schedule;
mod due;
mod field;
mod words;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

pub use cron_schedule::{CronSchedule, ScheduleError};
pub use due::Due;
pub use field::FieldName;

/// A random delay of more than a day would reach the run of the next day.
pub const LONGEST_RANDOM_DELAY: Duration = Duration::from_secs(24 * 3600);

/// The daily copy: a cron expression in a time zone, and how much later than its time a run may begin at random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoCopy {
    /// When, in local time of `zone`.
    pub schedule: CronSchedule,
    /// The time zone whose clock and daylight-saving days count.
    pub zone: Tz,
    /// A run begins at most this much after its slot; zero is at once.
    pub random_delay: Duration,
}

impl AutoCopy {
    /// The first slot after `after`, without its random delay; `None` when there is none before the year 2100.
    #[must_use]
    pub fn next_after<Z: TimeZone>(&self, after: &DateTime<Z>) -> Option<DateTime<Tz>> {
        self.schedule.next_after(&after.with_timezone(&self.zone))
    }

    /// The five slots after `after`; fewer when there are not so many.
    #[must_use]
    pub fn next_five<Z: TimeZone>(&self, after: &DateTime<Z>) -> Vec<DateTime<Tz>> {
        let first = self.next_after(after);
        std::iter::successors(first, |slot| self.next_after(slot)).take(5).collect()
    }

    /// Whether its days never come, as the 30th of February.
    #[must_use]
    pub fn never_comes(&self) -> bool {
        self.next_after(&DateTime::UNIX_EPOCH).is_none()
    }

    /// How long after `slot` its run begins: between nothing and `random_delay`, the same for the same slot and seed.
    ///
    /// The seed tells installations apart, so that not all of them copy in the same second.
    #[must_use]
    pub fn delay_of<Z: TimeZone>(&self, slot: &DateTime<Z>, seed: u64) -> Duration {
        let steps = self.random_delay.as_secs().saturating_add(1);
        Duration::from_secs(scattered(slot.with_timezone(&Utc).timestamp().cast_unsigned() ^ seed) % steps)
    }
}

impl fmt::Display for AutoCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.schedule.in_words(), self.zone)?;
        if self.random_delay.is_zero() {
            return Ok(());
        }
        let seconds = self.random_delay.as_secs();
        if seconds.is_multiple_of(60) {
            write!(f, ", up to {} min later at random", seconds / 60)
        } else {
            write!(f, ", up to {seconds} s later at random")
        }
    }
}

/// Spreads neighbouring numbers evenly over all 64 bits (the finalizer of Steele, Lea and Flood's `SplitMix64`, whose
/// constants these are); it need not resist anybody, only scatter.
fn scattered(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_in_words_with_the_time_zone() {
        assert_eq!(auto_copy("0 2 * * *", 0).to_string(), "every day at 02:00 (Europe/Stockholm)");
        assert_eq!(
            auto_copy("30 2 * * 1-5", 600).to_string(),
            "every Monday to Friday at 02:30 (Europe/Stockholm), up to 10 min later at random"
        );
    }

    #[test]
    fn the_next_five_are_in_the_local_time_of_the_zone() {
        let after = "2026-10-23T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let slots: Vec<String> = auto_copy("0 2 * * *", 0).next_five(&after).iter().map(DateTime::to_rfc3339).collect();
        insta::assert_snapshot!(slots.join("\n"), @r"
        2026-10-24T02:00:00+02:00
        2026-10-25T02:00:00+02:00
        2026-10-26T02:00:00+01:00
        2026-10-27T02:00:00+01:00
        2026-10-28T02:00:00+01:00
        ");
    }

    #[test]
    fn a_day_that_never_comes_has_no_next_five() {
        assert!(auto_copy("0 2 31 2 *", 0).next_five(&Utc.timestamp_opt(0, 0).unwrap()).is_empty());
        assert!(auto_copy("0 2 31 2 *", 0).never_comes() && !auto_copy("0 2 29 2 *", 0).never_comes());
    }

    #[test]
    fn the_random_delay_is_the_same_for_the_same_slot_and_stays_within_its_limit() {
        let copy = auto_copy("0 2 * * *", 600);
        let mut seen = std::collections::BTreeSet::new();
        for day in 0..200 {
            let slot = Utc.timestamp_opt(day * 86_400, 0).unwrap();
            let delay = copy.delay_of(&slot, 7);
            assert_eq!(delay, copy.delay_of(&slot, 7));
            assert!(delay <= Duration::from_secs(600));
            seen.insert(delay);
        }
        assert!(seen.len() > 100, "{} different delays", seen.len());
        assert_ne!(
            copy.delay_of(&Utc.timestamp_opt(0, 0).unwrap(), 1),
            copy.delay_of(&Utc.timestamp_opt(0, 0).unwrap(), 2)
        );
    }

    fn auto_copy(expression: &str, delay_seconds: u64) -> AutoCopy {
        AutoCopy {
            schedule: expression.parse().unwrap(),
            zone: chrono_tz::Europe::Stockholm,
            random_delay: Duration::from_secs(delay_seconds),
        }
    }
}
