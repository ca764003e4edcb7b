//! Crontab's meaning against an independent slow reference, and the days on which clocks change.

use chrono::{Datelike, NaiveDate};
use chrono_tz::America::New_York;
use chrono_tz::Europe::Stockholm;
use proptest::prelude::*;

use super::*;

#[test]
fn it_is_written_as_it_was_read() {
    for text in ["30 2 * * 1-5", "@daily", "0 30 2 1,15 JAN-MAR sun", "*/5 * * * *"] {
        let schedule: CronSchedule = text.parse().unwrap();
        assert_eq!(schedule.to_string(), text);
        assert_eq!(schedule.to_string().parse::<CronSchedule>().unwrap(), schedule);
    }
    assert_eq!(parse("  0   2\t* * * ").to_string(), "0 2 * * *");
}

#[test]
fn what_is_wrong_is_said_by_field_and_what_to_write() {
    let said: Vec<String> = [
        "",
        "0 2 * *",
        "0 0 2 * * * *",
        "@reboot",
        "60 2 * * *",
        "0 24 * * *",
        "0 2 0 * *",
        "0 2 * 13 *",
        "0 2 * * 8",
        "0 2 * * FRY",
        "0 2 * * 5-1",
        "0 5/2 * * *",
        "0 */0 * * *",
        "+5 2 * * *",
        "0 2 L * *",
        "0 2 ? * *",
        "0 2 * * 5#2",
        "0,,5 2 * * *",
        "60 0 2 * * *",
    ]
    .iter()
    .map(|text| format!("{text:?}: {}", text.parse::<CronSchedule>().unwrap_err()))
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn sunday_is_0_and_7_and_the_end_of_a_range() {
    for sunday in ["0", "7", "SUN", "sun", "7-7", "0,7"] {
        let next = parse(&format!("0 2 * * {sunday}")).next_after(&local(Stockholm, "2026-11-18T12:00:00")).unwrap();
        assert_eq!(next.to_rfc3339(), "2026-11-22T02:00:00+01:00", "{sunday}");
    }
    let weekend = parse("0 2 * * SAT-SUN");
    assert_eq!(weekend.fields.day_of_week.numbers.iter().copied().collect::<Vec<_>>(), [0, 6]);
    assert_eq!(parse("0 2 * * 5-7").fields.day_of_week.numbers.len(), 3);
}

#[test]
fn a_daily_run_in_the_hour_left_out_or_repeated_happens_exactly_once() {
    // The days on which the two zones change their clocks in 2026, with the days around them.
    for (zone, from, runs) in [
        (Stockholm, "2026-03-28T00:00:00", ["28T02:30:00+01:00", "29T03:00:00+02:00", "30T02:30:00+02:00"]),
        (Stockholm, "2026-10-24T00:00:00", ["24T02:30:00+02:00", "25T02:30:00+02:00", "26T02:30:00+01:00"]),
        (New_York, "2026-03-07T00:00:00", ["07T02:30:00-05:00", "08T03:00:00-04:00", "09T02:30:00-04:00"]),
        (New_York, "2026-10-31T00:00:00", ["31T02:30:00-04:00", "01T02:30:00-05:00", "02T02:30:00-05:00"]),
    ] {
        let found = following(&parse("30 2 * * *"), local(zone, from), 3);
        assert!(found.iter().zip(runs).all(|(found, run)| found.ends_with(run)), "{zone}: {found:?}");
    }
    let repeated_there = following(&parse("30 1 * * *"), local(New_York, "2026-10-31T12:00:00"), 2);
    assert_eq!(repeated_there, ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]);
}

#[test]
fn several_times_in_the_hour_left_out_come_once_together() {
    let found = following(&parse("0,15,30 2 * * *"), local(Stockholm, "2026-03-29T00:00:00"), 2);
    assert_eq!(found, ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]);
}

#[test]
fn a_run_every_half_hour_keeps_the_repeated_hour_in_order() {
    let found = following(&parse("*/30 * * * *"), local(Stockholm, "2026-10-25T01:45:00"), 6);
    assert_eq!(
        found,
        [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
            "2026-10-25T03:30:00+01:00",
        ]
    );
}

#[test]
fn an_hourly_run_neither_skips_an_hour_nor_makes_one_up() {
    let spring = following(&parse("15 * * * *"), local(Stockholm, "2026-03-29T01:00:00"), 3);
    assert_eq!(spring, ["2026-03-29T01:15:00+01:00", "2026-03-29T03:15:00+02:00", "2026-03-29T04:15:00+02:00"]);
    let autumn = following(&parse("15 * * * *"), local(Stockholm, "2026-10-25T01:30:00"), 3);
    assert_eq!(autumn, ["2026-10-25T02:15:00+02:00", "2026-10-25T02:15:00+01:00", "2026-10-25T03:15:00+01:00"]);
}

#[test]
fn a_gap_of_a_whole_day_is_stepped_over() {
    // Samoa left out 30 December 2011 when it crossed the date line.
    let found = following(&parse("0 2 * * *"), local(chrono_tz::Pacific::Apia, "2011-12-29T12:00:00"), 2);
    assert_eq!(found, ["2011-12-31T00:00:00+14:00", "2011-12-31T02:00:00+14:00"]);
}

#[test]
fn a_day_that_never_comes_is_answered_at_once() {
    for never in ["0 2 31 2 *", "0 2 30 FEB *", "0 2 31 4,6,9,11 *"] {
        assert_eq!(parse(never).next_after(&local(Stockholm, "2026-01-01T00:00:00")), None);
    }
    let leap = following(&parse("0 2 29 2 *"), local(Stockholm, "2096-03-01T00:00:00"), 1);
    assert!(leap.is_empty(), "2100 is no leap year, and nothing is looked for beyond it: {leap:?}");
}

#[test]
fn either_day_counts_unless_one_begins_with_a_star() {
    let either = following(&parse("0 2 13 * 5"), local(Stockholm, "2026-11-07T00:00:00"), 3);
    assert_eq!(either, ["2026-11-13T02:00:00+01:00", "2026-11-20T02:00:00+01:00", "2026-11-27T02:00:00+01:00"]);
    let both = following(&parse("0 2 */2 * 1"), local(Stockholm, "2026-11-01T00:00:00"), 2);
    assert_eq!(both, ["2026-11-09T02:00:00+01:00", "2026-11-23T02:00:00+01:00"]);
}

#[test]
fn four_hundred_random_expressions_mean_what_vixie_cron_makes_of_them() {
    let mut dice = Dice(20_261_121);
    for _ in 0..400 {
        let expression = dice.expression();
        let schedule = parse(&expression);
        let start = NaiveDate::from_ymd_opt(2024 + dice.below(4).cast_signed(), 1 + dice.below(12), 1 + dice.below(28))
            .and_then(|day| day.and_hms_opt(dice.below(24), dice.below(60), 0))
            .unwrap();
        // A reference that only goes minute by minute cannot look far; a year holds every month and leap days.
        let expected = slow::next(&expression, start, 366 * 24 * 60);
        let zone: Tz = chrono_tz::UTC;
        let found = schedule.next_after(&zone.from_utc_datetime(&start)).map(|found| found.naive_utc());
        match expected {
            Some(expected) => assert_eq!(found, Some(expected), "{expression} after {start}"),
            None => assert!(found.is_none_or(|found| found > start + Duration::days(365)), "{expression}: {found:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_reading_or_asking_panic(text in "[-0-9*/,@a-zA-Z? ]{0,24}") {
        if let Ok(schedule) = text.parse::<CronSchedule>() {
            prop_assert_eq!(&schedule.to_string().parse::<CronSchedule>().unwrap(), &schedule);
            let after = local(Stockholm, "2026-10-25T02:45:00");
            let next = schedule.next_after(&after);
            prop_assert!(next.is_none_or(|next| next > after));
            prop_assert!(!schedule.in_words().is_empty());
        }
    }

    #[test]
    fn times_only_go_forward_over_a_change_of_clocks(step in 1_u32..59, hour in 0_u32..5, minutes in 0_i64..600) {
        for (zone, from) in [(Stockholm, "2026-03-28T22:00:00"), (Stockholm, "2026-10-24T22:00:00"), (New_York, "2026-11-01T00:00:00")] {
            let after = local(zone, from) + Duration::minutes(minutes);
            for expression in [format!("*/{step} * * * *"), format!("{step} {hour} * * *"), format!("{step} */2 * * *")] {
                let schedule = parse(&expression);
                let first = schedule.next_after(&after).unwrap();
                let second = schedule.next_after(&first).unwrap();
                prop_assert!(after < first && first < second, "{} {} {} {}", expression, after, first, second);
                // Nothing lies between: asking a second before gives the same answer.
                prop_assert_eq!(schedule.next_after(&(first - Duration::seconds(1))), Some(first));
            }
        }
    }
}

/// An independent reading of crontab: is this minute named? Written from crontab(5), sharing no code with ours.
mod slow {
    use super::{Datelike, Duration, NaiveDateTime, Timelike};

    pub fn next(expression: &str, start: NaiveDateTime, minutes: i64) -> Option<NaiveDateTime> {
        let fields: Vec<&str> = expression.split(' ').collect();
        let mut time = start + Duration::minutes(1);
        while time <= start + Duration::minutes(minutes) {
            if !day_named(&fields, time) {
                time = time.date().and_time(chrono::NaiveTime::MIN) + Duration::days(1);
            } else if minute_named(&fields, time) {
                return Some(time);
            } else {
                time += Duration::minutes(1);
            }
        }
        None
    }

    fn day_named(fields: &[&str], time: NaiveDateTime) -> bool {
        let weekday = time.weekday().num_days_from_sunday();
        let day = holds(fields[2], time.day(), 1, 31);
        let week = holds(fields[4], weekday, 0, 7) || (weekday == 0 && holds(fields[4], 7, 0, 7));
        let days = if fields[2].starts_with('*') || fields[4].starts_with('*') { day && week } else { day || week };
        days && holds(fields[3], time.month(), 1, 12)
    }

    fn minute_named(fields: &[&str], time: NaiveDateTime) -> bool {
        holds(fields[0], time.minute(), 0, 59) && holds(fields[1], time.hour(), 0, 23)
    }

    fn holds(field: &str, value: u32, least: u32, greatest: u32) -> bool {
        field.split(',').any(|part| {
            let (range, step) = part.split_once('/').unwrap_or((part, "1"));
            let (from, to) = if range == "*" {
                (least, greatest)
            } else {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                (from.parse().unwrap(), to.parse().unwrap())
            };
            value >= from && value <= to && (value - from).is_multiple_of(step.parse().unwrap())
        })
    }
}

/// Random expressions, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }

    fn field(&mut self, least: u32, greatest: u32) -> String {
        let span = greatest - least + 1;
        let from = least + self.below(span);
        let to = from + self.below(greatest - from + 1);
        match self.below(7) {
            0 | 1 => "*".to_owned(),
            2 => format!("*/{}", 1 + self.below(span)),
            3 => format!("{from}-{to}"),
            4 => format!("{from}-{to}/{}", 1 + self.below(5)),
            5 => format!("{from},{}", least + self.below(span)),
            _ => from.to_string(),
        }
    }

    fn expression(&mut self) -> String {
        let fields = [self.field(0, 59), self.field(0, 23), self.field(1, 31), self.field(1, 12), self.field(0, 7)];
        fields.join(" ")
    }
}

fn parse(text: &str) -> CronSchedule {
    text.parse().unwrap()
}

fn local(zone: Tz, text: &str) -> DateTime<Tz> {
    zone.from_local_datetime(&text.parse().unwrap()).earliest().unwrap()
}

fn following(schedule: &CronSchedule, after: DateTime<Tz>, count: usize) -> Vec<String> {
    std::iter::successors(schedule.next_after(&after), |slot| schedule.next_after(slot))
        .take(count)
        .map(|slot| slot.to_rfc3339())
        .collect()
}
