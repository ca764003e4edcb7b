//! How fast exchange data is scanned and translated, beside `cp`, `perl` and `sed` in the same run.
//!
//! `cargo bench --bench translation` prints a table; all files lie in memory (`/dev/shm`).
#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work has nothing to tell")]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Write as _, stdout};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mxone_system_redundancy::adapters::mirror_folder::MirrorFolder;
use mxone_system_redundancy::domain::backup::{Backup, Manifest, ManifestEntry};
use mxone_system_redundancy::domain::platform::{AddressPlace, Fields, Layout};
use mxone_system_redundancy::domain::scan::{OwnNetworks, Surveyor};
use mxone_system_redundancy::domain::site::Epoch;
use mxone_system_redundancy::domain::translation::{Lookup, Rewriter, TranslationEntry, TranslationTable};
use mxone_system_redundancy::ports::mirror_store::MirrorStore;
use sha2::{Digest, Sha256};

const MIB: usize = 1024 * 1024;

/// Text that is passed through our own code; the others get as much as they can do in some seconds.
const TEXT: usize = 256 * MIB;

/// Files the mirror consists of: a backup has one for every program unit.
const FILES: usize = 8;

fn main() {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let text = text();
    let hits = text.lines().filter(|line| line.starts_with("proxyip")).count();
    let lines = text.lines().count();
    say(&format!("{} MiB of text, {lines} lines, {hits} of them with addresses; best of 3\n", text.len() / MIB));
    say(&format!("{:<44} {:>10} {:>10} {:>10}", "GB/s with so many entries", "10", "1,000", "10,000"));
    let tables: Vec<TranslationTable> = [10, 1_000, 10_000].into_iter().map(table).collect();
    let fields = Layout::KeyValue(Fields { own: vec!["proxyip".to_owned()], foreign: Vec::new() });

    let scan: f64 = rate(text.len(), || scanned(&text, &Layout::Text));
    row("scan in memory, one core", &[scan, scan, scan]);
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let any: Vec<f64> =
        tables.iter().map(|table| rate(text.len(), || ours(&text, &Layout::Text, table, &mut out))).collect();
    row("translate in memory, one core", &any);
    let keyed: Vec<f64> =
        tables.iter().map(|table| rate(text.len(), || ours(&text, &fields, table, &mut out))).collect();
    row("the same, fields by key", &keyed);
    let copied: Vec<f64> = tables.iter().map(|table| file_to_file(folder.path(), &text, table)).collect();
    row("mirror to place, checksums verified", &copied);
    let cp = plain_copy(folder.path(), &text);
    row("cp", &[cp, cp, cp]);
    let part = &text[..64 * MIB];
    let perl: Vec<f64> = tables.iter().map(|table| with_perl(folder.path(), part, table)).collect();
    row("perl with a hash (64 MiB)", &perl);
    let sed: Vec<f64> = [8 * MIB, MIB / 2, MIB / 64]
        .into_iter()
        .zip(&tables)
        .map(|(bytes, table)| with_sed(folder.path(), &text[..bytes], table))
        .collect();
    row("sed -E (8 MiB, 512 KiB, 16 KiB)", &sed);
    say("");
    row("times perl", &ratios(&any, &perl));
    row("times sed", &ratios(&any, &sed));
    row("file to file, times cp", &ratios(&copied, &[cp, cp, cp]));
}

/// Lines as a configuration dump has them, one in a hundred with an address or what looks like one.
fn text() -> String {
    let mut text = String::with_capacity(TEXT + 200);
    let mut number: u32 = 1;
    while text.len() < TEXT {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (pick, value) = (number >> 16, number >> 8);
        let host = Ipv4Addr::from(0x0a00_0000 + value % 20_000);
        let line = match pick % 300 {
            0 => writeln!(text, "proxyip = sip:user@{host}:5060"),
            1 => writeln!(text, "proxyip = 1{host} v{host} 1.3.6.1.4.1.{host}"),
            2 => writeln!(text, "proxyip = {host}."),
            _ => writeln!(text, "directory {value} name of the extension and its class {pick} of service"),
        };
        line.expect("room in memory");
    }
    text.truncate(TEXT);
    text
}

fn table(entries: u32) -> TranslationTable {
    let entry = |n: u32| {
        let (from, to) = (Ipv4Addr::from(0x0a00_0000 + n), Ipv4Addr::from(0xac10_0000 + n));
        TranslationEntry::host(from.into(), to.into()).expect("two hosts")
    };
    (1..=entries).map(entry).collect()
}

fn scanned(text: &str, layout: &Layout) {
    let mut surveyor = Surveyor::new("text", Some(layout), &OwnNetworks::default());
    let mut rest = text.as_bytes();
    loop {
        let space = surveyor.space();
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        surveyor.take(count);
        if count == 0 {
            break;
        }
    }
    assert!(!surveyor.finish().addresses.is_empty());
}

/// Translates into memory that is used again and again, so that the kernel's handing out of pages is not measured.
fn ours(text: &str, layout: &Layout, table: &TranslationTable, out: &mut Vec<u8>) {
    let lookup = Lookup::new(table);
    let mut rewriter = Rewriter::new(Some(layout), &lookup);
    out.clear();
    let mut rest = text.as_bytes();
    loop {
        let space = rewriter.space();
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        let taken = rewriter.take::<Infallible>(count, |piece| {
            out.extend_from_slice(piece);
            Ok(())
        });
        assert!(taken.is_ok());
        if count == 0 {
            break;
        }
    }
}

fn file_to_file(folder: &Path, text: &str, table: &TranslationTable) -> f64 {
    let state = tempfile::tempdir_in(folder).expect("a folder");
    let store = MirrorFolder::new(state.path());
    let files = text.as_bytes().chunks(text.len() / FILES).enumerate().map(entry).collect();
    let backup = Backup { id: "b".to_owned(), taken_at: None, version: None, path: "/b".to_owned() };
    let mut incoming = store.receive(&backup, &Manifest { files }).expect("room");
    incoming.take(text.as_bytes()).expect("room");
    let at = "2026-11-21T02:00:00+01:00".parse().expect("a time");
    let name = incoming.publish(at, Epoch(1)).expect("a mirror").name;
    let files = globset::Glob::new("**").expect("a pattern").compile_matcher();
    let places = [AddressPlace { files, layout: Layout::Text }];
    let place = state.path().join("place");
    rate(text.len(), || {
        store.translate(&name, &places, table, &place).expect("translated");
    })
}

fn entry((index, part): (usize, &[u8])) -> ManifestEntry {
    let mut sha256 = String::new();
    for byte in Sha256::digest(part) {
        write!(sha256, "{byte:02x}").expect("room in memory");
    }
    ManifestEntry { path: format!("file-{index}"), bytes: part.len() as u64, sha256 }
}

fn plain_copy(folder: &Path, text: &str) -> f64 {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir(&from).expect("a folder");
    for (index, part) in text.as_bytes().chunks(text.len() / FILES).enumerate() {
        fs::write(from.join(format!("file-{index}")), part).expect("room");
    }
    rate(text.len(), || {
        // `translate` replaces what is there as well.
        fs::remove_dir_all(&to).ok();
        run(Command::new("cp").args(["-r", "--reflink=never"]).args([&from, &to]));
    })
}

fn with_perl(folder: &Path, text: &str, table: &TranslationTable) -> f64 {
    let (rules, from, to) = (folder.join("rules"), folder.join("from"), folder.join("to"));
    let pairs: String = table.entries().fold(String::new(), |mut pairs, entry| {
        writeln!(pairs, "{} {}", entry.primary().addr(), entry.alternate().addr()).expect("room in memory");
        pairs
    });
    fs::write(&rules, pairs).expect("room");
    fs::write(&from, text).expect("room");
    let program = r#"open R,"<",shift; while(<R>){chomp;my($a,$b)=split / /;$h{$a}=$b}
        while(<>){s/(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?!\w|\.+\w)/exists $h{$1}?$h{$1}:$1/ge;print}"#;
    let rate = rate(text.len(), || {
        run(Command::new("perl").args(["-e", program]).args([&rules, &from]).stdout(File::create(&to).expect("room")));
    });
    let mut out = Vec::new();
    ours(text, &Layout::Text, table, &mut out);
    assert!(fs::read(&to).expect("the file") == out, "perl says something else");
    rate
}

fn with_sed(folder: &Path, text: &str, table: &TranslationTable) -> f64 {
    let (rules, from, to) = (folder.join("rules"), folder.join("from"), folder.join("to"));
    let script: String = table.entries().fold(String::new(), |mut script, entry| {
        let primary = entry.primary().addr().to_string().replace('.', r"\.");
        writeln!(script, r"s/(^|[^0-9A-Za-z_.]){primary}($|[^0-9A-Za-z_])/\1{}\2/g", entry.alternate().addr())
            .expect("room in memory");
        script
    });
    fs::write(&rules, script).expect("room");
    fs::write(&from, text).expect("room");
    let started = Instant::now();
    run(Command::new("sed")
        .env("LC_ALL", "C")
        .arg("-E")
        .arg("-f")
        .args([&rules, &from])
        .stdout(File::create(&to).expect("room")));
    gigabytes_a_second(text.len(), started.elapsed())
}

fn run(command: &mut Command) {
    assert!(command.status().expect("the program is there").success());
}

/// The best of three runs.
fn rate(bytes: usize, mut work: impl FnMut()) -> f64 {
    let mut timed = || {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    let best = timed().min(timed()).min(timed());
    gigabytes_a_second(bytes, best)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn gigabytes_a_second(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1e9 / took.as_secs_f64()
}

fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
}

fn row(what: &str, values: &[f64]) {
    let mut line = format!("{what:<44}");
    for value in values {
        let shown = if *value < 0.01 { format!("{value:.6}") } else { format!("{value:.2}") };
        write!(line, " {shown:>10}").expect("room in memory");
    }
    say(&line);
}

fn say(line: &str) {
    writeln!(stdout(), "{line}").expect("somebody listens");
}
