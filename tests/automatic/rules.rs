//! Other programs that take our rules away.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::host::wait_until;
use super::pair::{Filter, filter};
use super::trio::Trio;

const FLUSHES: [&str; 3] =
    ["nft delete table inet mxone_redundancy", "nft flush table inet mxone_redundancy", "nft flush ruleset"];

/// `fast` looks at its rules four times a second, and writes them anew; the rest is a busy machine's.
pub const RESTORED_WITHIN: Duration = Duration::from_secs(2);

const IPTABLES: &str = "iptables -F; ip6tables -F; iptables -X; ip6tables -X";

#[test]
fn rules_taken_away_at_the_live_site_are_noticed_restored_and_told() {
    let trio = Trio::started();
    let alarms = || trio.history(Primary).matches("ALARM: another program changed the rules").count();
    let lines = || trio.gate(Primary).lines().count();
    let whole = lines();
    let story = trio.pair.audited(|| {
        for flush in FLUSHES {
            let before = alarms();
            trio.first(Primary).sh(flush);
            wait_until("it is told", || alarms() > before);
            // A flush of the table leaves its sets; it is the rules that have to be there again.
            wait_until("the gate is whole again", || trio.gate(Primary).contains("expires") && lines() == whole);
            wait_until("the alarm is over", || {
                trio.state(Primary)["guarantee"].to_string().contains("AT MOST ONE LIVE")
            });
        }
        assert!(trio.is_live(Primary) && !trio.is_open(Alternate));
        // Blocked unless entitled: without a right, what was restored ends.
        trio.first(Primary).sh(FLUSHES[0]);
        wait_until("the gate is there again", || trio.gate(Primary).contains("expires"));
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_live(Alternate);
        assert!(!trio.is_open(Primary));
    });
    story.live_in_turn(&[Primary, Alternate]);
    // What it opens behind a pulled cable stays open until the next look, and no longer.
    let story = trio.pair.audited(|| {
        trio.first(Primary).sh(FLUSHES[0]);
        wait_until("it is blocked again", || !trio.gate(Primary).is_empty() && !trio.is_open(Primary));
    });
    assert!(story.answered_for(Primary) < RESTORED_WITHIN, "{:?}", story.answered_for(Primary));
}

#[test]
fn rules_taken_away_at_the_passive_site_are_restored_and_told() {
    let trio = Trio::started();
    let passive = trio.first(Alternate);
    for (flush, times) in [(IPTABLES, 1), (FLUSHES[2], 2)] {
        passive.sh(flush);
        let taken = wait_until("it is blocked again", || filter(passive) == Filter::Blocked);
        eprintln!("restored {taken:?} after `{flush}`");
        let alarm = "ALARM: another program opened";
        wait_until("it is told", || trio.history(Alternate).matches(alarm).count() == times);
    }
    assert!(trio.is_live(Primary));
}

#[test]
fn a_site_that_was_live_has_two_blocks_and_without_one_of_them_it_answers_nobody() {
    let trio = Trio::started();
    trio.pair.lab.cut(trio.first(Primary));
    trio.wait_live(Alternate);
    trio.pair.lab.heal(trio.first(Primary));
    trio.wait_agreed();
    let passive = trio.first(Primary);
    wait_until("it is blocked by order as well", || filter(passive) == Filter::Blocked);
    let lines = || trio.gate(Primary).lines().count();
    let before = lines();
    assert!(before > 10 && !trio.is_open(Primary));
    let is_whole = || filter(passive) == Filter::Blocked && lines() == before;
    let story = trio.pair.audited(|| {
        for flush in [FLUSHES[0], IPTABLES, FLUSHES[1]] {
            passive.sh(flush);
            wait_until(&format!("both blocks are there again after `{flush}`"), is_whole);
        }
    });
    assert!(!story.has_answer_of(Primary), "{:?}", story.reigns());
}

#[test]
fn what_a_person_blocked_at_a_live_site_stays_blocked_until_a_person_opens_it() {
    let trio = Trio::started();
    let primary = trio.first(Primary);
    let maintain = |what| {
        let words = ["mxone_maintenance", "more_configuration", "iptables", what, "--yes", "--override", "--reason"];
        primary.must(&[&words[..], &["two sites are live"]].concat())
    };
    let told = || trio.history(Primary).matches("it stays blocked until a person opens it").count();
    maintain("add");
    maintain("remove");
    wait_until("it is open again", || trio.is_open(Primary));

    // Both are live by a person's word, and the primary does not hear of it: its servers are blocked at their console.
    trio.pair.lab.cut(trio.first(Alternate));
    wait_until("the alternate hears nobody", || {
        let order = [super::by_commands::PROGRAM, "lease", "force", "--reason", "the primary burns"];
        trio.first(Alternate).run(&order).code() == 0
    });
    maintain("add");
    // Longer than it takes until servers are brought to the order once more.
    trio.keeps(Duration::from_secs(13), "a person blocked it", || filter(primary) == Filter::Blocked);
    assert_eq!((told(), trio.is_live(Primary)), (1, true), "{}", trio.told());

    trio.pair.lab.heal(trio.first(Alternate));
    wait_until("the primary knows of the alternate", || !trio.is_live(Primary));
    trio.keeps(Duration::from_secs(4), "a person blocked it", || filter(primary) == Filter::Blocked);
    let listed = primary.must(&["mxone_maintenance", "more_configuration", "iptables", "list"]);
    assert!(listed.contains("blocked by hand"), "it is still the person's block: {listed}");
    trio.pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "it is well"]);
    wait_until("it is open again", || trio.is_open(Primary));
}
