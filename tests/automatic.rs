//! Automatic takeover on real machines: three voters in namespaces, real call servers, the real nft, and an auditor
//! outside of it all that asks both sites every 10 ms.
#![allow(
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]
#![allow(dead_code, reason = "it uses its part of the lab and of the pair")]

#[path = "automatic/address.rs"]
mod address;
#[path = "automatic/aftermath.rs"]
mod aftermath;
#[path = "automatic/alarms.rs"]
mod alarms;
#[path = "automatic/back.rs"]
mod back;
#[path = "automatic/by_commands.rs"]
mod by_commands;
#[path = "automatic/clock.rs"]
mod clock;
#[path = "automatic/control.rs"]
mod control;
#[path = "automatic/disk.rs"]
mod disk;
#[path = "automatic/etcd.rs"]
mod etcd;
#[path = "automatic/health.rs"]
mod health;
#[path = "automatic/ipset.rs"]
mod ipset;
#[path = "lab/lab.rs"]
mod lab;
#[path = "automatic/lines.rs"]
mod lines;
#[path = "end_to_end/pair.rs"]
mod pair;
#[path = "automatic/process.rs"]
mod process;
#[path = "automatic/rules.rs"]
mod rules;
#[path = "automatic/servers.rs"]
mod servers;
#[path = "automatic/trio.rs"]
mod trio;

use std::time::Duration;

use lab::host::wait_until;
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::{Value, json};
use trio::Trio;

/// The profile `fast` promises so much for a crash; what a busy machine adds is none of its business.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(4);

#[test]
fn when_the_primarys_cable_is_pulled_the_alternate_takes_over_by_itself_and_two_are_never_live() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Primary));
        let taken = wait_until("the alternate is live", || trio.is_live(Alternate));
        eprintln!("taken over after {taken:?}");
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        wait_until("the primary has blocked itself", || !trio.is_open(Primary));
        trio.pair.lab.heal(trio.first(Primary));
        wait_until("the primary knows of the alternate", || {
            trio.state(Primary)["epoch"] == trio.state(Alternate)["epoch"]
        });
        trio.keeps(Duration::from_secs(2), "nothing moves", || trio.is_live(Alternate) && !trio.is_live(Primary));
    });
    assert_eq!(story.dual_live(), []);
    assert!(story.has_answer_of(Primary) && story.has_answer_of(Alternate));
    eprintln!("without a live site: {:?}", story.gap());
}

#[test]
fn a_monitor_that_is_frozen_or_killed_leaves_a_site_that_its_kernel_blocks() {
    for signal in ["STOP", "KILL"] {
        let trio = Trio::started();
        let story = trio.pair.audited(|| {
            trio.monitor(Primary).signal(signal);
            let taken = wait_until("the alternate is live", || trio.is_live(Alternate));
            eprintln!("{signal}: taken over after {taken:?}");
            assert!(taken < TAKEN_OVER_WITHIN, "{signal} {taken:?}");
            assert!(!trio.is_open(Primary), "{signal}: no process is needed to block");
            if signal == "STOP" {
                trio.monitor(Primary).signal("CONT");
                wait_until("the primary knows of the alternate", || {
                    trio.state(Primary)["epoch"] == trio.state(Alternate)["epoch"]
                });
                trio.keeps(Duration::from_secs(1), "nothing moves", || !trio.is_live(Primary));
            }
        });
        assert_eq!(story.dual_live(), [], "{signal}");
    }
}

#[test]
fn status_tells_the_promise_that_is_in_force_and_never_a_better_one() {
    let trio = Trio::started();
    let told = |words: &[&str]| -> Value { serde_json::from_str(&trio.pair.run(words).stdout).unwrap() };
    let status = told(&["status", "--json", "--why"]);
    assert_eq!((&status["guarantee"], &status["voters"]), (&json!("at-most-one-live"), &json!("working")), "{status}");
    assert!(status["lease"]["witness_heard_seconds"].as_f64().unwrap() < 2.0, "{status}");
    assert!(status["guarantee_told"].as_str().unwrap().starts_with("AT MOST ONE LIVE (lease, epoch"), "{status}");
    assert!(status["why"]["because"].as_str().unwrap().contains("promise to the primary"), "{status}");

    trio.monitor(Primary).signal("STOP");
    wait_until("the alternate lets traffic in", || trio.is_live(Alternate) && trio.is_open(Alternate));
    let status = told(&["status", "--json"]);
    assert_eq!(status["primary"]["traffic"], "blocked", "iptables are open, the gate is closed: {status}");
    assert!(status["primary"]["servers"][0]["remarks"][0].as_str().unwrap().contains("gate"), "{status}");
    assert!(status["verdict"].as_str().unwrap().starts_with("taken over"), "{status}");
    assert_eq!(status["guarantee"], "at-most-one-live", "{status}");

    trio.monitor(Alternate).signal("KILL");
    wait_until("the monitor is gone", || trio.state(Alternate).is_null());
    let status = told(&["status", "--json"]);
    assert_eq!((&status["guarantee"], &status["voters"]), (&json!("lost"), &json!("silent")), "{status}");
    assert!(status["verdict"].as_str().unwrap().contains("voters are set up and none works here"), "{status}");
}

#[test]
fn while_the_witness_or_the_line_between_the_sites_is_lost_the_primary_stays_live() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.witness_host());
        trio.keeps(Duration::from_secs(4), "the two sites have two votes", || {
            trio.is_live(Primary) && !trio.is_live(Alternate)
        });
        trio.pair.lab.heal(trio.witness_host());
        std::thread::sleep(Duration::from_secs(2));
        trio.pair.lab.cut_between_sites();
        trio.keeps(Duration::from_secs(4), "it and the witness have two", || {
            trio.is_live(Primary) && !trio.is_live(Alternate)
        });
        trio.pair.lab.heal_between_sites();
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.reigns().len(), 1, "nothing moved");
}

#[test]
fn an_alternate_whose_cable_is_pulled_never_goes_live() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Alternate));
        trio.keeps(Duration::from_secs(5), "nothing moves", || trio.is_live(Primary) && !trio.is_open(Alternate));
        trio.pair.lab.heal(trio.first(Alternate));
        trio.keeps(Duration::from_secs(2), "nothing moves", || trio.is_live(Primary) && !trio.is_open(Alternate));
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.reigns().len(), 1);
}

#[test]
fn a_person_hands_over_there_and_back_and_the_voters_do_it() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.must(&["manual-takeover", "traffic-in-alternate", "--reason", "upgrade"]);
        assert!(trio.is_live(Alternate) && !trio.is_open(Primary));
        assert_eq!(trio.gate(Alternate), "", "takeover from the alternate waits for a person, so it is not armed");
        trio.pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "the upgrade is over"]);
        wait_until("the primary is live by a lease", || {
            trio.is_live(Primary) && trio.gate(Primary).contains("expires")
        });
        assert!(!trio.is_open(Alternate));
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.reigns().iter().map(|reign| reign.site).collect::<Vec<_>>(), [Primary, Alternate, Primary]);
    eprintln!("without a live site: {:?}", story.gap());
}

#[test]
fn a_site_that_was_restarted_stays_blocked_until_it_has_a_right() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.power_off(trio.first(Primary));
        wait_until("the alternate is live", || trio.is_live(Alternate));
        trio.pair.lab.power_on(trio.first(Primary));
        trio.start("primary");
        wait_until("the primary knows of the alternate", || {
            trio.state(Primary)["epoch"] == trio.state(Alternate)["epoch"]
        });
        trio.keeps(Duration::from_secs(2), "nothing moves", || trio.is_live(Alternate) && !trio.is_open(Primary));
    });
    assert_eq!(story.dual_live(), []);
}
