//! Two servers at each site: the second one is held by LIM 1, and blocks without it.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use rustix::process::{Pid, Signal, kill_process};

use super::TAKEN_OVER_WITHIN;
use super::lab::host::{Host, wait_until};
use super::trio::{Trio, Wanted, lets_pass};

#[test]
fn when_lim_1_is_dead_lim_2_blocks_itself_before_the_alternate_is_live() {
    let trio = two_a_site();
    let second = trio.pair.lab.server(Primary, 2);
    let story = trio.pair.audited(|| {
        trio.pair.lab.power_off(trio.first(Primary));
        let taken = trio.wait_live(Alternate);
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        assert!(!lets_pass(second), "nobody tells it so, but its right has ended");
        wait_until("LIM 2 of the alternate is open", || lets_pass(trio.pair.lab.server(Alternate, 2)));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let answered =
        |site| story.probes.iter().any(|probe| (probe.site, probe.lim) == (site, 2) && probe.answered.is_some());
    assert!(answered(Primary) && answered(Alternate), "LIM 2 was in service at both, one after the other");
}

#[test]
fn a_lim_2_without_its_session_blocks_itself_and_is_opened_by_the_next_one() {
    let trio = two_a_site();
    let (first, second) = (trio.first(Primary), trio.pair.lab.server(Primary, 2));
    let from = first.v4.to_string();
    let story = trio.pair.audited(|| {
        // A fault of the network between the two, ahead of all rules of ours.
        let line =
            |action| second.must(&["iptables", "-w", "-t", "raw", action, "PREROUTING", "-s", &from, "-j", "DROP"]);
        line("-I");
        wait_until("LIM 2 has blocked itself", || !lets_pass(second));
        assert!(trio.is_live(Primary) && trio.is_open(Primary), "LIM 1 is none the worse for it");
        line("-D");
        wait_until("LIM 2 is open again", || lets_pass(second));

        let before = holder(second).expect("it is held");
        kill_process(Pid::from_raw(before).unwrap(), Signal::KILL).unwrap();
        wait_until("another holder works", || holder(second).is_some_and(|now| now != before));
        wait_until("LIM 2 is open", || lets_pass(second));
        assert!(trio.is_live(Primary) && !trio.is_open(Alternate));
    });
    story.live_in_turn(&[Primary]);
}

fn two_a_site() -> Trio {
    let trio = Trio::of(&Wanted { servers: 2, ..Wanted::default() });
    let second = trio.pair.lab.server(Primary, 2);
    wait_until("LIM 2 is held", || {
        second.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout.contains("expires")
    });
    std::thread::sleep(Duration::from_millis(500));
    trio
}

/// The process on a server that holds its gate.
fn holder(server: &Host) -> Option<i32> {
    let holds = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").trim() == "mxone_maintenance hold"
    };
    server.namespace.pids().into_iter().map(|pid| pid.as_raw_nonzero().get()).find(holds)
}
