//! A scenario as it is written: how the pair is set up, and one line for each thing that happens.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::fault::{Fault, mode_of, mode_word};
use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::lease::{Limits, ThirdVote, Timing};
use crate::domain::length;

/// A story goes on for so long after the last event, unless it says `until`: longer than every promise.
const AFTERMATH: Duration = Duration::from_secs(60);

/// What happens when, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The times of the lease.
    pub timing: Timing,
    /// Which direction of takeover waits for a person.
    pub takeover: TakeoverSettings,
    /// Who has the third vote.
    pub third: ThirdVote,
    /// What happens, in order.
    pub events: Vec<(Duration, Fault)>,
    /// When the story ends.
    pub until: Duration,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            timing: Timing::STANDARD,
            // The pair that MX-ONE's vendor recommends.
            takeover: TakeoverSettings {
                alternate_from_primary: Mode::Automatic,
                primary_from_alternate: Mode::Manual,
                // A story tells of the return where there is one.
                limits: Limits { return_after: None, ..Limits::default() },
            },
            third: ThirdVote::Witness,
            events: Vec::new(),
            until: AFTERMATH,
        }
    }
}

impl Scenario {
    /// The one that `simulate` plays without a file.
    ///
    /// # Errors
    /// None, as a test holds.
    pub fn training() -> Result<Self, ScenarioError> {
        Self::read(include_str!("training.scenario"))
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] with the line and what to write there.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario = Self::default();
        let mut until = None;
        for (at, line) in text.lines().enumerate() {
            let wrong = |what: String| ScenarioError { line: at + 1, what };
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Some(event) = line.strip_prefix("t=") {
                let event = read_event(event).map_err(wrong)?;
                if scenario.events.last().is_some_and(|(before, _)| *before > event.0) {
                    return Err(wrong("the lines go forward in time; put this one before the one above".into()));
                }
                scenario.events.push(event);
            } else if let Some(end) = line.strip_prefix("until ") {
                until = Some(seconds(end).map_err(wrong)?);
            } else {
                scenario.set(line).map_err(wrong)?;
            }
        }
        let last = scenario.events.last().map_or(Duration::ZERO, |(at, _)| *at);
        scenario.until = until.unwrap_or(last + AFTERMATH);
        Ok(scenario)
    }

    fn set(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["timing", "fast"] => self.timing = Timing::FAST,
            ["timing", "standard"] => self.timing = Timing::STANDARD,
            ["timing", "wan"] => self.timing = Timing::WAN,
            ["takeover", there, back] => {
                self.takeover.alternate_from_primary = mode_of(there)?;
                self.takeover.primary_from_alternate = mode_of(back)?;
            }
            ["third", "witness"] => self.third = ThirdVote::Witness,
            ["third", "control-address"] => self.third = ThirdVote::ControlAddress,
            ["return-after", length] => self.takeover.limits.return_after = Some(length::read(length)?),
            ["degrade-after", length] => self.takeover.limits.degrade_after = Some(length::read(length)?),
            ["hold-off", length] => self.takeover.limits.hold_off = length::read(length)?,
            ["guard", length] => self.takeover.limits.guard = length::read(length)?,
            ["control-needed", "1"] => self.takeover.limits.control_needed = 1,
            ["control-needed", "2"] => self.takeover.limits.control_needed = 2,
            _ => {
                return Err(format!(
                    "\"{line}\" is not understood; write an event like t=120 cut primary-alternate, or one of: timing \
                     fast|standard|wan, takeover automatic|manual automatic|manual (to the alternate, to the primary), \
                     third witness|control-address, return-after 10min, degrade-after 10min, hold-off 5s, guard 1h, \
                     control-needed 1|2, until 300"
                ));
            }
        }
        Ok(())
    }
}

fn read_event(text: &str) -> Result<(Duration, Fault), String> {
    let (at, what) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Ok((seconds(at)?, Fault::read(what)?))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no time; write seconds since the beginning, like 120 or 120.5");
    let number: f64 = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number).map_err(|_| wrong())
}

/// What a line of a scenario should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct ScenarioError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to write.
    pub what: String,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limits { return_after, degrade_after, hold_off, guard, control_needed, .. } = &self.takeover.limits;
        let (there, back) =
            (mode_word(self.takeover.alternate_from_primary), mode_word(self.takeover.primary_from_alternate));
        writeln!(f, "takeover {there} {back}")?;
        let profiles = [("fast", Timing::FAST), ("standard", Timing::STANDARD), ("wan", Timing::WAN)];
        for (name, _) in profiles.iter().filter(|(_, timing)| *timing == self.timing) {
            writeln!(f, "timing {name}")?;
        }
        if self.third == ThirdVote::ControlAddress {
            writeln!(f, "third control-address")?;
        }
        let lengths = [("return-after", *return_after), ("degrade-after", *degrade_after), ("guard", Some(*guard))];
        for (name, length) in lengths.into_iter().chain([("hold-off", Some(*hold_off))]) {
            if let Some(length) = length {
                writeln!(f, "{name} {}ms", length.as_millis())?;
            }
        }
        writeln!(f, "control-needed {control_needed}")?;
        for (at, fault) in &self.events {
            writeln!(f, "t={:.9} {fault}", at.as_secs_f64())?;
        }
        writeln!(f, "until {:.3}", self.until.as_secs_f64())
    }
}
