//! Reads backups of the primary over its host, by argument lists that no shell expands.
//!
//! File names never stand on a command line: `xargs -0` reads them from its input, so that a file may be called
//! `$(reboot)` and nothing happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::backup::{Backup, Manifest, ManifestEntry};
use crate::ports::backup_source::{BackupError, BackupSource, Piece};
use crate::ports::host::{Command, Host, HostError, Sink, printable, run_checked};

/// A listing beyond this is no backup: it is room for 100,000 files with paths of 160 bytes.
const LISTING_LIMIT: usize = 16 * 1024 * 1024;

/// A path longer than this cannot be opened on Linux (`PATH_MAX`).
const PATH_LIMIT: usize = 4096;

/// More than this fits no disk, and lengths that add up to it were made up.
const BYTES_LIMIT: u64 = 1 << 60;

/// Listing a folder of 100,000 files takes seconds; a server that needs longer has another fault.
const LIST_TIMEOUT: Duration = Duration::from_secs(120);

/// What computing checksums may take beside reading the files: starting programs on a busy server.
const CHECKSUM_START: Duration = Duration::from_secs(30);

/// Opening one file on a slow disk.
const OPEN_ONE: Duration = Duration::from_millis(20);

/// Bytes a second that any disk in use reads.
const SLOWEST_DISK: u64 = 20 * 1024 * 1024;

/// The longest silence while a file is sent.
const SILENCE: Duration = Duration::from_secs(60);

/// The backups on one host.
pub struct RemoteBackup {
    host: Arc<dyn Host>,
}

impl RemoteBackup {
    /// Backups on LIM 1 of the primary.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { host }
    }

    /// Lengths of the files below the backup's folder; symbolic links are left out.
    async fn list(&self, backup: &Backup) -> Result<BTreeMap<String, u64>, BackupError> {
        let mut find = Command::new(["find", "-H", &backup.path, "-type", "f", "-printf", r"%s %P\0"]);
        find.timeout = LIST_TIMEOUT;
        find.output_limit = LISTING_LIMIT;
        let output = self.run(backup, find).await?;
        let mut files = BTreeMap::new();
        for record in records(&output) {
            let (bytes, path) =
                listed_file(record).ok_or_else(|| unfit(backup, "its listing cannot be understood", record))?;
            if !is_fit_path(path) {
                return Err(unfit(backup, "a file has a name that cannot be kept:", record));
            }
            if files.insert(path.to_owned(), bytes).is_some() {
                return Err(unfit(backup, "a file is listed twice:", record));
            }
        }
        if files.values().try_fold(0_u64, |sum, bytes| sum.checked_add(*bytes)).is_none_or(|sum| sum > BYTES_LIMIT) {
            return Err(BackupError::Unfit {
                id: printable(&backup.id),
                because: "its lengths are made up".to_owned(),
            });
        }
        if files.is_empty() {
            return Err(BackupError::Unfit { id: printable(&backup.id), because: "it has no files".to_owned() });
        }
        Ok(files)
    }

    /// The checksums of these files, as the server computes them.
    async fn checksums(
        &self,
        backup: &Backup,
        files: &BTreeMap<String, u64>,
    ) -> Result<BTreeMap<String, String>, BackupError> {
        let mut sums = Command::new(["xargs", "-0", "sha256sum", "-z", "--"]);
        sums.input = path_list(backup, files.keys().map(String::as_str));
        sums.timeout = checksum_time(files);
        sums.output_limit = LISTING_LIMIT * 2;
        let output = self.run(backup, sums).await?;
        let mut checksums = BTreeMap::new();
        let prefix = folder(backup);
        for record in records(&output) {
            let (sum, path) = checksum_line(record, &prefix)
                .filter(|(_, path)| files.contains_key(*path))
                .ok_or_else(|| unfit(backup, "its checksums cannot be understood:", record))?;
            if checksums.insert(path.to_owned(), sum.to_owned()).is_some() {
                return Err(unfit(backup, "a checksum came twice:", record));
            }
        }
        Ok(checksums)
    }

    async fn run(&self, backup: &Backup, command: Command) -> Result<Vec<u8>, BackupError> {
        let output = run_checked(&*self.host, command).await.map_err(|source| host_error(backup, source))?;
        Ok(output.stdout)
    }

    async fn stream(&self, backup: &Backup, command: Command, sink: &mut dyn Sink) -> Result<(), BackupError> {
        let line = command.quoted();
        let output =
            self.host.stream(command.within(SILENCE), sink).await.map_err(|source| host_error(backup, source))?;
        if output.success() {
            return Ok(());
        }
        let (status, complaint) = (output.status, output.complaint());
        Err(host_error(backup, HostError::Failed { host: self.host.name(), command: line, status, complaint }))
    }
}

#[async_trait]
impl BackupSource for RemoteBackup {
    async fn bytes(&self, backup: &Backup) -> Result<u64, BackupError> {
        check_folder(backup)?;
        Ok(self.list(backup).await?.values().sum())
    }

    async fn manifest(&self, backup: &Backup) -> Result<Manifest, BackupError> {
        check_folder(backup)?;
        let files = self.list(backup).await?;
        let mut checksums = self.checksums(backup, &files).await?;
        let mut manifest = Manifest::default();
        for (path, bytes) in files {
            let Some(sha256) = checksums.remove(&path) else {
                return Err(unfit(backup, "a checksum is missing:", path.as_bytes()));
            };
            manifest.files.push(ManifestEntry { path, bytes, sha256 });
        }
        Ok(manifest)
    }

    async fn send(&self, backup: &Backup, pieces: &[Piece], sink: &mut dyn Sink) -> Result<(), BackupError> {
        check_folder(backup)?;
        if let Some(piece) = pieces.iter().find(|piece| !is_fit_path(&piece.path)) {
            return Err(unfit(backup, "a file has a name that cannot be kept:", piece.path.as_bytes()));
        }
        for run in pieces.chunk_by(|a, b| a.from == 0 && b.from == 0) {
            let command = match run {
                [piece] if piece.from > 0 => {
                    let path = format!("{}{}", folder(backup), piece.path);
                    // `tail` counts bytes from 1.
                    Command::new([
                        "tail".to_owned(),
                        "-c".to_owned(),
                        format!("+{}", piece.from + 1),
                        "--".to_owned(),
                        path,
                    ])
                }
                whole => Command::new(["xargs", "-0", "cat", "--"])
                    .with_input(path_list(backup, whole.iter().map(|piece| piece.path.as_str()))),
            };
            self.stream(backup, command, sink).await?;
        }
        Ok(())
    }
}

/// How long the checksums of these files may take.
fn checksum_time(files: &BTreeMap<String, u64>) -> Duration {
    let opening = OPEN_ONE.saturating_mul(u32::try_from(files.len()).unwrap_or(u32::MAX));
    let reading = Duration::from_secs(files.values().sum::<u64>() / SLOWEST_DISK);
    CHECKSUM_START + opening + reading
}

/// Whether a path below a backup's folder can be kept below another one: relative, without `.` or `..` parts,
/// without control characters.
#[must_use]
pub(super) fn is_fit_path(path: &str) -> bool {
    path.len() <= PATH_LIMIT
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn check_folder(backup: &Backup) -> Result<(), BackupError> {
    match backup.path.strip_prefix('/') {
        Some(below) if is_fit_path(below.trim_end_matches('/')) => Ok(()),
        Some(_) | None => Err(unfit(backup, "its folder is not an absolute path:", backup.path.as_bytes())),
    }
}

/// The backup's folder with a slash at its end.
fn folder(backup: &Backup) -> String {
    format!("{}/", backup.path.trim_end_matches('/'))
}

/// Absolute paths, each ended by NUL, for `xargs -0`.
fn path_list<'a>(backup: &Backup, paths: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let folder = folder(backup);
    paths.flat_map(|path| [folder.as_str(), path, "\0"]).collect::<String>().into_bytes()
}

/// Records that NUL ends; an unfinished one at the end counts, so that it is noticed.
fn records(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.strip_suffix(b"\0").unwrap_or(output).split(|b| *b == 0).filter(|_| !output.is_empty())
}

/// Reads `SIZE PATH`.
fn listed_file(record: &[u8]) -> Option<(u64, &str)> {
    let (bytes, path) = std::str::from_utf8(record).ok()?.split_once(' ')?;
    Some((bytes.parse().ok()?, path))
}

/// Reads `HEX  PATH` or `HEX *PATH`, as GNU `sha256sum -z` prints them.
fn checksum_line<'r>(record: &'r [u8], prefix: &str) -> Option<(&'r str, &'r str)> {
    let (sum, path) = std::str::from_utf8(record).ok()?.split_once(' ')?;
    let path = path.strip_prefix([' ', '*'])?.strip_prefix(prefix)?;
    let is_sum = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_sum.then_some((sum, path))
}

fn unfit(backup: &Backup, because: &str, shown: &[u8]) -> BackupError {
    let shown = printable(&String::from_utf8_lossy(shown));
    BackupError::Unfit { id: printable(&backup.id), because: format!("{because} \"{shown}\"") }
}

fn host_error(backup: &Backup, source: HostError) -> BackupError {
    BackupError::Host { id: printable(&backup.id), source }
}

#[cfg(test)]
mod tests;
