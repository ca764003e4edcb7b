//! Monitors and witnesses that are starved, killed or restarted at the worst moment.

use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};

use super::trio::{STATE, Trio};

/// How long a lease of `fast` lasts, and how long a promise.
const LEASE: Duration = Duration::from_millis(1500);
const PROMISE: Duration = Duration::from_secs(2);

#[test]
fn a_monitor_that_is_starved_in_bursts_never_makes_two_sites_live() {
    let trio = Trio::started();
    let ms = Duration::from_millis;
    // From what a lease outlives to what it hardly does.
    for (stopped, runs) in [(ms(400), ms(50)), (ms(1200), ms(30)), (ms(1700), ms(300))] {
        let epoch = trio.state(Primary)["epoch"].clone();
        let story = trio.pair.audited(|| {
            for _ in 0..4 {
                trio.monitor(Primary).signal("STOP");
                std::thread::sleep(stopped);
                trio.monitor(Primary).signal("CONT");
                std::thread::sleep(runs);
            }
            trio.wait_agreed();
            trio.wait_any_live();
        });
        story.live_in_turn(so_far(&trio));
        if stopped > LEASE {
            let has_moved = trio.state(Primary)["epoch"] != epoch;
            assert!(has_moved || story.gap().length > ms(100), "a lease that ended did nothing: {:?}", story.gap());
        }
        eprintln!("starved for {stopped:?}: without a live site: {:?}", story.gap().length);
        if trio.is_live(Alternate) {
            trio.brought_back();
        }
    }
}

#[test]
fn a_monitor_that_is_restarted_in_the_last_second_of_its_lease_never_makes_two_sites_live() {
    let trio = Trio::started();
    for waited in [0, 900, 1200, 1400] {
        let story = trio.pair.audited(|| {
            trio.monitor(Primary).signal("STOP");
            std::thread::sleep(Duration::from_millis(waited));
            trio.restart("primary");
            trio.wait_agreed();
            trio.wait_any_live();
            if waited == 0 {
                assert!(trio.is_live(Primary), "a plain restart is no reason to move");
            }
            std::thread::sleep(Duration::from_millis(500));
        });
        story.live_in_turn(so_far(&trio));
        eprintln!("restarted after {waited} ms: without a live site: {:?}", story.gap().length);
        if trio.is_live(Alternate) {
            trio.brought_back();
        }
    }
}

#[test]
fn a_witness_that_lost_its_memory_keeps_silent_until_its_promise_is_over() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut_between_sites();
        trio.keeps_live(Primary, Duration::from_secs(1), "it and the witness have two votes");
        let lost = Instant::now();
        trio.stop("witness");
        trio.witness_host().must(&["rm", &format!("{STATE}/promises.json")]);
        trio.start("witness");
        // It hears both sites at once, and yet the lease that it backed ends.
        trio.wait_blocked(Primary);
        trio.wait_any_live();
        let silent = lost.elapsed();
        assert!(silent > PROMISE, "it spoke after {silent:?}");
        trio.pair.lab.heal_between_sites();
        trio.wait_agreed();
    });
    story.live_in_turn(so_far(&trio));
    let gap = story.gap();
    assert!(gap.length > (PROMISE - LEASE) / 2, "the lease went on: {gap:?}");
}

/// The sites that were live since the primary was.
fn so_far(trio: &Trio) -> &'static [Site] {
    if trio.is_live(Primary) { &[Primary] } else { &[Primary, Alternate] }
}
