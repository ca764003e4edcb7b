//! A cron expression with crontab's meaning, and its next time on a clock with daylight-saving days.
//!
//! The `cron` crate finds the dates. What it means otherwise than crontab is turned round here: it wants six fields,
//! counts Sunday as 1, demands both days where crontab takes either, and loses times in the hour that is left out.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use thiserror::Error;

use super::field::{Field, FieldName};

/// Five fields (minute, hour, day of month, month, day of week), six with seconds before them, or `@daily` and the
/// like. It is written as it was read, with single blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSchedule {
    text: String,
    pub(super) fields: Fields,
    /// One, or two of which either counts: the days of month and the days of week.
    either: Vec<cron::Schedule>,
}

/// The fields as sets of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) second: Field,
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day_of_month: Field,
    pub(super) month: Field,
    pub(super) day_of_week: Field,
}

/// No clock has ever been put back by more than a day, which is what crossing the date line takes.
const LONGEST_PUT_BACK: i64 = 24;

impl CronSchedule {
    /// The first time after `after`; `None` when there is none before the year 2100.
    ///
    /// On the day whose clock is put forward, a time of day that is left out comes at the first minute after the gap;
    /// an expression for every hour has nothing to make up. On the day whose clock is put back, a time of day comes
    /// once, the first time; an expression for every hour or every few minutes comes in both the hours of that name.
    #[must_use]
    pub fn next_after(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut found: Option<DateTime<Tz>> = None;
        let mut local = after.naive_local().checked_sub_signed(put_back_soon(after))?;
        while let Some(next) = self.next_local(local) {
            let (first, second) = self.moments(next, after.timezone());
            if first.as_ref().is_some_and(|first| found.as_ref().is_some_and(|found| first > found)) {
                break;
            }
            let earliest = [first, second].into_iter().flatten().filter(|moment| moment > after).min();
            found = match (found, earliest) {
                (Some(found), Some(earliest)) => Some(found.min(earliest)),
                (found, earliest) => found.or(earliest),
            };
            local = next;
        }
        found
    }

    /// The first local time after `local` that the expression names, gaps and repeated hours aside.
    fn next_local(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        self.either.iter().filter_map(|days| days.after(&local.and_utc()).next()).min().map(|time| time.naive_utc())
    }

    /// When a local time is: never, once, or twice.
    fn moments(&self, local: NaiveDateTime, zone: Tz) -> (Option<DateTime<Tz>>, Option<DateTime<Tz>>) {
        let Fields { hour, minute, .. } = &self.fields;
        match zone.from_local_datetime(&local) {
            LocalResult::Single(moment) => (Some(moment), None),
            LocalResult::Ambiguous(first, second) => (Some(first), (hour.star || minute.star).then_some(second)),
            LocalResult::None if hour.star => (None, None),
            LocalResult::None => (first_after_gap(local, zone), None),
        }
    }
}

impl FromStr for CronSchedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let spelled_out = match words.as_slice() {
            [] => return Err(ScheduleError::Empty),
            [shortcut] if shortcut.starts_with('@') => shortcut_meaning(shortcut)?.split(' ').collect(),
            _ => words.clone(),
        };
        let fields = match spelled_out.as_slice() {
            [minute, hour, day, month, weekday] => Fields::parse(["0", minute, hour, day, month, weekday])?,
            [second, minute, hour, day, month, weekday] => Fields::parse([second, minute, hour, day, month, weekday])?,
            other => return Err(ScheduleError::FieldCount(other.len())),
        };
        Ok(Self { text: words.join(" "), either: fields.schedules()?, fields })
    }
}

impl fmt::Display for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Fields {
    fn parse(texts: [&str; 6]) -> Result<Self, ScheduleError> {
        let [second, minute, hour, day_of_month, month, day_of_week] = texts;
        Ok(Self {
            second: Field::parse(FieldName::Second, second)?,
            minute: Field::parse(FieldName::Minute, minute)?,
            hour: Field::parse(FieldName::Hour, hour)?,
            day_of_month: Field::parse(FieldName::DayOfMonth, day_of_month)?,
            month: Field::parse(FieldName::Month, month)?,
            day_of_week: Field::parse(FieldName::DayOfWeek, day_of_week)?,
        })
    }

    /// Where neither day begins with `*`, either of them is enough (crontab(5) of Vixie cron); else both must fit.
    fn schedules(&self) -> Result<Vec<cron::Schedule>, ScheduleError> {
        let month_days = written(&self.day_of_month, FieldName::DayOfMonth);
        let week_days = written(&self.day_of_week, FieldName::DayOfWeek);
        let days = if self.day_of_month.star || self.day_of_week.star {
            vec![(month_days, week_days)]
        } else {
            vec![(month_days, "*".to_owned()), ("*".to_owned(), week_days)]
        };
        days.iter().map(|(month_days, week_days)| self.schedule(month_days, week_days)).collect()
    }

    fn schedule(&self, month_days: &str, week_days: &str) -> Result<cron::Schedule, ScheduleError> {
        let source = format!(
            "{} {} {} {month_days} {} {week_days}",
            written(&self.second, FieldName::Second),
            written(&self.minute, FieldName::Minute),
            written(&self.hour, FieldName::Hour),
            written(&self.month, FieldName::Month),
        );
        source.parse().map_err(|error: cron::error::Error| ScheduleError::NotTaken(error.to_string()))
    }
}

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Nothing.
    #[error("the schedule is empty; write minute, hour, day of month, month and day of week, such as 0 2 * * *")]
    Empty,
    /// Too few or too many fields.
    #[error(
        "the schedule has {0} field(s); write 5 (minute, hour, day of month, month, day of week), or 6 with seconds first"
    )]
    FieldCount(usize),
    /// Not one of the shortcuts.
    #[error("{0} is not known; write @hourly, @daily, @weekly, @monthly or @yearly")]
    Shortcut(String),
    /// A field that says nothing.
    #[error("the {field} field \"{text}\" is wrong: {because}")]
    Field {
        /// Which.
        field: FieldName,
        /// What was written.
        text: String,
        /// What is wrong with it and what to write.
        because: String,
    },
    /// Fields that we understood and the `cron` crate did not.
    #[error("the schedule cannot be used: {0}")]
    NotTaken(String),
}

fn shortcut_meaning(shortcut: &str) -> Result<&'static str, ScheduleError> {
    match shortcut.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        _ => Err(ScheduleError::Shortcut(shortcut.to_owned())),
    }
}

/// A field as the `cron` crate reads it: numbers one by one, days of the week by name, since it counts them otherwise.
fn written(field: &Field, name: FieldName) -> String {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    if field.is_every(name) {
        return "*".to_owned();
    }
    let words: Vec<String> = match name {
        FieldName::DayOfWeek => DAYS
            .iter()
            .zip(0..)
            .filter(|(_, number)| field.numbers.contains(number))
            .map(|(day, _)| (*day).to_owned())
            .collect(),
        FieldName::Second | FieldName::Minute | FieldName::Hour | FieldName::DayOfMonth | FieldName::Month => {
            field.numbers.iter().map(u32::to_string).collect()
        }
    };
    words.join(",")
}

/// By how much the clock is going to be put back within the longest time that local times can repeat after.
fn put_back_soon(after: &DateTime<Tz>) -> Duration {
    let now = after.offset().fix().local_minus_utc();
    let lowest = (1..=LONGEST_PUT_BACK)
        .filter_map(|hours| after.checked_add_signed(Duration::hours(hours)))
        .map(|later| later.offset().fix().local_minus_utc())
        .min();
    Duration::seconds(i64::from(lowest.map_or(0, |lowest| (now - lowest).max(0))))
}

/// The first whole minute that exists after a local time that does not.
fn first_after_gap(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    let minute = local.with_second(0)?.with_nanosecond(0)?;
    (1..=LONGEST_PUT_BACK * 60 + 60)
        .filter_map(|minutes| minute.checked_add_signed(Duration::minutes(minutes)))
        .find_map(|later| zone.from_local_datetime(&later).earliest())
}

#[cfg(test)]
mod tests;
