//! Mirrors that are cut off, damaged, full, kept and thrown away.

use std::fs;

use chrono::{DateTime, FixedOffset};
use globset::Glob;
use sha2::{Digest, Sha256};

use super::*;
use crate::domain::backup::ManifestEntry;
use crate::domain::platform::{Fields, Layout};
use crate::domain::site::Epoch;
use crate::ports::backup_source::Piece;

type Files = Vec<(&'static str, Vec<u8>)>;

#[test]
fn a_backup_becomes_a_mirror_that_is_listed_verified_and_named_after_it() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    assert_eq!(store.generations().unwrap(), []);
    let first = copy(&store, &sample(), 1).unwrap();
    let second = copy(&store, &sample(), 2).unwrap();
    assert_eq!((first.name.0.as_str(), second.name.0.as_str()), ("20180209-1", "20180209-2"));
    assert_eq!(store.generations().unwrap(), [second.clone(), first]);
    assert_eq!(store.verify(&second.name).unwrap(), Vec::<String>::new());
    let folder = state.path().join("mirrors/20180209-2");
    assert_eq!(names_in(&folder), ["files", "mirror.json"]);
    assert_eq!(fs::read(folder.join("files/b/$(reboot)")).unwrap(), sample()[1].1);
    assert_eq!(names_in(&state.path().join("mirrors")), ["20180209-1", "20180209-2"]);
}

#[test]
fn a_copy_cut_off_anywhere_goes_on_and_ends_the_same() {
    let files = sample();
    let manifest = manifest_of(&files);
    for cut in 0..=usize::try_from(manifest.bytes()).unwrap() {
        let state = tempfile::tempdir().unwrap();
        let store = MirrorFolder::new(state.path());
        let mut incoming = store.receive(&backup(), &manifest).unwrap();
        let stream = stream_of(&files, &incoming.missing());
        for piece in stream[..cut].chunks(3) {
            incoming.take(piece).unwrap();
        }
        assert_eq!(incoming.progress(), (cut as u64, manifest.bytes()));
        assert_eq!(rest_of(&incoming.missing(), &files), manifest.bytes() - cut as u64);
        drop(incoming);

        let mut incoming = store.receive(&backup(), &manifest).unwrap();
        assert_eq!(incoming.progress().0, cut as u64, "nothing is fetched twice");
        incoming.take(&stream_of(&files, &incoming.missing())).unwrap();
        let generation = incoming.publish(at(1), Epoch(1)).unwrap();
        assert_eq!(store.verify(&generation.name).unwrap(), Vec::<String>::new(), "cut at {cut}");
    }
}

#[test]
fn a_wrong_checksum_is_not_published_and_only_that_file_is_fetched_again() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let older = copy(&store, &sample(), 1).unwrap();
    let mut lying = sample();
    lying[1].1[0] ^= 1;
    let mut incoming = store.receive(&backup(), &manifest_of(&sample())).unwrap();
    incoming.take(&stream_of(&lying, &incoming.missing())).unwrap();
    let refused = incoming.publish(at(2), Epoch(1)).unwrap_err();
    assert!(matches!(&refused, MirrorError::Damaged { files } if files == &["b/$(reboot)"]), "{refused}");
    assert_eq!(store.generations().unwrap(), [older]);
    let incoming = store.receive(&backup(), &manifest_of(&sample())).unwrap();
    assert_eq!(incoming.missing(), [Piece { path: "b/$(reboot)".into(), from: 0 }]);
}

#[test]
fn a_partial_file_that_was_wrong_from_its_beginning_is_not_published() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let files = sample();
    let mut incoming = store.receive(&backup(), &manifest_of(&files)).unwrap();
    incoming.take(b"fir").unwrap();
    drop(incoming);
    fs::write(state.path().join("mirrors/incoming/files/a"), b"FIR").unwrap();
    let mut incoming = store.receive(&backup(), &manifest_of(&files)).unwrap();
    assert_eq!(incoming.missing()[0].from, 3);
    incoming.take(&stream_of(&files, &incoming.missing())).unwrap();
    assert!(matches!(incoming.publish(at(1), Epoch(1)), Err(MirrorError::Damaged { .. })));
}

#[test]
fn a_short_stream_is_not_published_and_too_long_a_one_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let files = sample();
    let mut incoming = store.receive(&backup(), &manifest_of(&files)).unwrap();
    let stream = stream_of(&files, &incoming.missing());
    incoming.take(&stream[..stream.len() - 1]).unwrap();
    let refused = incoming.publish(at(1), Epoch(1)).unwrap_err();
    assert!(matches!(&refused, MirrorError::Damaged { files } if files == &["z"]), "{refused}");
    let mut incoming = store.receive(&backup(), &manifest_of(&files)).unwrap();
    incoming.take(b"zz").unwrap();
    let error = incoming.take(b"!").unwrap_err();
    assert!(error.to_string().contains("more bytes came than were announced"), "{error}");
}

#[test]
fn a_process_killed_before_the_rename_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let generation = copy(&store, &sample(), 1).unwrap();
    let mirrors = state.path().join("mirrors");
    fs::rename(mirrors.join(&generation.name.0), mirrors.join("incoming")).unwrap();
    let announced = Announced { backup: backup(), manifest: manifest_of(&sample()) };
    write_json(&mirrors.join("incoming").join(ANNOUNCED), &announced).unwrap();
    assert_eq!(store.generations().unwrap(), []);
    let incoming = store.receive(&backup(), &manifest_of(&sample())).unwrap();
    assert_eq!(incoming.missing(), []);
    let again = incoming.publish(at(1), Epoch(1)).unwrap();
    assert_eq!(again, generation);
    assert_eq!(store.verify(&again.name).unwrap(), Vec::<String>::new());
}

#[test]
fn of_another_backups_leftovers_only_equal_files_are_kept() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let mut incoming = store.receive(&backup(), &manifest_of(&sample())).unwrap();
    let stream = stream_of(&sample(), &incoming.missing());
    incoming.take(&stream[..8]).unwrap();
    drop(incoming);
    let newer: Files = vec![("a", b"first".to_vec()), ("b/c/d", b"x".to_vec()), ("b/$(reboot)", b"changed".to_vec())];
    let other = Backup { id: "20180210".into(), ..backup() };
    let mut incoming = store.receive(&other, &manifest_of(&newer)).unwrap();
    let missing: Vec<_> = incoming.missing().into_iter().map(|piece| (piece.path, piece.from)).collect();
    assert_eq!(missing, [("b/$(reboot)".to_owned(), 0), ("b/c/d".to_owned(), 0)]);
    incoming.take(&stream_of(&newer, &incoming.missing())).unwrap();
    let generation = incoming.publish(at(1), Epoch(1)).unwrap();
    assert_eq!(store.verify(&generation.name).unwrap(), Vec::<String>::new());
    assert!(!state.path().join("mirrors/20180210-1/files/z").exists());
    // A torn announcement means that nothing can be trusted.
    drop(store.receive(&backup(), &manifest_of(&sample())).unwrap());
    fs::write(state.path().join("mirrors/incoming/manifest.json"), "{\"backup\":").unwrap();
    assert_eq!(store.receive(&backup(), &manifest_of(&sample())).unwrap().progress().0, 0);
}

#[test]
fn a_damaged_mirror_is_told_by_verify_and_never_translated() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let name = copy(&store, &sample(), 1).unwrap().name;
    let files = state.path().join("mirrors").join(&name.0).join("files");
    fs::write(files.join("z"), b"yz").unwrap();
    fs::remove_file(files.join("b/$(reboot)")).unwrap();
    assert_eq!(store.verify(&name).unwrap(), ["b/$(reboot)", "z"]);
    fs::write(files.join("b/$(reboot)"), &sample()[1].1).unwrap();
    let target = state.path().join("load/place");
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("old"), b"").unwrap();
    let refused = store.translate(&name, &[], &TranslationTable::default(), &target).unwrap_err();
    assert!(matches!(&refused, MirrorError::Damaged { files } if files == &["z"]), "{refused}");
    assert_eq!(names_in(&state.path().join("load")), ["place"]);
    assert_eq!(names_in(&target), ["old"], "what was there is there still");
}

#[test]
fn a_mirror_is_scanned_previewed_and_translated() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let files: Files = vec![
        ("data/route.conf", b"proxyip = 203.0.113.9\nlocal = 192.0.2.10\nversion = 192.0.2.1\n".to_vec()),
        ("data/version", b"192.0.2.10\n".to_vec()),
        ("empty", Vec::new()),
    ];
    let name = copy(&store, &files, 1).unwrap().name;
    let layout = Layout::KeyValue(Fields { own: vec!["local".into()], foreign: vec!["proxyip".into()] });
    let places = [AddressPlace { files: Glob::new("**/*.conf").unwrap().compile_matcher(), layout }];
    let own = OwnNetworks(vec!["192.0.2.10/32".parse().unwrap()]);
    let scan = store.scan(&name, &places, &own).unwrap();
    assert_eq!((scan.own_addresses().count(), scan.foreign_addresses().count(), scan.elsewhere.len()), (1, 1, 1));
    let table: TranslationTable = ["192.0.2.0/24 -> 198.51.100.0/24".parse().unwrap()].into_iter().collect();
    assert!(table.is_complete_for(&scan));
    let preview = store.preview(&name, &places, &table, 10).unwrap();
    assert_eq!((preview.replaced, preview.changes[0].line), (1, 2));
    assert_eq!(preview.changes[0].after, "local = 198.51.100.10");
    let target = state.path().join("place");
    let done = store.translate(&name, &places, &table, &target).unwrap();
    assert_eq!(done, Translated { files: 3, bytes: files.iter().map(|(_, c)| c.len() as u64).sum(), replaced: 1 });
    let after = b"proxyip = 203.0.113.9\nlocal = 198.51.100.10\nversion = 192.0.2.1\n";
    assert_eq!(fs::read(target.join("data/route.conf")).unwrap(), after);
    assert_eq!(fs::read(target.join("data/version")).unwrap(), b"192.0.2.10\n");
    assert!(target.join("empty").exists());
    store.translate(&name, &places, &table, &target).unwrap();
}

#[test]
fn three_mirrors_are_kept_and_never_is_the_loaded_one_removed() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let made: Vec<_> = (1..=5).map(|day| copy(&store, &sample(), day).unwrap().name).collect();
    let mirrors = state.path().join("mirrors");
    fs::create_dir_all(mirrors.join("stray/files")).unwrap();
    fs::create_dir_all(mirrors.join(".removing-old/files")).unwrap();
    fs::write(mirrors.join(&made[3].0).join("mirror.json"), "{").unwrap();
    assert_eq!(store.generations().unwrap().len(), 4, "one whose description is damaged is not listed");
    assert_eq!(store.prune(Some(&made[0])).unwrap(), [made[1].clone()]);
    assert_eq!(store.prune(Some(&made[0])).unwrap(), []);
    assert_eq!(names_in(&mirrors), ["20180209-1", "20180209-3", "20180209-4", "20180209-5", "stray"]);
    drop(store.receive(&backup(), &manifest_of(&sample())).unwrap());
    store.clear().unwrap();
    assert_eq!(names_in(&mirrors), ["20180209-4", "stray"], "what is not known to be ours is left");
}

#[test]
fn names_and_paths_that_lead_outside_are_refused() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    for name in ["..", "../x", "/etc", "", "incoming", ".removing-x", "a\nb"] {
        let refused = store.verify(&GenerationName(name.into())).unwrap_err();
        assert!(matches!(refused, MirrorError::NoSuchMirror(_)), "{name}");
    }
    let mut manifest = manifest_of(&sample());
    manifest.files[0].path = "../../etc/cron.d/x".into();
    assert!(matches!(store.receive(&backup(), &manifest), Err(MirrorError::Unreadable { .. })));
    let hostile = Backup { id: "../$(reboot)\u{1b}".into(), ..backup() };
    let mut incoming = store.receive(&hostile, &manifest_of(&sample())).unwrap();
    incoming.take(&stream_of(&sample(), &incoming.missing())).unwrap();
    assert_eq!(incoming.publish(at(1), Epoch(1)).unwrap().name.0, "_..___reboot__-1");
}

#[test]
fn without_room_nothing_is_begun() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let mut manifest = manifest_of(&sample());
    manifest.files[0].bytes = u64::MAX / 4;
    assert!(matches!(store.receive(&backup(), &manifest), Err(MirrorError::NoRoom { .. })));
    assert!(!state.path().join("mirrors").exists());
}

#[test]
fn a_limited_copy_says_how_long_to_wait() {
    let state = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(state.path());
    let mut incoming = store.receive(&backup(), &manifest_of(&sample())).unwrap();
    assert_eq!(incoming.take(b"fi").unwrap(), std::time::Duration::ZERO);
    incoming.limit(Some(1));
    assert!(incoming.take(b"rs").unwrap() > std::time::Duration::from_millis(1900));
}

fn sample() -> Files {
    vec![
        ("a", b"first".to_vec()),
        ("b/$(reboot)", b"second file".to_vec()),
        ("e", Vec::new()),
        ("f/g/h", (0..=255).collect()),
        ("y", Vec::new()),
        ("z", b"zz".to_vec()),
    ]
}

fn backup() -> Backup {
    Backup { id: "20180209".into(), taken_at: None, version: Some("6.3".into()), path: "/backup".into() }
}

fn manifest_of(files: &Files) -> Manifest {
    let entry = |(path, content): &(&str, Vec<u8>)| ManifestEntry {
        path: (*path).to_owned(),
        bytes: content.len() as u64,
        sha256: durable::hex(Sha256::new().chain_update(content)),
    };
    let mut files: Vec<_> = files.iter().map(entry).collect();
    files.sort();
    Manifest { files }
}

/// What a source sends for these pieces.
fn stream_of(files: &Files, pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| content(files, piece)[usize::try_from(piece.from).unwrap()..].to_vec()).collect()
}

fn rest_of(pieces: &[Piece], files: &Files) -> u64 {
    pieces.iter().map(|piece| content(files, piece).len() as u64 - piece.from).sum()
}

fn content<'f>(files: &'f Files, piece: &Piece) -> &'f [u8] {
    &files.iter().find(|(path, _)| *path == piece.path).unwrap().1
}

fn copy(store: &MirrorFolder, files: &Files, day: u32) -> Result<Generation, MirrorError> {
    let mut incoming = store.receive(&backup(), &manifest_of(files))?;
    incoming.take(&stream_of(files, &incoming.missing())).unwrap();
    incoming.publish(at(day), Epoch(1))
}

fn at(day: u32) -> DateTime<FixedOffset> {
    format!("2026-11-{day:02}T02:00:00+01:00").parse().unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
