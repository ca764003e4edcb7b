//! One field of a cron expression: which numbers it names, the way crontab reads it.

use std::collections::BTreeSet;
use std::fmt;

use super::cron_schedule::ScheduleError;

/// The six fields of a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldName {
    /// Seconds, only where six fields are written.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days of the month.
    DayOfMonth,
    /// Months.
    Month,
    /// Days of the week; 0 and 7 are Sunday.
    DayOfWeek,
}

impl FieldName {
    /// The least and the greatest number the field may hold.
    const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// The names that may stand for numbers, the first for the least named number.
    const fn names(self) -> (&'static [&'static str], u32) {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => (&[], 0),
            Self::Month => (&["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1),
            Self::DayOfWeek => (&["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 0),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// The numbers a field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// The numbers; Sunday is 0.
    pub(super) numbers: BTreeSet<u32>,
    /// Whether the text begins with `*`, which is what crontab's rule for days looks at, even in `*/2`.
    pub(super) star: bool,
}

impl Field {
    /// Reads a field: a list of numbers, ranges and `*`, the last two with a step.
    pub(super) fn parse(name: FieldName, text: &str) -> Result<Self, ScheduleError> {
        let mut numbers = BTreeSet::new();
        for part in text.split(',') {
            let (first, last, step) = part_of(name, text, part)?;
            numbers.extend((first..=last).step_by(step));
        }
        if name == FieldName::DayOfWeek && numbers.remove(&7) {
            numbers.insert(0);
        }
        Ok(Self { numbers, star: text.starts_with('*') })
    }

    /// The only number of a field that names one.
    pub(super) fn single(&self) -> Option<u32> {
        match self.numbers.len() {
            1 => self.numbers.first().copied(),
            _ => None,
        }
    }

    /// Whether the field leaves nothing out.
    pub(super) fn is_every(&self, name: FieldName) -> bool {
        let (lowest, highest) = name.bounds();
        let highest = if name == FieldName::DayOfWeek { 6 } else { highest };
        (lowest..=highest).all(|number| self.numbers.contains(&number))
    }
}

/// Reads one part of a list: first number, last number, step.
fn part_of(name: FieldName, text: &str, part: &str) -> Result<(u32, u32, usize), ScheduleError> {
    let wrong = |because: String| ScheduleError::Field { field: name, text: text.to_owned(), because };
    let (lowest, highest) = name.bounds();
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (from, to) = if range == "*" {
        (lowest, if name == FieldName::DayOfWeek { 6 } else { highest })
    } else if let Some((from, to)) = range.split_once('-') {
        let number = number_of(name, text, from)?;
        // Sunday begins the week as SUN and ends it as 7; in FRI-SUN it can only be the end.
        let ends_in_sunday = name == FieldName::DayOfWeek && to.eq_ignore_ascii_case("SUN") && number > 0;
        (number, if ends_in_sunday { 7 } else { number_of(name, text, to)? })
    } else if step.is_some() {
        number_of(name, text, range)?;
        return Err(wrong(format!("a step needs a range; write {range}-{highest}/N or */N")));
    } else {
        let number = number_of(name, text, range)?;
        (number, number)
    };
    if from > to {
        return Err(wrong(format!("the range {range} runs backwards; write {from}-{highest},{lowest}-{to}")));
    }
    Ok((from, to, step.map_or(Ok(1), |step| step_of(step).ok_or_else(|| wrong(no_step(step, highest))))?))
}

fn step_of(word: &str) -> Option<usize> {
    digits(word).filter(|step| *step > 0).and_then(|step| usize::try_from(step).ok())
}

fn no_step(word: &str, highest: u32) -> String {
    format!("\"{word}\" is no step; write a number from 1 on, such as */{}", highest.div_ceil(2))
}

/// Reads a number or a name.
fn number_of(name: FieldName, text: &str, word: &str) -> Result<u32, ScheduleError> {
    let wrong = |because: String| ScheduleError::Field { field: name, text: text.to_owned(), because };
    let (lowest, highest) = name.bounds();
    let (names, number_of_first) = name.names();
    if let Some((number, _)) = (number_of_first..).zip(names).find(|(_, known)| known.eq_ignore_ascii_case(word)) {
        return Ok(number);
    }
    match digits(word) {
        Some(number) if (lowest..=highest).contains(&number) => Ok(number),
        Some(number) => Err(wrong(format!("{number} is out of range; write {lowest} to {highest}"))),
        None => {
            let or_names = match names {
                [earliest, .., latest] => format!(" or {earliest} to {latest}"),
                _ => String::new(),
            };
            Err(wrong(format!("\"{word}\" is not understood; write * or {lowest} to {highest}{or_names}")))
        }
    }
}

/// A number written in nothing but at most nine digits (`+5` is a number to Rust, not to crontab).
fn digits(word: &str) -> Option<u32> {
    let plain = !word.is_empty() && word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| word.parse().ok()).flatten()
}
