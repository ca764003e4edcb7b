//! What is spared and what is turned away, and the rules that follow, before they have a form.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::rule::{Matched, Rule, Span, Verdict};
use super::{Chain, Family, Protocol, TelephonyPort, TurnAway};
use crate::domain::platform::SipProbe;

/// The source port of our own SIP probe. Servers are never blocked from each other, so without it a probe could not
/// tell a blocked server from an allowed one; 9528 follows the heartbeat's 9527 and is registered to nobody.
pub const PROBE_SOURCE_PORT: u16 = 9528;

/// The ports from which this machine asks others: Linux's `ip_local_port_range` as it comes.
const EPHEMERAL: Option<Span> = Some(Span::new(32768, 60999));

/// Services of ours that are asked by others: NTP and SNMP (SSH is added with its own port).
const OWN_SERVICES: [(Protocol, u16); 2] = [(Protocol::Udp, 123), (Protocol::Udp, 161)];

/// Services of others that we ask: DNS, NTP, SNMP and its traps (SSH is added).
const REMOTE_SERVICES: [(Protocol, u16); 5] =
    [(Protocol::Tcp, 53), (Protocol::Udp, 53), (Protocol::Udp, 123), (Protocol::Udp, 161), (Protocol::Udp, 162)];

/// Whom a block never touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spared {
    /// The servers of both systems, control addresses, a witness, a management station.
    pub addresses: BTreeSet<IpAddr>,
    /// The port of SSH; 22 is spared beside it.
    pub ssh_port: u16,
}

impl Default for Spared {
    fn default() -> Self {
        Self { addresses: BTreeSet::new(), ssh_port: 22 }
    }
}

/// What the rules of a server follow from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What is turned away.
    pub telephony: &'a [TelephonyPort],
    /// Whom it never touches.
    pub spared: &'a Spared,
    /// How.
    pub turn_away: TurnAway,
    /// The probe that is turned away even if a spared server sends it.
    pub probe: Option<SipProbe>,
    /// The UDP port of the heartbeat; where there is one, it is spared.
    pub heartbeat: Option<u16>,
}

impl Facts<'_> {
    /// The rules of one chain for these families: whom we spare first, then what is turned away.
    pub(super) fn rules(&self, chain: Chain, families: &[Family]) -> Vec<Rule> {
        let turned_away = Verdict::turned_away(self.turn_away);
        let mut rules = Vec::new();
        if let (Chain::In, Some(probe)) = (chain, self.probe) {
            let matched = ports(probe.protocol, port(PROBE_SOURCE_PORT), port(probe.port));
            rules.push(Rule { matched, verdict: turned_away });
        }
        let spared = match chain {
            Chain::In => self.spared_inbound(families),
            Chain::Out => self.spared_outbound(families),
            Chain::Fwd => self.spared_forwarded(families),
        };
        rules.extend(spared.into_iter().map(|matched| Rule { matched, verdict: Verdict::Spared }));
        let mut seen = BTreeSet::new();
        for TelephonyPort { protocol, ports: range, .. } in self.telephony {
            if seen.insert((protocol, range)) {
                for (from, to) in [(None, Some(Span::of_range(*range))), (Some(Span::of_range(*range)), None)] {
                    rules.push(Rule { matched: ports(*protocol, from, to), verdict: turned_away });
                }
            }
        }
        rules
    }

    fn spared_inbound(&self, families: &[Family]) -> Vec<Matched> {
        let mut spared = vec![Matched::FromLoopback];
        spared.extend(self.addresses(families).map(Matched::Source));
        spared.extend(always(families));
        spared.extend(self.own_services().map(|(protocol, own)| ports(protocol, None, port(own))));
        spared.extend(self.answers());
        spared
    }

    fn spared_outbound(&self, families: &[Family]) -> Vec<Matched> {
        let mut spared = vec![Matched::ToLoopback];
        spared.extend(self.addresses(families).map(Matched::Destination));
        spared.extend(always(families));
        spared.extend(self.own_services().map(|(protocol, own)| ports(protocol, port(own), None)));
        spared.extend(self.heartbeat.map(|theirs| ports(Protocol::Udp, None, port(theirs))));
        spared.extend(self.requests());
        spared
    }

    /// A packet that passes through has no side that is ours, so services are spared by their port as destination,
    /// and as source only towards ephemeral ports.
    fn spared_forwarded(&self, families: &[Family]) -> Vec<Matched> {
        let both = |address| [Matched::Source(address), Matched::Destination(address)];
        let mut spared: Vec<Matched> = self.addresses(families).flat_map(both).collect();
        spared.extend(always(families));
        spared.extend(self.own_services().map(|(protocol, own)| ports(protocol, None, port(own))));
        spared.extend(self.answers());
        spared.extend(self.requests());
        spared
    }

    /// The spared addresses of these families.
    fn addresses(&self, families: &[Family]) -> impl Iterator<Item = IpAddr> + use<> {
        let family = |address: &IpAddr| if address.is_ipv4() { Family::V4 } else { Family::V6 };
        let canonical = self.spared.addresses.iter().map(IpAddr::to_canonical);
        let hosts: BTreeSet<IpAddr> = canonical.filter(|address| families.contains(&family(address))).collect();
        hosts.into_iter()
    }

    fn ssh_ports(&self) -> impl Iterator<Item = (Protocol, u16)> + use<> {
        BTreeSet::from([22, self.spared.ssh_port]).into_iter().map(|port| (Protocol::Tcp, port))
    }

    fn own_services(&self) -> impl Iterator<Item = (Protocol, u16)> + use<> {
        let heartbeat = self.heartbeat.map(|port| (Protocol::Udp, port));
        self.ssh_ports().chain(OWN_SERVICES).chain(heartbeat)
    }

    /// What others answer to requests of ours. Only towards ephemeral ports: a phone that sends to 5060 from source
    /// port 53 is no answer.
    fn answers(&self) -> impl Iterator<Item = Matched> + use<> {
        let services = self.ssh_ports().chain(REMOTE_SERVICES);
        services.map(|(protocol, theirs)| ports(protocol, port(theirs), EPHEMERAL))
    }

    /// What we ask of others.
    fn requests(&self) -> impl Iterator<Item = Matched> + use<> {
        let services = self.ssh_ports().chain(REMOTE_SERVICES);
        services.map(|(protocol, theirs)| ports(protocol, EPHEMERAL, port(theirs)))
    }
}

/// ICMP with neighbour discovery, TCP resets, and DHCP.
///
/// The resets that `REJECT` in one chain sends pass the others: without this they would be swallowed there, and
/// a session that was up before would hang instead of ending. A reset carries no call.
fn always(families: &[Family]) -> Vec<Matched> {
    let dhcp = |family: &Family| match family {
        Family::V4 => Some(Span::new(67, 68)),
        Family::V6 => Some(Span::new(546, 547)),
    };
    let icmp = families.iter().copied().map(Matched::Icmp);
    let dhcp = families.iter().map(|family| ports(Protocol::Udp, dhcp(family), dhcp(family)));
    icmp.chain([Matched::Reset]).chain(dhcp).collect()
}

const fn ports(protocol: Protocol, from: Option<Span>, to: Option<Span>) -> Matched {
    Matched::Ports { protocol, from, to }
}

/// Always some, in the form in which it is used.
#[expect(clippy::unnecessary_wraps, reason = "a match on ports may have none")]
const fn port(port: u16) -> Option<Span> {
    Some(Span::new(port, port))
}
