//! An etcd cluster as the witness, set up and taken out by commands: the same faults, and those of etcd itself.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use serde_json::Value;

use super::back;
use super::lab::host::wait_until;
use super::pair::Pair;
use super::trio::Trio;

/// The promise of `fast`, what etcd takes to notice that a lease is over, and a busy machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(6);

#[test]
fn with_etcd_as_the_witness_the_alternate_takes_over_from_a_cut_and_from_a_frozen_primary() {
    let trio = Trio::with_etcd(Pair::configured_with(1));
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Primary));
        let taken = wait_until("the alternate is live", || trio.is_live(Alternate));
        eprintln!("taken over after {taken:?}");
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        assert!(!trio.is_open(Primary));
        trio.pair.lab.heal(trio.first(Primary));
        trio.wait_agreed();
        trio.brought_back();
        trio.monitor(Primary).signal("STOP");
        let taken = wait_until("the alternate is live", || trio.is_live(Alternate));
        eprintln!("frozen: taken over after {taken:?}");
        assert!(taken < TAKEN_OVER_WITHIN && !trio.is_open(Primary), "{taken:?}");
        trio.monitor(Primary).signal("CONT");
        trio.wait_agreed();
        trio.keeps(Duration::from_secs(1), "nothing moves", || trio.is_live(Alternate) && !trio.is_live(Primary));
    });
    story.live_in_turn(&[Primary, Alternate, Primary, Alternate]);

    assert_eq!(keys(&trio).lines().count(), 1, "one pair, and what stands for good: {}", keys(&trio));
    trio.pair.must(&["settings", "takeover", "alternate-from-primary", "manual"]);
    wait_until("both are told", || trio.state(Primary)["guarantee"].to_string().contains("MANUAL"));
    let removed = trio.pair.must(&["settings", "witness", "--remove"]);
    assert!(removed.stderr.contains("removed from etcd"), "{removed:?}");
    assert_eq!(keys(&trio), "");
}

#[test]
fn with_etcd_as_the_witness_the_alternate_replaces_a_killed_a_silenced_and_a_useless_primary() {
    let trio = Trio::with_etcd(Pair::configured_with(1));
    let faults: [fn(&Trio, Site); 3] = [back::killed, back::silenced, back::control_lost];
    for fault in faults {
        let story = trio.pair.audited(|| {
            fault(&trio, Primary);
            trio.wait_agreed();
            trio.keeps_live(Alternate, Duration::from_secs(1), "nothing moves");
        });
        story.live_in_turn(&[Primary, Alternate]);
        eprintln!("without a live site: {:?}", story.gap().length);
        trio.brought_back();
    }
}

#[test]
fn while_etcd_is_down_the_primary_stays_live_and_a_second_fault_makes_nobody_live_until_it_is_back() {
    let trio = Trio::with_etcd(Pair::configured_with(1));
    let story = trio.pair.audited(|| {
        trio.stop("etcd");
        trio.keeps(Duration::from_secs(4), "the two sites have two votes", || {
            trio.is_live(Primary) && !trio.is_live(Alternate)
        });
        trio.start("etcd");
        wait_until("etcd is heard", || {
            let status: Value = serde_json::from_str(&trio.pair.run(&["status", "--json"]).stdout).unwrap();
            status["lease"]["witness_heard_seconds"].as_f64().is_some_and(|seconds| seconds < 1.0)
        });
        trio.stop("etcd");
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_blocked(Primary);
        trio.keeps(Duration::from_secs(4), "it has one vote", || !trio.is_live(Alternate) && !trio.is_open(Alternate));
        trio.start("etcd");
        trio.wait_live(Alternate);
        trio.pair.lab.heal(trio.first(Primary));
        trio.wait_agreed();
        trio.keeps(Duration::from_secs(1), "nothing moves", || trio.is_live(Alternate) && !trio.is_live(Primary));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let told = trio.first(Alternate).run(&["cat", "/var/log/voter.log"]).stdout;
    assert!(told.contains("the witness (etcd) backs nobody") && told.contains("answers again"), "{told}");
}

#[test]
fn an_etcd_that_does_not_answer_is_refused_and_leaves_nothing_behind() {
    let pair = Pair::configured_with(1);
    let address = pair.lab.host("trunk").v4;
    let wish = ["settings", "witness", "--etcd"];
    let nobody = format!("http://{address}:2379");
    let refused = pair.run(&[&wish[..], &[&nobody]].concat()).ended_with(3);
    assert!(refused.stderr.contains("is not reached from LIM 1 of the primary"), "{refused:?}");
    let listener = "$s = IO::Socket::INET->new(LocalPort => 2379, Listen => 5, ReuseAddr => 1) or die; \
                    while ($c = $s->accept) { close $c }";
    let _listening = pair.lab.host("trunk").spawn(&["perl", "-MIO::Socket::INET", "-e", listener]);
    let refused = wait_for_refusal(&pair, &[&wish[..], &[&nobody]].concat(), "etcd cannot be the witness");
    assert!(refused.contains("does not answer") && refused.contains("nothing was changed"), "{refused}");
    assert!(refused.contains("below /mxone_system_redundancy/\n"), "{refused}");
    let told = pair.run(&[&wish[..], &[&nobody, "--etcd-user", "pbx"]].concat()).ended_with(2);
    assert!(told.stderr.contains("MXONE_REDUNDANCY_ETCD_PASSWORD"), "{told:?}");
    let told = pair.run(&[&wish[..], &["etcd.example:2379"]].concat()).ended_with(2);
    assert!(told.stderr.contains("https://HOST:PORT"), "{told:?}");
    let told = pair.run(&[&wish[..], &[&nobody, "--dry-run"]].concat()).ended_with(3);
    assert!(told.stderr.contains("etcd cannot be the witness"), "a dry run tells it as well: {told:?}");
    assert!(!pair.lab.server(Primary, 1).has("/etc/mxone_system_redundancy/lease"), "a refusal changes nothing");
    assert!(!pair.seat().has("/etc/mxone_system_redundancy/lease/lease.yaml"));
}

/// A listener takes a moment to listen.
fn wait_for_refusal(pair: &Pair, words: &[&str], because: &str) -> String {
    let mut told = String::new();
    wait_until("it is refused for that", || {
        told = pair.run(words).ended_with(3).stderr;
        told.contains(because)
    });
    told
}

/// The keys of all pairs in etcd.
fn keys(trio: &Trio) -> String {
    let words = ["etcdctl", "get", "/mxone_system_redundancy/", "--prefix", "--keys-only"];
    let told = trio.witness_host().must(&[&["env", "ETCDCTL_API=3"][..], &words].concat());
    told.lines().filter(|line| !line.is_empty()).fold(String::new(), |told, line| told + line + "\n")
}
