//! `mxone_maintenance` as a person or a script meets it, on real packet filters in network namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "namespace/namespace.rs"]
mod namespace;
#[path = "terminal/seat.rs"]
#[allow(dead_code, reason = "it is made for the tests of the terminal UI")]
mod seat;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use mxone_system_redundancy::adapters::clock::SystemClock;
use mxone_system_redundancy::adapters::netfilter::Netfilter;
use mxone_system_redundancy::config::platform;
use mxone_system_redundancy::domain::configuration::BootPolicy;
use mxone_system_redundancy::domain::site::{ServerId, Site};
use mxone_system_redundancy::domain::traffic::{Origin, RuleSet, Spared, TurnAway};
use mxone_system_redundancy::ports::traffic_control::TrafficControl;
use namespace::{Namespace, NamespaceHost, One};
use rustix::process::{Pid, Signal, kill_process};
use seat::Seat;
use serde_json::Value;

const RIGHT: &str = "\x1b[C";

const BLOCK: [&str; 4] = ["more_configuration", "iptables", "add", "--yes"];
const ALLOW: [&str; 4] = ["more_configuration", "iptables", "remove", "--yes"];

#[test]
fn add_blocks_and_remove_allows_without_any_configuration() {
    let server = Server::new();
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
    server.namespace.checked(&["iptables", "-A", "INPUT", "-s", "203.0.113.0/24", "-j", "ACCEPT"]);
    let before = server.namespace.saved("iptables-save");

    assert_eq!(code(&server.run(&BLOCK)), 0);
    let listed = server.json(&["more_configuration", "iptables", "list"]);
    assert_eq!(
        (&listed["traffic"], &listed["origin"], &listed["schema"]),
        (&"blocked".into(), &"maintenance".into(), &1.into())
    );
    let told = text(&server.run(&["more_configuration", "iptables", "list"]).stdout);
    assert!(told.starts_with("blocked by hand: 0 packets turned away since "), "{told}");

    assert_eq!(code(&server.run(&ALLOW)), 0);
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
    assert_eq!(server.namespace.saved("iptables-save"), before);
}

#[test]
fn the_prompts_tell_how_the_server_is_and_block_only_after_a_yes() {
    let server = Server::new();
    let mut seat = Seat::take(&server.command(&["--plain"]), (80, 24));
    let shown = seat.sees("? mxone_maintenance");
    assert!(shown.contains("allowed") && shown.contains("help"), "{shown}");
    seat.press("help\r");
    seat.sees("Used in:");
    seat.press("more\r");
    seat.press_and_see("ipt\r", "add (block)");
    seat.press_and_see("add\r", "Calls in progress end; SSH to this server goes on. Do this?");
    seat.press_and_see("n\r", "nothing was changed");
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
    seat.press_and_see("add\r", "Do this?");
    seat.press_and_see("y\r", "blocked by hand");
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "blocked");
    seat.press_and_see("remove\r", "If the other site serves users, two sites serve then.");
    seat.press_and_see("y\r", "allowed");
    seat.press("back\r");
    seat.press("back\r");
    seat.press("exit\r");
    assert_eq!(seat.ends(), 0);
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
}

#[test]
fn prompts_are_there_wherever_a_screen_cannot_be_or_could_not_keep_a_flag() {
    let server = Server::new();
    for (flags, terminal) in
        [(&[][..], "dumb"), (&["--dry-run"], "xterm"), (&["--json"], "xterm"), (&["--yes"], "xterm")]
    {
        let mut command = server.command(flags);
        command.env("SEAT_TERM", terminal);
        let mut seat = Seat::take(&command, (80, 24));
        seat.sees("? mxone_maintenance");
        assert!(!seat.is_taken(), "{flags:?}");
        seat.press("exit\r");
        assert_eq!(seat.ends(), 0);
    }
}

#[test]
fn the_screen_blocks_and_allows_by_keys_and_what_is_cancelled_changes_nothing() {
    let server = Server::new();
    server.namespace.checked(&["iptables", "-A", "INPUT", "-s", "203.0.113.0/24", "-j", "ACCEPT"]);
    let before = server.namespace.saved("iptables-save");
    let mut seat = Seat::take(&server.command(&[]), (80, 24));
    seat.sees("allowed ██");
    seat.press_and_see("m\r", "Menu › more_configuration");
    seat.press_and_see("\r", "▸add (block)");
    seat.press_and_see("\r", "1  block: turn telephony traffic away");
    seat.press_and_see("\r", "cancelled; nothing was changed");
    assert_eq!(server.namespace.saved("iptables-save"), before);
    seat.press_and_see("\r", "[▸Cancel◂]");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    let told = seat.press_and_see("\r", "✓ done; this is what was read back");
    assert!(told.contains("BLOCKED ··"), "{told}");
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "blocked");
    seat.press("\r");
    seat.no_longer_sees("✓ done");
    seat.press_and_see("/allow\r", "1  allow: let telephony traffic reach");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    let told = seat.press_and_see("\r", "✓ done; this is what was read back");
    assert!(told.contains("allowed ██"), "{told}");
    assert_eq!(server.namespace.saved("iptables-save"), before);
    seat.press("\r");
    seat.no_longer_sees("✓ done");
    seat.press("q");
    assert_eq!(seat.ends(), 0);
    seat.is_given_back();
}

#[test]
fn the_screen_shows_by_itself_what_others_change_and_who_is_at_work() {
    let server = Server::new();
    let mut seat = Seat::take(&server.command(&[]), (80, 24));
    seat.sees("allowed ██");
    assert_eq!(code(&server.run(&BLOCK)), 0);
    seat.sees("BLOCKED ··");
    seat.sees("blocked by hand: 0 packets turned away since ");
    server.namespace.checked(&["iptables", "-I", "INPUT", "1", "-j", "ACCEPT"]);
    seat.sees("PARTIAL ▚▚");
    seat.sees("! IPv4 INPUT: 2 is the place of our jump, not the first");
    let place = server.root().join("run/mxone_system_redundancy/lock");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    let lock = std::fs::File::create(&place).unwrap();
    lock.lock().unwrap();
    std::fs::write(&place, "mxone_admin on pts/3, remove since 2026-11-21 02:14:00").unwrap();
    seat.sees("running now: mxone_admin on pts/3, remove since");
    assert_eq!(
        server.json(&["more_configuration", "iptables", "list"])["running"],
        "mxone_admin on pts/3, remove since 2026-11-21 02:14:00"
    );
    drop(lock);
    seat.no_longer_sees("running now");
    seat.press("q");
    assert_eq!(seat.ends(), 0);
}

#[test]
fn a_packet_filter_that_does_not_answer_blocks_no_key_and_is_unknown_in_the_end() {
    let server = Server::new();
    let (_tools, hangs, command) = server.command_with_hanging("iptables-save");
    let mut seat = Seat::take(&command, (80, 24));
    seat.sees("allowed ██");
    std::fs::write(&hangs, "").unwrap();
    seat.sees("read back from the packet filter 6 s ago");
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        seat.press_and_see("/", "find an action");
        seat.press("\x1b");
        seat.no_longer_sees("find an action");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    seat.sees("unknown ??");
    std::fs::remove_file(&hangs).unwrap();
    seat.sees("allowed ██");
}

#[test]
fn a_change_that_was_confirmed_ends_though_the_program_is_told_to_end_meanwhile() {
    let server = Server::new();
    let (_tools, hangs, command) = server.command_with_hanging("iptables-restore");
    let mut seat = Seat::take(&command, (80, 24));
    seat.sees("allowed ██");
    std::fs::write(&hangs, "").unwrap();
    seat.press_and_see("/block\r", "1  block: turn telephony traffic away");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    seat.press_and_see("\r", "working …");
    seat.press_and_see("q", "a change is under way; wait for its end");
    end(&seat, Signal::TERM);
    seat.no_longer_sees("working …");
    assert!(!seat.is_taken());
    std::fs::remove_file(&hangs).unwrap();
    assert_eq!(seat.ends(), 0);
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "blocked");
}

#[tokio::test]
async fn the_screen_refuses_where_redundancy_is_configured_until_it_is_overridden_with_a_reason() {
    let server = Server::new();
    server.configured().await;
    let mut seat = Seat::take(&server.command(&[]), (80, 24));
    seat.sees("redundancy: configured on this server");
    seat.sees("blocked by order");
    seat.press_and_see("/allow\r", "✗ error: system redundancy is configured on this server");
    seat.press_and_see("\r", "cancelled; nothing was changed");
    seat.press_and_see("\r", "[▸Leave it◂]");
    seat.press_and_see(RIGHT, "[▸Override, with a reason◂]");
    seat.press_and_see("\r", "Why is it right to do this");
    seat.press_and_see("\r", "this needs a reason");
    seat.press_and_see("the alternate burned down\r", "! overridden: the alternate burned down");
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "blocked");
    seat.press_and_see(RIGHT, "[▸Do it◂]");
    seat.press_and_see("\r", "✓ done; this is what was read back");
    seat.sees("allowed ██");
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
    let history = std::fs::read_to_string(server.root().join("var/log/mxone_system_redundancy/history.jsonl")).unwrap();
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["reason"].as_str(), line["note"].as_str())).collect();
    let why = Some("the alternate burned down");
    let (begun, done) = (
        "begun: allow: let telephony traffic reach this server",
        "done: allow: let telephony traffic reach this server",
    );
    assert_eq!(told, [(why, Some(begun)), (why, Some(done))]);
}

#[test]
fn the_screen_gives_the_terminal_back_however_it_ends() {
    let server = Server::new();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut seat = Seat::take(&server.command(&[]), (80, 24));
        seat.sees("allowed ██");
        assert!(seat.is_taken());
        end(&seat, signal);
        assert_eq!(seat.ends(), 0);
        seat.is_given_back();
    }
    for keys in ["\x03", "q", "\x1b", "exit\r"] {
        let mut seat = Seat::take(&server.command(&[]), (80, 24));
        seat.sees("allowed ██");
        // The letters only choose words that begin with them.
        seat.press(keys);
        assert_eq!(seat.ends(), 0, "{keys:?}");
        seat.is_given_back();
    }
}

#[test]
fn the_screen_is_put_aside_and_taken_again_fits_every_size_and_needs_no_colour() {
    let server = Server::new();
    // A shell with job control, as a person has it.
    let mut shell = Command::new("bash");
    shell.args(["--norc", "-i"]).env("PS1", "shell$ ").env("NO_COLOR", "1");
    let mut seat = Seat::take(&shell, (80, 24));
    seat.sees("shell$");
    let command = server.command(&[]);
    let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
    seat.press(&format!("ip {}\r", words.join(" ")));
    seat.sees("allowed ██");
    let coloured = |screen: &vt100::Screen| {
        let cells = (0..24).flat_map(|line| (0..80).map(move |column| (line, column)));
        cells.filter_map(|(line, column)| screen.cell(line, column)).any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    assert!(!seat.with_screen(coloured));
    // Without colours the frame of the menu is dim.
    assert!(seat.with_screen(|screen| screen.cell(6, 0).is_some_and(vt100::Cell::dim)), "{}", seat.shown());
    seat.press("\x1a");
    seat.sees("Stopped");
    seat.is_given_back();
    seat.press("fg\r");
    seat.sees("allowed ██");
    assert!(seat.is_taken());
    for (columns, lines) in [(160, 50), (60, 20), (59, 20), (20, 5), (80, 24)] {
        seat.resize(columns, lines);
        let fits = columns >= 60 && lines >= 20;
        seat.waits("the size", |shown| shown.contains("allowed ██") == fits && shown.contains("needed") != fits);
    }
    seat.press_and_see("\x1bOP", "help: maintenance");
    seat.press("q");
    seat.sees("allowed ██");
    seat.press("q");
    seat.waits("the shell again", |shown| shown.trim_end().ends_with("shell$"));
    seat.is_given_back();
}

#[test]
fn a_block_with_flags_of_its_own_is_listed_as_blocked_without_them() {
    let server = Server::new();
    let flags = [
        "--never-block",
        "203.0.113.9",
        "--never-block",
        "2001:db8::9",
        "--platform",
        "kamailio",
        "--ssh-port",
        "2222",
    ];
    assert_eq!(code(&server.run(&[&BLOCK[..], &flags[..]].concat())), 0);
    let saved = server.namespace.saved("iptables-save") + &server.namespace.saved("ip6tables-save");
    for spared in ["-s 203.0.113.9/32 -j RETURN", "-s 2001:db8::9/128 -j RETURN", "--dport 2222 -j RETURN"] {
        assert!(saved.contains(spared), "{spared}");
    }
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "blocked");
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_changes_nothing() {
    let server = Server::new();
    let json = server.json(&["more_configuration", "iptables", "add", "--dry-run"]);
    assert_eq!((&json["traffic"], &json["would"][0]["change"]), (&"allowed".into(), &"block".into()));
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
}

#[test]
fn tampered_rules_are_told_line_by_line() {
    let server = Server::new();
    server.run(&BLOCK);
    server.namespace.checked(&["iptables", "-I", "INPUT", "1", "-j", "ACCEPT"]);
    let listed = server.json(&["more_configuration", "iptables", "list"]);
    assert_eq!(listed["traffic"], "partial");
    assert_eq!(listed["differences"], serde_json::json!(["IPv4 INPUT: 2 is the place of our jump, not the first"]));
}

#[test]
fn usage_errors_end_with_2_and_name_what_is_missing() {
    let server = Server::new();
    for (arguments, told) in [
        (&["more_configuration", "iptables", "add"][..], "--yes"),
        (&["more_configuration", "iptables", "add", "--override"], "--reason"),
        (&["more_configuration", "iptables", "list", "--platform", "nowhere"], "mxone"),
        (&["more_configuration", "iptables", "list", "--never-block", "010.0.0.1"], "010.0.0.1"),
        (&["more-configuration"], "more_configuration"),
        (&[], "--help"),
    ] {
        let output = server.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
}

#[tokio::test]
async fn where_redundancy_is_configured_it_refuses_unless_somebody_takes_it_upon_themselves() {
    let server = Server::new();
    let rules = server.configured().await;
    let refused = server.run(&ALLOW);
    assert_eq!(code(&refused), 3);
    assert!(text(&refused.stderr).contains("system redundancy is configured on this server"));
    assert_eq!(code(&server.run(&["uninstall", "--yes"])), 3);
    // Looking is always allowed, and the rules are those that were configured.
    let listed = server.json(&["more_configuration", "iptables", "list"]);
    assert_eq!((&listed["traffic"], &listed["origin"]), (&"blocked".into(), &"order".into()));

    let taken = ["--override", "--reason", "the alternate site burned down"];
    assert_eq!(code(&server.run(&[&ALLOW[..], &taken[..]].concat())), 0);
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
    assert_eq!(code(&server.run(&[&BLOCK[..], &taken[..]].concat())), 0);
    assert!(server.namespace.saved("iptables-save").contains(&rules.fingerprint().to_string()));
}

#[tokio::test]
async fn uninstall_takes_out_all_that_is_ours_and_says_what_it_leaves() {
    let server = Server::new();
    server.configured().await;
    server.namespace.checked(&["iptables", "-A", "INPUT", "-s", "203.0.113.0/24", "-j", "ACCEPT"]);
    let output = server.run(&["uninstall", "--yes", "--override", "--reason", "end of the pair"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("left behind: the history"));
    let left = namespace::checked(&["find", &server.root().to_string_lossy(), "-type", "f", "-o", "-type", "l"], "");
    let history = server.root().join("var/log/mxone_system_redundancy/history.jsonl");
    assert_eq!(left.trim(), history.to_string_lossy(), "the history is all that is left");
    let told = std::fs::read_to_string(history).unwrap();
    for line in ["\"reason\":\"end of the pair\"", "begun: take out the boot guard", "done: take out the boot guard"] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    assert!(!server.namespace.saved("iptables-save").contains("MXONE"));
    assert!(server.namespace.saved("iptables-save").contains("203.0.113.0/24"));
    assert_eq!(code(&server.run(&["uninstall", "--yes"])), 0, "once more");
}

#[tokio::test]
async fn a_damaged_boot_guard_still_counts_as_a_configuration() {
    let server = Server::new();
    server.configured().await;
    std::fs::write(server.root().join("etc/mxone_system_redundancy/guard.v4"), "rubbish").unwrap();
    assert_eq!(code(&server.run(&BLOCK)), 3);
    let output = server.run(&[&ALLOW[..], &["--override", "--reason", "damaged"]].concat());
    assert_eq!(code(&output), 0);
    assert!(text(&output.stderr).contains("damaged"), "{}", text(&output.stderr));
    assert_eq!(server.json(&["more_configuration", "iptables", "list"])["traffic"], "allowed");
}

/// A server with an own packet filter and an own root for our files.
struct Server {
    namespace: Namespace,
    folder: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        Self { namespace: Namespace::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let root = self.root();
        let program = [env!("CARGO_BIN_EXE_mxone_maintenance"), "--root", root.to_str().unwrap()];
        self.namespace.run(&[&program[..], arguments].concat(), "")
    }

    /// The program for a person to sit at.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace.name, env!("CARGO_BIN_EXE_mxone_maintenance")]);
        command.arg("--root").arg(self.root()).args(arguments);
        command
    }

    /// The same with a tool that does not go on as long as a file is there: the folder it lives in, and that file.
    fn command_with_hanging(&self, name: &str) -> (tempfile::TempDir, PathBuf, Command) {
        let folder = tempfile::tempdir().unwrap();
        let (tool, hangs) = (folder.path().join(name), folder.path().join("hangs"));
        let real = namespace::checked(&["which", name], "");
        let script =
            format!("#!/bin/sh\nwhile [ -e {} ]; do sleep 0.1; done\nexec {} \"$@\"\n", hangs.display(), real.trim());
        std::fs::write(&tool, script).unwrap();
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = self.command(&[]);
        command.env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()));
        (folder, hangs, command)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// As `configure` leaves a passive server behind: guarded and blocked, with rules that are not the platform's own.
    async fn configured(&self) -> RuleSet {
        let mxone = platform::builtin("mxone").unwrap();
        let spared = Spared { addresses: ["198.51.100.11".parse().unwrap()].into(), ..Spared::default() };
        let rules = RuleSet::new(&mxone.telephony, &spared, TurnAway::Drop, mxone.probe);
        let hosts = Arc::new(One(NamespaceHost::new(&self.namespace)));
        let traffic =
            Netfilter::with_rules(hosts, rules.clone(), mxone.telephony, Arc::new(SystemClock)).below(&self.root());
        let local = ServerId::first_of(Site::Alternate);
        traffic.install_guard(local, BootPolicy::default()).await.unwrap();
        traffic.block(local, Origin::Order).await.unwrap();
        rules
    }
}

fn end(seat: &Seat, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(seat.pid()).unwrap()).unwrap(), signal).unwrap();
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
