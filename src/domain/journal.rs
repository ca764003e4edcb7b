//! What is written down about actions: the history, and the one action that may be unfinished.

use std::fmt;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::backup::{Backup, Generation, GenerationName};
use super::plan::{Action, Plan, Step};

/// Who acts, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user name, or `monitor`.
    pub who: String,
    /// The terminal or the address logged in from.
    pub from: String,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.who, self.from)
    }
}

/// An action that was begun; while it is kept, it is unfinished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The format of this record.
    pub schema: u32,
    /// Its name in the history.
    pub id: String,
    /// Who began it.
    #[serde(flatten)]
    pub person: Person,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// What it does.
    pub plan: Plan,
    /// What it needs beyond its plan: the text of the configuration it writes or takes away.
    pub material: Option<Material>,
    /// Whether it is on its way back.
    pub going_back: bool,
}

/// The texts of the configuration files an action writes, or would put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// `config.yaml`.
    pub configuration: String,
    /// `translation.yaml`.
    pub translation: String,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The format of this line.
    pub schema: u32,
    /// When it was written.
    pub at: DateTime<FixedOffset>,
    /// The action it belongs to; lines of one action share it.
    pub id: String,
    /// The action.
    pub action: Action,
    /// Who acts.
    #[serde(flatten)]
    pub person: Person,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a line of the history tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The action was confirmed and begins.
    Begun {
        /// How many steps it has.
        steps: usize,
    },
    /// A step begins.
    Before {
        /// Its number, from 1.
        number: usize,
        /// The step.
        change: Step,
    },
    /// A step ended.
    After {
        /// Its number, from 1.
        number: usize,
        /// How long it took.
        milliseconds: u64,
        /// What it found, or why it failed.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// The action goes back, step by step.
    GoingBack {
        /// Why.
        because: String,
    },
    /// The action ended.
    Ended {
        /// How long it took altogether.
        milliseconds: u64,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Something worth keeping that is no step: a check skipped, a setting changed, a copy not made.
    Noted {
        /// What.
        note: String,
    },
}

/// How a step or an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// As planned.
    Done {
        /// What was found.
        found: String,
    },
    /// It failed, and why.
    Failed {
        /// Why.
        because: String,
    },
    /// It failed or was abandoned, and all was put back.
    WentBack {
        /// Why.
        because: String,
    },
    /// It was not done, and that is no fault.
    NotDone {
        /// Why.
        because: String,
    },
}

/// What the utility keeps about the alternate's exchange data and the daily copy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The mirror loaded into the alternate and proved.
    pub loaded: Option<Loaded>,
    /// The mirror that was loaded before it.
    pub former: Option<GenerationName>,
    /// The backup whose load was begun and not proved.
    #[serde(default)]
    pub loading: Option<Backup>,
    /// When the daily copy was set up or last changed; slots before it are not made up.
    #[serde(default)]
    pub auto_copy_since: Option<DateTime<FixedOffset>>,
    /// When the daily copy was last attempted.
    pub last_attempt: Option<DateTime<FixedOffset>>,
    /// How the last copy ended.
    pub last_copy: Option<LastCopy>,
}

/// The mirror in the alternate system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Which.
    pub generation: Generation,
    /// When its load was proved.
    pub at: DateTime<FixedOffset>,
    /// The [fingerprint](super::translation::TranslationTable::fingerprint) of the table it was translated with.
    #[serde(default)]
    pub table: Option<u64>,
}

/// How the last copy ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCopy {
    /// When.
    pub at: DateTime<FixedOffset>,
    /// How.
    #[serde(flatten)]
    pub outcome: Outcome,
}
