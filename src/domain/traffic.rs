//! Which traffic is turned away, and what a server's packet filter says about it.

use serde::{Deserialize, Serialize};

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

/// Ports from first to last, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// What was read back from a server's packet filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traffic {
    /// None of our rules are there.
    Allowed,
    /// All of our rules are there, first in their chains, in both families.
    Blocked {
        /// Who had it blocked.
        origin: Origin,
        /// Since when.
        since: chrono::DateTime<chrono::FixedOffset>,
        /// Packets turned away since then.
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
