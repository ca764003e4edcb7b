//! There and back by itself, the flap guard, holds, and many takeovers in a row.

use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::configuration::Mode;
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};

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
        trio.wait_blocked(Primary);
        trio.keeps(Duration::from_secs(3), "three in a row are a fault that a person has to see", || {
            !trio.is_live(Alternate)
        });
        trio.wait_live(Alternate);
        let guard = Duration::from_secs(GUARD.into());
        assert!(returned.elapsed() > guard.checked_sub(Duration::from_secs(2)).unwrap(), "{:?}", returned.elapsed());
    });
    story.live_in_turn(&[Primary, Alternate, Primary, Alternate]);
}

#[test]
fn a_hold_and_the_flap_guard_stop_a_takeover_until_a_person_ends_them() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        trio.order(Alternate, &["hold", "5", "--reason", "work on the network"]);
        lab.cut(trio.first(Primary));
        trio.wait_blocked(Primary);
        trio.keeps(Duration::from_secs(3), "nothing moves", || !trio.is_live(Alternate));
        trio.order(Alternate, &["hold", "0"]);
        trio.wait_live(Alternate);
        lab.heal(trio.first(Primary));
        trio.wait_agreed();
        // Back without a word about what was seen: the guard stands.
        trio.pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "mended"]);
        trio.settled();
        lab.cut(trio.first(Primary));
        trio.wait_blocked(Primary);
        trio.keeps(Duration::from_secs(3), "nothing moves", || !trio.is_live(Alternate));
        trio.order(Alternate, &["acknowledge"]);
        trio.wait_live(Alternate);
    });
    story.live_in_turn(&[Primary, Alternate, Primary, Alternate]);
}

/// What it is called, and what takes the traffic from a live site and then mends the fault.
type Way = (&'static str, fn(&Trio, Site));

/// Ways in which a live site loses the traffic.
const WAYS: [Way; 5] = [
    ("handed over", handed_over),
    ("frozen", frozen),
    ("killed", killed),
    ("cut off", cut_off),
    ("no control", control_lost),
];

#[test]
fn ten_takeovers_in_a_row_for_one_cause_and_another_never_have_two_live_sites() {
    in_a_row(10);
}

/// `cargo test --test automatic two_hundred -- --ignored --nocapture` prints how long no site was live, for each cause.
#[test]
#[ignore = "takes a quarter of an hour"]
fn two_hundred_takeovers_in_a_row_for_one_cause_and_another_never_have_two_live_sites() {
    in_a_row(200);
}

/// Takes the traffic from the live site again and again, from each of the two in each way.
fn in_a_row(times: usize) {
    // Both directions by themselves, and nothing that slows down the next.
    let wanted =
        Wanted { back: Mode::Automatic, return_after_seconds: Some(3600), guard_seconds: 0, ..Wanted::default() };
    let trio = Trio::of(&wanted);
    let mut live = Primary;
    let mut without = WAYS.map(|(name, _)| (name, Vec::new()));
    for number in 0..times {
        let way = number % WAYS.len();
        let story = trio.pair.audited(|| {
            (WAYS[way].1)(&trio, live);
            trio.settled_at(live.other());
        });
        story.live_in_turn(&[live, live.other()]);
        without[way].1.push(story.gap().length);
        live = live.other();
    }
    for (name, mut without) in without {
        without.sort_unstable();
        let (median, worst) = (without[without.len() / 2], without.last().unwrap());
        eprintln!("{name:<12} {:>3} times: without a live site: median {median:.2?}, worst {worst:.2?}", without.len());
    }
}

fn handed_over(trio: &Trio, live: Site) {
    trio.order(live, &["hand-over"]);
    trio.wait_live(live.other());
}

fn frozen(trio: &Trio, live: Site) {
    trio.monitor(live).signal("STOP");
    trio.wait_live(live.other());
    trio.monitor(live).signal("CONT");
}

pub fn killed(trio: &Trio, live: Site) {
    trio.monitor(live).signal("KILL");
    trio.wait_live(live.other());
    trio.restart(if live == Primary { "primary" } else { "alternate" });
}

fn cut_off(trio: &Trio, live: Site) {
    trio.pair.lab.cut(trio.first(live));
    trio.wait_live(live.other());
    trio.pair.lab.heal(trio.first(live));
}

/// What the live site says reaches nobody; what the others say it hears.
pub fn silenced(trio: &Trio, live: Site) {
    let others = [trio.first(live.other()), trio.witness_host()];
    for other in others {
        trio.pair.lab.drop_one_way(trio.first(live), other);
    }
    trio.wait_live(live.other());
    for other in others {
        trio.pair.lab.heal_one_way(trio.first(live), other);
    }
}

pub fn control_lost(trio: &Trio, live: Site) {
    trio.pair.lab.hide_control_address(live);
    trio.wait_live(live.other());
    trio.pair.lab.show_control_address(live);
}
