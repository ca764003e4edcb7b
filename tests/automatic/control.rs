//! Control addresses that a site does not reach any more.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

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
        trio.keeps(Duration::from_secs(2), "it does not come back by itself", || {
            trio.is_live(Alternate) && !trio.is_open(Primary)
        });
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.late_answers(Primary, Alternate), [], "it was blocked before the other was opened");
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
        trio.keeps(NOTICED, "nothing moves", || trio.is_live(Primary) && !trio.is_open(Alternate));
        lab.hide_control_address(Primary);
        std::thread::sleep(NOTICED);
        let why = trio.state(Primary)["because"].to_string();
        assert!(why.contains("control"), "it is known, and moves nothing: {why}");
        assert!(trio.is_live(Primary) && !trio.is_open(Alternate));
        lab.show_control_address(Primary);
    });
    assert_eq!(story.dual_live(), []);
    assert_eq!(story.reigns().len(), 1, "nothing moved");
}

#[test]
fn an_alternate_without_its_control_address_takes_over_only_once_it_has_it_again() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.hide_control_address(Alternate);
        // One look that misses is enough not to ask; it takes two seconds.
        std::thread::sleep(Duration::from_secs(4));
        lab.cut(trio.first(Primary));
        wait_until("the primary has blocked itself", || !trio.is_open(Primary));
        trio.keeps(Duration::from_secs(3), "nobody could be called there", || {
            !trio.is_live(Alternate) && !trio.is_open(Alternate)
        });
        lab.show_control_address(Alternate);
        trio.wait_live(Alternate);
    });
    assert_eq!(story.dual_live(), []);
}
