//! Several operators at once, and the monitor beside them: one acts, the others are told who does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "lab/lab.rs"]
mod lab;
#[path = "end_to_end/pair.rs"]
#[allow(dead_code, reason = "it is made for the end-to-end tests")]
mod pair;

use lab::host::wait_until;
use pair::Pair;

const PROGRAM: &str = "mxone_system_redundancy";
const TAKEOVER: [&str; 4] = [PROGRAM, "manual-takeover", "traffic-in-alternate", "--yes"];

#[test]
fn the_second_operator_is_told_who_does_what_since_when_and_the_lock_dies_with_its_holder() {
    let pair = Pair::configured();
    let mut first = pair.seat().spawn_quiet(&TAKEOVER);
    // Stopped in the middle it holds the lock as long as wanted.
    wait_until("the first one has begun", || {
        pair.run(&["history"]).stdout.contains("traffic-in-alternate") || first.ended().is_some()
    });
    assert!(first.ended().is_none(), "it was still running");
    first.signal("STOP");
    for words in [&["data", "copy", "--yes"][..], &["remove", "--yes"], &["--abandon", "--yes"], &["--resume", "--yes"]]
    {
        let refused = pair.run(words).ended_with(6);
        let told = "another action is running: root on no terminal, manual-takeover traffic-in-alternate since 20";
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let status = pair.status();
    assert!(status["running"].as_str().unwrap().contains("traffic-in-alternate since"), "{status:#}");
    assert!(status["unfinished"].is_null(), "what runs is not unfinished: {status:#}");

    first.child.kill().unwrap();
    let _killed = first.child.wait().unwrap();
    let status = pair.status();
    assert!(status["running"].is_null(), "{status:#}");
    assert!(status["unfinished"].is_string(), "{status:#}");
    let _back = pair.must(&["--abandon"]);
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
}

#[test]
fn of_two_operators_at_the_same_moment_exactly_one_acts_and_the_monitor_hinders_neither() {
    let pair = Pair::configured();
    let _monitor = pair.monitor();
    let story = pair.audited(|| {
        let mut busy = 0;
        for round in 0..20 {
            let (wanted, expected) = if round % 2 == 0 {
                ("traffic-in-alternate", ["blocked", "allowed"])
            } else {
                ("traffic-in-primary", ["allowed", "blocked"])
            };
            let words = [PROGRAM, "manual-takeover", wanted, "--yes"];
            let both = [pair.seat().spawn(&words), pair.seat().spawn(&words)].map(lab::host::Running::finish);
            assert_eq!(both.iter().filter(|done| done.code() == 0).count(), 1, "round {round}: {both:?}");
            let other = both.iter().find(|done| done.code() != 0).unwrap();
            // One that came when the other was over already has nothing left to do.
            let (told, code) = if other.code() == 6 { (wanted, 6) } else { ("already active", 3) };
            assert_eq!(other.code(), code, "round {round}: {other:?}");
            assert!(other.stderr.contains(told), "round {round}: {other:?}");
            busy += usize::from(code == 6);
            assert_eq!(pair.traffic(), expected, "round {round}");
        }
        assert!(busy > 0, "they did meet");
    });
    story.never_two_live();
}
