//! Every leaf of the menu walked by keys in one pair and run as a command in another: both leave the same.

use std::collections::BTreeSet;

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use mxone_system_redundancy::faces::menu;
use serde_json::Value;

use super::journal;
use super::keys::{CLEAR, DOWN, ENTER, answer, because, closed, configure, confirmed, done, open, shows, translate};
use super::lab::Flavour;
use super::lab::host::Done;
use super::pair::Filter::{self, Blocked, Open};
use super::pair::{Pair, Wish};
use super::seat::Seat;

/// Where systemd's units are.
const UNITS: &str = "/etc/systemd/system";
/// In a script's line it stands for the oldest mirror.
const OLDEST: &str = "OLDEST";

/// A leaf, walked in both ways.
struct Stop {
    /// The words that lead to it.
    leaf: &'static str,
    /// What is pressed once it was opened, back to the dashboard.
    keys: fn(&mut Seat),
    script: Script,
    leaves: Leaves,
}

/// The same without keys.
enum Script {
    /// A command line; `_` stands for a blank within a word.
    Line(&'static str),
    /// `configure` with an answers file.
    Answers,
    /// A command line that is refused, and its exit code.
    Refused(&'static str, i32),
    /// A command line that may end with 4, done in part, and why.
    InPart(&'static str, &'static str),
    /// There is none, and why.
    None(&'static str),
}

/// What a leaf leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// Nothing.
    Nothing,
    /// Something other than lines in the history.
    Files,
    /// Lines in the history.
    Lines,
}

/// Every leaf, in an order in which each finds what it works on.
const WALK: &[Stop] = &[
    Stop { leaf: "configure", keys: configure, script: Script::Answers, leaves: Leaves::Lines },
    looked_at("status", |seat| shows(seat, "normal: the primary serves the users"), "status"),
    looked_at("list", |seat| shows(seat, "198.51.100.11"), "list"),
    looked_at("platform", |seat| shows(seat, "kamailio"), "platform list"),
    looked_at("check", |seat| shows(seat, "the configuration is right"), "config check"),
    looked_at("history", |seat| closed(seat, "1 of 1 actions"), "history"),
    looked_at("events", |seat| shows(seat, "no alarm is raised"), "events"),
    looked_at("help", |seat| closed(seat, "help: start"), "help"),
    changed("settings translation", translate, "settings translation set 203.0.113.77=203.0.113.78"),
    changed(
        "settings takeover alternate-from-primary automatic",
        done,
        "settings takeover alternate-from-primary automatic",
    ),
    changed("settings takeover alternate-from-primary manual", done, "settings takeover alternate-from-primary manual"),
    changed(
        "settings takeover primary-from-alternate automatic",
        done,
        "settings takeover primary-from-alternate automatic",
    ),
    changed("settings takeover primary-from-alternate manual", done, "settings takeover primary-from-alternate manual"),
    changed(
        "settings network-control-address",
        |seat| {
            seat.press_and_see("203.0.113.1 203.0.113.60", "203.0.113.1 203.0.113.60");
            seat.press(ENTER);
            confirmed(seat);
        },
        "settings network-control-address 203.0.113.1 203.0.113.60",
    ),
    looked_at("settings takeover-limits show", |seat| shows(seat, "data-age"), "settings takeover-limits"),
    changed(
        "settings takeover-limits control-addresses",
        |seat| limit(seat, "control-addresses, how many must answer", "2"),
        "settings takeover-limits control-addresses 2",
    ),
    changed(
        "settings takeover-limits control-misses",
        |seat| limit(seat, "control-misses, misses in a row", "7"),
        "settings takeover-limits control-misses 7",
    ),
    changed(
        "settings takeover-limits call-server-misses",
        |seat| limit(seat, "call-server-misses, bad probes", "5"),
        "settings takeover-limits call-server-misses 5",
    ),
    changed(
        "settings takeover-limits data-age",
        |seat| limit(seat, "data-age, older data", "24h"),
        "settings takeover-limits data-age 24h",
    ),
    changed(
        "settings takeover-limits flap-guard",
        |seat| limit(seat, "flap-guard, how long", "30min"),
        "settings takeover-limits flap-guard 30min",
    ),
    changed(
        "settings takeover-limits return-after",
        |seat| limit(seat, "return-after, how long", "20min"),
        "settings takeover-limits return-after 20min",
    ),
    changed(
        "settings takeover-limits degrade-after",
        |seat| limit(seat, "degrade-after, a voter gone", "30min"),
        "settings takeover-limits degrade-after 30min",
    ),
    changed(
        "settings takeover-limits hold-off",
        |seat| limit(seat, "hold-off, the wait", "10s"),
        "settings takeover-limits hold-off 10s",
    ),
    looked_at(
        "settings service-address show",
        |seat| shows(seat, "no service address is set"),
        "settings service-address",
    ),
    changed(
        "settings service-address set",
        |seat| {
            seat.sees("The address with its prefix");
            seat.press_and_see("192.0.2.50/24 eth0", "192.0.2.50/24 eth0");
            seat.press(ENTER);
            done(seat);
        },
        "settings service-address 192.0.2.50/24 --interface eth0",
    ),
    changed("settings service-address remove", done, "settings service-address --remove"),
    looked_at("lease show", nobody_votes, "").refused("lease", 5),
    looked_at("lease hold", nobody_votes, "").refused("lease hold", 5),
    looked_at("lease end-hold", nobody_votes, "").refused("lease hold 0", 5),
    looked_at("lease acknowledge", nobody_votes, "").refused("lease acknowledge", 5),
    looked_at("notify", |seat| shows(seat, "nobody is told"), "").refused("notify test", 5),
    changed(
        "settings witness set-up",
        |seat| {
            seat.sees("Who has the third vote?");
            seat.press_and_see(ENTER, "Where does the witness listen?");
            answer(seat, "203.0.113.60");
            seat.sees("Where is the witness's file written");
            seat.press_and_see(ENTER, "How fast is the takeover to be?");
            seat.press_and_see(DOWN, "▸ fast");
            seat.press(ENTER);
            seat.sees("with the witness at 203.0.113.60:9527");
            confirmed(seat);
        },
        "settings witness 203.0.113.60 --timing fast",
    ),
    changed("settings witness remove", confirmed, "settings witness --remove"),
    changed(
        "data auto create",
        |seat| {
            seat.sees("the next runs:");
            seat.press(ENTER);
            shows(seat, "every day at 02:00");
        },
        "data auto create",
    ),
    looked_at("data auto list", |seat| shows(seat, "every day at 02:00"), "data auto list"),
    changed(
        "data auto change",
        |seat| {
            seat.sees("the next runs:");
            seat.press(CLEAR);
            seat.press_and_see("0 3 * * *", "every day at 03:00");
            seat.press(ENTER);
            shows(seat, "every day at 03:00");
        },
        "data auto change --schedule 0_3_*_*_*",
    ),
    changed("data auto remove", done, "data auto remove"),
    changed(
        "data copy",
        |seat| {
            confirmed(seat);
            // What the forms offer from here on was read after it.
            let is_its_end = |line: &str| line.contains("data copy") && line.contains("done");
            seat.waits("the end of the copy among the events", |shown| shown.lines().any(is_its_end));
        },
        "data copy",
    ),
    looked_at("data mirrors list", |seat| closed(seat, "LOADED"), "data mirrors list"),
    looked_at(
        "data mirrors verify",
        |seat| {
            seat.sees("LOADED");
            seat.press(ENTER);
            shows(seat, "every checksum is right");
        },
        "data mirrors verify",
    ),
    changed(
        "data mirrors load",
        |seat| {
            // The oldest is the second of the two.
            seat.sees("LOADED");
            seat.sees("loaded before");
            seat.press(DOWN);
            seat.press(ENTER);
            confirmed(seat);
        },
        "data mirrors load OLDEST",
    ),
    changed("data mirrors roll-back", confirmed, "data mirrors roll-back"),
    Stop {
        leaf: "monitor",
        keys: |seat| {
            seat.sees("Enter do it");
            seat.press(ENTER);
            shows(seat, "written: /etc/systemd/system/mxone-system-redundancy-monitor.service");
        },
        script: Script::InPart("monitor --install", "systemd is not process 1 of a lab host: it starts no unit"),
        leaves: Leaves::Files,
    },
    changed(
        "manual-takeover traffic-in-alternate",
        |seat| because(seat, "core switch upgrade"),
        "manual-takeover traffic-in-alternate --reason core_switch_upgrade",
    ),
    changed(
        "manual-takeover traffic-in-primary",
        |seat| because(seat, "the upgrade is over"),
        "manual-takeover traffic-in-primary --reason the_upgrade_is_over",
    ),
    changed(
        "remove",
        |seat| {
            because(seat, "the site moves");
            seat.sees("not configured yet");
        },
        "remove --reason the_site_moves",
    ),
    Stop {
        leaf: "exit",
        keys: |seat| assert_eq!(seat.ends(), 0),
        script: Script::None("a command leaves by itself"),
        leaves: Leaves::Nothing,
    },
];

const fn looked_at(leaf: &'static str, keys: fn(&mut Seat), line: &'static str) -> Stop {
    Stop { leaf, keys, script: Script::Line(line), leaves: Leaves::Nothing }
}

const fn changed(leaf: &'static str, keys: fn(&mut Seat), line: &'static str) -> Stop {
    Stop { leaf, keys, script: Script::Line(line), leaves: Leaves::Lines }
}

impl Stop {
    /// The same for one that refuses.
    const fn refused(self, line: &'static str, code: i32) -> Self {
        Self { script: Script::Refused(line, code), ..self }
    }
}

fn limit(seat: &mut Seat, asked: &str, value: &str) {
    seat.sees(asked);
    answer(seat, value);
    done(seat);
}

fn nobody_votes(seat: &mut Seat) {
    shows(seat, "no voter works on this machine");
}

#[test]
fn every_leaf_of_the_menu_leaves_the_same_by_keys_and_by_script_and_is_never_dual_live() {
    let in_menu: BTreeSet<String> = menu::leaves().iter().map(|(path, _)| path.join(" ")).collect();
    let walked: BTreeSet<String> = WALK.iter().map(|stop| stop.leaf.to_owned()).collect();
    assert_eq!(walked, in_menu, "a leaf of the menu is not walked, or the other way round");

    let (by_keys, by_script) = (Pair::new(Flavour::Kamailio), Pair::new(Flavour::Kamailio));
    let mut seat = take_seat(&by_keys);
    seat.sees("not configured yet");
    let (setting_up, rest) = WALK.split_first().unwrap();
    let left = left_by(&by_keys);
    let mut walk = Walk { by_keys: &by_keys, by_script: &by_script, seat: &mut seat, lines: 0, left };
    // Until it is blocked by configure, the alternate is as open as it was bought.
    walk.goes_to(setting_up);
    let mut of_script = None;
    let of_keys = by_keys.audited(|| {
        of_script = Some(by_script.audited(|| {
            for stop in rest {
                walk.goes_to(stop);
            }
        }));
    });
    for story in [of_keys, of_script.unwrap()] {
        story.never_two_live();
        let reigns: Vec<Site> = story.reigns().iter().map(|reign| reign.site).collect();
        assert_eq!(reigns, [Primary, Alternate, Primary], "only the two takeovers change who serves");
    }
}

/// A newcomer's seat. The answers file holds what `configure` does not ask for, and proposes the platform.
fn take_seat(pair: &Pair) -> Seat {
    let answers = "platform: lab\nssh: {user: root, identity: /root/.ssh/id_ed25519}\n";
    pair.seat().write("/root/keys.yaml", answers);
    let program = pair.seat().command(&["mxone_system_redundancy", "--answers", "/root/keys.yaml"]);
    Seat::take(&program, (80, 24))
}

/// Both pairs on their way through the menu.
struct Walk<'a> {
    by_keys: &'a Pair,
    by_script: &'a Pair,
    seat: &'a mut Seat,
    /// Lines of the history so far.
    lines: usize,
    /// What is kept besides it.
    left: Left,
}

impl Walk<'_> {
    /// Does one leaf in both ways, and holds what they left against each other.
    fn goes_to(&mut self, stop: &Stop) {
        if stop.leaf == "data copy" {
            for pair in [self.by_keys, self.by_script] {
                pair.add_number("1002");
            }
        }
        open(self.seat, stop.leaf);
        (stop.keys)(self.seat);
        self.runs(&stop.script);

        let (keys, script) = (journal_of(self.by_keys), journal_of(self.by_script));
        for (n, (key, script)) in keys.iter().zip(&script).enumerate() {
            assert_eq!(key, script, "line {n} of the journal, after {}", stop.leaf);
        }
        assert_eq!(keys.len(), script.len(), "lines of the journal after {}", stop.leaf);
        let left = left_by(self.by_keys);
        assert_eq!(left, left_by(self.by_script), "what {} leaves", stop.leaf);
        let leaves = match (keys.len() > self.lines, left != self.left) {
            (true, _) => Leaves::Lines,
            (false, true) => Leaves::Files,
            (false, false) => Leaves::Nothing,
        };
        assert_eq!(leaves, stop.leaves, "what {} leaves", stop.leaf);
        (self.lines, self.left) = (keys.len(), left);
        for pair in [self.by_keys, self.by_script] {
            let traffic = Site::BOTH.map(|site| pair.filters(site));
            assert_eq!(traffic, traffic_after(stop.leaf), "traffic after {}", stop.leaf);
        }
    }

    fn runs(&self, script: &Script) {
        match script {
            Script::Answers => drop(self.by_script.configure(&Wish::default()).ok()),
            Script::Line(line) => drop(self.scripted(line).ok()),
            Script::InPart(line, why) => {
                let done = self.scripted(line);
                assert!([0, 4].contains(&done.code()), "{why}: {done:?}");
            }
            Script::Refused(line, code) => drop(self.scripted(line).ended_with(*code)),
            Script::None(_because) => {}
        }
    }

    fn scripted(&self, line: &str) -> Done {
        let oldest = if line.contains(OLDEST) { oldest_mirror(self.by_script) } else { String::new() };
        let words = line.split(' ').map(|word| word.replace(OLDEST, &oldest).replace('_', " "));
        let words: Vec<String> = words.chain(["--yes".to_owned()]).collect();
        self.by_script.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// What the packet filters of both sites hold after a leaf.
fn traffic_after(leaf: &str) -> [[Filter; 2]; 2] {
    match leaf {
        "manual-takeover traffic-in-alternate" => [[Blocked; 2], [Open; 2]],
        _ => [[Open; 2], [Blocked; 2]],
    }
}

fn journal_of(pair: &Pair) -> Vec<Value> {
    let place = "/var/log/mxone_system_redundancy/history.jsonl";
    if pair.seat().has(place) { journal::comparable(&pair.seat().read(place)) } else { Vec::new() }
}

/// What is kept besides the history: the settings, the table, which mirror is loaded, the names of units and their texts.
type Left = [String; 5];

fn left_by(pair: &Pair) -> Left {
    let settings = pair.run(&["list", "--json"]);
    let mirrors = pair.run(&["data", "mirrors", "list", "--json"]).stdout;
    let mirrors: Value = serde_json::from_str(&mirrors).unwrap_or_default();
    let loaded: Vec<&Value> =
        mirrors["mirrors"].as_array().into_iter().flatten().map(|mirror| &mirror["loaded"]).collect();
    [
        format!("{} {}", settings.code(), settings.stdout),
        pair.run(&["settings", "translation", "list"]).stdout,
        format!("{loaded:?}"),
        pair.seat().sh(&format!("cd {UNITS} && find . -name '*mxone*' | sort")),
        pair.seat().sh(&format!("cd {UNITS} && find . -name 'mxone*' -type f | sort | xargs -r cat")),
    ]
}

fn oldest_mirror(pair: &Pair) -> String {
    let listed: Value = serde_json::from_str(&pair.run(&["data", "mirrors", "list", "--json"]).ok().stdout).unwrap();
    listed["mirrors"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap().to_owned()
}
