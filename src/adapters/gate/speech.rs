//! What LIM 1 and the holder of another server say to each other: a line of JSON each.

use serde::{Deserialize, Serialize};

use crate::domain::lease::GateSeen;
use crate::domain::traffic::GateRules;

/// What LIM 1 says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum ToHolder {
    /// First of all: the rules, and how often to ask.
    Begin {
        /// The rules of the gate.
        rules: GateRules,
        /// Milliseconds between two questions.
        every_ms: u64,
    },
    /// Ask now.
    // With braces, so that fields it does not have are refused.
    Ask {},
    /// The answer to the question of this number.
    Answer {
        /// Whose answer it is.
        number: u64,
        /// What the server may do.
        right: RightLeft,
    },
    /// Close now, and tell when that is read back.
    Close {
        /// By which the answer is known.
        ticket: u64,
    },
}

/// What a server may do, as LIM 1 sees it when it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RightLeft {
    /// Nothing was decided yet: leave the gate as it is.
    Undecided,
    /// No telephony.
    Closed,
    /// Telephony for so many milliseconds from the moment at which the holder asked.
    Ms(u64),
    /// Telephony without an end.
    Standing,
}

/// What the holder says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum FromHolder {
    /// What may this server do?
    Ask {
        /// By which the answer is known.
        number: u64,
        /// What the gate is.
        gate: GateSeen,
        /// Whether nobody changed it since the last question.
        whole: bool,
    },
    /// An answer was carried out.
    Done {
        /// Which.
        number: u64,
        /// What the gate is now.
        gate: GateSeen,
    },
    /// The gate was read back as closed.
    Closed {
        /// Of the order to close.
        ticket: u64,
    },
    /// Something could not be done.
    Failed {
        /// Why.
        because: String,
    },
}
