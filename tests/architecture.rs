//! Keeps the rooms apart: reads every source file and refuses what the architecture does not allow.
//!
//! The arrows are those of the module docs of `lib.rs`. The checks are plain functions from text to complaints, so
//! that the tests at the end can show that each of them finds what it looks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name, besides itself.
const ARROWS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("ports", &["domain"]),
    ("adapters", &["ports", "domain"]),
    ("flows", &["ports", "domain"]),
    ("faces", &["flows", "ports", "domain"]),
    ("config", &["domain"]),
    ("lab", &["ports", "domain"]),
];

/// A thing that only fits into a file of this name has not been understood yet.
const NAMELESS: [&str; 7] = ["mod", "utils", "util", "common", "helpers", "types", "manager"];

/// Beyond this many shipped lines a file says more than one thing.
const SHIPPED_LINES: usize = 400;

/// The time comes from one place, so that everything else can be handed another.
const CLOCK: &str = "src/adapters/clock.rs";

#[test]
fn every_room_names_only_the_rooms_it_may() {
    agree(sources().iter().flat_map(|(path, text)| forbidden_arrows(path, text)));
}

#[test]
fn every_folder_below_the_library_is_a_known_room() {
    let unknown = sources().into_iter().map(|(path, _)| path).filter(|path| room_of(path) == Place::Unknown);
    agree(unknown.map(|path| format!("{path} is in no room of the architecture")));
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    agree(sources().iter().chain(&tests()).filter_map(|(path, _)| nameless(path)));
}

#[test]
fn no_file_has_more_than_four_hundred_shipped_lines() {
    agree(sources().iter().filter_map(|(path, text)| too_long(path, text)));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    agree(unexplained(&fs::read_to_string(repository().join("Cargo.toml")).unwrap()));
}

#[test]
fn time_is_read_in_one_place() {
    let elsewhere = sources().into_iter().filter(|(path, _)| path != CLOCK);
    agree(elsewhere.flat_map(|(path, text)| {
        let reads = |line: &&str| ["SystemTime::now", "Utc::now", "Local::now"].iter().any(|call| line.contains(call));
        let lines: Vec<_> = code_only(&shipped(&text))
            .lines()
            .filter(reads)
            .map(|line| format!("{path} reads the time: {line}"))
            .collect();
        lines
    }));
}

#[test]
fn no_file_holds_a_path_of_the_machine_it_was_written_on() {
    let files = ["src", "tests", "help", "fixtures", "benches", "packaging", ".ci", ".cargo"];
    let texts = files.iter().flat_map(|folder| texts_below(&repository().join(folder)));
    agree(texts.flat_map(|(path, text)| machine_paths(&path, &text)));
}

#[test]
fn every_module_begins_with_what_it_knows_or_does() {
    let silent = sources().into_iter().chain(tests()).filter(|(_, text)| !text.starts_with("//! "));
    agree(silent.map(|(path, _)| format!("{path} does not begin with //! and what it knows or does")));
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `lib.rs`, `wiring`, `main.rs` and `bin`, which wire the rooms together.
    Wiring,
    /// In a room, by its name.
    Room(&'static str),
    /// Nowhere.
    Unknown,
}

fn room_of(path: &str) -> Place {
    let below = path.strip_prefix("src/").unwrap_or(path);
    let wires =
        ["lib.rs", "main.rs", "wiring.rs"].contains(&below) || ["bin/", "wiring/"].iter().any(|f| below.starts_with(f));
    if wires {
        return Place::Wiring;
    }
    let first = below.split('/').next().unwrap().trim_end_matches(".rs");
    ARROWS.iter().find(|(room, _)| *room == first).map_or(Place::Unknown, |(room, _)| Place::Room(room))
}

fn forbidden_arrows(path: &str, text: &str) -> Vec<String> {
    let Place::Room(room) = room_of(path) else {
        return Vec::new();
    };
    let allowed = ARROWS.iter().find(|(name, _)| *name == room).unwrap().1;
    let named = rooms_named(path, &code_only(&shipped(text)));
    let wrong = named.into_iter().filter(|other| other != room && !allowed.contains(&other.as_str()));
    wrong.map(|other| format!("{path}: {room} may not name {other}")).collect()
}

/// Rooms that a text of code names: `crate::room`, `use crate::{room, …}`, and `super` out of a room.
fn rooms_named(path: &str, code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let depth = module_depth(path);
    let climb = format!("{}::", vec!["super"; depth].join("::"));
    for start in ["crate::", "mxone_system_redundancy::", climb.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':') {
                continue;
            }
            let rest = code[at + start.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(group) => named.extend(first_words(group)),
                None => named.extend(first_word(rest)),
            }
        }
    }
    named
}

/// How many `super` lead from a file to the crate's root.
fn module_depth(path: &str) -> usize {
    path.trim_start_matches("src/").split('/').count()
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each member of a `use` group, up to the brace that closes it.
fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut member, mut words) = (0, String::new(), Vec::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => words.extend(first_word(std::mem::take(&mut member).trim())),
            _ if depth == 0 => member.push(letter),
            _ => {}
        }
    }
    words.extend(first_word(member.trim()));
    words
}

/// The text without the items that `#[cfg(test)]` stands before.
fn shipped(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept += before;
        let code = code_only(after);
        let (brace, end) = (code.find('{'), code.find(';'));
        let length = match (brace, end) {
            (Some(brace), Some(end)) if end < brace => end + 1,
            (Some(brace), _) => brace + block_length(&code[brace..]),
            (None, Some(end)) => end + 1,
            (None, None) => code.len(),
        };
        rest = &after[length..];
    }
    kept + rest
}

fn block_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + letter.len_utf8();
        }
    }
    code.len()
}

/// The text with every comment and every literal blanked, byte for byte, so that positions stay.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = literal_or_comment(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        for byte in &mut code[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8(code).unwrap()
}

/// The length of the comment or literal that begins here; 0 when none does.
fn literal_or_comment(text: &[u8], before: Option<u8>) -> usize {
    let word_before = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match text {
        [b'/', b'/', ..] => until(text, 0, b"\n"),
        [b'/', b'*', ..] => until(text, 2, b"*/"),
        [b'r', b'"' | b'#', ..] if !word_before => raw_literal(text),
        [b'"', ..] => quoted(text, b'"'),
        // A character, not a lifetime: closed after one letter or an escape.
        [b'\'', b'\\', ..] => quoted(text, b'\''),
        [b'\'', _, b'\'', ..] => 3,
        _ => 0,
    }
}

fn raw_literal(text: &[u8]) -> usize {
    let hashes = text[1..].iter().take_while(|byte| **byte == b'#').count();
    if text.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    until(text, 2 + hashes, &close)
}

fn quoted(text: &[u8], mark: u8) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != mark {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn until(text: &[u8], from: usize, end: &[u8]) -> usize {
    let found = text[from..].windows(end.len()).position(|window| window == end);
    found.map_or(text.len(), |position| from + position + end.len())
}

fn nameless(path: &str) -> Option<String> {
    let words = Path::new(path).components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let bad = words.map(|word| word.trim_end_matches(".rs").to_owned()).find(|word| NAMELESS.contains(&word.as_str()));
    bad.map(|word| format!("{path}: \"{word}\" says nothing"))
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = shipped(text).trim_end().lines().count();
    (lines > SHIPPED_LINES).then(|| format!("{path} has {lines} shipped lines"))
}

fn unexplained(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut complaints = Vec::new();
    for line in manifest.lines() {
        if let Some(title) = line.strip_prefix('[') {
            in_dependencies = title.trim_end().trim_end_matches(']').ends_with("dependencies");
        } else if in_dependencies && line.contains('=') && !line.trim_start().starts_with('#') {
            let reason = line.rsplit_once('#').map_or("", |(_, reason)| reason.trim());
            if reason.split_whitespace().count() < 2 {
                complaints.push(format!("Cargo.toml gives no reason for: {line}"));
            }
        }
    }
    complaints
}

fn machine_paths(path: &str, text: &str) -> Vec<String> {
    // Put together here, so that this file does not complain of itself.
    let homes = [["/wo", "rk/"], ["/tm", "p/w/"], ["/ho", "me/user"], ["/roo", "t/.cargo"], ["/Use", "rs/"]]
        .map(|part| part.concat());
    let hits = text.lines().filter(|line| homes.iter().any(|home| line.contains(home)));
    hits.map(|line| format!("{path} names a folder of one machine: {}", line.trim())).collect()
}

fn sources() -> Vec<(String, String)> {
    rust_below("src")
}

fn tests() -> Vec<(String, String)> {
    rust_below("tests")
}

fn rust_below(folder: &str) -> Vec<(String, String)> {
    let files = texts_below(&repository().join(folder));
    let files: Vec<_> =
        files.into_iter().filter(|(path, _)| Path::new(path).extension().is_some_and(|e| e == "rs")).collect();
    assert!(!files.is_empty(), "there is nothing below {folder}");
    files
}

/// Every text file below a folder, by its path in the repository; a folder that is not there yet holds none.
fn texts_below(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(texts_below(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
            found.push((name, text));
        }
    }
    found.sort();
    found
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn agree(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<_> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_forbidden_arrow_is_found_however_it_is_written() {
    for written in [
        "use crate::adapters::ssh::Session;",
        "use crate::{domain::site::Site, adapters::{ssh, local}};",
        "use crate::{\n    domain,\n    adapters,\n};",
        "fn f() { crate::adapters::ssh::connect(); }",
        "use super::super::adapters::ssh;",
        "use mxone_system_redundancy::adapters::ssh;",
        "#[cfg(test)] mod tests { fn f() { \"}\"; } }\nuse crate::adapters;",
    ] {
        let complaints = forbidden_arrows("src/flows/switch.rs", written);
        assert_eq!(complaints, ["src/flows/switch.rs: flows may not name adapters"], "{written}");
    }
    assert_eq!(forbidden_arrows("src/domain.rs", "use super::config;"), ["src/domain.rs: domain may not name config"]);
}

#[test]
fn what_is_not_an_arrow_is_let_be() {
    for written in [
        "use crate::domain::site::Site; use crate::ports::host::Host; use super::order;",
        "/// See [`crate::adapters::ssh`].\n// use crate::adapters;",
        "const TEXT: &str = \"crate::adapters::ssh\"; const MORE: &str = r#\"crate::\"adapters\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::adapters::ssh;\n}",
        "use other_crate::adapters;",
        "fn f<'a>(x: &'a str) -> char { '\"' }",
    ] {
        assert_eq!(forbidden_arrows("src/flows/switch.rs", written), Vec::<String>::new(), "{written}");
    }
    assert_eq!(forbidden_arrows("src/main.rs", "use crate::adapters; use crate::faces;"), Vec::<String>::new());
}

#[test]
fn a_file_outside_of_every_room_is_found() {
    assert_eq!(room_of("src/tools/x.rs"), Place::Unknown);
    assert_eq!(room_of("src/domain/site.rs"), Place::Room("domain"));
    assert_eq!(room_of("src/bin/mxone_maintenance.rs"), Place::Wiring);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    assert!(nameless("src/flows/utils.rs").is_some() && nameless("src/ports/mod.rs").is_some());
    assert!(nameless("src/helpers/x.rs").is_some() && nameless("src/domain/model.rs").is_none());
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let shipped_part = "//! x\n".repeat(SHIPPED_LINES);
    let with_tests = format!("{shipped_part}#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(500));
    assert_eq!(too_long("src/domain/x.rs", &with_tests), None);
    assert!(too_long("src/domain/x.rs", &format!("{shipped_part}// one more\n")).is_some());
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest = "[dependencies]\na = \"1\" # because of b\nb = \"1\"\n[lints.rust]\nx = \"y\"\n[dev-dependencies]\nc = \"1\" # why\n";
    assert_eq!(unexplained(manifest).len(), 2);
}

#[test]
fn a_path_of_a_machine_is_found() {
    let text = format!("let a = \"{}{}\";", "/roo", "t/.cargo/bin");
    assert_eq!(machine_paths("src/x.rs", &text).len(), 1);
    assert!(machine_paths("src/x.rs", "let a = \"/root/.ssh\"; // network/b").is_empty());
}
