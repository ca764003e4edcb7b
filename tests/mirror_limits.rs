//! Mirrors at the limits of a machine: a full disk, a read-only one, and a backup larger than the memory allowed.
//!
//! The tests mount file systems of their own, so they need root.
#![expect(clippy::unwrap_used, reason = "helpers of tests end a test as the tests themselves do")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mxone_system_redundancy::adapters::mirror_folder::MirrorFolder;
use mxone_system_redundancy::domain::backup::{Backup, Manifest, ManifestEntry};
use mxone_system_redundancy::domain::platform::{AddressPlace, Layout};
use mxone_system_redundancy::domain::scan::OwnNetworks;
use mxone_system_redundancy::domain::site::Epoch;
use mxone_system_redundancy::domain::translation::TranslationTable;
use mxone_system_redundancy::ports::backup_source::Piece;
use mxone_system_redundancy::ports::mirror_store::{Incoming, MirrorError, MirrorStore};
use sha2::{Digest, Sha256};

const MIB: usize = 1024 * 1024;

#[test]
fn a_disk_that_fills_up_in_the_middle_stops_the_copy_and_the_next_one_goes_on() {
    let disk = Mounted::tmpfs("size=64m");
    let store = MirrorFolder::new(disk.path());
    let source = Source::of(&[("older", 3)]);
    let older = source.copy_to(&store).publish(now(), Epoch(1)).unwrap();

    let source = Source::of(&[("a", 8), ("b", 20)]);
    let mut incoming = store.receive(&source.backup, &source.manifest).unwrap();
    fs::write(disk.path().join("somebody else's"), vec![1; 45 * MIB]).unwrap();
    let error = source.send(&incoming.missing(), &mut *incoming).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    drop(incoming);
    assert!(matches!(store.receive(&source.backup, &source.manifest), Err(MirrorError::NoRoom { .. })));
    assert_eq!(store.generations().unwrap(), [older]);

    fs::remove_file(disk.path().join("somebody else's")).unwrap();
    let mut incoming = store.receive(&source.backup, &source.manifest).unwrap();
    assert!(incoming.progress().0 >= 8 * MIB as u64, "what came before is kept");
    source.send(&incoming.missing(), &mut *incoming).unwrap();
    let generation = incoming.publish(now(), Epoch(1)).unwrap();
    assert_eq!(store.verify(&generation.name).unwrap(), Vec::<String>::new());

    let full = store.translate(&generation.name, &[], &TranslationTable::default(), &disk.path().join("place"));
    assert!(matches!(full, Err(MirrorError::NoRoom { .. })), "{full:?}");
}

#[test]
fn a_read_only_disk_says_so_and_what_is_there_can_be_read() {
    let disk = Mounted::tmpfs("size=64m");
    let store = MirrorFolder::new(disk.path());
    let source = Source::of(&[("a", 1)]);
    let generation = source.copy_to(&store).publish(now(), Epoch(1)).unwrap();
    disk.remount("ro");
    let refused = store.receive(&source.backup, &source.manifest).err().unwrap();
    assert!(matches!(&refused, MirrorError::Io { .. }), "{refused}");
    assert_eq!(store.verify(&generation.name).unwrap(), Vec::<String>::new());
    assert!(matches!(store.clear(), Err(MirrorError::Io { .. })));
    assert_eq!(store.generations().unwrap(), [generation]);
}

#[test]
fn a_backup_of_two_gib_is_copied_scanned_and_translated_in_less_than_100_mib_of_memory() {
    const CHILD: &str = "MIRROR_LIMITS_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_backup_of_two_gib_is_copied_scanned_and_translated_in_less_than_100_mib_of_memory"])
            .arg("--nocapture")
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = MirrorFolder::new(folder.path());
    // One file of 1.5 GiB without a line end, and many smaller ones.
    let source = Source::of(&[("big", 1536), ("data-1", 256), ("data-2", 256)]);
    let generation = source.copy_to(&store).publish(now(), Epoch(1)).unwrap();
    let files = globset::Glob::new("**").unwrap().compile_matcher();
    let places = [AddressPlace { files, layout: Layout::Text }];
    let scan = store.scan(&generation.name, &places, &OwnNetworks::default()).unwrap();
    assert_eq!(scan.addresses.len(), 1);
    let table: TranslationTable = ["192.0.2.0/24 -> 198.51.100.0/24".parse().unwrap()].into_iter().collect();
    let done = store.translate(&generation.name, &places, &table, &folder.path().join("place")).unwrap();
    assert_eq!((done.bytes, done.replaced), (2048 * MIB as u64, 2048));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    println!("peak of memory: {peak} KiB");
    assert!(peak < 100 * 1024, "{peak} KiB");
}

/// A source that makes up its files, so that it takes no memory itself.
struct Source {
    backup: Backup,
    manifest: Manifest,
}

impl Source {
    /// Files of so many MiB.
    fn of(files: &[(&str, usize)]) -> Self {
        let block = block();
        let entry = |(path, mib): &(&str, usize)| {
            let mut hasher = Sha256::new();
            (0..*mib).for_each(|_| hasher.update(&block));
            let mut sha256 = String::new();
            hasher.finalize().iter().try_for_each(|byte| write!(sha256, "{byte:02x}")).unwrap();
            ManifestEntry { path: (*path).to_owned(), bytes: (mib * MIB) as u64, sha256 }
        };
        let manifest = Manifest { files: files.iter().map(entry).collect() };
        Self { backup: Backup { id: "b".into(), taken_at: None, version: None, path: "/b".into() }, manifest }
    }

    fn send(&self, pieces: &[Piece], sink: &mut dyn Incoming) -> std::io::Result<()> {
        let block = block();
        for piece in pieces {
            let bytes = self.manifest.files.iter().find(|file| file.path == piece.path).unwrap().bytes;
            let mut at = piece.from;
            while at < bytes {
                let from = usize::try_from(at).unwrap() % MIB;
                let part = &block[from..(from + 32 * 1024).min(MIB)];
                sink.take(part)?;
                at += part.len() as u64;
            }
        }
        Ok(())
    }

    fn copy_to(&self, store: &MirrorFolder) -> Box<dyn Incoming> {
        let mut incoming = store.receive(&self.backup, &self.manifest).unwrap();
        self.send(&incoming.missing(), &mut *incoming).unwrap();
        incoming
    }
}

/// A MiB of text with one address and no line end. Few numbers: what is measured is memory, not a debug build's speed.
fn block() -> Vec<u8> {
    let mut block = b"address 192.0.2.10 ".to_vec();
    block.extend(b"text, version 7.1.2; ".repeat(1000));
    while block.len() < MIB {
        block.extend_from_slice(b"and text without a number, ");
    }
    block.truncate(MIB);
    block
}

fn now() -> chrono::DateTime<chrono::FixedOffset> {
    "2026-11-21T02:00:00+01:00".parse().unwrap()
}

/// A file system of its own, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(options: &str) -> Self {
        let path = tempfile::tempdir().unwrap().keep();
        run("mount", &["-t", "tmpfs", "-o", options, "tmpfs", path.to_str().unwrap()]);
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn remount(&self, mode: &str) {
        run("mount", &["-o", &format!("remount,{mode}"), self.0.to_str().unwrap()]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
        fs::remove_dir(&self.0).unwrap();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?} (these tests need root)");
}
