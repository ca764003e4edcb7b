//! The gate of automatic takeover with ipset and iptables, for servers where nft does not work: chains that turn
//! telephony away unless a set has an entry that lives.
//!
//! A set of ipset counts whole seconds, so a right is written rounded down: the gate closes by up to a second earlier
//! than the right ends, never later. No time-out at all would be 0, so a right of less than a second is not written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Block, Chain, Facts, Family, Found, GateTable, RuleSet, TelephonyPort};

/// The rules of the gate of a server in both forms: which one it takes is seen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRules {
    /// With nft.
    pub table: GateTable,
    /// With ipset and iptables.
    pub chains: GateChains,
}

impl GateRules {
    /// The gate that follows from these facts.
    #[must_use]
    pub fn new(facts: &Facts<'_>) -> Self {
        Self { table: GateTable::new(facts), chains: GateChains(RuleSet::of(facts)) }
    }
}

/// The chains of the gate, in the form of [`RuleSet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct GateChains(RuleSet);

impl GateChains {
    /// What is found of the gate in a family's packet filter once it is there.
    #[must_use]
    pub fn in_force(&self, family: Family) -> Found {
        let open = RightSet::of(family).rule();
        Found::hooked_first(Block::Gate, |chain| {
            std::iter::once(&open).chain(self.0.rules(family, chain)).cloned().collect()
        })
    }
}

impl Found {
    /// Whether the chains of the gate turn all of this telephony away while their set has no entry, read without
    /// knowing their rules: by the port of each.
    ///
    /// In doubt they do not, for then they were changed.
    #[must_use]
    pub fn turns_away_by_gate(&self, family: Family, telephony: &[TelephonyPort]) -> bool {
        let open = RightSet::of(family).rule();
        let turned_away = |rules: &[&str], port: &TelephonyPort| {
            ["dport", "sport"].iter().all(|side| {
                let ports = port.ports.to_string().replace('-', ":");
                let matched = format!("-p {0} -m {0} --{side} {ports} ", port.protocol);
                let verdict = rules.iter().find_map(|rule| rule.strip_prefix(matched.as_str()));
                verdict.is_some_and(|verdict| verdict.starts_with("-j DROP") || verdict.starts_with("-j REJECT"))
            })
        };
        let holds = |chain| {
            let rules = self.texts(chain).unwrap_or_default();
            let begins = rules.first().is_some_and(|rule| *rule == open);
            let ends_early = rules.iter().any(|rule| matches!(*rule, "-j RETURN" | "-j ACCEPT"));
            begins && !ends_early && telephony.iter().all(|port| turned_away(&rules, port))
        };
        let is_hooked = |chain| self.hook_place(chain) == Some(1);
        !telephony.is_empty() && Chain::ALL.into_iter().all(|chain| is_hooked(chain) && holds(chain))
    }
}

/// The set of a family: while it has an entry, telephony may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightSet {
    name: &'static str,
    family: &'static str,
    /// All addresses: no set takes a network of length 0.
    halves: [&'static str; 2],
}

/// Both sets.
pub const RIGHT_SETS: [RightSet; 2] = [
    RightSet { name: "MXONE_REDUNDANCY_4", family: "inet", halves: ["0.0.0.0/1", "128.0.0.0/1"] },
    RightSet { name: "MXONE_REDUNDANCY_6", family: "inet6", halves: ["::/1", "8000::/1"] },
];

impl RightSet {
    const fn of(family: Family) -> Self {
        let [v4, v6] = RIGHT_SETS;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The first rule of each chain.
    fn rule(&self) -> String {
        format!("-m set --match-set {} src -j RETURN", self.name)
    }

    /// What `ipset restore` reads to make both sets, empty. An entry that somebody adds to them ends after a second.
    #[must_use]
    pub fn make() -> String {
        let make = |set: &Self| {
            let Self { name, family, .. } = set;
            format!("create -exist {name} hash:net family {family} timeout 1\nflush {name}\n")
        };
        RIGHT_SETS.iter().map(make).collect()
    }

    /// What `ipset restore` reads to make the right end after so long, whatever it was before; `None` where that is
    /// less than the second that a set can count.
    #[must_use]
    pub fn prolong(right: Duration) -> Option<String> {
        let seconds = Self::written(right)?.as_secs();
        let mut lines = String::new();
        for Self { name, halves, .. } in RIGHT_SETS {
            for half in halves {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "add -exist {name} {half} timeout {seconds}");
            }
        }
        Some(lines)
    }

    /// How long a right lasts once it is written.
    #[must_use]
    pub const fn written(right: Duration) -> Option<Duration> {
        match right.as_secs() {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        }
    }

    /// What `ipset restore` reads to end every right.
    #[must_use]
    pub fn close() -> String {
        Self::each("flush")
    }

    /// What `ipset restore` reads to take both sets out.
    #[must_use]
    pub fn destroy() -> String {
        Self::each("destroy")
    }

    fn each(doing: &str) -> String {
        RIGHT_SETS.map(|set| format!("{doing} {}\n", set.name)).concat()
    }

    /// The entries of what `ipset save` printed of this set, each with the seconds that it has left, 0 for no end;
    /// `None` when that is no set like ours.
    #[must_use]
    pub fn entries(&self, saved: &str) -> Option<Vec<u64>> {
        let Self { name, family, .. } = self;
        let mut lines = saved.lines();
        let made = lines.next()?.strip_prefix(&format!("create {name} hash:net family {family} "))?;
        if !made.split(' ').any(|word| word == "timeout") {
            return None;
        }
        let added = format!("add {name} ");
        let left = |line: &str| {
            let mut words = line.strip_prefix(&added)?.split(' ').skip_while(|word| *word != "timeout").skip(1);
            words.next()?.parse().ok()
        };
        lines.map(left).collect()
    }
}

/// The rules on their way to another server.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v4: Chains,
    v6: Chains,
}

/// The rules of the three chains of a family.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chains {
    input: Vec<String>,
    output: Vec<String>,
    forward: Vec<String>,
}

impl TryFrom<Written> for GateChains {
    type Error = GateChainsError;

    fn try_from(written: Written) -> Result<Self, GateChainsError> {
        let family = |Chains { input, output, forward }| {
            let chains = BTreeMap::from([(Chain::In, input), (Chain::Out, output), (Chain::Fwd, forward)]);
            match chains.values().flatten().find(|rule| !is_one_rule(rule)) {
                Some(rule) => Err(GateChainsError::NotARule(rule.clone())),
                None => Ok(chains),
            }
        };
        Ok(Self(RuleSet { v4: family(written.v4)?, v6: family(written.v6)? }))
    }
}

impl From<GateChains> for Written {
    fn from(chains: GateChains) -> Self {
        let family = |family| {
            let rules = |chain| chains.0.rules(family, chain).to_vec();
            Chains { input: rules(Chain::In), output: rules(Chain::Out), forward: rules(Chain::Fwd) }
        };
        Self { v4: family(Family::V4), v6: family(Family::V6) }
    }
}

/// Whether a text can be no more than one rule: it has no line end, and ends as ours do.
fn is_one_rule(rule: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b" .:-/".contains(&byte);
    let ends = [
        " -j RETURN",
        " -j DROP",
        " -j REJECT --reject-with tcp-reset",
        " -j REJECT --reject-with icmp-port-unreachable",
        " -j REJECT --reject-with icmp6-port-unreachable",
    ];
    rule.starts_with('-') && rule.bytes().all(known) && ends.iter().any(|end| rule.ends_with(end))
}

/// Why rules from elsewhere are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GateChainsError {
    /// A text that is none of our rules.
    #[error("\"{0}\" is no rule of a gate")]
    NotARule(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::traffic::{Mark, Protocol, Spared, TurnAway};

    #[test]
    fn a_right_is_rounded_down_to_seconds_and_never_written_as_one_without_an_end() {
        let text = RightSet::prolong(Duration::from_millis(1_999)).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.ends_with(" timeout 1")), "{text}");
        assert_eq!(RightSet::prolong(Duration::from_millis(999)), None);
        assert_eq!(RightSet::prolong(Duration::ZERO), None);
    }

    #[test]
    fn the_gate_is_called_right_behind_the_block_by_order_and_first_where_there_is_none() {
        let rules = rules();
        let nothing = Found::nothing_of(Block::Gate);
        let wanted = rules.chains.in_force(Family::V4);
        let alone = nothing.becoming(&wanted).unwrap();
        assert!(alone.contains("-I INPUT 1 -j MXONE_REDUNDANCY_GATE_IN\n"), "{alone}");

        let blocked = "*filter\n:INPUT ACCEPT [0:0]\n:MXONE_REDUNDANCY_IN - [0:0]\n-A INPUT -j MXONE_REDUNDANCY_IN\n\
                       -A INPUT -j ACCEPT\nCOMMIT\n";
        let found = Found::parse_of(Block::Gate, blocked).unwrap();
        let behind = found.becoming(&wanted).unwrap();
        assert!(behind.contains("-I INPUT 2 -j MXONE_REDUNDANCY_GATE_IN\n"), "{behind}");
        assert!(behind.contains("-I OUTPUT 1 -j MXONE_REDUNDANCY_GATE_OUT\n"), "{behind}");

        let place = |before: &str| {
            let text = format!("*filter\n{before}-A INPUT -j MXONE_REDUNDANCY_GATE_IN\nCOMMIT\n");
            Found::parse_of(Block::Gate, &text).unwrap().hook_place(Chain::In)
        };
        assert_eq!(place(""), Some(1));
        assert_eq!(place("-A INPUT -j MXONE_REDUNDANCY_IN\n"), Some(1));
        assert_eq!(place("-A INPUT -j MXONE_REDUNDANCY_IN\n-A INPUT -j ACCEPT\n"), Some(2));
        assert_eq!(place("-A INPUT -j ACCEPT\n-A INPUT -j MXONE_REDUNDANCY_IN\n"), Some(3));
    }

    #[test]
    fn neither_block_takes_the_rules_of_the_other_for_its_own() {
        let rules = rules();
        let gate = Found::nothing_of(Block::Gate).becoming(&rules.chains.in_force(Family::V4)).unwrap();
        assert!(Found::parse(&gate).unwrap().is_empty());
        let block = Found::default().becoming(&rules.chains.0.in_force(Family::V4, Mark::BOOT)).unwrap();
        assert!(Found::parse_of(Block::Gate, &block).unwrap().is_empty());
    }

    #[test]
    fn the_entries_of_a_set_are_read_with_what_they_have_left() {
        let [v4, v6] = RIGHT_SETS;
        let made =
            "create MXONE_REDUNDANCY_4 hash:net family inet hashsize 1024 maxelem 65536 timeout 1 bucketsize 12\n";
        assert_eq!(v4.entries(made), Some(vec![]));
        let open =
            format!("{made}add MXONE_REDUNDANCY_4 0.0.0.0/1 timeout 5\nadd MXONE_REDUNDANCY_4 128.0.0.0/1 timeout 0\n");
        assert_eq!(v4.entries(&open), Some(vec![5, 0]));
        assert_eq!(v6.entries(&open), None);
        assert_eq!(v4.entries(&made.replace(" timeout 1", "")), None);
        assert_eq!(v4.entries(""), None);
    }

    #[test]
    fn a_closed_gate_holds_telephony_back_only_while_its_rules_turn_every_port_away() {
        let text = Found::nothing_of(Block::Gate).becoming(&rules().chains.in_force(Family::V4)).unwrap();
        let holds = |text: &str| {
            let found = Found::parse_of(Block::Gate, text).unwrap();
            found.turns_away_by_gate(Family::V4, &telephony())
        };
        assert!(holds(&text), "{text}");
        let open = "-A MXONE_REDUNDANCY_GATE_IN -m set --match-set MXONE_REDUNDANCY_4 src -j RETURN\n";
        let udp =
            "-A MXONE_REDUNDANCY_GATE_IN -p udp -m udp --dport 5060 -j REJECT --reject-with icmp-port-unreachable\n";
        for (from, to) in [
            (open, ""),
            (udp, ""),
            (udp, "-A MXONE_REDUNDANCY_GATE_IN -p udp -m udp --dport 5060 -j ACCEPT\n"),
            (udp, &format!("-A MXONE_REDUNDANCY_GATE_IN -j ACCEPT\n{udp}")),
            ("-I FORWARD 1 -j MXONE_REDUNDANCY_GATE_FWD\n", ""),
            ("-I OUTPUT 1 -j MXONE_REDUNDANCY_GATE_OUT\n", "-I OUTPUT 2 -j MXONE_REDUNDANCY_GATE_OUT\n"),
        ] {
            assert!(text.contains(from), "{from} {text}");
            assert!(!holds(&text.replacen(from, to, 1)), "{from} -> {to}");
        }
        assert!(!Found::parse_of(Block::Gate, &text).unwrap().turns_away_by_gate(Family::V4, &[]));
    }

    #[test]
    fn rules_that_were_sent_are_the_same_and_a_text_that_ends_a_rule_is_refused() {
        let text = serde_json::to_string(&rules()).unwrap();
        assert_eq!(serde_json::from_str::<GateRules>(&text).unwrap(), rules());
        for evil in
            ["-i lo -j RETURN\\n-F INPUT -j RETURN", "COMMIT -j RETURN", "-i lo -j ACCEPT", "-j \\\"a\\\" -j DROP"]
        {
            let text = text.replace("-i lo -j RETURN", evil);
            assert!(serde_json::from_str::<GateRules>(&text).is_err(), "{evil}");
        }
    }

    fn rules() -> GateRules {
        let addresses = ["192.0.2.11", "2001:db8::11"].map(|text| text.parse().unwrap());
        let spared = Spared { addresses: addresses.into(), ssh_port: 2222 };
        let telephony = telephony();
        let turn_away = TurnAway::Reject;
        GateRules::new(&Facts { telephony: &telephony, spared: &spared, turn_away, probe: None, heartbeat: Some(9527) })
    }

    fn telephony() -> Vec<TelephonyPort> {
        let port =
            |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: String::new() };
        vec![port(Protocol::Udp, "5060"), port(Protocol::Tcp, "5060-5061")]
    }
}
