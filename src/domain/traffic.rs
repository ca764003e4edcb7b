//! Which traffic is turned away, and what a server's packet filter says about it.
//!
//! [`Facts`] say what is spared and what is turned away. Of them come two forms: [`RuleSet`], the block by order with
//! iptables, and [`GateRules`], the gate of automatic takeover: [`GateTable`] with nft, [`GateChains`] with ipset and
//! iptables. Of the block,
//! [`RuleSet`] is what ought to be there, [`Found`] what is there, [`RuleSet::judge`] compares the two, and
//! [`Found::becoming`] writes the one change that leads from what is there to what ought to be.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use std::fmt;

mod facts;
mod found;
mod gate_chains;
mod gate_table;
mod judgement;
mod mark;
mod port_range;
mod rule;
mod rule_set;

pub use facts::{Facts, PROBE_SOURCE_PORT, Spared};
pub use found::{Found, FoundError};
pub use gate_chains::{GateChains, GateChainsError, GateRules, RIGHT_SETS, RightSet};
pub use gate_table::{GateRead, GateTable, GateTableError};
pub use mark::{Mark, MarkError, Signed};
pub use port_range::{PortRange, PortRangeError};
pub use rule_set::{Block, Chain, Family, Fingerprint, RuleSet, RuleSetError};

/// The transport a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// How telephony packets are turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnAway {
    /// With an answer (TCP reset, port unreachable), so that a phone looks for the other site at once.
    #[default]
    Reject,
    /// In silence.
    Drop,
}

/// Who had a server blocked; it stands in the rules themselves, so that nobody has to remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The order in force: the other site is active.
    Order,
    /// The boot guard; the first confirmation that this site is the ordered one opens it again.
    Boot,
    /// A person with `mxone_maintenance`; only a person opens it again.
    Maintenance,
    /// The gate of automatic takeover: no right lasts. It is no rule of iptables, so it is never in a mark.
    Gate,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Order => "order",
            Self::Boot => "boot",
            Self::Maintenance => "maintenance",
            Self::Gate => "the gate",
        })
    }
}

/// Ports of telephony that are blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelephonyPort {
    /// The transport.
    pub protocol: Protocol,
    /// The ports.
    pub ports: PortRange,
    /// What speaks there, `SIP`.
    pub what: String,
}

/// What was read back from a server's packet filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traffic {
    /// None of our rules are there.
    Allowed,
    /// All of our rules are there, first in their chains, in both families, or the gate of automatic takeover is closed.
    Blocked {
        /// Who had it blocked.
        origin: Origin,
        /// Since when; `None`: since it booted, for the boot guard's rules cannot know the time. A gate does not tell.
        since: Option<DateTime<FixedOffset>>,
        /// Packets turned away since then; a gate does not count them.
        turned_away: u64,
    },
    /// Some of our rules are there, or something stands before them.
    Partial {
        /// What differs, a line each.
        differences: Vec<String>,
    },
    /// It could not be read.
    Unknown {
        /// Why.
        because: String,
    },
}

impl Traffic {
    /// Blocked by a gate that is closed, and by nothing else.
    pub const BY_GATE: Self = Self::Blocked { origin: Origin::Gate, since: None, turned_away: 0 };

    /// Whether it is blocked by rules that last, whatever the voters of automatic takeover decide next.
    #[must_use]
    pub const fn is_blocked_for_good(&self) -> bool {
        match self {
            Self::Blocked { origin, .. } => !matches!(origin, Origin::Gate),
            Self::Allowed | Self::Partial { .. } | Self::Unknown { .. } => false,
        }
    }

    /// The state in one word.
    #[must_use]
    pub const fn word(&self) -> TrafficWord {
        match self {
            Self::Allowed => TrafficWord::Allowed,
            Self::Blocked { .. } => TrafficWord::Blocked,
            Self::Partial { .. } => TrafficWord::Partial,
            Self::Unknown { .. } => TrafficWord::Unknown,
        }
    }
}

/// The traffic state of a server or of a whole system in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrafficWord {
    /// Telephony traffic gets through.
    Allowed,
    /// It is turned away.
    Blocked,
    /// Neither: servers differ, or rules were tampered with.
    Partial,
    /// It could not be read.
    Unknown,
}

impl TrafficWord {
    /// The word for a system of these servers.
    ///
    /// Servers that are known to differ make it partial, whatever the others may be; otherwise one server that cannot
    /// be read makes it unknown, for the word must never promise more than was read.
    #[must_use]
    pub fn of_system<'a>(servers: impl IntoIterator<Item = &'a Traffic>) -> Self {
        let mut words: Vec<Self> = servers.into_iter().map(Traffic::word).collect();
        words.sort_unstable();
        words.dedup();
        let known: Vec<Self> = words.iter().copied().filter(|word| *word != Self::Unknown).collect();
        match (known.as_slice(), words.contains(&Self::Unknown)) {
            ([], _) | ([Self::Allowed | Self::Blocked | Self::Unknown], true) => Self::Unknown,
            ([word], false) => *word,
            ([Self::Partial] | [_, _, ..], _) => Self::Partial,
        }
    }
}

impl fmt::Display for TrafficWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_whose_servers_differ_is_partial() {
        let blocked = Traffic::Blocked { origin: Origin::Order, since: None, turned_away: 0 };
        let unknown = Traffic::Unknown { because: "no answer".to_owned() };
        let partial = Traffic::Partial { differences: vec![] };
        let word = |servers: &[&Traffic]| TrafficWord::of_system(servers.iter().copied());
        assert_eq!(word(&[&blocked, &blocked]), TrafficWord::Blocked);
        assert_eq!(word(&[&Traffic::Allowed, &Traffic::Allowed]), TrafficWord::Allowed);
        assert_eq!(word(&[&blocked, &Traffic::Allowed]), TrafficWord::Partial);
        assert_eq!(word(&[&blocked, &Traffic::Allowed, &unknown]), TrafficWord::Partial);
        assert_eq!(word(&[&partial, &unknown]), TrafficWord::Partial);
        assert_eq!(word(&[&blocked, &unknown]), TrafficWord::Unknown);
        assert_eq!(word(&[]), TrafficWord::Unknown);
    }

    #[test]
    fn a_word_is_written_as_status_json_promises() {
        assert_eq!(serde_json::to_string(&TrafficWord::Partial).unwrap(), "\"partial\"");
    }
}
