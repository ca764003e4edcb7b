//! `kill -9` for the real program on real servers, at every line it writes into the history, with the auditor outside.
//!
//! `tests/cut_off.rs` tries more moments in the embedded lab; here the process, its children and its lock really die.
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

use std::fs;

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use serde_json::Value;

use lab::Flavour;
use lab::exchange::DATA;
use lab::host::wait_until;
use pair::Filter::{Blocked, Open};
use pair::{Pair, TRANSLATION, Wish};

const PROGRAM: &str = "mxone_system_redundancy";
const HISTORY: &str = "/var/log/mxone_system_redundancy/history.jsonl";
const GUARD: &str = "/etc/systemd/system/sysinit.target.wants/mxone-redundancy-guard.service";
const ORDER: &str = "/var/lib/mxone_system_redundancy/order.json";

#[test]
fn a_takeover_killed_at_any_line_is_never_dual_live_and_is_finished_or_taken_back() {
    let pair = Pair::configured();
    let story = pair.audited(|| {
        let mut active = Primary;
        let mut line = 1;
        loop {
            let (wanted, resume) = (active.other(), line % 2 == 0);
            let killed = killed_at(&pair, &["manual-takeover", traffic_in(wanted), "--yes"], line);
            let done = if killed { recovered(&pair, resume).unwrap_or_else(|| is_live(&pair, wanted)) } else { true };
            active = if done { wanted } else { active };
            let expected = if active == Primary { ["allowed", "blocked"] } else { ["blocked", "allowed"] };
            assert_eq!(pair.traffic(), expected, "killed at line {line}, resumed: {resume}");
            line += 1;
            if !killed {
                break;
            }
        }
        assert!(line > 6, "a takeover writes down each step");
    });
    story.never_two_live();
    assert!(story.has_answer_of(Primary) && story.has_answer_of(Alternate));
}

#[test]
fn a_copy_killed_at_any_line_is_finished_or_taken_back() {
    let pair = Pair::configured();
    let story = pair.audited(|| {
        for line in 1.. {
            let (number, resume) = (format!("30{line:02}"), line % 2 == 0);
            pair.add_number(&number);
            let before = loaded(&pair);
            let killed = killed_at(&pair, &["data", "copy", "--yes"], line);
            let done = if killed { recovered(&pair, resume) } else { Some(true) };
            match done {
                Some(true) => assert!(loaded(&pair).contains(&number), "line {line}: it is at the alternate"),
                Some(false) => assert_eq!(loaded(&pair), before, "line {line}: it is as before"),
                None => {}
            }
            let _whole = pair.run(&["data", "mirrors", "verify"]).ok();
            assert_eq!(pair.traffic(), ["allowed", "blocked"], "line {line}");
            if !killed {
                assert!(line > 4, "a copy writes down each step");
                break;
            }
        }
    });
    story.never_two_live();
}

#[test]
fn a_removal_and_a_configure_killed_at_a_line_are_finished_or_taken_back() {
    let pair = Pair::configured();
    let story = pair.audited(|| {
        for line in 1..=8 {
            let resume = line % 2 == 0;
            if killed_at(&pair, &["remove", "--yes"], line) {
                recovered(&pair, resume);
            }
            assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Blocked; 2]), "line {line}");
            check_installed(&pair, is_configured(&pair), &format!("removal, line {line}"));
            if is_configured(&pair) {
                continue;
            }
            // The answers file of the first time is still there.
            let configure = ["configure", "--answers", "/root/answers.yaml", "--yes"];
            if killed_at(&pair, &configure, 2 * line) {
                recovered(&pair, !resume || line % 4 == 0);
            }
            check_installed(&pair, is_configured(&pair), &format!("configure, line {}", 2 * line));
            if !is_configured(&pair) {
                let _configured = pair.configure(&Wish::default()).ok();
            }
        }
    });
    story.never_two_live();
}

#[test]
fn a_first_configure_that_is_killed_and_abandoned_leaves_both_sites_open_as_they_were() {
    let pair = Pair::new(Flavour::Kamailio);
    // A configure that is refused leaves its answers file, which is then mended.
    let _refused = pair.configure(&Wish { translation: "{}", ..Wish::default() }).ended_with(3);
    let answers = pair.seat().read("/root/answers.yaml");
    pair.seat()
        .write("/root/answers.yaml", &answers.replace("translation: {}", &format!("translation: {TRANSLATION}")));
    for line in [2, 4, 7, 10] {
        if killed_at(&pair, &["configure", "--answers", "/root/answers.yaml", "--yes"], line) {
            recovered(&pair, false);
        }
        assert!(!is_configured(&pair), "line {line}");
        assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Open; 2]), "line {line}");
        check_installed(&pair, false, &format!("line {line}"));
    }
}

/// Starts the program at the seat and kills it as soon as it has written this many lines; whether it was killed.
fn killed_at(pair: &Pair, words: &[&str], line: usize) -> bool {
    let before = lines(pair);
    let mut running = pair.seat().spawn_quiet(&[&[PROGRAM], words].concat());
    loop {
        if lines(pair) >= before + line {
            // It may just have ended by itself.
            let _gone = running.child.kill();
            return running.child.wait().unwrap().code().is_none();
        }
        if let Some(ended) = running.ended() {
            assert!(ended.success(), "{words:?}: {ended}");
            return false;
        }
        std::thread::yield_now();
    }
}

fn lines(pair: &Pair) -> usize {
    fs::read_to_string(pair.seat().path(HISTORY)).unwrap_or_default().matches('\n').count()
}

/// Finishes what was killed, or takes it back: whether it is done. `None` when nothing was unfinished.
fn recovered(pair: &Pair, resume: bool) -> Option<bool> {
    // A process that it was just starting holds the lock until it has become another program.
    wait_until("the lock of the dead is free", || status(pair)["running"].is_null());
    status(pair)["unfinished"].as_str()?;
    let refused = pair.run(&["settings", "takeover", "alternate-from-primary", "automatic", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("was begun and not finished"), "{refused:?}");
    let _done = pair.run(&[if resume { "--resume" } else { "--abandon" }, "--yes"]).ok();
    assert!(status(pair)["unfinished"].is_null());
    Some(resume)
}

fn status(pair: &Pair) -> Value {
    let done = pair.run(&["status", "--json"]);
    serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

fn is_configured(pair: &Pair) -> bool {
    status(pair)["configured"] == true
}

fn is_live(pair: &Pair, site: Site) -> bool {
    pair.filters(site) == [Open; 2]
}

/// The boot guard and the order are on every server, or on none.
fn check_installed(pair: &Pair, expected: bool, story: &str) {
    for host in pair.lab.servers() {
        assert_eq!((host.has(GUARD), host.has(ORDER)), (expected, expected), "{story}: {}", host.name);
    }
}

/// What the alternate has loaded.
fn loaded(pair: &Pair) -> String {
    pair.seat().read(&format!("{DATA}/extensions.csv"))
}

const fn traffic_in(site: Site) -> &'static str {
    match site {
        Primary => "traffic-in-primary",
        Alternate => "traffic-in-alternate",
    }
}
