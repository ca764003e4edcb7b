//! Servers without nft: their gates are sets of ipset and chains of iptables.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::TAKEN_OVER_WITHIN;
use super::lab::host::wait_until;
use super::rules::RESTORED_WITHIN;
use super::trio::{Trio, Wanted, is_timed};

#[test]
fn a_frozen_site_without_nft_is_blocked_by_its_kernel_and_two_are_never_live() {
    let trio = Trio::of(&Wanted { servers: 2, without_nft: vec![Primary, Alternate], ..Wanted::default() });
    let second = trio.pair.lab.server(Primary, 2);
    assert!(trio.first(Primary).run(&["nft", "list", "tables"]).stdout.is_empty());
    wait_until("LIM 2 is held as well", || is_timed(second));
    let story = trio.pair.audited(|| {
        trio.monitor(Primary).signal("STOP");
        trio.pair.lab.cut(trio.first(Primary));
        let taken = trio.wait_live(Alternate);
        eprintln!("taken over after {taken:?}");
        assert!(taken < TAKEN_OVER_WITHIN + Duration::from_secs(1), "{taken:?}");
        assert!(!trio.is_open(Primary) && !is_timed(second), "no process is needed to block");
        trio.pair.lab.heal(trio.first(Primary));
        std::thread::sleep(Duration::from_secs(1));
        trio.monitor(Primary).signal("CONT");
        trio.wait_agreed();
        trio.keeps(Duration::from_secs(1), "nothing moves", || {
            trio.is_live(Alternate) && !trio.is_live(Primary) && !trio.is_open(Primary)
        });
    });
    story.live_in_turn(&[Primary, Alternate]);
    eprintln!("without a live site: {:?}", story.gap());
}

#[test]
fn chains_that_another_program_flushed_at_a_site_without_nft_are_restored_and_told() {
    let trio = Trio::of(&Wanted { without_nft: vec![Primary], ..Wanted::default() });
    let primary = trio.first(Primary);
    let alarms = || trio.history(Primary).matches("ALARM: another program changed the rules").count();
    let is_hooked = || primary.must(&["iptables-save"]).contains("-A INPUT -j MXONE_REDUNDANCY_GATE_IN");
    let story = trio.pair.audited(|| {
        for flush in ["iptables -F; ip6tables -F", "iptables -D INPUT -j MXONE_REDUNDANCY_GATE_IN"] {
            let before = alarms();
            primary.sh(flush);
            let taken = wait_until("the gate is there again", || is_hooked() && is_timed(primary));
            eprintln!("restored after {taken:?}");
            wait_until("it is told", || alarms() > before);
            wait_until("the alarm is over", || {
                trio.state(Primary)["guarantee"].to_string().contains("AT MOST ONE LIVE")
            });
        }
        // Blocked unless entitled: without a right, what was restored has none.
        trio.pair.lab.cut(primary);
        trio.wait_live(Alternate);
        assert!(!trio.is_open(Primary));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let story = trio.pair.audited(|| {
        primary.sh("iptables -F; ip6tables -F");
        wait_until("it is blocked again", || is_hooked() && !trio.is_open(Primary));
    });
    assert!(story.answered_for(Primary) < RESTORED_WITHIN, "{:?}", story.answered_for(Primary));
}
