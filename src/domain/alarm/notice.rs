//! One thing that people are told.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::{Alarm, Severity};

/// The format of a notice.
pub const SCHEMA: u32 = 1;

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The format of this document.
    pub schema: u32,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// Which voter tells it: `primary`, `alternate`, `witness`.
    pub from: String,
    /// What kind of news it is.
    pub kind: Kind,
    /// The alarm that begins or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Alarm>,
    /// What it is about, where there can be several of the alarm: the name of a channel, a site.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// How bad it is; of an alarm that ends, how bad it was.
    #[serde(default)]
    pub severity: Severity,
    /// What a person reads.
    pub text: String,
}

impl Notice {
    /// News that are no alarm.
    #[must_use]
    pub fn of(kind: Kind, from: &str, at: DateTime<FixedOffset>, text: impl Into<String>) -> Self {
        let severity = match kind {
            Kind::RoleChanged => Severity::Major,
            Kind::Overlap => Severity::Critical,
            Kind::AlarmRaised | Kind::AlarmCleared | Kind::Test => Severity::Info,
        };
        let (from, text) = (from.to_owned(), text.into());
        Self { schema: SCHEMA, at, from, kind, alarm: None, about: String::new(), severity, text }
    }

    /// A line without the time: `alarm-raised witness-lost (major): the witness is not heard`.
    #[must_use]
    pub fn line(&self) -> String {
        let about = if self.about.is_empty() { String::new() } else { format!(" of {}", self.about) };
        match self.alarm {
            Some(alarm) => format!("{} {alarm}{about} ({}): {}", self.kind, self.severity, self.text),
            None => format!("{}: {}", self.kind, self.text),
        }
    }
}

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A site went live, was blocked, or gave its right back.
    RoleChanged,
    /// An alarm begins.
    AlarmRaised,
    /// An alarm is over.
    AlarmCleared,
    /// Both sites were live at the same time once; it is over.
    Overlap,
    /// Nothing happened; somebody wants to know whether news arrive.
    Test,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoleChanged => "role-changed",
            Self::AlarmRaised => "alarm-raised",
            Self::AlarmCleared => "alarm-cleared",
            Self::Overlap => "overlap",
            Self::Test => "test",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::RoleChanged, Self::AlarmRaised, Self::AlarmCleared, Self::Overlap, Self::Test];
        let found = all.into_iter().find(|kind| kind.to_string() == text);
        found.ok_or_else(|| format!("\"{text}\" is none of role-changed, alarm-raised, alarm-cleared, overlap, test"))
    }
}
