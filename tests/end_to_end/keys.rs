//! What a person presses in the terminal UI, and what stands on the screen before the next key.

use mxone_system_redundancy::faces::menu::{self, Item, Leads};

use super::seat::Seat;

pub const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
pub const CLEAR: &str = "\x15";
pub const RIGHT: &str = "\x1b[C";
const LEFT: &str = "\x1b[D";
pub const DOWN: &str = "\x1b[B";
const HOME: &str = "\x1b[H";

/// A key of the dashboard: nothing lies over it.
const DASHBOARD: &str = "F5 read again";
/// A key at the end of a command.
const AT_THE_END: &str = "Enter back";

/// From wherever the menu stands to a leaf, word by word.
pub fn open(seat: &mut Seat, leaf: &str) {
    seat.sees(DASHBOARD);
    // Often enough for the deepest menu; in the first one the key changes nothing.
    seat.press(&LEFT.repeat(menu::leaves().iter().map(|(path, _)| path.len()).max().unwrap()));
    let mut items: &[Item] = menu::TOP;
    let mut title = "Menu";
    for word in leaf.split(' ') {
        // The last word of a menu's title is always seen, before the line of its frame.
        seat.sees(&format!("{title} ─"));
        let place = items.iter().position(|item| item.word == word).unwrap();
        seat.press(&(HOME.to_owned() + &DOWN.repeat(place) + ENTER));
        title = word;
        if let Leads::Menu(inner) = items[place].leads {
            items = inner;
        }
    }
}

/// The end of a command: this stands in it, and Enter leaves it.
pub fn shows(seat: &mut Seat, text: &str) {
    seat.waits(text, |shown| shown.contains(AT_THE_END) && shown.contains(text));
    seat.press_and_see(ENTER, DASHBOARD);
}

/// The end of a command that changed something.
pub fn done(seat: &mut Seat) {
    shows(seat, "│ ✓ done");
}

/// A screen that is only looked at.
pub fn closed(seat: &mut Seat, text: &str) {
    seat.waits(text, |shown| shown.contains(text) && !shown.contains(DASHBOARD));
    seat.press_and_see("q", DASHBOARD);
}

/// The plan of a command, carried out to its end.
pub fn confirmed(seat: &mut Seat) {
    seat.sees("Do it");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    seat.press(ENTER);
    done(seat);
}

/// The reason of a command, its plan, its end.
pub fn because(seat: &mut Seat, reason: &str) {
    seat.sees("Why is it done?");
    seat.press_and_see(reason, reason);
    seat.press(ENTER);
    confirmed(seat);
}

/// Every question of `configure`; the flag that a script would use tells which one it is.
pub fn configure(seat: &mut Seat) {
    seat.sees("--platform");
    seat.press_and_see(ENTER, "--primary-master-address");
    answer(seat, "192.0.2.10");
    for server in ["192.0.2.10", "192.0.2.11", "198.51.100.11"] {
        seat.sees(&format!("({server}) shows the host key"));
        seat.press_and_see(RIGHT, "[▸It is right◂]");
        seat.press(ENTER);
    }
    seat.sees("--network-control-address");
    answer(seat, "203.0.113.1");
    seat.sees("s done");
    put_in(seat, "192.0.2.0/24", "198.51.100.0/24");
    put_in(seat, "2001:db8:1::/64", "2001:db8:2::/64");
    seat.press_and_see("s", "--witness");
    seat.press_and_see(ENTER, "--takeover-alternate-from-primary");
    seat.press_and_see(ENTER, "--takeover-primary-from-alternate");
    seat.press_and_see(ENTER, "--boot-without-peer");
    seat.press(ENTER);
    confirmed(seat);
}

/// Answers a question; Enter is taken only once the answer was found right.
pub fn answer(seat: &mut Seat, text: &str) {
    seat.press(text);
    seat.waits(text, |shown| shown.contains(&format!("▸ {text}")) && !shown.contains("not right:"));
    seat.press(ENTER);
}

/// Adds an entry in the translation editor.
fn put_in(seat: &mut Seat, primary: &str, alternate: &str) {
    seat.press_and_see("a", "a new entry");
    seat.press(primary);
    seat.press(ENTER);
    seat.press_and_see(alternate, &format!("Enter puts in {primary} -> {alternate}"));
    seat.press(ENTER);
    seat.no_longer_sees("a new entry");
}

/// A new entry, saved.
pub fn translate(seat: &mut Seat) {
    seat.sees("a add");
    put_in(seat, "203.0.113.77", "203.0.113.78");
    seat.press_and_see("s", "saved; it counts from the next load on");
    seat.press_and_see(ESCAPE, DASHBOARD);
}
