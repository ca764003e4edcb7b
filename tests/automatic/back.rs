//! There and back by itself, the flap guard, holds, and many takeovers in a row.

use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::configuration::Mode;
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};

use super::lab::host::wait_until;
use super::trio::{Trio, Wanted};

/// How long the flap guard stops the next takeover here.
const GUARD: u32 = 12;

#[test]
fn the_traffic_goes_there_and_back_by_itself_and_the_flap_guard_stops_the_third() {
    let wanted =
        Wanted { back: Mode::Automatic, return_after_seconds: Some(3), guard_seconds: GUARD, ..Wanted::default() };
    let trio = Trio::of(&wanted);
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_live(Alternate);
        trio.pair.lab.heal(trio.first(Primary));
        let healed = Instant::now();
        trio.order(Alternate, &["acknowledge"]);
        trio.wait_live(Primary);
        assert!(healed.elapsed() > Duration::from_secs(3), "it had to be well for so long: {:?}", healed.elapsed());
        assert!(!trio.is_open(Alternate));

        // With the next beat the alternate knows that nobody ordered the return.
        let returned = Instant::now();
        std::thread::sleep(Duration::from_secs(1));
        trio.pair.lab.cut(trio.first(Primary));
        wait_until("the primary has blocked itself", || !trio.is_open(Primary));
        trio.keeps(Duration::from_secs(3), "three in a row are a fault that a person has to see", || {
            !trio.is_live(Alternate)
        });
        trio.wait_live(Alternate);
        let guard = Duration::from_secs(GUARD.into());
        assert!(returned.elapsed() > guard.checked_sub(Duration::from_secs(2)).unwrap(), "{:?}", returned.elapsed());
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(sites(&story), [Primary, Alternate, Primary, Alternate]);
}

#[test]
fn a_hold_and_the_flap_guard_stop_a_takeover_until_a_person_ends_them() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        trio.order(Alternate, &["hold", "5", "--reason", "work on the network"]);
        lab.cut(trio.first(Primary));
        wait_until("the primary has blocked itself", || !trio.is_open(Primary));
        trio.keeps(Duration::from_secs(3), "nothing moves", || !trio.is_live(Alternate));
        trio.order(Alternate, &["hold", "0"]);
        trio.wait_live(Alternate);
        lab.heal(trio.first(Primary));
        trio.wait_agreed();
        // Back without a word about what was seen: the guard stands.
        trio.pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "mended"]);
        trio.settled();
        lab.cut(trio.first(Primary));
        wait_until("the primary has blocked itself", || !trio.is_open(Primary));
        trio.keeps(Duration::from_secs(3), "nothing moves", || !trio.is_live(Alternate));
        trio.order(Alternate, &["acknowledge"]);
        trio.wait_live(Alternate);
    });
    assert_eq!(story.dual_live(), []);
}

#[test]
fn ten_takeovers_in_a_row_never_have_two_live_sites() {
    in_a_row(10);
}

#[test]
#[ignore = "takes minutes: cargo test --test automatic two_hundred -- --ignored"]
fn two_hundred_takeovers_in_a_row_never_have_two_live_sites() {
    in_a_row(200);
}

fn in_a_row(times: usize) {
    let trio = Trio::started();
    let mut live = Primary;
    let story = trio.pair.audited(|| {
        for _ in 0..times {
            trio.order(live, &["hand-over"]);
            live = live.other();
            trio.wait_live(live);
            // Only one that hears the other hands over.
            trio.wait_agreed();
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.reigns().len(), times + 1);
    eprintln!("{times} takeovers: the longest without a live site: {:?}", story.gap().length);
}

fn sites(story: &super::lab::auditor::Story) -> Vec<Site> {
    story.reigns().iter().map(|reign| reign.site).collect()
}
