//! Other programs that take our rules away.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::host::wait_until;
use super::trio::Trio;

const FLUSHES: [&str; 3] =
    ["nft delete table inet mxone_redundancy", "nft flush table inet mxone_redundancy", "nft flush ruleset"];

#[test]
fn rules_taken_away_at_the_live_site_are_noticed_restored_and_told() {
    let trio = Trio::started();
    let alarms = || trio.history(Primary).matches("ALARM: another program changed the rules").count();
    let story = trio.pair.audited(|| {
        for flush in FLUSHES {
            let before = alarms();
            trio.first(Primary).sh(flush);
            wait_until("the gate is there again", || trio.gate(Primary).contains("expires"));
            wait_until("it is told", || alarms() > before);
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
        trio.first(Primary).sh(FLUSHES[0]);
        wait_until("it is blocked again", || !trio.gate(Primary).is_empty() && !trio.is_open(Primary));
    });
    assert_eq!(story.dual_live(), []);
}
