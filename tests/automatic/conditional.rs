//! No witness: the control address has the third vote. The promise is weaker, is called so, and breaks as it is told.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::story::Story;
use super::pair::Pair;
use super::trio::Trio;

const NO_WITNESS: [&str; 5] = ["settings", "witness", "--no-witness", "--timing", "fast"];

/// What a length told by both clocks, in tenths of a second, may differ by from what the auditor saw on a busy machine.
const DIFFERENCE: f64 = 0.7;

#[test]
fn without_a_witness_the_weaker_promise_has_to_be_accepted_is_called_so_and_an_overlap_is_told_with_its_length() {
    let pair = Pair::configured_with(1);
    let refused = pair.run(&[&NO_WITNESS[..], &["--yes"]].concat()).ended_with(2);
    assert!(refused.stderr.contains("--accept-conditional"), "{refused:?}");
    assert!(!pair.lab.server(Primary, 1).has("/etc/mxone_system_redundancy/lease"), "a refusal changes nothing");

    let trio = Trio::without_witness(pair, &NO_WITNESS);
    assert_eq!(trio.pair.status()["guarantee"], "conditional");
    let told = trio.pair.run(&["status"]).stdout;
    assert!(told.contains("CONDITIONAL (no witness; 1 of 1 control addresses answer)"), "{told}");

    // Each reaches the control address, and not the other: that is what no witness means.
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut_between_sites();
        trio.wait_live(Alternate);
        trio.keeps(Duration::from_secs(1), "both have two votes", || trio.is_live(Primary) && trio.is_live(Alternate));
        trio.pair.lab.heal_between_sites();
        trio.wait_agreed();
        trio.wait_blocked(Primary);
        trio.keeps_live(Alternate, Duration::from_secs(1), "the higher epoch stays");
    });
    assert!(!story.dual_live().is_empty(), "{:?}", story.reigns());
    let told = trio.wait_told(Alternate, "BOTH SITES WERE LIVE for");
    let length = told.split("LIVE for ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok()).unwrap();
    let seen = overlap(&story).as_secs_f64();
    eprintln!("both were live for {seen:.2} s, and {length} s are told");
    let blind = story.blind_for().as_secs_f64();
    assert!((length - seen).abs() < DIFFERENCE + blind, "{length} {seen}, and the auditor was held up for {blind} s");
}

#[test]
fn without_a_witness_a_site_that_was_frozen_listens_before_it_opens_and_two_are_not_live() {
    let trio = Trio::without_witness(Pair::configured_with(1), &NO_WITNESS);
    let story = trio.pair.audited(|| {
        trio.monitor(Primary).signal("STOP");
        trio.wait_live(Alternate);
        trio.monitor(Primary).signal("CONT");
        trio.wait_agreed();
        trio.keeps_live(Alternate, Duration::from_secs(2), "nothing moves");
    });
    story.live_in_turn(&[Primary, Alternate]);
}

/// How long both answered: from the first answer of the alternate to the last one of the primary.
fn overlap(story: &Story) -> Duration {
    let came = |site| story.own.iter().filter(move |probe| probe.site == site).filter_map(|probe| probe.answered);
    came(Primary).max().unwrap().saturating_sub(came(Alternate).min().unwrap())
}
