//! Port ranges, checked by us: iptables takes 99999 for 34463 and accepts reversed ranges.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Ports from first to last, 1 to 65535; written `5060` or `17000-31999`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// The ports from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`PortRangeError`] when a port is 0 or the range is reversed.
    pub fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        if first == 0 || last == 0 {
            return Err(PortRangeError::NotAPort("0".to_owned()));
        }
        if first > last {
            return Err(PortRangeError::Reversed { first, last });
        }
        Ok(Self { first, last })
    }

    /// The first port.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Every port of the range.
    #[must_use]
    pub fn ports(self) -> impl ExactSizeIterator<Item = u16> {
        // A range that ends at 65535 has no u16 beyond its end, so it counts from 0.
        (0..=self.last - self.first).map(move |n| self.first + n).collect::<Vec<_>>().into_iter()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Self::new(port(first)?, port(last)?)
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;

    fn try_from(text: String) -> Result<Self, PortRangeError> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

/// A port in plain decimal: no sign, no blanks, no leading zero (which other tools read as octal).
fn port(text: &str) -> Result<u16, PortRangeError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or_else(|| PortRangeError::NotAPort(text.to_owned()))
}

/// A text that is no range of ports.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PortRangeError {
    /// Not a number from 1 to 65535.
    #[error("\"{0}\" is not a port; ports are numbers from 1 to 65535")]
    NotAPort(String),
    /// The last port stands first.
    #[error("the port range {first}-{last} is reversed")]
    Reversed {
        /// What stands first.
        first: u16,
        /// What stands last.
        last: u16,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_beyond_65535_is_refused_though_iptables_takes_it() {
        for bad in ["99999", "0", "", "-", "5060-", "-5060", "+5060", " 5060", "05060", "5060:5061", "sip", "0-5", "٥٠"]
        {
            assert!(matches!(bad.parse::<PortRange>(), Err(PortRangeError::NotAPort(_))), "{bad}");
        }
    }

    #[test]
    fn a_reversed_range_is_refused() {
        let reversed = PortRangeError::Reversed { first: 40000, last: 30000 };
        assert_eq!("40000-30000".parse::<PortRange>(), Err(reversed));
    }

    #[test]
    fn a_range_that_ends_at_the_last_port_lists_its_ports() {
        let range: PortRange = "65534-65535".parse().unwrap();
        assert_eq!(range.ports().collect::<Vec<_>>(), [65534, 65535]);
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_again(first in 1..=u16::MAX, more in 0..=u16::MAX) {
            let range = PortRange::new(first, first.saturating_add(more)).unwrap();
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<PortRange>();
        }
    }
}
