//! Listings of backups that are right, wrong and hostile.

use std::io;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use super::*;
use crate::ports::host::Output;

#[tokio::test]
async fn a_backup_is_listed_with_the_senders_checksums_and_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("xdata/unit 1", &b"one\n"[..]),
        ("xdata/$(reboot)", b"two"),
        ("xdata/it's \"quoted\" \\ `id`; rm *", b"three"),
        ("-n", b"four"),
        ("empty", b""),
        ("zz/\u{e4}", b"five"),
    ];
    for (path, content) in files {
        write(folder.path(), path, content);
    }
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let (source, backup) = source_of(folder.path());
    let manifest = source.manifest(&backup).await.unwrap();
    assert_eq!(manifest.files.len(), files.len(), "{manifest:?}");
    assert!(manifest.files.is_sorted_by(|a, b| a.path < b.path));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(manifest.files.contains(&ManifestEntry { path: "empty".into(), bytes: 0, sha256: empty.into() }));
    let pieces = [
        Piece { path: "xdata/unit 1".into(), from: 2 },
        Piece { path: "xdata/$(reboot)".into(), from: 0 },
        Piece { path: "xdata/it's \"quoted\" \\ `id`; rm *".into(), from: 0 },
        Piece { path: "-n".into(), from: 0 },
    ];
    let mut sink = Collected::default();
    source.send(&backup, &pieces, &mut sink).await.unwrap();
    assert_eq!(sink.0, b"e\ntwothreefour");
    assert!(matches!(
        source.send(&backup, &[Piece { path: "gone".into(), from: 0 }], &mut sink).await,
        Err(BackupError::Host { source: HostError::Failed { .. }, .. })
    ));
}

#[tokio::test]
async fn a_folder_with_a_hostile_name_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("$(touch pwned) 'a\"");
    write(&inner, "a", b"x");
    let (source, backup) = source_of(&inner);
    assert_eq!(source.manifest(&backup).await.unwrap().files.len(), 1);
    assert!(!Path::new("pwned").exists());
}

#[tokio::test]
async fn what_is_not_fit_to_be_a_backup_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, backup) = source_of(folder.path());
    assert_eq!(unfit_text(source.manifest(&backup).await), "it has no files");
    write(folder.path(), "two\nlines", b"x");
    assert!(unfit_text(source.manifest(&backup).await).contains("twolines"));
    for path in ["relative", "/a/../b", "/a\n"] {
        let backup = Backup { path: path.to_owned(), ..backup.clone() };
        assert!(unfit_text(source.manifest(&backup).await).contains("absolute"), "{path}");
    }
    let backup = Backup { path: "/nowhere/at/all".to_owned(), ..backup };
    assert!(matches!(source.manifest(&backup).await, Err(BackupError::Host { .. })));
}

#[tokio::test]
async fn a_listing_that_lies_is_refused() {
    let sum = "a".repeat(64);
    for (listing, sums) in [
        (b"3 ../../etc/passwd\0".to_vec(), String::new()),
        (b"3 /etc/passwd\0".to_vec(), String::new()),
        (b"3 a/./b\0".to_vec(), String::new()),
        (b"3 a\x1b[2J\0".to_vec(), String::new()),
        (b"3 a\x003 a\0".to_vec(), String::new()),
        (b"x a\0".to_vec(), String::new()),
        (b"-1 a\0".to_vec(), String::new()),
        (b"18446744073709551615 a\x002 b\0".to_vec(), String::new()),
        (b"3 \xff\0".to_vec(), String::new()),
        (b"garbage".to_vec(), String::new()),
        (b"\0\0".to_vec(), String::new()),
        (b"3 a\0".to_vec(), format!("{sum}  /b/other\0")),
        (b"3 a\0".to_vec(), "abc  /b/a\0".to_owned()),
        (b"3 a\0".to_vec(), format!("{sum}  /b/a\0{sum}  /b/a\0")),
        (b"3 a\x003 c\0".to_vec(), format!("{sum}  /b/a\0")),
    ] {
        let host = Scripted { listing: listing.clone(), sums: sums.clone() };
        let source = RemoteBackup::new(Arc::new(host));
        let text = unfit_text(source.manifest(&backup_at("/b")).await);
        assert!(!text.is_empty() && !text.contains('\x1b'), "{listing:?} {sums}");
    }
    let host = Scripted { listing: b"3 a\0".to_vec(), sums: format!("{sum} */b/a\0") };
    assert!(RemoteBackup::new(Arc::new(host)).manifest(&backup_at("/b")).await.is_ok());
}

/// Runs commands as a login shell over SSH would: as one line of text.
struct Shell;

#[async_trait]
impl Host for Shell {
    fn name(&self) -> String {
        "a shell".to_owned()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        let mut child = Process::new("sh")
            .args(["-c", &command.quoted()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || io::Write::write_all(&mut stdin, &command.input));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        Ok(Output { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr })
    }

    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError> {
        let mut output = self.run(command).await?;
        for piece in output.stdout.split_off(0).chunks(3) {
            sink.take(piece).map_err(|source| HostError::Sink { host: self.name(), source })?;
        }
        Ok(output)
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        Ok(Arc::new(Self))
    }
}

/// Says what a hostile server might say.
struct Scripted {
    listing: Vec<u8>,
    sums: String,
}

#[async_trait]
impl Host for Scripted {
    fn name(&self) -> String {
        "a liar".to_owned()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        let stdout = if command.arguments[0] == "find" { self.listing.clone() } else { self.sums.clone().into_bytes() };
        Ok(Output { stdout, ..Output::default() })
    }

    async fn stream(&self, _: Command, _: &mut dyn Sink) -> Result<Output, HostError> {
        Ok(Output::default())
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        Err(HostError::Lost { host: self.name(), command: String::new() })
    }
}

#[derive(Default)]
struct Collected(Vec<u8>);

impl Sink for Collected {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        self.0.extend_from_slice(piece);
        Ok(Duration::ZERO)
    }
}

fn source_of(folder: &Path) -> (RemoteBackup, Backup) {
    (RemoteBackup::new(Arc::new(Shell)), backup_at(folder.to_str().unwrap()))
}

fn backup_at(path: &str) -> Backup {
    Backup { id: "20180209165502".to_owned(), taken_at: None, version: None, path: path.to_owned() }
}

fn write(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn unfit_text(result: Result<Manifest, BackupError>) -> String {
    match result {
        Err(BackupError::Unfit { because, .. }) => because,
        other => panic!("{other:?}"),
    }
}
