//! The terminal UI as a person meets it: the real program in a pseudo-terminal, on an embedded lab of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "each test uses its part of the folder `standing`")]

#[path = "journal/journal.rs"]
mod journal;
#[path = "terminal/seat.rs"]
mod seat;
#[path = "standing/standing.rs"]
mod standing;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use mxone_system_redundancy::faces::menu;
use mxone_system_redundancy::faces::terminal::screen::Screen;
use rustix::process::{Pid, Signal, kill_process};
use seat::Seat;
use serde_json::Value;
use standing::{PROGRAM, Standing};

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const RIGHT: &str = "\x1b[C";
const DOWN: &str = "\x1b[B";

fn seat(lab: &Standing, size: (u16, u16)) -> Seat {
    let seat = Seat::take(&lab.command(&["--lab"]), size);
    seat.sees("System Redundancy");
    seat
}

fn signal(seat: &Seat, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(seat.pid()).unwrap()).unwrap(), signal).unwrap();
}

/// The history without what differs from run to run.
fn journal(lab: &Standing) -> Vec<Value> {
    let text = fs::read_to_string(lab.here().join("var/log/mxone_system_redundancy/history.jsonl")).unwrap();
    journal::comparable(&text)
}

fn traffic(lab: &Standing) -> [String; 2] {
    let status = lab.words("status --json").document();
    ["primary", "alternate"].map(|site| status[site]["traffic"].as_str().unwrap().to_owned())
}

#[test]
fn a_newcomer_configures_copies_and_takes_over_by_keys_alone() {
    let lab = Standing::start(2);
    let mut seat = seat(&lab, (80, 24));
    seat.sees("not configured yet");
    seat.opens("configure");
    let mut last = String::new();
    loop {
        // Every question proposes its answer, from the lab's answers file; Enter takes it.
        let shown = seat.waits("a question, the table or the plan", |shown| {
            let asks = shown.contains("in a script:") && shown.contains("Enter next");
            (asks && question(shown) != last) || shown.contains("s done") || shown.contains("Do it")
        });
        if shown.contains("Do it") {
            break;
        }
        if shown.contains("Enter next") {
            last = question(&shown);
            seat.press(ENTER);
        } else {
            seat.press("s");
            seat.no_longer_sees("s done");
        }
    }
    seat.press(RIGHT);
    seat.sees("[▸Do it◂]");
    seat.press_and_see(ENTER, "│ ✓ done");
    seat.press(ENTER);
    seat.sees("LIVE ██");
    seat.sees("Safe to switch to the alternate now?  YES");

    lab.run(&["lab", "backup"]).ended(0);
    seat.opens("data copy");
    seat.sees("Do it");
    seat.press(RIGHT);
    seat.press_and_see(ENTER, "│ ✓ done");
    seat.press(ENTER);

    seat.opens("manual-takeover traffic-in-alternate");
    seat.sees("Why is it done?");
    seat.press("core switch upgrade\r");
    let plan = seat.sees("Do it");
    assert!(plan.contains("block primary LIM 1-2") && plan.contains("--reason 'core switch upgrade'"), "{plan}");
    seat.press(RIGHT);
    seat.press_and_see(ENTER, "│ ✓ done");
    seat.press(ENTER);
    seat.sees("taken over: the alternate serves the users");
    assert_eq!(traffic(&lab), ["blocked", "allowed"]);
    lab.words("history").says("core switch upgrade");
    seat.press("q");
    assert_eq!(seat.ends(), 0);
    seat.is_given_back();
}

/// The line above the field.
fn question(shown: &str) -> String {
    let lines: Vec<&str> = shown.lines().collect();
    let field = lines.iter().rposition(|line| line.contains("│ ▸ ")).unwrap_or(1);
    lines[field.saturating_sub(1)].to_owned()
}

#[test]
fn escape_goes_question_by_question_and_never_meets_its_own_lock() {
    let lab = Standing::start(1);
    let mut seat = seat(&lab, (80, 24));
    seat.opens("configure");
    let first = "│ Platform of both systems";
    seat.sees(first);
    for _ in 0..5 {
        seat.press(ENTER);
        let asked = seat.waits("the next question", |shown| shown.contains("Enter next") && !shown.contains(first));
        assert!(asked.contains("✓ Platform of both systems: lab"), "{asked}");
        seat.press(ESCAPE);
        let shown = seat
            .waits("the first question, or what went wrong", |shown| shown.contains(first) || shown.contains("error"));
        assert!(shown.contains("what you entered before"), "{shown}");
    }
    seat.press(ESCAPE);
    seat.sees("not configured yet");
    assert!(!seat.shown().contains("running now"));
}

#[test]
fn a_master_address_where_nobody_answers_is_asked_for_once_more_with_what_is_wrong() {
    let lab = Standing::start(1);
    let mut seat = seat(&lab, (80, 24));
    seat.opens("configure");
    seat.press_and_see("", "│ Platform of both systems");
    seat.press_and_see(ENTER, "│ Master IP address");
    let right = seat.shown().lines().find_map(|line| line.strip_prefix("│ ▸ ").map(str::to_owned)).unwrap();
    seat.press_and_see("203.0.113.99", "▸ 203.0.113.99");
    // What was wrong with the half of it is gone before it is entered.
    seat.no_longer_sees("not right:");
    let again = seat.press_and_see(ENTER, "203.0.113.99 does not answer");
    assert!(again.contains("│ Master IP address") && again.contains("▸ 203.0.113.99"), "{again}");
    seat.press(right.trim_end_matches(['│', ' ']));
    seat.no_longer_sees("not right:");
    let next = seat.press_and_see(ENTER, "│ Network control address");
    assert!(!next.contains("203.0.113.99"), "the wrong answer is no answer:\n{next}");
}

#[test]
fn when_the_line_to_the_terminal_is_lost_the_program_ends_and_nothing_of_it_is_left() {
    let lab = Standing::configured(1);
    let mut seat = seat(&lab, (80, 24));
    seat.sees("LIVE ██");
    // As when an SSH connection is cut: both ends of the line are closed, and the kernel hangs up.
    seat.loses_its_line();
    seat.ends();
    lab.words("status --json").ended(0);
}

#[test]
fn every_leaf_of_the_menu_opens_and_can_be_left_again_and_none_acts_unasked() {
    let lab = Standing::configured(1);
    let mut seat = seat(&lab, (80, 24));
    seat.sees("LIVE ██");
    let before = journal(&lab).len();
    for (path, _) in menu::leaves() {
        // Settings of one word are changed at once, as their commands do; they have their own tests.
        if path == ["exit"] || path.contains(&"automatic") {
            continue;
        }
        seat.opens(&path.join(" "));
        seat.waits("another screen, a form or a result", |shown| !shown.contains("F5 read again"));
        for _ in 0..6 {
            if seat.shown().contains("read again") || seat.shown().contains("this is the first menu") {
                break;
            }
            seat.press(ESCAPE);
            std::thread::sleep(Duration::from_millis(150));
        }
        // Takes away what an Escape too many may have said.
        seat.press_and_see("\x1b[H", "F5 read again");
    }
    let unasked: Vec<Value> = journal(&lab).split_off(before);
    let told = |line: &Value| line["event"] == "noted" || line["outcome"] == "not-done";
    assert!(unasked.iter().all(told), "{unasked:#?}");
    assert_eq!(traffic(&lab), ["allowed", "blocked"]);
}

#[test]
fn a_running_copy_is_broken_off_by_keys_and_the_mirrors_are_as_before() {
    let lab = Standing::start(1);
    lab.lab(&["configure", "--yes", "--bytes-per-second", "400000"]).ended(0);
    let before = lab.words("data mirrors list --json").document();
    let backups = lab.root("primary-1").join("var/opt/lab/backups");
    let mut found = fs::read_dir(backups).unwrap().map(|entry| entry.unwrap().path());
    let backup = found.find(|path| path.is_dir()).unwrap();
    fs::write(backup.join("big.bin"), vec![7; 8_000_000]).unwrap();
    let mut seat = seat(&lab, (80, 24));
    seat.sees("LIVE ██");
    seat.opens("data copy");
    seat.press_and_see("", "Do it");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    seat.press_and_see(ENTER, "s left");
    seat.press_and_see(ESCAPE, "[▸Go on copying◂]");
    seat.press_and_see(RIGHT, "[▸Break it off◂]");
    seat.press_and_see(ENTER, "take back what was begun");
    seat.press_and_see("", "Do it");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    seat.press_and_see(ENTER, "│ ✓ done");
    seat.press(ENTER);
    let status = lab.words("status --json").ended(0).document();
    assert!(status["unfinished"].is_null() && status["running"].is_null(), "{status:#}");
    assert_eq!(lab.words("data mirrors list --json").document(), before);
}

#[test]
fn the_same_action_leaves_the_same_journal_by_keys_and_by_script() {
    let by_keys = Standing::configured(2);
    let by_script = Standing::configured(2);
    let mut seat = seat(&by_keys, (80, 24));
    seat.sees("LIVE ██");
    let confirmed = |seat: &mut Seat| {
        seat.sees("Do it");
        seat.press(RIGHT);
        seat.sees("[▸Do it◂]");
        seat.press_and_see(ENTER, "│ ✓ done");
        seat.press(ENTER);
        seat.sees("Menu");
    };
    seat.opens("manual-takeover traffic-in-alternate");
    seat.press_and_see(ENTER, "Plan");
    confirmed(&mut seat);
    seat.opens("manual-takeover traffic-in-primary");
    seat.press_and_see(ENTER, "Plan");
    confirmed(&mut seat);
    seat.opens("data auto create");
    seat.sees("the next runs:");
    seat.press_and_see(ENTER, "run by `mxone_system_redundancy monitor`");
    seat.press(ENTER);
    seat.opens("data auto change");
    seat.sees("the next runs:");
    // What is proposed goes when another text is typed.
    seat.press_and_see("0 3 * * *", "every day at 03:00");
    seat.press_and_see(ENTER, "run by `mxone_system_redundancy monitor`");
    seat.press(ENTER);
    seat.opens("data auto remove");
    seat.press_and_see("", "│ ✓ done");
    seat.press(ENTER);
    seat.opens("settings network-control-address");
    seat.press_and_see("\x1b[F, 203.0.113.2", "203.0.113.1, 203.0.113.2");
    seat.press_and_see(ENTER, "Plan");
    confirmed(&mut seat);
    seat.opens("data mirrors load");
    seat.press(ENTER);
    confirmed(&mut seat);
    seat.opens("settings takeover alternate-from-primary automatic");
    seat.press_and_see("", "│ ✓ done");
    seat.press(ENTER);
    seat.opens("remove");
    seat.press_and_see(ENTER, "Plan");
    confirmed(&mut seat);
    seat.sees("not configured yet");

    for line in [
        "manual-takeover traffic-in-alternate --yes",
        "manual-takeover traffic-in-primary --yes",
        "data auto create --schedule 0_2_*_*_*",
        "data auto change --schedule 0_3_*_*_*",
        "data auto remove",
        "settings network-control-address 203.0.113.1 203.0.113.2 --yes",
        "data mirrors load --yes",
        "settings takeover alternate-from-primary automatic",
        "remove --yes",
    ] {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('_', " ")).collect();
        by_script.lab(&words.iter().map(String::as_str).collect::<Vec<_>>()).ended(0);
    }
    let (keys, script) = (journal(&by_keys), journal(&by_script));
    for (n, (key, script)) in keys.iter().zip(&script).enumerate() {
        assert_eq!(key, script, "line {n}");
    }
    assert_eq!(keys.len(), script.len());
}

#[test]
fn with_the_primarys_cable_pulled_the_keys_still_act_at_once_and_a_takeover_can_be_forced() {
    let lab = Standing::configured(2);
    let mut seat = seat(&lab, (80, 24));
    seat.sees("LIVE ██");
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let begun = Instant::now();
    for _ in 0..10 {
        seat.press_and_see("/", "find an action");
        seat.press(ESCAPE);
        seat.no_longer_sees("find an action");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    seat.sees("unknown ??");
    seat.sees("now?  NO");

    seat.opens("manual-takeover traffic-in-alternate");
    seat.press_and_see(ENTER, "force it, with a reason");
    seat.press_and_see("f", "Why is it right to go on without it?");
    seat.press_and_see("fire", "fire");
    seat.press(ENTER);
    seat.sees("Type alternate to make the alternate");
    seat.press_and_see("yes\r", "that is not the word");
    seat.press("\x7f\x7f\x7falternate\r");
    seat.sees("│ ✓ done");
    seat.press(ENTER);
    seat.sees("running on the alternate");
    lab.words("history").says("fire");
}

#[test]
fn the_terminal_is_given_back_however_the_program_ends() {
    let lab = Standing::configured(1);
    for (how, code) in [(Signal::TERM, 0), (Signal::HUP, 0)] {
        let mut seat = seat(&lab, (80, 24));
        assert!(seat.is_taken());
        signal(&seat, how);
        assert_eq!(seat.ends(), code);
        seat.is_given_back();
    }
    let mut seat = seat(&lab, (80, 24));
    seat.press("\x03");
    assert_eq!(seat.ends(), 0);
    seat.is_given_back();
}

#[test]
fn a_panic_gives_the_terminal_back_too() {
    const CHILD: &str = "TERMINAL_PANICS";
    if std::env::var_os(CHILD).is_some() {
        let _screen = Screen::take().unwrap();
        panic!("on purpose");
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "a_panic_gives_the_terminal_back_too", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0");
    let mut seat = Seat::take(&command, (80, 24));
    assert_ne!(seat.ends(), 0);
    seat.is_given_back();
    seat.sees("on purpose");
}

#[test]
fn without_colours_nothing_is_coloured_and_nothing_is_lost() {
    let lab = Standing::configured(1);
    let mut command = lab.command(&["--lab"]);
    command.env("NO_COLOR", "1");
    let seat = Seat::take(&command, (80, 24));
    seat.sees("LIVE ██");
    let coloured = |screen: &vt100::Screen| {
        let cells = (0..24).flat_map(|line| (0..80).map(move |column| (line, column)));
        cells.filter_map(|(line, column)| screen.cell(line, column)).any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    assert!(!seat.with_screen(coloured));
    let with = Seat::take(&lab.command(&["--lab"]), (80, 24));
    assert_eq!(with.sees("LIVE ██").lines().nth(1), seat.shown().lines().nth(1));
    assert!(with.with_screen(coloured));
}

#[test]
fn the_same_menus_are_there_as_plain_lines() {
    let lab = Standing::configured(1);
    for (flag, terminal) in [("--plain", "xterm"), ("--lab", "dumb")] {
        let mut command = lab.command(&["--lab", flag][usize::from(flag == "--lab")..]);
        command.env("SEAT_TERM", terminal);
        let mut seat = Seat::take(&command, (80, 24));
        seat.sees("? menu");
        assert!(!seat.is_taken());
        seat.press("settings\r");
        seat.sees("? menu > settings");
        seat.press("network\r");
        seat.press_and_see("", "Which addresses?");
        seat.press("\r");
        seat.sees("203.0.113.1");
        seat.press("back\r");
        seat.press("status\r");
        seat.sees("normal: the primary serves the users");
        seat.press("exit\r");
        assert_eq!(seat.ends(), 0);
    }
}

#[test]
fn a_suspended_program_gives_the_terminal_back_and_takes_it_again() {
    let lab = Standing::configured(1);
    // A shell with job control, as a person has it.
    let mut shell = Command::new("bash");
    shell.args(["--norc", "-i"]).env("PS1", "shell$ ").env("TMPDIR", lab.place().parent().unwrap());
    let mut seat = Seat::take(&shell, (80, 24));
    seat.sees("shell$");
    seat.press(&format!("{PROGRAM} --lab\r"));
    seat.sees("LIVE ██");
    seat.press("\x1a");
    seat.sees("Stopped");
    seat.is_given_back();
    seat.press("fg\r");
    seat.sees("LIVE ██");
    assert!(seat.is_taken());
    seat.press("q");
    seat.waits("the shell again", |shown| shown.trim_end().ends_with("shell$"));
    seat.is_given_back();
}

#[test]
fn every_size_is_drawn_and_below_60x20_it_says_what_is_needed() {
    let lab = Standing::configured(2);
    let mut seat = seat(&lab, (80, 24));
    seat.sees("LIVE ██");
    for (columns, lines) in [(160, 50), (60, 20), (59, 20), (20, 5), (100, 30), (80, 24)] {
        seat.resize(columns, lines);
        let wanted = if columns < 60 || lines < 20 { "60 x 20" } else { "LIVE ██" };
        seat.waits(wanted, |shown| shown.replace('\n', " ").contains(wanted) || shown.contains("needed"));
    }
    seat.sees("LIVE ██");
    seat.press("q");
    assert_eq!(seat.ends(), 0);
}

#[test]
fn two_people_see_what_the_other_one_does() {
    let lab = Standing::configured(1);
    let one = seat(&lab, (80, 24));
    one.sees("LIVE ██");
    let place = lab.here().join("run/mxone_system_redundancy/lock");
    let lock = fs::File::open(&place).unwrap();
    lock.lock().unwrap();
    fs::write(&place, "mxone_admin on pts/3, manual-takeover traffic-in-alternate since 2026-11-21 02:14:00").unwrap();
    one.sees("running now: mxone_admin on pts/3, manual-takeover traffic-in-alternate");
    one.sees("now?  NO");
    drop(lock);
    one.sees("now?  YES");
}

#[test]
fn ten_thousand_random_keys_break_nothing_and_change_nothing_unseen() {
    const KEYS: [&str; 22] = [
        "\x1b[A", DOWN, "\x1b[C", "\x1b[D", ENTER, ENTER, ESCAPE, "\t", "\x7f", "/", "q", "f", "y", "a", "\x1bOP", "x",
        "9", ":", "\x1b[5~", "\x1b[6~", "\x1b[H", "é",
    ];
    let seed: u64 = std::env::var("TERMINAL_SEED").map_or(20_261_121, |text| text.parse().unwrap());
    let lab = Standing::configured(1);
    let mut state = seed;
    let mut pressed = 0;
    while pressed < 10_000 {
        let mut seat = seat(&lab, (80, 24));
        while pressed < 10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = KEYS[usize::try_from(state >> 33).unwrap() % KEYS.len()];
            if seat.try_press(key).is_err() {
                break;
            }
            pressed += 1;
            if pressed % 50 == 0 && seat.has_ended() {
                break;
            }
        }
        if !seat.has_ended() {
            // A change that was confirmed runs to its end; then the program can be left.
            signal(&seat, Signal::TERM);
        }
        assert_eq!(seat.ends(), 0, "seed {seed}");
        seat.is_given_back();
        let status = lab.words("status --json").document();
        if status["unfinished"].is_string() {
            lab.words("--abandon --yes").ended(0);
        }
        assert_ne!(
            (&status["primary"]["traffic"], &status["alternate"]["traffic"]),
            (&Value::from("allowed"), &Value::from("allowed")),
            "seed {seed}"
        );
        if status["configured"] == false {
            lab.lab(&["configure", "--yes"]).ended(0);
        }
    }
}
