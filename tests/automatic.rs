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
#[path = "automatic/conditional.rs"]
mod conditional;
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
use mxone_system_redundancy::domain::configuration::Mode;
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use serde_json::{Value, json};
use trio::{Trio, Wanted};

/// The profile `fast` promises so much for a crash; what a busy machine adds is none of its business.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(6);

#[test]
fn when_the_primarys_cable_is_pulled_the_alternate_takes_over_by_itself_and_two_are_never_live() {
    cable_pulled(&Trio::started(), Primary);
}

#[test]
fn a_monitor_that_is_frozen_leaves_a_site_that_its_kernel_blocks() {
    frozen(&Trio::started(), Primary);
}

#[test]
fn a_monitor_that_is_killed_leaves_a_site_that_its_kernel_blocks() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.monitor(Primary).signal("KILL");
        taken_over(&trio, Primary);
    });
    story.live_in_turn(&[Primary, Alternate]);
}

#[test]
fn a_monitor_that_is_frozen_behind_a_pulled_cable_leaves_a_site_that_its_kernel_blocks() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.monitor(Primary).signal("STOP");
        trio.pair.lab.cut(trio.first(Primary));
        taken_over(&trio, Primary);
    });
    story.live_in_turn(&[Primary, Alternate]);
}

#[test]
fn a_live_alternate_whose_cable_is_pulled_or_that_is_frozen_is_replaced_by_the_primary() {
    let wanted =
        Wanted { back: Mode::Automatic, return_after_seconds: Some(3600), guard_seconds: 0, ..Wanted::default() };
    let trio = Trio::of(&wanted);
    for fault in [cable_pulled, frozen] {
        trio.order(Primary, &["hand-over"]);
        trio.settled_at(Alternate);
        fault(&trio, Alternate);
        trio.settled_at(Primary);
    }
}

/// Pulls the cable of the live site and puts it back.
fn cable_pulled(trio: &Trio, live: Site) {
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(live));
        taken_over(trio, live);
        trio.pair.lab.heal(trio.first(live));
        trio.wait_agreed();
        trio.keeps_live(live.other(), Duration::from_secs(2), "nothing moves");
    });
    story.live_in_turn(&[live, live.other()]);
    eprintln!("the {live} cut off: without a live site: {:?}", story.gap());
}

/// Stops the monitor of the live site and has it go on.
fn frozen(trio: &Trio, live: Site) {
    let story = trio.pair.audited(|| {
        trio.monitor(live).signal("STOP");
        taken_over(trio, live);
        trio.monitor(live).signal("CONT");
        trio.wait_agreed();
        trio.keeps_live(live.other(), Duration::from_secs(1), "nothing moves");
    });
    story.live_in_turn(&[live, live.other()]);
    eprintln!("the {live} frozen: without a live site: {:?}", story.gap());
}

/// Waits until the other site is live, with no process of the lost one.
fn taken_over(trio: &Trio, lost: Site) {
    let taken = trio.wait_live(lost.other());
    assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
    assert!(!trio.is_open(lost), "no process is needed to block");
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
        trio.keeps_live(Primary, Duration::from_secs(4), "the two sites have two votes");
        trio.pair.lab.heal(trio.witness_host());
        trio.wait_heard();
        trio.pair.lab.cut_between_sites();
        trio.keeps_live(Primary, Duration::from_secs(4), "it and the witness have two");
        trio.pair.lab.heal_between_sites();
    });
    story.live_in_turn(&[Primary]);
}

#[test]
fn an_alternate_whose_cable_is_pulled_never_goes_live() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Alternate));
        trio.keeps_live(Primary, Duration::from_secs(5), "nothing moves");
        trio.pair.lab.heal(trio.first(Alternate));
        trio.keeps_live(Primary, Duration::from_secs(2), "nothing moves");
    });
    story.live_in_turn(&[Primary]);
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
    story.live_in_turn(&[Primary, Alternate, Primary]);
    eprintln!("without a live site: {:?}", story.gap());
}

#[test]
fn a_site_that_was_restarted_stays_blocked_until_it_has_a_right() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.power_off(trio.first(Primary));
        trio.wait_live(Alternate);
        trio.pair.lab.power_on(trio.first(Primary));
        trio.start("primary");
        trio.wait_agreed();
        trio.keeps_live(Alternate, Duration::from_secs(2), "nothing moves");
    });
    story.live_in_turn(&[Primary, Alternate]);
}
