//! The limits that a site decides by, which both sites go by alike.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::length;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// How a limit that is not there is written.
const NEVER: &str = "never";

/// How many control addresses a pair may need: more than anybody has.
const CONTROL_ADDRESSES: RangeInclusive<u8> = 1..=16;

/// How often in a row a probe may fail before it counts; one a second.
const IN_A_ROW: RangeInclusive<u32> = 1..=120;

/// The limits that a site decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Limits {
    /// How many of its control addresses must answer.
    pub control_needed: u8,
    /// How many probes in a row must miss before the control address counts as lost.
    pub control_fall: u32,
    /// How many health probes in a row must fail before the call server counts as ill.
    pub health_fall: u32,
    /// The alternate does not take over by itself with older data.
    pub data_limit: Duration,
    /// How long an automatic takeover stops the next.
    pub guard: Duration,
    /// How long the primary must be well before it gets the traffic back by itself; `None`: a person brings it back.
    pub return_after: Option<Duration>,
    /// How long a voter must be gone before the other two agree to wait for a person; `None`: never.
    pub degrade_after: Option<Duration>,
    /// How long a site waits beyond the other one's promise before it takes over.
    pub hold_off: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_needed: 1,
            control_fall: 5,
            health_fall: 3,
            // A day-old copy that failed once is still good enough to go live with; a second one that failed is not.
            data_limit: HOUR * 48,
            guard: HOUR,
            return_after: Some(MINUTE * 10),
            degrade_after: None,
            hold_off: Duration::ZERO,
        }
    }
}

/// One of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::control_needed`].
    ControlAddresses,
    /// [`Limits::control_fall`].
    ControlMisses,
    /// [`Limits::health_fall`].
    CallServerMisses,
    /// [`Limits::data_limit`].
    DataAge,
    /// [`Limits::guard`].
    FlapGuard,
    /// [`Limits::return_after`].
    ReturnAfter,
    /// [`Limits::degrade_after`].
    DegradeAfter,
    /// [`Limits::hold_off`].
    HoldOff,
}

impl Limit {
    /// All, in the order in which people read them.
    pub const ALL: [Self; 8] = [
        Self::ControlAddresses,
        Self::ControlMisses,
        Self::CallServerMisses,
        Self::DataAge,
        Self::FlapGuard,
        Self::ReturnAfter,
        Self::DegradeAfter,
        Self::HoldOff,
    ];

    /// Its literal word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ControlAddresses => "control-addresses",
            Self::ControlMisses => "control-misses",
            Self::CallServerMisses => "call-server-misses",
            Self::DataAge => "data-age",
            Self::FlapGuard => "flap-guard",
            Self::ReturnAfter => "return-after",
            Self::DegradeAfter => "degrade-after",
            Self::HoldOff => "hold-off",
        }
    }

    /// What it says, in a line of a small screen.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::ControlAddresses => "how many must answer a site",
            Self::ControlMisses => "misses in a row until a site hands over",
            Self::CallServerMisses => "bad probes in a row until a site hands over",
            Self::DataAge => "older data: the alternate waits for a person",
            Self::FlapGuard => "how long a takeover by itself stops the next",
            Self::ReturnAfter => "how long the primary must be well, or never",
            Self::DegradeAfter => "a voter gone so long: people switch, or never",
            Self::HoldOff => "the wait beyond the other site's promise",
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|limit| limit.word() == text);
        found.ok_or_else(|| format!("\"{text}\" is none of {}", Self::ALL.map(Self::word).join(", ")))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Limits {
    /// Whether they are as they are when nobody sets them.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// One of them, as it is written.
    #[must_use]
    pub fn get(&self, limit: Limit) -> String {
        let or_never = |time: Option<Duration>| time.map_or_else(|| NEVER.to_owned(), length::written);
        match limit {
            Limit::ControlAddresses => self.control_needed.to_string(),
            Limit::ControlMisses => self.control_fall.to_string(),
            Limit::CallServerMisses => self.health_fall.to_string(),
            Limit::DataAge => length::written(self.data_limit),
            Limit::FlapGuard => length::written(self.guard),
            Limit::ReturnAfter => or_never(self.return_after),
            Limit::DegradeAfter => or_never(self.degrade_after),
            Limit::HoldOff => length::written(self.hold_off),
        }
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// What is wrong with the text, and what it may be.
    pub fn set(&mut self, limit: Limit, text: &str) -> Result<(), String> {
        let text = text.trim();
        let place = |error: String| format!("{limit}: {error}");
        let or_never = |lengths| if text == NEVER { Ok(None) } else { within(text, lengths).map(Some) };
        match limit {
            Limit::ControlAddresses => self.control_needed = number(text, CONTROL_ADDRESSES).map_err(place)?,
            Limit::ControlMisses => self.control_fall = number(text, IN_A_ROW).map_err(place)?,
            Limit::CallServerMisses => self.health_fall = number(text, IN_A_ROW).map_err(place)?,
            Limit::DataAge => self.data_limit = within(text, HOUR..=WEEK * 52).map_err(place)?,
            Limit::FlapGuard => self.guard = within(text, Duration::ZERO..=WEEK).map_err(place)?,
            Limit::ReturnAfter => self.return_after = or_never(SECOND..=WEEK).map_err(place)?,
            Limit::DegradeAfter => self.degrade_after = or_never(MINUTE..=WEEK).map_err(place)?,
            Limit::HoldOff => self.hold_off = within(text, Duration::ZERO..=MINUTE * 10).map_err(place)?,
        }
        Ok(())
    }

    /// What cannot be with so many control addresses.
    #[must_use]
    pub fn fault(&self, control_addresses: usize) -> Option<String> {
        let needed = self.control_needed;
        let is_too_many = usize::from(needed) > control_addresses.max(1);
        is_too_many.then(|| {
            format!("{}: {needed} must answer and there are {control_addresses}", Limit::ControlAddresses.word())
        })
    }
}

fn number<N: FromStr + PartialOrd + fmt::Display>(text: &str, numbers: RangeInclusive<N>) -> Result<N, String> {
    let read = text.parse().ok().filter(|number| numbers.contains(number));
    read.ok_or_else(|| format!("\"{text}\" is no number from {} to {}", numbers.start(), numbers.end()))
}

fn within(text: &str, lengths: RangeInclusive<Duration>) -> Result<Duration, String> {
    let read = length::read(text)?;
    if lengths.contains(&read) {
        return Ok(read);
    }
    let (shortest, longest) = (length::written(*lengths.start()), length::written(*lengths.end()));
    Err(format!("{text} is not from {shortest} to {longest}"))
}

/// The limits as they are written: by their words; what is left out is as usual.
type Written = BTreeMap<String, Word>;

/// A limit as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Number(u32),
    Text(String),
}

impl TryFrom<Written> for Limits {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut limits = Self::default();
        for (limit, word) in written {
            let text = match word {
                Word::Number(number) => number.to_string(),
                Word::Text(text) => text,
            };
            limits.set(limit.parse()?, &text)?;
        }
        Ok(limits)
    }
}

impl From<Limits> for Written {
    fn from(limits: Limits) -> Self {
        let word = |text: String| text.parse().map_or(Word::Text(text), Word::Number);
        Limit::ALL.into_iter().map(|limit| (limit.to_string(), word(limits.get(limit)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_read_as_it_is_told() {
        let mut limits = Limits::default();
        let others = ["2", "7", "9", "24h", "0s", "never", "30min", "90s"];
        for (limit, other) in Limit::ALL.into_iter().zip(others) {
            assert_eq!(limit.word().parse(), Ok(limit));
            assert_ne!(limits.get(limit), other, "{limit}");
            limits.set(limit, other).unwrap();
            assert_eq!(limits.get(limit), other);
        }
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), limits, "{text}");
    }

    #[test]
    fn what_is_not_written_is_as_usual() {
        let limits: Limits = serde_json::from_str(r#"{"return-after": "never"}"#).unwrap();
        assert_eq!(limits, Limits { return_after: None, ..Limits::default() });
        let error = serde_json::from_str::<Limits>(r#"{"returns": "never"}"#).unwrap_err().to_string();
        assert!(error.contains("\"returns\" is none of control-addresses"), "{error}");
    }

    #[test]
    fn what_would_make_no_sense_is_refused_with_what_may_be_written() {
        let refused = [
            (Limit::ControlAddresses, "0", "1 to 16"),
            (Limit::CallServerMisses, "0", "1 to 120"),
            (Limit::DataAge, "10s", "1h to"),
            (Limit::FlapGuard, "never", "10min or 2h"),
            (Limit::DegradeAfter, "5s", "1min to"),
            (Limit::HoldOff, "1h", "to 10min"),
        ];
        let mut limits = Limits::default();
        for (limit, text, told) in refused {
            let error = limits.set(limit, text).unwrap_err();
            assert!(error.starts_with(limit.word()) && error.contains(told), "{error}");
        }
        assert!(limits.are_usual());
        limits.control_needed = 2;
        assert!(limits.fault(1).unwrap().contains("2 must answer and there are 1"));
        assert_eq!(limits.fault(2), None);
    }
}
