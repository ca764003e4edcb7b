//! Whether a copy is to run now: a missed run is made up once, and only the newest.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::AutoCopy;

/// A run that begins within this time of its moment is on time: cron itself is no finer than a minute.
const ON_TIME: Duration = Duration::from_secs(60);

/// A last attempt further ahead than this was written by a clock that was wrong, and does not hold back the next run.
const CLOCK_STEP: chrono::Duration = chrono::Duration::days(1);

/// How far back the newest slot is looked for, a short way first, so that a schedule of many runs is not walked
/// through from the beginning.
const LOOK_BACK: [chrono::Duration; 6] = [
    chrono::Duration::minutes(1),
    chrono::Duration::hours(1),
    chrono::Duration::days(1),
    chrono::Duration::days(7),
    chrono::Duration::days(31),
    chrono::Duration::days(366),
];

/// Whether a copy is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now {
        /// The slot it runs for.
        slot: DateTime<Tz>,
        /// Whether it is late because nobody was there at its time.
        made_up: bool,
    },
    /// At this moment, and not before; its random delay is in it.
    At(DateTime<Tz>),
    /// Never again: the expression names no day that comes.
    Never,
}

impl AutoCopy {
    /// Decides whether a copy runs now.
    ///
    /// A slot counts when it is after `created` (when the schedule was made or last changed) and after the last
    /// attempt began, whatever became of it. Of several that were missed only the newest is made up. That no two
    /// runs overlap is the caller's part: it asks again when a run is over.
    #[must_use]
    pub fn due(
        &self,
        last_attempt: Option<DateTime<Utc>>,
        created: DateTime<Utc>,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Due {
        let since = last_attempt.map_or(created, |attempt| attempt.max(created));
        if since > now {
            let from = if since - now > CLOCK_STEP { now } else { since };
            return self.next_moment(from, seed);
        }
        let Some(slot) = self.newest_slot(since, now) else {
            return self.next_moment(now, seed);
        };
        let moment = slot + self.delay_of(&slot, seed);
        if moment > now {
            return Due::At(moment);
        }
        let late = now.signed_duration_since(moment).to_std().unwrap_or_default();
        Due::Now { slot, made_up: late > ON_TIME }
    }

    fn next_moment(&self, after: DateTime<Utc>, seed: u64) -> Due {
        self.next_after(&after).map_or(Due::Never, |slot| Due::At(slot + self.delay_of(&slot, seed)))
    }

    /// The newest slot after `since` that is not after `now`.
    fn newest_slot(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Tz>> {
        let starts = LOOK_BACK.iter().map(|back| (now - *back).max(since)).chain([since]);
        starts.map(|start| self.last_slot_between(start, now)).find(Option::is_some).flatten()
    }

    fn last_slot_between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Tz>> {
        let first = self.next_after(&after);
        std::iter::successors(first, |slot| self.next_after(slot)).take_while(|slot| *slot <= until).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_at_its_time_is_not_made_up() {
        let due =
            daily(0).due(Some(at("2026-03-02T01:00:01Z")), at("2026-01-01T00:00:00Z"), at("2026-03-03T01:00:02Z"), 0);
        assert_eq!(due, Due::Now { slot: slot("2026-03-03T02:00:00+01:00"), made_up: false });
    }

    #[test]
    fn of_several_missed_runs_only_the_newest_is_made_up_and_only_once() {
        let now = at("2026-03-09T12:00:00Z");
        let due = daily(0).due(Some(at("2026-03-02T01:00:01Z")), at("2026-01-01T00:00:00Z"), now, 0);
        assert_eq!(due, Due::Now { slot: slot("2026-03-09T02:00:00+01:00"), made_up: true });
        let again = daily(0).due(Some(now), at("2026-01-01T00:00:00Z"), now, 0);
        assert_eq!(again, Due::At(slot("2026-03-10T02:00:00+01:00")));
    }

    #[test]
    fn nothing_is_made_up_from_before_the_schedule_was_made() {
        let created = at("2026-03-09T12:00:00Z");
        assert_eq!(daily(0).due(None, created, created, 0), Due::At(slot("2026-03-10T02:00:00+01:00")));
        let changed_since = daily(0).due(Some(at("2026-03-02T01:00:00Z")), created, created, 0);
        assert_eq!(changed_since, Due::At(slot("2026-03-10T02:00:00+01:00")));
    }

    #[test]
    fn a_run_waits_for_its_random_delay() {
        let copy = daily(3600);
        let wanted = slot("2026-03-10T02:00:00+01:00");
        let moment = wanted + copy.delay_of(&wanted, 11);
        assert!(moment > wanted);
        let created = at("2026-03-09T12:00:00Z");
        assert_eq!(copy.due(None, created, created, 11), Due::At(moment));
        let just_before = wanted.to_utc() + chrono::Duration::seconds(1);
        assert_eq!(copy.due(None, created, just_before, 11), Due::At(moment));
        assert_eq!(copy.due(None, created, moment.to_utc(), 11), Due::Now { slot: wanted, made_up: false });
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_stop_the_schedule_for_ever() {
        let now = at("2026-03-09T12:00:00Z");
        let created = at("2026-01-01T00:00:00Z");
        let next = slot("2026-03-10T02:00:00+01:00");
        assert_eq!(daily(0).due(Some(at("2036-01-01T00:00:00Z")), created, now, 0), Due::At(next));
        // A small step back must not run the same slot twice.
        let at_slot = at("2026-03-09T01:00:00Z");
        let stepped_back = at_slot - chrono::Duration::seconds(5);
        assert_eq!(daily(0).due(Some(at_slot), created, stepped_back, 0), Due::At(next));
    }

    #[test]
    fn a_day_that_never_comes_is_never_due() {
        let mut copy = daily(0);
        copy.schedule = "0 2 31 2 *".parse().unwrap();
        assert_eq!(copy.due(None, at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"), 0), Due::Never);
    }

    #[test]
    fn years_of_missed_seconds_are_judged_at_once() {
        let mut copy = daily(0);
        copy.schedule = "* * * * * *".parse().unwrap();
        let due = copy.due(None, at("1990-01-01T00:00:00Z"), at("2026-01-01T00:00:00.5Z"), 0);
        assert_eq!(due, Due::Now { slot: slot("2026-01-01T01:00:00+01:00"), made_up: false });
    }

    fn daily(delay_seconds: u64) -> AutoCopy {
        AutoCopy {
            schedule: "0 2 * * *".parse().unwrap(),
            zone: chrono_tz::Europe::Stockholm,
            random_delay: Duration::from_secs(delay_seconds),
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn slot(text: &str) -> DateTime<Tz> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&chrono_tz::Europe::Stockholm)
    }
}
