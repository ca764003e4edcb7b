//! The marker rule: who had a server blocked and since when, kept in the packet filter itself.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, SecondsFormat};
use thiserror::Error;

use super::{Fingerprint, Origin};

/// The word by which our marker rules are known; other people's comments do not begin with it.
const NAME: &str = "mxone_system_redundancy";

/// Stands for the time in the boot guard's rules: its file is written long before the boot it blocks.
const AT_BOOT: &str = "at-boot";

/// Who had a server blocked, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Who.
    pub origin: Origin,
    /// Since when, to the second; `None`: since it booted.
    pub since: Option<DateTime<FixedOffset>>,
}

impl Mark {
    /// The boot guard's mark.
    pub const BOOT: Self = Self { origin: Origin::Boot, since: None };
}

/// A mark together with the fingerprint of the rules it stands before: the text of the marker rule's comment,
/// `mxone_system_redundancy order 2026-11-21T02:10:00+01:00 0123456789abcdef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The mark.
    pub mark: Mark,
    /// The fingerprint of the rule set.
    pub fingerprint: Fingerprint,
}

impl Signed {
    /// The marker rule, which matches every packet and has no target.
    #[must_use]
    pub fn rule(&self) -> String {
        format!("-m comment --comment \"{self}\"")
    }

    /// Reads a rule as a marker rule; `None` when it is another rule.
    #[must_use]
    pub fn of_rule(rule: &str) -> Option<Self> {
        rule.strip_prefix("-m comment --comment \"")?.strip_suffix('"')?.parse().ok()
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = match self.mark.since {
            Some(since) => since.to_rfc3339_opts(SecondsFormat::Secs, false),
            None => AT_BOOT.to_owned(),
        };
        write!(f, "{NAME} {} {since} {}", self.mark.origin, self.fingerprint)
    }
}

impl FromStr for Signed {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let refuse = || MarkError::NotAMark(text.to_owned());
        let words: Vec<&str> = text.split(' ').collect();
        let [NAME, origin, since, fingerprint] = words.as_slice() else {
            return Err(refuse());
        };
        let origin = match *origin {
            "order" => Origin::Order,
            "boot" => Origin::Boot,
            "maintenance" => Origin::Maintenance,
            _ => return Err(refuse()),
        };
        let since = match *since {
            AT_BOOT => None,
            since => Some(DateTime::parse_from_rfc3339(since).map_err(|_| refuse())?),
        };
        let fingerprint = fingerprint.parse().map_err(|_| refuse())?;
        Ok(Self { mark: Mark { origin, since }, fingerprint })
    }
}

/// A text that is no mark of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkError {
    /// Not in our form.
    #[error("\"{0}\" is not a mark of ours")]
    NotAMark(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for text in [
            "mxone_system_redundancy order 2026-11-21T02:10:00+01:00 0123456789abcdef",
            "mxone_system_redundancy boot at-boot 0123456789abcdef",
            "mxone_system_redundancy maintenance 2026-11-21T02:10:00+00:00 ffffffffffffffff",
        ] {
            assert_eq!(text.parse::<Signed>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_comment_of_somebody_else_is_no_mark() {
        for rule in [
            "-m comment --comment \"mxone_system_redundancy order yesterday 0123456789abcdef\"",
            "-m comment --comment \"mxone_system_redundancy order 2026-11-21T02:10:00+01:00 short\"",
            "-m comment --comment telephony -j ACCEPT",
        ] {
            assert_eq!(Signed::of_rule(rule), None, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Signed>();
            let _ = Signed::of_rule(&text);
        }
    }
}
