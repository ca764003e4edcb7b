//! Servers that mean harm or are broken, met by the real binary: every command of a simulated server can be hidden by
//! one of the test's own, and the file system below the utility can be full or read-only.

#![allow(
    clippy::large_stack_arrays,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "each test uses its part of the folder `standing`")]

#[path = "hostile/world.rs"]
mod world;

#[path = "standing/standing.rs"]
mod standing;

use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mxone_system_redundancy::lab::machine::Machine;
use mxone_system_redundancy::lab::streams::Streams;
use serde_json::{Value, json};
use world::{World, auditing};

/// What somebody may print before we stop listening: the limit of a command, and what is on its way.
const HEARD: u64 = 80 * 1024 * 1024;

/// What the program may hold in memory at any time, in KiB.
const MEMORY: u64 = 100 * 1024;

#[test]
fn ten_gigabytes_without_a_line_break_are_not_listened_to() {
    for (server, program, line) in [
        ("primary/1", "iptables-save", "status"),
        ("primary/2", "cat", "status"),
        ("primary/1", "lab-version", "data copy --yes"),
        ("primary/1", "find", "data copy --yes"),
        ("primary/1", "sha256sum", "data copy --yes"),
        ("primary/1", "xargs", "data copy --yes"),
        ("alternate/1", "lab-load", "data copy --yes"),
    ] {
        let world = World::configured(2);
        let printed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&printed);
        world.teach(server, program, move |_, _, streams| endless(streams, b'x', &count));
        let (ran, memory) = world.measured(line);
        assert!(ran.code != Some(0) && ran.code.is_some(), "{program}: {ran:?}");
        assert!(memory < MEMORY, "{program}: {memory} KiB");
        let heard = printed.load(Ordering::Relaxed);
        assert!((1..HEARD).contains(&heard), "{program}: {heard} bytes");
        world.forget(server, program);
        assert_eq!(world.traffic(), ["allowed", "blocked"], "{program}");
        if program == "lab-load" {
            // Neither the load nor putting back could be done, and that is kept until somebody brings it to an end.
            world.words("--abandon --yes").ended(0);
        }
        world.words("data copy --yes").ended(0);
    }
}

#[test]
fn binary_output_is_not_taken_for_an_answer() {
    for (program, line, code) in [
        ("iptables-save", "status", 4),
        ("lab-version", "data copy --yes", 3),
        ("lab-backups", "data copy --yes", 3),
        ("find", "data copy --yes", 1),
        ("sha256sum", "data copy --yes", 1),
        ("lab-topology", "data copy --yes", 3),
    ] {
        let world = World::configured(1);
        world.teach("primary/1", program, |_, _, streams| {
            let bytes: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
            streams.output.write_all(&bytes).map(|()| 0)
        });
        world.words(line).ended(code);
        assert_eq!(world.order(), ["primary", "1"], "{program}");
    }
}

#[test]
fn nothing_that_a_server_prints_acts_on_the_terminal() {
    // `Ran` refuses every control character but line breaks on both outputs.
    let evil = "1\u{1b}[2J\u{1b}]0;evil\u{7}\u{9b}31m\r2";
    let world = World::configured(2);
    for server in ["primary/1", "alternate/1"] {
        world
            .teach(server, "lab-version", move |_, _, streams| writeln!(streams.output, "Version: {evil}").map(|()| 0));
    }
    for line in ["status", "status --json", "data copy --yes", "data copy --dry-run --json"] {
        world.words(line);
    }
    for (program, line) in
        [("iptables-save", "status"), ("lab-backups", "data copy --yes"), ("find", "data copy --yes")]
    {
        world.teach("primary/1", program, move |_, _, streams| {
            streams.complain("evil", evil);
            Ok(1)
        });
        let ran = world.words(line);
        assert!(ran.code != Some(0) && ran.err.contains("evil") || ran.out.contains("evil"), "{ran:?}");
        world.words(&format!("{line} --json"));
        world.forget("primary/1", program);
    }
    let data = world.root("primary/1").join("var/opt/lab/data/routes.conf");
    fs::write(data, format!("route_90 = sip:{evil}@203.0.113.60:5060\n# {evil}\n")).unwrap();
    world.back_up();
    for server in ["primary/1", "alternate/1"] {
        world.forget(server, "lab-version");
        world.teach(server, "lab-version", |_, _, streams| writeln!(streams.output, "Version: 16.3.1.4.5").map(|()| 0));
    }
    world.words("data copy --yes").ended(0);
    for line in ["scan", "preview", "scan --json", "preview --json", "explain 203.0.113.60"] {
        world.words(&format!("settings translation {line}")).ended(0);
    }
    world.words("history").ended(0);
    world.words("history --json").ended(0);
}

#[test]
fn a_backup_whose_name_leads_elsewhere_is_refused() {
    for id in ["$(reboot)", "../../etc", "..", "-rf", "a/b", "`id`", "x;reboot", "'", "\u{202e}gnp"] {
        let world = World::configured(1);
        let before = world.mirrors();
        world.teach("primary/1", "lab-backups", move |_, _, streams| {
            writeln!(streams.output, "backup {id} version 16.3.1.4.5 made 1795275224").map(|()| 0)
        });
        let ran = world.words("data copy --yes").ended(1);
        assert!(ran.err.contains("the current backup of LIM 1 of the primary system cannot be understood"), "{ran:?}");
        assert_eq!(world.mirrors(), before);
        assert_eq!(world.traffic(), ["allowed", "blocked"]);
    }
}

#[test]
fn files_with_odd_names_are_copied_as_they_are() {
    let world = World::configured(1);
    let folder = world.backup_folder();
    for name in ["it's \"quoted\"", "$(reboot)", "a b\\c;d|e", "*?[x]", "-rf", "ä\u{202e}ö"] {
        fs::create_dir_all(folder.join("odd `dir`")).unwrap();
        fs::write(folder.join("odd `dir`").join(name), name).unwrap();
    }
    world.words("data copy --yes").ended(0);
    world.words("data mirrors verify").ended(0);
    assert_eq!(
        fs::read_to_string(world.root("alternate/1").join("var/opt/lab/data/odd `dir`/$(reboot)")).unwrap(),
        "$(reboot)"
    );
}

#[test]
fn files_with_names_that_cannot_be_kept_are_refused() {
    let world = World::configured(1);
    let before = world.mirrors();
    let folder = world.backup_folder();
    fs::write(folder.join("two\nlines"), "x").unwrap();
    world.words("data copy --yes").ended(1).complains("a file has a name that cannot be kept: \"1 twolines\"");
    fs::remove_file(folder.join("two\nlines")).unwrap();
    for path in ["../../../etc/cron.d/evil", "/etc/passwd", "a/../../b", "./x", "a//b", ""] {
        world.teach("primary/1", "find", move |_, _, streams| write!(streams.output, "5 {path}\0").map(|()| 0));
        world.words("data copy --yes").ended(1).complains("a file has a name that cannot be kept");
    }
    for listing in ["5 a\x005 a\0", "x a\0", "99999999999999999999 a\0", "18446744073709551615 a\x001 b\0", ""] {
        world.teach("primary/1", "find", move |_, _, streams| streams.output.write_all(listing.as_bytes()).map(|()| 0));
        world.words("data copy --yes").ended(1).complains("is not fit to be copied");
    }
    assert_eq!(world.mirrors(), before);
    world.forget("primary/1", "find");
    world.words("data copy --yes").ended(0);
}

#[test]
fn a_file_that_changes_between_its_checksum_and_its_copy_is_noticed() {
    let world = World::configured(1);
    let before = (world.mirrors(), world.loaded("system.conf"));
    world.teach("primary/1", "cat", |machine, words, streams| {
        let mut copied = Copied::of(machine, words)?;
        copied.content.make_ascii_uppercase();
        streams.output.write_all(&copied.content).map(|()| 0)
    });
    let ran = world.words("data copy --yes").ended(1);
    assert!(ran.err.contains("is not what the sender computed"), "{ran:?}");
    assert_eq!((world.mirrors(), world.loaded("system.conf")), before);
    world.forget("primary/1", "cat");
    world.words("data copy --yes").ended(0);
    assert_eq!(world.mirrors().len(), 2);
}

#[test]
fn more_or_fewer_bytes_than_announced_are_noticed() {
    for change in [1_isize, -1] {
        let world = World::configured(1);
        let before = world.mirrors();
        world.teach("primary/1", "cat", move |machine, words, streams| {
            let content = Copied::of(machine, words)?.content;
            let length = content.len().saturating_add_signed(change);
            let content: Vec<u8> = content.into_iter().chain(*b"!").take(length).collect();
            streams.output.write_all(&content).map(|()| 0)
        });
        world.words("data copy --yes").ended(1);
        assert_eq!(world.mirrors(), before, "{change}");
    }
}

#[test]
fn a_copy_whose_connection_is_lost_goes_on_where_it_was() {
    let world = World::configured(1);
    let before = (world.mirrors(), world.loaded("system.conf"));
    let big: Vec<u8> = (0..6_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(world.backup_folder().join("zz-big.bin"), &big).unwrap();
    world.teach("primary/1", "cat", |machine, words, streams| {
        let content = Copied::of(machine, words)?.content;
        streams.output.write_all(&content[..content.len() / 2])?;
        streams.output.flush()?;
        // What was sent may still be on its way: a cable is not pulled before.
        std::thread::sleep(Duration::from_millis(500));
        machine.interrupt();
        Ok(1)
    });
    let cut = world.words("data copy --yes").ended(1);
    assert!(cut.err.contains("backup") && cut.err.contains("cannot be read"), "{cut:?}");
    assert_eq!((world.mirrors(), world.loaded("system.conf")), before);
    world.forget("primary/1", "cat");
    let sent = Arc::new(AtomicU64::new(0));
    for program in ["tail", "cat"] {
        let count = Arc::clone(&sent);
        world.teach("primary/1", program, move |machine, words, streams| {
            if program == "tail" {
                let from: u64 = words[2].trim_start_matches('+').parse().unwrap();
                count.store(from, Ordering::Relaxed);
            }
            machine.run_built_in(words, streams)
        });
    }
    world.words("data copy --yes").ended(0);
    assert!(sent.load(Ordering::Relaxed) > 1_000_000, "the copy began anew: {}", sent.load(Ordering::Relaxed));
    world.words("data mirrors verify").ended(0);
    assert_eq!(fs::read(world.root("alternate/1").join("var/opt/lab/data/zz-big.bin")).unwrap(), big);
}

#[test]
fn checksums_that_never_come_are_not_waited_for_without_end() {
    let world = World::configured(1);
    world.teach("primary/1", "sha256sum", |_, _, streams| {
        while !streams.output.is_broken() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(1)
    });
    let began = Instant::now();
    let ran = world.words("data copy --yes").ended(1);
    assert!(ran.err.contains("took longer than 30 s"), "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(world.traffic(), ["allowed", "blocked"]);
}

#[test]
fn a_packet_filter_that_cannot_be_changed_on_one_server_leaves_all_as_it_was() {
    for server in ["primary/1", "primary/2", "alternate/1", "alternate/2"] {
        for (status, complaint) in [
            (4, "Another app is currently holding the xtables lock."),
            (127, "command not found"),
            (1, "line 5 failed"),
        ] {
            let world = World::configured(2);
            world.teach(server, "iptables-restore", move |_, _, streams| {
                streams.complain("iptables-restore", complaint);
                Ok(status)
            });
            let (ran, dual) = auditing(&world, || world.words("manual-takeover traffic-in-alternate --yes"));
            let ran = ran.ended(1).complains(", and all was put back");
            assert!(ran.err.contains(complaint), "{ran:?}");
            assert_eq!(dual, 0, "{server}, status {status}");
            assert_eq!(world.traffic(), ["allowed", "blocked"], "{server}, status {status}: {ran:?}");
            world.forget(server, "iptables-restore");
            world.words("manual-takeover traffic-in-alternate --yes").ended(0);
            assert_eq!(world.traffic(), ["blocked", "allowed"]);
        }
    }
}

#[test]
fn a_packet_filter_that_cannot_be_read_on_one_server_is_told_and_nothing_is_changed() {
    for (server, status) in [("primary/2", 4), ("alternate/2", 127)] {
        let world = World::configured(2);
        world.teach(server, "ip6tables-save", move |_, _, streams| {
            streams.complain("ip6tables-save", "cannot be had");
            Ok(status)
        });
        world.words("status").ended(4).says("ended with status").says("cannot be had");
        let ran = world.words("manual-takeover traffic-in-alternate --yes").ended(3);
        assert!(ran.err.contains("cannot be had"), "{ran:?}");
        world.forget(server, "ip6tables-save");
        assert_eq!(world.traffic(), ["allowed", "blocked"]);
    }
}

#[test]
fn an_order_that_nobody_can_have_written_is_not_obeyed() {
    let huge = json!({"schema": 1, "active": "alternate", "epoch": u64::MAX}).to_string();
    let evil = "\u{1b}[2J{";
    let million = "[".repeat(1_000_000);
    for text in [
        "",
        "garbage",
        "{}",
        "null",
        evil,
        &million,
        &huge,
        r#"{"schema":2,"active":"primary","epoch":1}"#,
        r#"{"schema":1,"active":"both","epoch":1}"#,
        r#"{"schema":1,"active":"primary","epoch":-1}"#,
    ] {
        for server in ["primary/2", "alternate/1"] {
            let world = World::configured(2);
            fs::write(world.order_file(server), text).unwrap();
            let status = world.words("status --json").ended(4).document();
            assert_eq!((&status["active"], &status["epoch"]), (&json!("primary"), &json!(1)), "{text:.40}");
            let ran = world.words("manual-takeover traffic-in-alternate --yes").ended(3);
            assert!(ran.err.contains("the order") && ran.err.contains("cannot be understood"), "{ran:?}");
            assert_eq!(world.filters(), ["allowed", "blocked"], "{text:.40}");
        }
    }
}

#[test]
fn an_order_of_a_later_epoch_holds_and_the_next_one_is_later_still() {
    let world = World::configured(2);
    let text = json!({"schema": 1, "active": "alternate", "epoch": 50}).to_string();
    fs::write(world.order_file("primary/2"), text).unwrap();
    let status = world.words("status --json").document();
    assert_eq!((&status["active"], &status["epoch"]), (&json!("alternate"), &json!(50)));
    world.words("data copy --yes").ended(0).says("not done: the alternate is active");
    let ((), dual) = auditing(&world, || drop(world.words("manual-takeover traffic-in-primary --yes").ended(0)));
    assert_eq!((dual, world.traffic()), (0, ["allowed".to_owned(), "blocked".to_owned()]));
    for server in ["primary/1", "primary/2", "alternate/1", "alternate/2"] {
        let order: Value = serde_json::from_slice(&fs::read(world.order_file(server)).unwrap()).unwrap();
        assert_eq!((&order["active"], &order["epoch"]), (&json!("primary"), &json!(51)), "{server}");
    }
}

#[test]
fn a_disk_that_is_full_during_a_copy_keeps_the_mirror_that_was_loaded() {
    let world = World::with_small_disk("var/lib/mxone_system_redundancy", "size=32m");
    world.words("configure --yes").ended(0);
    let before = (world.mirrors(), world.loaded("system.conf"));
    fs::write(world.backup_folder().join("big.bin"), vec![7; 17_000_000]).unwrap();
    world.words("data copy --yes").ended(3).complains("because disk: ");
    let ran = world.words("data copy --yes --skip-check disk --reason test").ended(1);
    assert!(ran.err.contains(" free, and 32.") && ran.err.contains("hint: "), "{ran:?}");

    fs::write(world.backup_folder().join("big.bin"), vec![7; 4_000_000]).unwrap();
    let filler = world.root("alternate/1").join("var/lib/mxone_system_redundancy/filler");
    let place = filler.clone();
    world.teach("primary/1", "cat", move |machine, words, streams| {
        // Somebody else needs the disk while the copy runs, and takes all there is.
        let _ = fs::write(&place, vec![0; 40_000_000]);
        machine.run_built_in(words, streams)
    });
    let ran = world.words("data copy --yes").ended(1).complains("No space left on device");
    world.forget("primary/1", "cat");
    assert_eq!((world.mirrors(), world.loaded("system.conf")), before, "{ran:?}");
    world.words("status").ended(0).says("normal: ");
    fs::remove_file(&filler).unwrap();
    if !world.words("status --json").ended(0).document()["unfinished"].is_null() {
        world.words("--abandon --yes").ended(0);
    }
    world.words("data copy --yes").ended(0);
    assert_ne!(world.mirrors(), before.0);
}

#[test]
fn a_journal_that_cannot_be_written_stops_a_takeover_before_it_begins() {
    let world = World::with_small_disk("var/log/mxone_system_redundancy", "size=64k");
    world.words("configure --yes").ended(0);
    let log = world.root("alternate/1").join("var/log/mxone_system_redundancy");
    // Full to the last byte of the last page: what the history has left of its own page is taken as well.
    fill(&log);
    let history = log.join("history.jsonl");
    let left = 4096 - fs::metadata(&history).unwrap().len() % 4096;
    let mut file = fs::OpenOptions::new().append(true).open(&history).unwrap();
    file.write_all(&vec![b' '; usize::try_from(left).unwrap() - 1]).unwrap();
    file.write_all(b"\n").unwrap();
    for line in ["manual-takeover traffic-in-alternate --yes", "data copy --yes", "remove --yes"] {
        let ran = world.words(line).ended(1);
        assert!(ran.err.contains("history.jsonl cannot be written") && ran.err.contains("No space left"), "{ran:?}");
        assert!(ran.err.contains("hint: free disk"), "{ran:?}");
        assert_eq!(
            (world.traffic(), world.order()),
            (["allowed".into(), "blocked".into()], ["primary".into(), "1".into()])
        );
    }
    fs::remove_file(log.join("filler")).unwrap();
    world.words("manual-takeover traffic-in-alternate --yes").ended(0);
}

#[test]
fn a_journal_that_fills_up_on_the_way_takes_the_takeover_back() {
    for room in [300_u64, 900, 1500, 2100] {
        let world = World::with_small_disk("var/log/mxone_system_redundancy", "size=64k");
        world.words("configure --yes").ended(0);
        let log = world.root("alternate/1").join("var/log/mxone_system_redundancy");
        fill(&log);
        let history = log.join("history.jsonl");
        let left = 4096 - fs::metadata(&history).unwrap().len() % 4096;
        let mut file = fs::OpenOptions::new().append(true).open(&history).unwrap();
        file.write_all(&vec![b' '; usize::try_from(left.saturating_sub(room)).unwrap()]).unwrap();
        file.write_all(b"\n").unwrap();
        let (ran, dual) = auditing(&world, || world.words("manual-takeover traffic-in-alternate --yes"));
        assert_eq!((ran.code, dual), (Some(1), 0), "{ran:?}");
        assert!(ran.err.contains("No space left"), "{ran:?}");
        assert_eq!(world.traffic(), ["allowed", "blocked"], "{room}: {ran:?}");
        fs::remove_file(log.join("filler")).unwrap();
        assert_eq!(world.words("status --json").document()["unfinished"], Value::Null, "{room}: {ran:?}");
        world.words("manual-takeover traffic-in-alternate --yes").ended(0);
    }
}

#[test]
fn on_a_file_system_that_is_read_only_nothing_is_changed() {
    let world = World::with_small_disk("", "size=64m");
    world.words("configure --yes --skip-check capacity --reason test").ended(0);
    world.words("data auto create").ended(0);
    world.words("data copy --yes").ended(0);
    world.make_read_only();
    for line in [
        "manual-takeover traffic-in-alternate --yes",
        "data copy --yes",
        "data mirrors load --yes",
        "data mirrors roll-back --yes",
        "data auto change --schedule @weekly",
        "data auto remove",
        "settings takeover alternate-from-primary automatic",
        "settings translation confirm",
        "settings network-control-address 203.0.113.2 --yes",
        "remove --yes",
        "monitor --install",
    ] {
        let ran = world.words(line).ended(1);
        assert!(ran.err.contains("Read-only file system"), "{line}: {ran:?}");
        assert!(ran.err.contains("error: ") && ran.err.contains("\nhint: "), "{line}: {ran:?}");
    }
    for line in ["status", "list", "history", "data mirrors list", "data mirrors verify", "settings translation scan"] {
        world.words(line).ended(0);
    }
    assert_eq!(
        (world.traffic(), world.order()),
        (["allowed".into(), "blocked".into()], ["primary".into(), "1".into()])
    );
}

#[test]
fn records_that_somebody_damaged_are_named_and_never_replaced() {
    let world = World::configured(1);
    let state = world.root("alternate/1").join("var/lib/mxone_system_redundancy");
    for name in ["memory.json", "unfinished.json"] {
        let kept = fs::read(state.join(name)).ok();
        fs::write(state.join(name), "{ \u{1b}[2J half").unwrap();
        let ran = world.words("manual-takeover traffic-in-alternate --yes").ended(1);
        assert!(
            ran.err.contains(&format!("{name} cannot be understood")) && ran.err.contains("hint: mend the file"),
            "{ran:?}"
        );
        assert_eq!(fs::read(state.join(name)).unwrap(), b"{ \x1b[2J half");
        match kept {
            Some(kept) => fs::write(state.join(name), kept).unwrap(),
            None => fs::remove_file(state.join(name)).unwrap(),
        }
    }
    world.words("manual-takeover traffic-in-alternate --yes").ended(0);
}

/// Prints until nobody listens, at most 10 GB.
fn endless(streams: &mut Streams, byte: u8, count: &AtomicU64) -> io::Result<i32> {
    const PIECE: usize = 32 * 1024;
    let piece = [byte; PIECE];
    while count.load(Ordering::Relaxed) < 10_000_000_000 {
        streams.output.write_all(&piece)?;
        count.fetch_add(PIECE as u64, Ordering::Relaxed);
    }
    Ok(0)
}

/// The files that `cat -- FILE…` would print.
struct Copied {
    content: Vec<u8>,
}

impl Copied {
    fn of(machine: &Machine, words: &[String]) -> io::Result<Self> {
        let mut content = Vec::new();
        for path in words.iter().skip(1).filter(|word| *word != "--") {
            content.extend(fs::read(machine.root().place(path, true)?)?);
        }
        Ok(Self { content })
    }
}

/// Takes what is left of a small file system.
fn fill(folder: &std::path::Path) {
    let mut filler = fs::File::create(folder.join("filler")).unwrap();
    while filler.write_all(&[0; 1024]).is_ok() {}
}
