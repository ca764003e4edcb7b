//! How long blocking and allowing a server takes: all rules in one process a family, against `iptables` rule by rule.
//!
//! `cargo bench --bench block`, as root: it works in a network namespace of its own. The numbers are of this machine;
//! the ratio is what counts. To reach: one process and at most 30 ms for a family.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run says why and ends"
)]
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "../tests/lab/lab.rs"]
mod lab;
#[path = "measured/measured.rs"]
mod measured;

use std::collections::BTreeSet;
use std::net::IpAddr;

use lab::namespace::Namespace;
use lab::{Network, tool};
use measured::{Contest, Runner};
use mxone_system_redundancy::config::platform;
use mxone_system_redundancy::domain::traffic::{Chain, Family, Found, Mark, RuleSet, Spared, TurnAway};

/// Servers of each site that are spared: a middling system.
const SERVERS: u8 = 4;

fn main() {
    tool::require();
    lab::leftovers::clean();
    let namespace = Namespace::new(&format!("rd-{}-bench", std::process::id()));
    namespace.create();
    let rules = rules();
    let count: usize = Family::BOTH.iter().flat_map(|f| Chain::ALL.map(|chain| rules.rules(*f, chain).len())).sum();
    println!("{count} rules of the profile mxone in both families, {SERVERS} servers a site\n");

    let both = |text: &dyn Fn(Family) -> String| {
        for family in Family::BOTH {
            restore(&namespace, family, &text(family));
        }
    };
    let block = |family| Found::default().becoming(&rules.in_force(family, Mark::BOOT)).unwrap();
    let allow = |family| rules.in_force(family, Mark::BOOT).becoming(&Found::default()).unwrap();
    let at_once = Runner::new("one process a family", || both(&block), || both(&allow));
    let singly =
        Runner::new("rule by rule", || block_rule_by_rule(&namespace, &rules), || allow_rule_by_rule(&namespace));
    Contest { rounds: 10, runners: vec![at_once, singly], doing: "block", undoing: "allow" }.run();
    namespace.delete();
}

fn rules() -> RuleSet {
    let profile = platform::builtin("mxone").unwrap();
    let addresses: BTreeSet<IpAddr> = [Network::Primary, Network::Alternate]
        .into_iter()
        .flat_map(|network| (10..10 + SERVERS).flat_map(move |last| [network.v4(last).into(), network.v6(last).into()]))
        .collect();
    let spared = Spared { addresses, ssh_port: 22 };
    RuleSet::new(&profile.telephony, &spared, TurnAway::Reject, profile.probe)
}

fn restore(namespace: &Namespace, family: Family, text: &str) {
    let net = format!("--net={}", namespace.path().display());
    let program = format!("{}-restore", tables(family));
    tool::must_with_input("nsenter", &[&net, &program, "--noflush", "-w"], text);
}

fn block_rule_by_rule(namespace: &Namespace, rules: &RuleSet) {
    for (family, chain) in every_chain() {
        let program = tables(family);
        namespace.must(program, &["-w", "-N", chain.name()]);
        for rule in rules.rules(family, chain) {
            let words: Vec<&str> = ["-w", "-A", chain.name()].into_iter().chain(rule.split(' ')).collect();
            namespace.must(program, &words);
        }
        namespace.must(program, &["-w", "-I", chain.hook(), "1", "-j", chain.name()]);
    }
}

/// As a careful script would: out of the way first, then emptied, then taken out.
fn allow_rule_by_rule(namespace: &Namespace) {
    for (family, chain) in every_chain() {
        let program = tables(family);
        namespace.must(program, &["-w", "-D", chain.hook(), "-j", chain.name()]);
        namespace.must(program, &["-w", "-F", chain.name()]);
        namespace.must(program, &["-w", "-X", chain.name()]);
    }
}

fn every_chain() -> impl Iterator<Item = (Family, Chain)> {
    Family::BOTH.into_iter().flat_map(|family| Chain::ALL.map(|chain| (family, chain)))
}

const fn tables(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}
