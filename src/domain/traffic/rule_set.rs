//! The rules of our chains, in the very form in which `iptables-save` prints them.
//!
//! The form is canonical so that what is read back can be compared as text: masked addresses, `-p tcp -m tcp`,
//! source port before destination port, `REJECT` with its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Found, Mark, PortRange, Protocol, Signed, TelephonyPort, TurnAway};
use crate::domain::platform::SipProbe;

/// The source port of our own SIP probe. Servers are never blocked from each other, so without it a probe could not
/// tell a blocked server from an allowed one; 9528 follows the heartbeat's 9527 and is registered to nobody.
pub const PROBE_SOURCE_PORT: u16 = 9528;

/// The ports from which this machine asks others: Linux's `ip_local_port_range` as it comes.
const EPHEMERAL: &str = "32768:60999";

/// Services of ours that are asked by others: NTP and SNMP (SSH is added with its own port).
const OWN_SERVICES: [(Protocol, u16); 2] = [(Protocol::Udp, 123), (Protocol::Udp, 161)];

/// Services of others that we ask: DNS, NTP, SNMP and its traps (SSH is added).
const REMOTE_SERVICES: [(Protocol, u16); 5] =
    [(Protocol::Tcp, 53), (Protocol::Udp, 53), (Protocol::Udp, 123), (Protocol::Udp, 161), (Protocol::Udp, 162)];

/// The two packet filters of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Our chains: for packets to this machine, from it, and through it (containers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// `MXONE_REDUNDANCY_IN`, called from `INPUT`.
    In,
    /// `MXONE_REDUNDANCY_OUT`, called from `OUTPUT`.
    Out,
    /// `MXONE_REDUNDANCY_FWD`, called from `FORWARD`.
    Fwd,
}

impl Chain {
    /// All three.
    pub const ALL: [Self; 3] = [Self::In, Self::Out, Self::Fwd];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "MXONE_REDUNDANCY_IN",
            Self::Out => "MXONE_REDUNDANCY_OUT",
            Self::Fwd => "MXONE_REDUNDANCY_FWD",
        }
    }

    /// The built-in chain that calls it.
    #[must_use]
    pub const fn hook(self) -> &'static str {
        match self {
            Self::In => "INPUT",
            Self::Out => "OUTPUT",
            Self::Fwd => "FORWARD",
        }
    }

    /// The rule by which the built-in chain calls it.
    #[must_use]
    pub fn jump(self) -> String {
        format!("-j {}", self.name())
    }
}

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

/// The rules of our chains in both families, without the marker rule.
///
/// They know no connection states and are applied to every packet, so that a session that was up before ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    v4: BTreeMap<Chain, Vec<String>>,
    v6: BTreeMap<Chain, Vec<String>>,
}

impl RuleSet {
    /// The rules that turn these ports away and spare these.
    #[must_use]
    pub fn new(telephony: &[TelephonyPort], spared: &Spared, turn_away: TurnAway, probe: Option<SipProbe>) -> Self {
        let family = |family| {
            let writer = Writer { family, telephony, spared, turn_away, probe };
            Chain::ALL.into_iter().map(|chain| (chain, writer.chain(chain))).collect()
        };
        Self { v4: family(Family::V4), v6: family(Family::V6) }
    }

    /// The rule set that was found, if it is whole: the one that its marker rules were written for.
    ///
    /// # Errors
    /// [`RuleSetError`] when there are no rules of ours, or they are not those that their marker rules vouch for.
    pub fn of_found(v4: &Found, v6: &Found) -> Result<Self, RuleSetError> {
        let signed = v4.signed().ok_or(RuleSetError::NoMark)?;
        let rules = Self { v4: v4.rules_without_mark(), v6: v6.rules_without_mark() };
        if rules.fingerprint() == signed.fingerprint { Ok(rules) } else { Err(RuleSetError::Changed) }
    }

    /// The rules of one chain, without the marker rule.
    #[must_use]
    pub fn rules(&self, family: Family, chain: Chain) -> &[String] {
        let chains = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        chains.get(&chain).map_or(&[], Vec::as_slice)
    }

    /// What is found in a family's packet filter once these rules are in force.
    #[must_use]
    pub fn in_force(&self, family: Family, mark: Mark) -> Found {
        let marker = self.signed(mark).rule();
        Found::hooked_first(|chain| std::iter::once(&marker).chain(self.rules(family, chain)).cloned().collect())
    }

    /// A mark with our fingerprint.
    #[must_use]
    pub fn signed(&self, mark: Mark) -> Signed {
        Signed { mark, fingerprint: self.fingerprint() }
    }

    /// The fingerprint of all rules of both families.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut digest = Sha256::new();
        for family in Family::BOTH {
            for chain in Chain::ALL {
                digest.update(format!("{family} {}\n", chain.name()));
                for rule in self.rules(family, chain) {
                    digest.update(rule);
                    digest.update("\n");
                }
            }
        }
        let hex: Vec<String> = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Fingerprint(hex.concat())
    }
}

/// By what a rule set is known: the first 64 bits of a SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = RuleSetError;

    fn from_str(text: &str) -> Result<Self, RuleSetError> {
        let hex = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex { Ok(Self(text.to_owned())) } else { Err(RuleSetError::NotAFingerprint(text.to_owned())) }
    }
}

/// Why a rule set or its fingerprint could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleSetError {
    /// No marker rule.
    #[error("there is no marker rule of ours")]
    NoMark,
    /// The rules do not have the fingerprint of their marker rule.
    #[error("the rules are not those that their marker rule was written for")]
    Changed,
    /// Not 16 hexadecimal digits.
    #[error("\"{0}\" is not a fingerprint")]
    NotAFingerprint(String),
}

/// Writes the rules of one family.
struct Writer<'a> {
    family: Family,
    telephony: &'a [TelephonyPort],
    spared: &'a Spared,
    turn_away: TurnAway,
    probe: Option<SipProbe>,
}

impl Writer<'_> {
    /// The rules of one chain: whom we spare first, then what is turned away.
    fn chain(&self, chain: Chain) -> Vec<String> {
        let mut rules = Vec::new();
        if let (Chain::In, Some(probe)) = (chain, self.probe) {
            let ports = format!("--sport {PROBE_SOURCE_PORT} --dport {}", probe.port);
            rules.push(self.turned_away(probe.protocol, &ports));
        }
        let spared = match chain {
            Chain::In => self.spared_inbound(),
            Chain::Out => self.spared_outbound(),
            Chain::Fwd => self.spared_forwarded(),
        };
        rules.extend(spared.into_iter().map(|matched| format!("{matched} -j RETURN")));
        let mut seen = BTreeSet::new();
        for port in self.telephony.iter().filter(|port| seen.insert((port.protocol, port.ports))) {
            let range = written(port.ports);
            rules.push(self.turned_away(port.protocol, &format!("--dport {range}")));
            rules.push(self.turned_away(port.protocol, &format!("--sport {range}")));
        }
        rules
    }

    fn spared_inbound(&self) -> Vec<String> {
        let mut spared = vec!["-i lo".to_owned()];
        spared.extend(self.addresses().map(|address| format!("-s {address}")));
        spared.extend(self.always());
        spared.extend(self.own_services().map(|(protocol, port)| ports(protocol, &format!("--dport {port}"))));
        spared.extend(self.answers());
        spared
    }

    fn spared_outbound(&self) -> Vec<String> {
        let mut spared = vec!["-o lo".to_owned()];
        spared.extend(self.addresses().map(|address| format!("-d {address}")));
        spared.extend(self.always());
        spared.extend(self.own_services().map(|(protocol, port)| ports(protocol, &format!("--sport {port}"))));
        spared.extend(self.requests());
        spared
    }

    /// A packet that passes through has no side that is ours, so services are spared by their port as destination,
    /// and as source only towards ephemeral ports.
    fn spared_forwarded(&self) -> Vec<String> {
        let mut spared: Vec<String> =
            self.addresses().flat_map(|address| [format!("-s {address}"), format!("-d {address}")]).collect();
        spared.extend(self.always());
        spared.extend(self.own_services().map(|(protocol, port)| ports(protocol, &format!("--dport {port}"))));
        spared.extend(self.answers());
        spared.extend(self.requests());
        spared
    }

    /// The spared addresses of this family, as `iptables-save` writes hosts.
    fn addresses(&self) -> impl Iterator<Item = String> + '_ {
        let hosts: BTreeSet<IpAddr> = self.spared.addresses.iter().map(IpAddr::to_canonical).collect();
        let family = self.family;
        hosts.into_iter().filter_map(move |address| match (family, address) {
            (Family::V4, IpAddr::V4(address)) => Some(format!("{address}/32")),
            (Family::V6, IpAddr::V6(address)) => Some(format!("{address}/128")),
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => None,
        })
    }

    /// ICMP with neighbour discovery, DHCP, and TCP resets.
    ///
    /// The resets that `REJECT` in one chain sends pass the others: without this they would be swallowed there, and
    /// a session that was up before would hang instead of ending. A reset carries no call.
    fn always(&self) -> [String; 3] {
        let reset = ports(Protocol::Tcp, "--tcp-flags RST RST");
        match self.family {
            Family::V4 => ["-p icmp".to_owned(), reset, ports(Protocol::Udp, "--sport 67:68 --dport 67:68")],
            Family::V6 => ["-p ipv6-icmp".to_owned(), reset, ports(Protocol::Udp, "--sport 546:547 --dport 546:547")],
        }
    }

    fn ssh_ports(&self) -> impl Iterator<Item = (Protocol, u16)> + use<> {
        BTreeSet::from([22, self.spared.ssh_port]).into_iter().map(|port| (Protocol::Tcp, port))
    }

    fn own_services(&self) -> impl Iterator<Item = (Protocol, u16)> + use<> {
        self.ssh_ports().chain(OWN_SERVICES)
    }

    /// What others answer to requests of ours. Only towards ephemeral ports: a phone that sends to 5060 from source
    /// port 53 is no answer.
    fn answers(&self) -> impl Iterator<Item = String> + use<> {
        let services = self.ssh_ports().chain(REMOTE_SERVICES);
        services.map(|(protocol, port)| ports(protocol, &format!("--sport {port} --dport {EPHEMERAL}")))
    }

    /// What we ask of others.
    fn requests(&self) -> impl Iterator<Item = String> + use<> {
        let services = self.ssh_ports().chain(REMOTE_SERVICES);
        services.map(|(protocol, port)| ports(protocol, &format!("--sport {EPHEMERAL} --dport {port}")))
    }

    /// A rule that turns packets of these ports away.
    fn turned_away(&self, protocol: Protocol, matched: &str) -> String {
        let target = match (self.turn_away, protocol, self.family) {
            (TurnAway::Drop, _, _) => "DROP",
            (TurnAway::Reject, Protocol::Tcp, _) => "REJECT --reject-with tcp-reset",
            (TurnAway::Reject, Protocol::Udp | Protocol::Sctp, Family::V4) => {
                "REJECT --reject-with icmp-port-unreachable"
            }
            (TurnAway::Reject, Protocol::Udp | Protocol::Sctp, Family::V6) => {
                "REJECT --reject-with icmp6-port-unreachable"
            }
        };
        format!("{} -j {target}", ports(protocol, matched))
    }
}

/// A match on a protocol and on what its own module matches.
fn ports(protocol: Protocol, matched: &str) -> String {
    format!("-p {protocol} -m {protocol} {matched}")
}

/// A port range as `iptables-save` writes it.
fn written(range: PortRange) -> String {
    range.to_string().replace('-', ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_small_system_read_as_a_person_would_write_them() {
        let rules = small(TurnAway::Reject);
        let text: Vec<String> = Family::BOTH
            .map(|family| rules.in_force(family, Mark::BOOT))
            .iter()
            .filter_map(|wanted| Found::default().becoming(wanted))
            .collect();
        insta::assert_snapshot!(text.concat());
    }

    #[test]
    fn the_probe_is_turned_away_before_anybody_is_spared() {
        let rules = small(TurnAway::Reject);
        let first = &rules.rules(Family::V4, Chain::In)[0];
        assert_eq!(first, "-p udp -m udp --sport 9528 --dport 5060 -j REJECT --reject-with icmp-port-unreachable");
    }

    #[test]
    fn no_exemption_by_source_port_reaches_a_port_below_the_ephemeral_ones() {
        let rules = small(TurnAway::Drop);
        for chain in [Chain::In, Chain::Fwd] {
            for rule in rules.rules(Family::V4, chain).iter().filter(|rule| rule.ends_with("RETURN")) {
                let closed = !rule.contains("--sport") || rule.contains("--dport");
                assert!(closed, "{rule}");
            }
        }
    }

    #[test]
    fn a_rule_set_is_known_by_its_fingerprint() {
        assert_eq!(small(TurnAway::Drop).fingerprint(), small(TurnAway::Drop).fingerprint());
        assert_ne!(small(TurnAway::Drop).fingerprint(), small(TurnAway::Reject).fingerprint());
    }

    fn small(turn_away: TurnAway) -> RuleSet {
        let port =
            |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: String::new() };
        let telephony = [port(Protocol::Udp, "5060"), port(Protocol::Tcp, "5060-5061"), port(Protocol::Sctp, "5060")];
        let addresses = ["192.0.2.11", "2001:db8::11", "::ffff:198.51.100.11"].map(|text| text.parse().unwrap());
        let spared = Spared { addresses: BTreeSet::from(addresses), ssh_port: 2222 };
        let probe = SipProbe { protocol: Protocol::Udp, port: 5060 };
        RuleSet::new(&telephony, &spared, turn_away, Some(probe))
    }
}
