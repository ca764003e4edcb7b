//! How soon the terminal UI shows its first frame, and how soon a key is seen: the real program in a pseudo-terminal,
//! against `less` in the same one.
//!
//! `cargo bench --bench terminal`. To reach: the first frame within 50 ms, a key within 16 ms. `TERMINAL_SERVERS` sets
//! the servers of each site of the larger lab (124 by default).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run says why and ends"
)]
#![allow(clippy::print_stdout, reason = "a table is what it is for")]
#![allow(dead_code, reason = "it uses its part of the folders `standing` and `terminal`")]

#[path = "measured/measured.rs"]
mod measured;
#[path = "../tests/terminal/seat.rs"]
mod seat;
#[path = "../tests/standing/standing.rs"]
mod standing;

use std::cell::RefCell;
use std::process::Command;

use measured::{Contest, Runner};
use seat::Seat;
use standing::Standing;

const DOWN: &str = "\x1b[B";
const UP: &str = "\x1b[A";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";

/// As many as the largest table that was seen.
const ENTRIES: u32 = 5_000;

fn main() {
    let servers = std::env::var("TERMINAL_SERVERS").map_or(124, |text| text.parse().unwrap());
    for servers in [1, servers] {
        let lab = Standing::configured(servers);
        println!("{servers} + {servers} servers, 80x24\n");
        first_frame(&lab);
        keys(&lab);
    }
    let lab = Standing::configured(1);
    let line = |n: u32| format!("10.1.{}.{},10.2.{}.{}\n", n / 250, n % 250 + 1, n / 250, n % 250 + 1);
    let lines: Vec<String> = (0..ENTRIES).map(line).collect();
    let table = lab.file("many.csv", format!("primary,alternate\n{}", lines.concat()));
    lab.lab(&["settings", "translation", "import", &table]).ended(0);
    println!("translation editor with {ENTRIES} entries, 80x24\n");
    editor(&lab);
}

/// In the editor: to the last entry and back, and a change with its undoing, which judges the table anew.
fn editor(lab: &Standing) {
    let seat = RefCell::new(Seat::take(&lab.command(&["--lab"]), (80, 24)));
    seat.borrow().sees("LIVE ██");
    seat.borrow_mut().opens("settings translation");
    seat.borrow().sees("10.1.0.1 ");
    let press = |key: &str, text: &str| {
        let mut seat = seat.borrow_mut();
        seat.press(key);
        seat.sees_at_once(text);
    };
    Contest {
        rounds: 50,
        runners: vec![Runner::new("ours", || press(END, "203.0.113.60 "), || press(HOME, "10.1.0.1 "))],
        doing: "to the last entry",
        undoing: "to the first entry",
    }
    .run();
    Contest {
        rounds: 20,
        runners: vec![Runner::new("ours", || press("d", "removed 10.1"), || press("u", "taken back:"))],
        doing: "an entry taken out",
        undoing: "and put back",
    }
    .run();
}

fn first_frame(lab: &Standing) {
    // Leaving takes longer than coming, and is not what is measured.
    let taken = RefCell::new(None);
    let open = |command: &Command, text: &str| {
        let seat = Seat::take(command, (80, 24));
        seat.sees_at_once(text);
        *taken.borrow_mut() = Some(seat);
    };
    let leave = || drop(taken.borrow_mut().take());
    let ours = lab.command(&["--lab"]);
    let less = less();
    Contest {
        rounds: 20,
        runners: vec![
            Runner::new("ours", || open(&ours, "System Redundancy"), leave),
            Runner::new("less", || open(&less, "one of the lines"), leave),
        ],
        doing: "first frame",
        undoing: "",
    }
    .run();
}

fn keys(lab: &Standing) {
    let ours = RefCell::new(Seat::take(&lab.command(&["--lab"]), (80, 24)));
    ours.borrow().sees("LIVE ██");
    let less = RefCell::new(Seat::take(&less(), (80, 24)));
    less.borrow().sees("one of the lines");
    let press = |seat: &RefCell<Seat>, key: &str, text: &str| {
        let mut seat = seat.borrow_mut();
        seat.press(key);
        seat.sees_at_once(text);
    };
    Contest {
        rounds: 50,
        runners: vec![
            Runner::new("ours", || press(&ours, DOWN, "▸list"), || press(&ours, UP, "▸status")),
            Runner::new("less", || press(&less, "j", "line 24 "), || press(&less, "g", "line 1 ")),
        ],
        doing: "key down to its frame",
        undoing: "key up to its frame",
    }
    .run();
}

/// A pager with enough to scroll.
fn less() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "seq 1000 | sed 's/.*/line & is one of the lines/' | less"]);
    command
}
