//! Packets, and whether a rule matches one.

use std::net::{IpAddr, Ipv4Addr};

use super::rule::{Flags, Match, Not, Ports, Rule, State};
use crate::domain::traffic::Protocol;

/// A packet that passes the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// The interface it came in by; empty for one that starts here.
    pub came_in_by: String,
    /// The interface it goes out by; empty for one that ends here.
    pub goes_out_by: String,
    /// What it carries.
    pub payload: Payload,
    /// Whether it belongs to a session or flow that has been answered before.
    pub established: bool,
    /// Its length.
    pub bytes: u64,
}

impl Packet {
    /// A packet of a new flow that came in from the network. Addresses that are none become `0.0.0.0`.
    #[must_use]
    pub fn inbound(source: &str, destination: &str, payload: Payload) -> Self {
        let address = |text: &str| text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self {
            source: address(source),
            destination: address(destination),
            came_in_by: "eth0".to_owned(),
            goes_out_by: String::new(),
            payload,
            established: false,
            bytes: 100,
        }
    }

    /// A packet of a new flow that starts here.
    #[must_use]
    pub fn outbound(source: &str, destination: &str, payload: Payload) -> Self {
        let inbound = Self::inbound(source, destination, payload);
        Self { came_in_by: String::new(), goes_out_by: "eth0".to_owned(), ..inbound }
    }

    pub(super) fn matches(&self, rule: &Rule) -> bool {
        rule.source.as_ref().is_none_or(|net| net.holds(|net| net.contains(&self.source)))
            && rule.destination.as_ref().is_none_or(|net| net.holds(|net| net.contains(&self.destination)))
            && rule.input.as_ref().is_none_or(|name| name.holds(|name| interface(name, &self.came_in_by)))
            && rule.output.as_ref().is_none_or(|name| name.holds(|name| interface(name, &self.goes_out_by)))
            && rule.protocol.as_ref().is_none_or(|name| name.holds(|name| self.payload.is(name)))
            && rule.matches.iter().all(|matched| self.meets(matched))
    }

    fn meets(&self, matched: &Match) -> bool {
        match matched {
            Match::Comment(_) => true,
            Match::Ports(ports) => self.payload.meets(ports),
            Match::State { states, .. } => {
                states.contains(if self.established { &State::Established } else { &State::New })
            }
        }
    }
}

/// What a packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// TCP.
    Tcp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// The names of the flags that are set, `SYN`.
        flags: Vec<String>,
    },
    /// UDP.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// SCTP.
    Sctp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// ICMP of the packet's family.
    Icmp,
    /// Anything else.
    Other,
}

impl Payload {
    /// A TCP segment that opens a connection.
    #[must_use]
    pub fn tcp(source: u16, destination: u16) -> Self {
        Self::Tcp { source, destination, flags: vec!["SYN".to_owned()] }
    }

    fn is(&self, protocol: &str) -> bool {
        match self {
            Self::Tcp { .. } => protocol == "tcp",
            Self::Udp { .. } => protocol == "udp",
            Self::Sctp { .. } => protocol == "sctp",
            Self::Icmp => protocol == "icmp" || protocol == "ipv6-icmp",
            Self::Other => false,
        }
    }

    fn meets(&self, ports: &Ports) -> bool {
        let (protocol, source, destination, flags): (_, _, _, &[String]) = match self {
            Self::Tcp { source, destination, flags } => (Protocol::Tcp, *source, *destination, flags),
            Self::Udp { source, destination } => (Protocol::Udp, *source, *destination, &[]),
            Self::Sctp { source, destination } => (Protocol::Sctp, *source, *destination, &[]),
            Self::Icmp | Self::Other => return false,
        };
        protocol == ports.protocol
            && ports.source.as_ref().is_none_or(|range| range.holds(|range| range.contains(&source)))
            && ports.destination.as_ref().is_none_or(|range| range.holds(|range| range.contains(&destination)))
            && ports.flags.as_ref().is_none_or(|wanted| wanted.holds(|wanted| carries(wanted, flags)))
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Accepted,
    /// It vanishes.
    Dropped,
    /// It is turned away with this answer, `tcp-reset`.
    Rejected(String),
}

/// How a walk through a chain ended.
pub(super) enum Step {
    Decided(Verdict),
    Returned,
}

impl<T> Not<T> {
    fn holds(&self, meets: impl Fn(&T) -> bool) -> bool {
        meets(&self.value) != self.not
    }
}

fn interface(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('+').map_or(pattern == name, |start| name.starts_with(start))
}

fn carries(wanted: &Flags, flags: &[String]) -> bool {
    wanted.looked_at.iter().all(|flag| flags.iter().any(|set| set == flag) == wanted.set.contains(flag))
}
