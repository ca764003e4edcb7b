//! One rule of ours, and the two forms in which it is written.

use std::net::IpAddr;

use super::{Family, PortRange, Protocol, TurnAway};

/// What a packet has to be, and what then becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub(super) matched: Matched,
    pub(super) verdict: Verdict,
}

/// What a packet has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matched {
    /// It came in through loopback.
    FromLoopback,
    /// It goes out through loopback.
    ToLoopback,
    /// It comes from this address.
    Source(IpAddr),
    /// It goes to this address.
    Destination(IpAddr),
    /// It is an ICMP message of this family.
    Icmp(Family),
    /// It is a reset of a TCP connection.
    Reset,
    /// It comes from and goes to these ports; where there are none, from or to any.
    Ports { protocol: Protocol, from: Option<Span>, to: Option<Span> },
}

/// Ports from first to last. Unlike a [`PortRange`] it may be 0, which is what settings may say of a port of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    first: u16,
    last: u16,
}

impl Span {
    pub(super) const fn new(first: u16, last: u16) -> Self {
        Self { first, last }
    }

    pub(super) const fn of_range(range: PortRange) -> Self {
        Self::new(range.first(), range.last())
    }

    fn joined(self, by: &str) -> String {
        let Self { first, last } = self;
        if first == last { first.to_string() } else { format!("{first}{by}{last}") }
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It is none of our affair.
    Spared,
    /// It is turned away, with or without an answer.
    TurnedAway { silently: bool },
}

impl Verdict {
    pub(super) fn turned_away(how: TurnAway) -> Self {
        Self::TurnedAway { silently: how == TurnAway::Drop }
    }
}

impl Rule {
    /// The rule as `iptables-save` prints it.
    pub(super) fn as_iptables(&self, family: Family) -> String {
        let target = match self.verdict {
            Verdict::Spared => "RETURN",
            Verdict::TurnedAway { silently: true } => "DROP",
            Verdict::TurnedAway { silently: false } => match (self.matched.is_tcp(), family) {
                (true, _) => "REJECT --reject-with tcp-reset",
                (false, Family::V4) => "REJECT --reject-with icmp-port-unreachable",
                (false, Family::V6) => "REJECT --reject-with icmp6-port-unreachable",
            },
        };
        format!("{} -j {target}", self.matched.as_iptables())
    }

    /// The rule as `nft` reads it, for a table of both families.
    pub(super) fn as_nft(&self) -> String {
        let target = match self.verdict {
            Verdict::Spared => "accept",
            Verdict::TurnedAway { silently: true } => "drop",
            Verdict::TurnedAway { silently: false } if self.matched.is_tcp() => "reject with tcp reset",
            Verdict::TurnedAway { silently: false } => "reject with icmpx type port-unreachable",
        };
        format!("{} {target}", self.matched.as_nft())
    }
}

impl Matched {
    const fn is_tcp(self) -> bool {
        matches!(self, Self::Reset | Self::Ports { protocol: Protocol::Tcp, .. })
    }

    fn as_iptables(self) -> String {
        match self {
            Self::FromLoopback => "-i lo".to_owned(),
            Self::ToLoopback => "-o lo".to_owned(),
            Self::Source(address) => format!("-s {address}/{}", host_length(address)),
            Self::Destination(address) => format!("-d {address}/{}", host_length(address)),
            Self::Icmp(Family::V4) => "-p icmp".to_owned(),
            Self::Icmp(Family::V6) => "-p ipv6-icmp".to_owned(),
            Self::Reset => "-p tcp -m tcp --tcp-flags RST RST".to_owned(),
            Self::Ports { protocol, from, to } => {
                let written = |word: &str, span: Option<Span>| {
                    span.map_or_else(String::new, |span| format!(" {word} {}", span.joined(":")))
                };
                format!("-p {protocol} -m {protocol}{}{}", written("--sport", from), written("--dport", to))
            }
        }
    }

    fn as_nft(self) -> String {
        match self {
            Self::FromLoopback => "iifname \"lo\"".to_owned(),
            Self::ToLoopback => "oifname \"lo\"".to_owned(),
            Self::Source(address) => format!("{} saddr {address}", nft_family(address)),
            Self::Destination(address) => format!("{} daddr {address}", nft_family(address)),
            Self::Icmp(Family::V4) => "meta l4proto icmp".to_owned(),
            Self::Icmp(Family::V6) => "meta l4proto ipv6-icmp".to_owned(),
            Self::Reset => "tcp flags & rst == rst".to_owned(),
            Self::Ports { protocol, from, to } => {
                let from = from.map(|range| format!("{protocol} sport {}", range.joined("-")));
                let to = to.map(|range| format!("{protocol} dport {}", range.joined("-")));
                from.into_iter().chain(to).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

const fn host_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

const fn nft_family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
