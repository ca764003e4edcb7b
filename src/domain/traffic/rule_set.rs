//! The rules of our chains, in the very form in which `iptables-save` prints them.
//!
//! The form is canonical so that what is read back can be compared as text: masked addresses, `-p tcp -m tcp`,
//! source port before destination port, `REJECT` with its kind.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Facts, Found, Mark, Signed, Spared, TelephonyPort, TurnAway};
use crate::domain::platform::SipProbe;

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
}

/// The two blocks that have chains of their own in iptables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Block {
    /// The block by order, which lasts.
    #[default]
    ByOrder,
    /// The gate of automatic takeover where nft does not work.
    Gate,
}

impl Block {
    /// The name of a chain of its.
    #[must_use]
    pub const fn chain(self, chain: Chain) -> &'static str {
        match (self, chain) {
            (Self::ByOrder, chain) => chain.name(),
            (Self::Gate, Chain::In) => "MXONE_REDUNDANCY_GATE_IN",
            (Self::Gate, Chain::Out) => "MXONE_REDUNDANCY_GATE_OUT",
            (Self::Gate, Chain::Fwd) => "MXONE_REDUNDANCY_GATE_FWD",
        }
    }

    /// The rule by which the built-in chain calls it.
    #[must_use]
    pub fn jump(self, chain: Chain) -> String {
        format!("-j {}", self.chain(chain))
    }

    /// The chain of its that bears this name.
    pub(super) fn chain_named(self, name: &str) -> Option<Chain> {
        Chain::ALL.into_iter().find(|chain| self.chain(*chain) == name)
    }
}

/// The rules of our chains in both families, without the marker rule.
///
/// They know no connection states and are applied to every packet, so that a session that was up before ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    pub(super) v4: BTreeMap<Chain, Vec<String>>,
    pub(super) v6: BTreeMap<Chain, Vec<String>>,
}

impl RuleSet {
    /// The rules that turn these ports away and spare these.
    #[must_use]
    pub fn new(telephony: &[TelephonyPort], spared: &Spared, turn_away: TurnAway, probe: Option<SipProbe>) -> Self {
        Self::of(&Facts { telephony, spared, turn_away, probe, heartbeat: None })
    }

    /// The rules that follow from these facts.
    #[must_use]
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let family = |family| {
            let written = |chain| facts.rules(chain, &[family]).iter().map(|rule| rule.as_iptables(family)).collect();
            Chain::ALL.into_iter().map(|chain| (chain, written(chain))).collect()
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
        Found::hooked_first(Block::ByOrder, |chain| {
            std::iter::once(&marker).chain(self.rules(family, chain)).cloned().collect()
        })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::traffic::Protocol;

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
