//! Monitors and witnesses that are starved, killed or restarted at the worst moment.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::host::wait_until;
use super::trio::{STATE, Trio};

#[test]
fn a_monitor_that_is_starved_in_bursts_never_makes_two_sites_live() {
    let trio = Trio::started();
    let ms = Duration::from_millis;
    // From what a lease outlives to what it hardly does.
    for (stopped, runs) in [(ms(400), ms(50)), (ms(1200), ms(30)), (ms(1700), ms(300))] {
        let story = trio.pair.audited(|| {
            for _ in 0..4 {
                trio.monitor(Primary).signal("STOP");
                std::thread::sleep(stopped);
                trio.monitor(Primary).signal("CONT");
                std::thread::sleep(runs);
            }
            trio.wait_agreed();
            wait_until("a site is live", || trio.is_live(Primary) || trio.is_live(Alternate));
        });
        assert_eq!(story.dual_live(), [], "{stopped:?}");
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
            wait_until("a site is live", || trio.is_live(Primary) || trio.is_live(Alternate));
            if waited == 0 {
                assert!(trio.is_live(Primary), "a plain restart is no reason to move");
            }
            std::thread::sleep(Duration::from_millis(500));
        });
        assert_eq!(story.dual_live(), [], "{waited} ms");
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
        trio.pair.lab.drop_one_way(trio.first(Primary), trio.first(Alternate));
        trio.pair.lab.drop_one_way(trio.first(Alternate), trio.first(Primary));
        std::thread::sleep(Duration::from_secs(1));
        trio.witness_host().must(&["rm", &format!("{STATE}/promises.json")]);
        trio.restart("witness");
        wait_until("a site is live", || trio.is_live(Primary) || trio.is_live(Alternate));
        std::thread::sleep(Duration::from_secs(4));
        assert!(trio.is_live(Primary) || trio.is_live(Alternate));
    });
    assert_eq!(story.dual_live(), []);
}
