//! The gate of automatic takeover as an nft table: telephony passes only while an element of its set lives.
//!
//! The table is ours alone, so that no other program's iptables touches it, and its chains come before those of the
//! usual tables. Like the block by order it knows no connection states: a call that is up ends with the right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Chain, Facts, Family, TelephonyPort};

/// The table.
const TABLE: &str = "inet mxone_redundancy";

/// The same rules without hooks, loaded for a moment to see how this nft prints them; nothing passes through it.
const FORM: &str = "inet mxone_redundancy_form";

/// What the set holds while telephony may pass: the families of packets.
const ELEMENTS: [&str; 2] = ["ipv4", "ipv6"];

/// Before the chains of iptables and their likes (-150 and later), after raw (-300).
const PRIORITY: i32 = -200;

/// The first rule of each chain.
const OPEN: &str = "meta nfproto @right accept";

/// The rules of the gate of a server, chain by chain, as nft reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct GateTable {
    chains: BTreeMap<Chain, Vec<String>>,
}

impl GateTable {
    /// The gate that follows from these facts, for both families.
    #[must_use]
    pub fn new(facts: &Facts<'_>) -> Self {
        let rules = |chain| facts.rules(chain, &Family::BOTH).iter().map(super::rule::Rule::as_nft).collect();
        Self { chains: Chain::ALL.into_iter().map(|chain| (chain, rules(chain))).collect() }
    }

    /// The line that makes this table, whole, in place of whatever is there, and open for `right` if any is given.
    ///
    /// nft takes a line all at once or not at all.
    #[must_use]
    pub fn load(&self, right: Option<Duration>) -> String {
        let body = self.body(|chain| format!("type filter hook {} priority {PRIORITY}; policy accept; ", hook(chain)));
        let open = right.map_or_else(String::new, |right| format!("; {}", element("add", Some(right))));
        format!("add table {TABLE}; delete table {TABLE}; table {TABLE} {{ {body}; }}{open}")
    }

    /// The line that makes the same rules as a table that does nothing, to see how they are printed.
    #[must_use]
    pub fn load_form(&self) -> String {
        let body = self.body(|_| String::new());
        format!("add table {FORM}; delete table {FORM}; table {FORM} {{ {body}; }}")
    }

    /// The line that prints what [`GateTable::load_form`] made.
    pub const LIST_FORM: &'static str = "list table inet mxone_redundancy_form";

    /// The line that takes it out again.
    pub const DELETE_FORM: &'static str = "delete table inet mxone_redundancy_form";

    /// The line that prints the table.
    pub const LIST: &'static str = "list table inet mxone_redundancy";

    /// The line that takes the table out, also if it is not there.
    pub const DELETE: &'static str = "add table inet mxone_redundancy; delete table inet mxone_redundancy";

    /// The line that ends every right.
    pub const CLOSE: &'static str = "flush set inet mxone_redundancy right";

    /// The line that makes the right end after `right`, whatever it was before; milliseconds, rounded down.
    ///
    /// Adding an element that is there does not prolong it, so it is deleted before, and added before that for it may
    /// have ended.
    #[must_use]
    pub fn prolong(right: Duration) -> String {
        format!("{}; {}; {}", element("add", None), element("delete", None), element("add", Some(right)))
    }

    fn body(&self, hook: impl Fn(Chain) -> String) -> String {
        let mut body = "set right { typeof meta nfproto; flags timeout; }".to_owned();
        for (chain, rules) in &self.chains {
            let rules = rules.join("; ");
            // Writing to a String cannot fail.
            let _ = write!(body, "; chain {} {{ {}{OPEN}; {rules}; }}", name(*chain), hook(*chain));
        }
        body
    }
}

/// What `nft list table` printed of the gate, or of its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRead {
    /// Every line but the table's name, the hooks and the elements.
    rules: Vec<String>,
    hooks: Vec<String>,
    elements: String,
}

impl GateRead {
    /// Reads what was printed; `None` when that is no table.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (first, body) = text.trim().split_once('\n')?;
        let body = body.strip_suffix('}')?;
        if !first.starts_with("table inet mxone_redundancy") {
            return None;
        }
        // Many elements are printed on several lines.
        let (before, elements, after) = match body.split_once("elements = {") {
            Some((before, rest)) => {
                let (elements, after) = rest.split_once('}')?;
                (before, elements, after)
            }
            None => (body, "", ""),
        };
        let lines = before.lines().chain(after.lines()).map(str::trim).filter(|line| !line.is_empty());
        let (hooks, rules) = lines.map(str::to_owned).partition(|line| line.starts_with("type "));
        Some(Self { rules, hooks, elements: elements.to_owned() })
    }

    /// Whether telephony may pass in both families.
    #[must_use]
    pub fn is_open(&self) -> bool {
        ELEMENTS.iter().all(|element| self.elements.contains(element))
    }

    /// Whether telephony passes in no family.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.elements.trim().is_empty()
    }

    /// Whether every right of it ends by itself: an element without a time-out was not written by us.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.elements.split(',').all(|element| element.trim().is_empty() || element.contains("expires"))
    }

    /// Whether these are the rules whose form is this, where they ought to be.
    #[must_use]
    pub fn is_whole(&self, form: &Self) -> bool {
        self.rules == form.rules && self.is_hooked()
    }

    /// Whether it is closed and turns all of this telephony away, read without its form: by the port of each rule.
    ///
    /// In doubt it is not, for then the rules were changed.
    #[must_use]
    pub fn holds_back(&self, telephony: &[TelephonyPort]) -> bool {
        let turned_away = |rules: &[String], port: &TelephonyPort| {
            ["dport", "sport"].iter().all(|side| {
                let ports = port.ports.to_string();
                let matched = format!("{} {side} {ports} ", port.protocol);
                let verdict = rules.iter().find_map(|rule| rule.strip_prefix(matched.as_str()));
                verdict.is_some_and(|verdict| verdict.starts_with("drop") || verdict.starts_with("reject"))
            })
        };
        let holds = |chain| {
            let rules = self.rules_of(chain);
            let begins = rules.first().is_some_and(|rule| rule == OPEN) && !rules.iter().any(|rule| rule == "accept");
            begins && telephony.iter().all(|port| turned_away(rules, port))
        };
        !telephony.is_empty() && self.is_closed() && self.is_hooked() && Chain::ALL.into_iter().all(holds)
    }

    fn is_hooked(&self) -> bool {
        let hook = |chain| format!("type filter hook {} priority {PRIORITY}; policy accept;", hook(chain));
        self.hooks == Chain::ALL.map(hook)
    }

    /// The lines of a chain; none where it is not there.
    fn rules_of(&self, chain: Chain) -> &[String] {
        let first = format!("chain {} {{", name(chain));
        let from = self.rules.iter().position(|line| *line == first).map(|place| place + 1);
        let rest = from.and_then(|from| self.rules.get(from..)).unwrap_or_default();
        let length = rest.iter().position(|line| line == "}").unwrap_or(0);
        rest.get(..length).unwrap_or_default()
    }
}

const fn hook(chain: Chain) -> &'static str {
    match chain {
        Chain::In => "input",
        Chain::Out => "output",
        Chain::Fwd => "forward",
    }
}

/// Our chains bear the names of their hooks.
const fn name(chain: Chain) -> &'static str {
    hook(chain)
}

fn element(doing: &str, right: Option<Duration>) -> String {
    let timeout = right.map_or_else(String::new, |right| format!(" timeout {}ms", right.as_millis()));
    let elements = ELEMENTS.map(|element| format!("{element}{timeout}"));
    format!("{doing} element {TABLE} right {{ {} }}", elements.join(", "))
}

/// The rules on their way to another server.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    input: Vec<String>,
    output: Vec<String>,
    forward: Vec<String>,
}

impl TryFrom<Written> for GateTable {
    type Error = GateTableError;

    fn try_from(written: Written) -> Result<Self, GateTableError> {
        let Written { input, output, forward } = written;
        if let Some(rule) = input.iter().chain(&output).chain(&forward).find(|rule| !is_one_rule(rule)) {
            return Err(GateTableError::NotARule(rule.clone()));
        }
        Ok(Self { chains: BTreeMap::from([(Chain::In, input), (Chain::Out, output), (Chain::Fwd, forward)]) })
    }
}

impl From<GateTable> for Written {
    fn from(mut table: GateTable) -> Self {
        let mut rules = |chain| table.chains.remove(&chain).unwrap_or_default();
        Self { input: rules(Chain::In), output: rules(Chain::Out), forward: rules(Chain::Fwd) }
    }
}

/// Whether a text can be no more than one rule: none of its letters ends a rule or a chain.
fn is_one_rule(rule: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b" \".:-&=".contains(&byte);
    let ends = [" accept", " drop", " reject with tcp reset", " reject with icmpx type port-unreachable"];
    rule.bytes().all(known) && ends.iter().any(|end| rule.ends_with(end))
}

/// Why rules from elsewhere are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GateTableError {
    /// A text that is none of our rules.
    #[error("\"{0}\" is no rule of a gate")]
    NotARule(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::platform::SipProbe;
    use crate::domain::traffic::{Protocol, Spared, TelephonyPort, TurnAway};

    #[test]
    fn the_gate_of_a_small_system_reads_as_a_person_would_write_it() {
        insta::assert_snapshot!(small().load(Some(Duration::from_micros(1_500_999))).replace("; ", ";\n"));
    }

    #[test]
    fn a_right_is_rounded_down_to_milliseconds() {
        assert!(GateTable::prolong(Duration::from_micros(1_999)).ends_with("{ ipv4 timeout 1ms, ipv6 timeout 1ms }"));
    }

    #[test]
    fn a_table_that_was_sent_is_the_same_and_a_text_that_ends_a_rule_is_refused() {
        let text = serde_json::to_string(&small()).unwrap();
        assert_eq!(serde_json::from_str::<GateTable>(&text).unwrap(), small());
        for evil in [
            "udp dport 1 accept; } flush ruleset; accept",
            "udp dport 1\\n accept",
            "udp dport 1\\naccept",
            "flush ruleset",
            "}",
        ] {
            let text = text.replace("iifname \\\"lo\\\" accept", evil);
            assert!(serde_json::from_str::<GateTable>(&text).is_err(), "{evil}");
        }
    }

    #[test]
    fn what_nft_prints_is_told_apart_from_other_rules_and_other_hooks() {
        let form = GateRead::parse(&printed("mxone_redundancy_form", "", "")).unwrap();
        let hook = "\t\ttype filter hook input priority -200; policy accept;\n";
        let read = |elements| GateRead::parse(&printed("mxone_redundancy", elements, hook)).unwrap();
        let closed = read("");
        assert!(closed.is_closed() && !closed.is_open());
        let open = read("\t\telements = { ipv4 timeout 2s expires 1s,\n\t\t\tipv6 timeout 2s expires 1s }\n");
        assert!(open.is_open() && !open.is_closed() && open.ends());
        assert_eq!(open.rules, form.rules);
        let half = read("\t\telements = { ipv6 timeout 2s expires 1s }\n");
        assert!(!half.is_open() && !half.is_closed());
        assert!(!read("\t\telements = { ipv4, ipv6 timeout 2s expires 1s }\n").ends());
        // Two hooks are missing.
        assert!(!closed.is_whole(&form));
        assert_eq!(GateRead::parse(""), None);
        assert_eq!(GateRead::parse("Error: No such file or directory\n"), None);
    }

    #[test]
    fn a_closed_gate_holds_telephony_back_only_while_its_rules_turn_every_port_away() {
        let (hooks, port) =
            ([["input"], ["output"], ["forward"]].concat(), "udp dport 5060 reject\n\t\tudp sport 5060 drop");
        let chain = |hook: &&str| {
            format!(
                "\tchain {hook} {{\n\t\ttype filter hook {hook} priority -200; policy accept;\n\t\tmeta nfproto @right \
                 accept\n\t\tudp sport 53 udp dport 32768-60999 accept\n\t\t{port}\n\t\ttcp dport 5060-5061 reject with tcp \
                 reset\n\t\ttcp sport 5060-5061 reject with tcp reset\n\t}}\n"
            )
        };
        let set = "\tset right {\n\t\ttypeof meta nfproto\n\t\tflags timeout\n\t}\n";
        let chains: String = hooks.iter().map(chain).collect();
        let text = format!("table inet mxone_redundancy {{\n{set}{chains}}}\n");
        let holds = |text: &str| GateRead::parse(text).unwrap().holds_back(&telephony());
        assert!(holds(&text));
        let open = "flags timeout\n\t\telements = { ipv4 timeout 2s expires 1s, ipv6 timeout 2s expires 1s }";
        let half = "flags timeout\n\t\telements = { ipv6 timeout 2s expires 1s }";
        for (from, to) in [
            ("flags timeout", open),
            ("flags timeout", half),
            ("hook forward priority -200", "hook forward priority 200"),
            ("\t\tudp sport 5060 drop\n", ""),
            ("\t\tudp dport 5060 reject\n", "\t\tudp dport 5060 accept\n\t\tudp dport 5060 reject\n"),
            ("\t\tmeta nfproto @right accept\n", "\t\taccept\n"),
            ("\t\tmeta nfproto @right accept\n", "\t\tmeta nfproto @right accept\n\t\taccept\n"),
            ("chain output {", "chain outside {"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(!holds(&text.replacen(from, to, 1)), "{from} -> {to}");
        }
        assert!(!GateRead::parse(&text).unwrap().holds_back(&[]), "nothing is known of what it has to turn away");
    }

    fn printed(table: &str, elements: &str, hook: &str) -> String {
        format!(
            "table inet {table} {{\n\tset right {{\n\t\ttypeof meta nfproto\n\t\tflags timeout\n{elements}\t}}\n\n\
             \tchain input {{\n{hook}\t\tmeta nfproto @right accept\n\t}}\n}}\n"
        )
    }

    fn small() -> GateTable {
        let telephony = telephony();
        let addresses = ["192.0.2.11", "2001:db8::11"].map(|text| text.parse().unwrap());
        let spared = Spared { addresses: addresses.into(), ssh_port: 2222 };
        let probe = Some(SipProbe { protocol: Protocol::Udp, port: 5060 });
        let turn_away = TurnAway::Reject;
        GateTable::new(&Facts { telephony: &telephony, spared: &spared, turn_away, probe, heartbeat: Some(9527) })
    }

    fn telephony() -> [TelephonyPort; 2] {
        let port =
            |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: String::new() };
        [port(Protocol::Udp, "5060"), port(Protocol::Tcp, "5060-5061")]
    }
}
