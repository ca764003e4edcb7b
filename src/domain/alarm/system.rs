//! Alarms of the telephony system itself, and which of them say no more than that it is passive or was loaded.

use serde::Serialize;

/// An alarm of the telephony system, as it tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemAlarm {
    /// What it says.
    pub text: String,
    /// On which server, where it tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lim: String,
    /// How bad it is, in the system's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// What it means here.
    pub reading: Reading,
}

/// What an alarm of the telephony system means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Something is wrong.
    Unexpected,
    /// A passive system raises it as a matter of course: it is cut off.
    ExpectedWhilePassive,
    /// A system raises it as a matter of course when exchange data is loaded into it.
    ExpectedAfterLoad,
}

impl Reading {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::ExpectedWhilePassive => "expected while passive",
            Self::ExpectedAfterLoad => "expected after load",
        }
    }
}

/// The texts of alarms that are expected of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpectedAlarms {
    /// While it is passive.
    pub while_passive: Vec<String>,
    /// After a load.
    pub after_load: Vec<String>,
}

/// What is going on at a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Every server of it is blocked.
    pub is_passive: bool,
    /// Exchange data was loaded into it.
    pub was_loaded: bool,
}

impl ExpectedAlarms {
    /// What an alarm means at a system; the texts are compared without regard to case.
    #[must_use]
    pub fn reading(&self, text: &str, standing: Standing) -> Reading {
        let text = text.to_lowercase();
        let is_in = |expected: &[String]| expected.iter().any(|expected| text.contains(&expected.to_lowercase()));
        if standing.is_passive && is_in(&self.while_passive) {
            Reading::ExpectedWhilePassive
        } else if standing.was_loaded && is_in(&self.after_load) {
            Reading::ExpectedAfterLoad
        } else {
            Reading::Unexpected
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_expected_of_a_passive_system_and_a_fault_of_the_active_one() {
        let expected = ExpectedAlarms {
            while_passive: vec!["SIP trunk heart beat failed".to_owned()],
            after_load: vec!["Exchange data reloaded".to_owned()],
        };
        let of = |text, is_passive, was_loaded| expected.reading(text, Standing { is_passive, was_loaded });
        assert_eq!(of("SIP TRUNK heart beat failed", true, true), Reading::ExpectedWhilePassive);
        assert_eq!(of("SIP trunk heart beat failed", false, true), Reading::Unexpected);
        assert_eq!(of("Exchange data reloaded", true, true), Reading::ExpectedAfterLoad);
        assert_eq!(of("Exchange data reloaded", false, false), Reading::Unexpected);
        assert_eq!(of("Disk full", true, true), Reading::Unexpected);
    }
}
