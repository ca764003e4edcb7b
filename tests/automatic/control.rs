//! Control addresses that a site does not reach any more.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::json;

use super::lab::host::wait_until;
use super::trio::Trio;

/// Three looks, a second apart, have to miss, each of which takes a second more.
const NOTICED: Duration = Duration::from_secs(7);

#[test]
fn a_primary_that_loses_its_control_address_hands_over_to_an_alternate_that_has_it() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.hide_control_address(Primary);
        trio.wait_live(Alternate);
        assert!(!trio.is_open(Primary));
        lab.show_control_address(Primary);
        trio.keeps_live(Alternate, Duration::from_secs(2), "it does not come back by itself");
    });
    story.live_in_turn(&[Primary, Alternate]);
    let gap = story.gap();
    eprintln!("control address lost: without a live site: {gap:?}");
    assert!(gap.length < Duration::from_secs(1), "it was handed over, not taken: {gap:?}");
}

#[test]
fn while_no_site_or_only_the_primary_reaches_the_control_address_nothing_moves() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.hide_control_address(Alternate);
        trio.keeps_live(Primary, NOTICED, "nothing moves");
        lab.hide_control_address(Primary);
        trio.keeps_live(Primary, NOTICED, "nothing moves");
        let why = trio.first(Primary).must(&["mxone_system_redundancy", "lease"]);
        assert!(why.contains("control"), "it is known, and moves nothing: {why}");
        lab.show_control_address(Primary);
    });
    story.live_in_turn(&[Primary]);
}

#[test]
fn an_alternate_without_its_control_address_takes_over_only_once_it_has_it_again() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.hide_control_address(Alternate);
        wait_until("the alternate knows", || trio.state(Alternate)["hears"]["control"] == json!([0, 1]));
        lab.cut(trio.first(Primary));
        trio.wait_blocked(Primary);
        trio.keeps(Duration::from_secs(3), "nobody could be called there", || {
            !trio.is_live(Alternate) && !trio.is_open(Alternate)
        });
        lab.show_control_address(Alternate);
        trio.wait_live(Alternate);
    });
    story.live_in_turn(&[Primary, Alternate]);
}
