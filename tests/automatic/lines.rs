//! Lines between voters that are cut, both ways or one way, and two faults at the same time.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::TAKEN_OVER_WITHIN;
use super::lab::host::wait_until;
use super::trio::Trio;

/// Longer than any promise of the profile `fast`, and a second more.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

#[test]
fn while_packets_are_lost_one_way_between_two_voters_the_primary_stays_live() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let (primary, alternate, witness) = (trio.first(Primary), trio.first(Alternate), trio.witness_host());
    let story = trio.pair.audited(|| {
        for (from, to) in [(primary, alternate), (alternate, primary), (primary, witness), (witness, primary)] {
            lab.drop_one_way(from, to);
            trio.keeps_live(Primary, LONG_ENOUGH, &format!("{} to {}", from.name, to.name));
            lab.heal_one_way(from, to);
            trio.wait_heard();
        }
    });
    story.live_in_turn(&[Primary]);
}

#[test]
fn while_the_witness_is_cut_off_from_one_site_the_primary_stays_live() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let witness = trio.witness_host();
    let story = trio.pair.audited(|| {
        for site in [Primary, Alternate] {
            lab.drop_one_way(trio.first(site), witness);
            lab.drop_one_way(witness, trio.first(site));
            trio.keeps_live(Primary, LONG_ENOUGH, &format!("{site}"));
            lab.heal_one_way(trio.first(site), witness);
            lab.heal_one_way(witness, trio.first(site));
            trio.wait_heard();
        }
    });
    story.live_in_turn(&[Primary]);
}

#[test]
fn a_primary_that_hears_but_is_heard_by_nobody_is_blocked_and_replaced() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let others = [trio.first(Alternate), trio.witness_host()];
    let story = trio.pair.audited(|| {
        for other in others {
            lab.drop_one_way(trio.first(Primary), other);
        }
        let taken = trio.wait_live(Alternate);
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        assert!(!trio.is_open(Primary));
        for other in others {
            lab.heal_one_way(trio.first(Primary), other);
        }
        trio.wait_agreed();
        trio.keeps_live(Alternate, Duration::from_secs(2), "nothing moves");
    });
    story.live_in_turn(&[Primary, Alternate]);
}

#[test]
fn when_the_primary_and_the_witness_are_lost_at_once_none_is_live_until_one_of_them_is_back() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.cut(trio.first(Primary));
        lab.cut(trio.witness_host());
        trio.wait_blocked(Primary);
        trio.keeps(LONG_ENOUGH, "one vote is not enough", || !trio.is_live(Alternate) && !trio.is_open(Alternate));
        lab.heal(trio.witness_host());
        trio.wait_live(Alternate);
        lab.heal(trio.first(Primary));
        trio.wait_agreed();
        trio.brought_back();

        lab.cut(trio.first(Primary));
        lab.cut(trio.witness_host());
        trio.wait_blocked(Primary);
        lab.heal(trio.first(Primary));
        trio.wait_live(Primary);
        assert!(!trio.is_open(Alternate), "the two sites have two votes, and the primary was live last");
    });
    story.live_in_turn(&[Primary, Alternate, Primary]);
    let gap = story.gap();
    eprintln!("two faults: without a live site: {gap:?}");
    assert!(gap.length > LONG_ENOUGH, "none was live, which the auditor has to have seen: {gap:?}");
}

#[test]
fn a_person_forces_a_takeover_while_the_witness_is_gone_and_the_primary_cut_off() {
    let trio = Trio::started();
    let lab = &trio.pair.lab;
    let story = trio.pair.audited(|| {
        lab.cut(trio.witness_host());
        lab.cut(trio.first(Primary));
        trio.wait_blocked(Primary);
        let refused = trio.pair.run(&["manual-takeover", "traffic-in-alternate", "--yes"]).ended_with(3);
        assert!(refused.stderr.contains("--force"), "{refused:?}");
        trio.pair.must(&["manual-takeover", "traffic-in-alternate", "--force", "--reason", "fire at the primary"]);
        assert!(trio.is_live(Alternate) && trio.is_open(Alternate));
        let told = trio.state(Alternate)["guarantee"].to_string();
        assert!(told.contains("by a person's word"), "{told}");
        lab.heal(trio.first(Primary));
        trio.wait_agreed();
        lab.heal(trio.witness_host());
        wait_until("two voters back the alternate", || {
            trio.state(Alternate)["guarantee"].to_string().contains("AT MOST ONE LIVE")
        });
        assert!(trio.is_live(Alternate) && !trio.is_open(Primary));
    });
    story.live_in_turn(&[Primary, Alternate]);
}
