//! A cron expression in words, for the shapes that people write.

use super::cron_schedule::{CronSchedule, Fields};
use super::field::{Field, FieldName};

/// More clock times than this are not listed.
const LISTED_AT_MOST: usize = 4;

impl CronSchedule {
    /// What it means, as `every day at 02:00`; what has no short name is quoted.
    #[must_use]
    pub fn in_words(&self) -> String {
        let fields = &self.fields;
        days(fields).and_then(|days| times(fields, &days)).unwrap_or_else(|| format!("at the times of \"{self}\""))
    }
}

/// `every day`, `every Monday to Friday`, `on day 1 of every month`; `None` for anything less plain.
fn days(fields: &Fields) -> Option<String> {
    if !fields.month.is_every(FieldName::Month) {
        return None;
    }
    let every_month_day = fields.day_of_month.is_every(FieldName::DayOfMonth);
    let every_week_day = fields.day_of_week.is_every(FieldName::DayOfWeek);
    match (every_month_day, every_week_day) {
        (true, true) => Some("every day".to_owned()),
        // Both days named: with a star before one of them both must fit, and else one is enough.
        (true, false) if fields.day_of_month.star => Some(format!("every {}", week_days(&fields.day_of_week))),
        (false, true) if fields.day_of_week.star => {
            fields.day_of_month.single().map(|day| format!("on day {day} of every month"))
        }
        _ => None,
    }
}

fn times(fields: &Fields, days: &str) -> Option<String> {
    let Fields { second, minute, hour, .. } = fields;
    if second.single() != Some(0) {
        return None;
    }
    let every_day = days == "every day";
    match (hour.is_every(FieldName::Hour), minute.single(), step(minute)) {
        (true, _, Some(1)) if every_day => Some("every minute".to_owned()),
        (true, _, Some(step)) if every_day => Some(format!("every {step} minutes")),
        (true, Some(0), _) if every_day => Some("every hour".to_owned()),
        (true, Some(minute), _) if every_day => Some(format!("every hour at minute {minute}")),
        (_, Some(minute), _) if hour.numbers.len() <= LISTED_AT_MOST => {
            let clock: Vec<String> = hour.numbers.iter().map(|hour| format!("{hour:02}:{minute:02}")).collect();
            Some(format!("{days} at {}", listed(&clock)))
        }
        _ => None,
    }
}

/// The step of minutes that divide the hour evenly from 0 on.
fn step(minute: &Field) -> Option<u32> {
    let count = u32::try_from(minute.numbers.len()).ok().filter(|count| *count > 1 && 60 % count == 0)?;
    let step = 60 / count;
    (0..count).all(|n| minute.numbers.contains(&(n * step))).then_some(step)
}

fn week_days(field: &Field) -> String {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    // In the order in which people say them: Sunday, crontab's 0, ends the week.
    let named: Vec<(u32, &str)> =
        (1..).zip(NAMES).filter(|(number, _)| field.numbers.contains(&(number % 7))).collect();
    let in_a_row = named.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0);
    match named.as_slice() {
        [(_, first), _, .., (_, last)] if in_a_row => format!("{first} to {last}"),
        _ => listed(&named.iter().map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>()),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_said_in_words() {
        for (expression, words) in [
            ("0 2 * * *", "every day at 02:00"),
            ("@daily", "every day at 00:00"),
            ("@hourly", "every hour"),
            ("@weekly", "every Sunday at 00:00"),
            ("@monthly", "on day 1 of every month at 00:00"),
            ("15 * * * *", "every hour at minute 15"),
            ("*/30 * * * *", "every 30 minutes"),
            ("* * * * *", "every minute"),
            ("0 2,14 * * *", "every day at 02:00 and 14:00"),
            ("30 2 * * 1-5", "every Monday to Friday at 02:30"),
            ("30 2 * * 6,7", "every Saturday and Sunday at 02:30"),
            ("0 0 30 2 * * 0", ""),
            ("5 2 1 * 1", "at the times of \"5 2 1 * 1\""),
            ("30 0 2 * * *", "at the times of \"30 0 2 * * *\""),
            ("0 2 * 1 *", "at the times of \"0 2 * 1 *\""),
        ] {
            let said = expression.parse::<CronSchedule>().map_or(String::new(), |schedule| schedule.in_words());
            assert_eq!(said, words, "{expression}");
        }
    }
}
