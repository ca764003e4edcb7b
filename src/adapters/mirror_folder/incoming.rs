//! A mirror being received: files that fill up in their order, hashed as they come.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::durable::{
    failed, hash_file, hex, make_folder, open_for_writing, remove_file, sync_folder, sync_folders, write_json,
};
use super::names::next_name;
use super::pace::Pace;
use super::{FILES, MIRROR};
use crate::domain::backup::{Backup, Generation, Manifest, ManifestEntry};
use crate::domain::site::Epoch;
use crate::ports::backup_source::Piece;
use crate::ports::host::Sink;
use crate::ports::mirror_store::{Incoming, MirrorError};

/// Says in `incoming/` what is being received.
pub(super) const ANNOUNCED: &str = "manifest.json";

/// What is being received, as it is kept for the next attempt.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    pub(super) backup: Backup,
    pub(super) manifest: Manifest,
}

/// The folder `incoming/` while it fills.
pub(super) struct IncomingFolder {
    /// The folder of all mirrors.
    mirrors: PathBuf,
    /// `incoming/` in it.
    folder: PathBuf,
    announced: Announced,
    /// Files that are still to come, the next one last.
    awaited: Vec<Awaited>,
    open: Option<OpenFile>,
    /// Bytes that are here, of all files.
    here: u64,
    damaged: Vec<String>,
    pace: Option<Pace>,
}

/// A file that is still to come.
pub(super) struct Awaited {
    pub(super) entry: ManifestEntry,
    /// How much of it is here from an earlier attempt.
    pub(super) here: u64,
}

/// The file that is being written.
struct OpenFile {
    awaited: Awaited,
    file: File,
    hasher: Sha256,
}

impl IncomingFolder {
    /// A folder in which the files `awaited` are still to come, in that order.
    pub(super) fn new(mirrors: PathBuf, announced: Announced, mut awaited: Vec<Awaited>) -> Self {
        let total = announced.manifest.bytes();
        let missing: u64 = awaited.iter().map(|file| file.entry.bytes - file.here).sum();
        awaited.reverse();
        let folder = mirrors.join(super::INCOMING);
        let here = total.saturating_sub(missing);
        Self { mirrors, folder, announced, awaited, open: None, here, damaged: Vec::new(), pace: None }
    }

    /// Opens the next awaited file; files without content are complete at once.
    fn open_next(&mut self) -> Result<(), MirrorError> {
        while self.open.is_none() {
            let Some(awaited) = self.awaited.pop() else { return Ok(()) };
            let path = self.folder.join(FILES).join(&awaited.entry.path);
            make_folder(path.parent().unwrap_or(&self.folder))?;
            let mut hasher = Sha256::new();
            if awaited.here > 0 {
                hash_file(&path, &mut hasher)?;
            }
            let file = open_for_writing(&path, awaited.here > 0)?;
            self.open = Some(OpenFile { awaited, file, hasher });
            self.close_if_full();
        }
        Ok(())
    }

    fn close_if_full(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.awaited.here == open.awaited.entry.bytes)
            && let Some(open) = self.open.take()
            && hex(open.hasher) != open.awaited.entry.sha256
        {
            self.damaged.push(open.awaited.entry.path);
        }
    }

    fn fill(&mut self, mut piece: &[u8]) -> Result<(), MirrorError> {
        while !piece.is_empty() {
            self.open_next()?;
            let Some(open) = &mut self.open else {
                let source = io::Error::new(io::ErrorKind::InvalidData, "more bytes came than were announced");
                return Err(failed(&self.folder, "receiving")(source));
            };
            let room = usize::try_from(open.awaited.entry.bytes - open.awaited.here).unwrap_or(usize::MAX);
            let (part, rest) = piece.split_at(piece.len().min(room));
            let path = self.folder.join(FILES).join(&open.awaited.entry.path);
            open.file.write_all(part).map_err(failed(&path, "writing"))?;
            open.hasher.update(part);
            open.awaited.here += part.len() as u64;
            self.here += part.len() as u64;
            piece = rest;
            self.close_if_full();
        }
        Ok(())
    }

    /// Throws away the files that are short or wrong.
    fn check(&mut self) -> Result<(), MirrorError> {
        // A file without content is never sent.
        while self.open.is_none() && self.awaited.last().is_some_and(|next| next.entry.bytes == next.here) {
            self.open_next()?;
        }
        let mut files = std::mem::take(&mut self.damaged);
        files.extend(self.open.take().map(|open| open.awaited.entry.path));
        files.extend(self.awaited.drain(..).rev().map(|file| file.entry.path));
        for file in &files {
            remove_file(&self.folder.join(FILES).join(file))?;
        }
        if files.is_empty() { Ok(()) } else { Err(MirrorError::Damaged { files }) }
    }

    fn make_durable(&self) -> Result<(), MirrorError> {
        let files = self.folder.join(FILES);
        for entry in &self.announced.manifest.files {
            let path = files.join(&entry.path);
            File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path, "making durable"))?;
        }
        make_folder(&files)?;
        sync_folders(&files)
    }
}

impl Sink for IncomingFolder {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        self.fill(piece).map_err(|error| match error {
            MirrorError::Io { path, doing, source } => {
                io::Error::new(source.kind(), format!("{}: {doing} failed: {source}", path.display()))
            }
            other @ (MirrorError::NoSuchMirror(_)
            | MirrorError::NoRoom { .. }
            | MirrorError::Damaged { .. }
            | MirrorError::Unreadable { .. }) => io::Error::other(other),
        })?;
        Ok(self.pace.as_mut().map_or(Duration::ZERO, |pace| pace.wait_after(piece.len(), Instant::now())))
    }
}

impl Incoming for IncomingFolder {
    fn missing(&self) -> Vec<Piece> {
        let open = self.open.as_ref().map(|open| &open.awaited);
        let files = open.into_iter().chain(self.awaited.iter().rev()).filter(|file| file.here < file.entry.bytes);
        files.map(|file| Piece { path: file.entry.path.clone(), from: file.here }).collect()
    }

    fn limit(&mut self, bytes_per_second: Option<u64>) {
        self.pace = bytes_per_second.map(Pace::new);
    }

    fn progress(&self) -> (u64, u64) {
        (self.here, self.announced.manifest.bytes())
    }

    fn publish(mut self: Box<Self>, taken_at: DateTime<FixedOffset>, epoch: Epoch) -> Result<Generation, MirrorError> {
        self.check()?;
        self.make_durable()?;
        let name = next_name(&self.mirrors, &self.announced.backup)?;
        let published = self.mirrors.join(&name.0);
        let Announced { backup, manifest } = self.announced;
        let generation = Generation { name, backup, taken_at, epoch, manifest };
        write_json(&self.folder.join(MIRROR), &generation)?;
        fs::rename(&self.folder, &published).map_err(failed(&published, "publishing"))?;
        sync_folder(&self.mirrors)?;
        // The mirror is published; that this file is still in it does no harm.
        let _ = remove_file(&published.join(ANNOUNCED));
        Ok(generation)
    }
}

/// How much of a file is here: all of it, with the right checksum; a part that can be continued; or nothing of use,
/// which is thrown away.
pub(super) fn inspect(path: &Path, entry: &ManifestEntry, may_continue: bool) -> Result<u64, MirrorError> {
    let length = match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return remove_any(path).map(|()| 0),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(0),
        Err(error) => return Err(failed(path, "reading")(error)),
    };
    if length < entry.bytes && may_continue {
        return Ok(length);
    }
    if length == entry.bytes {
        let mut hasher = Sha256::new();
        hash_file(path, &mut hasher)?;
        if hex(hasher) == entry.sha256 {
            return Ok(length);
        }
    }
    remove_file(path).map(|()| 0)
}

fn remove_any(path: &Path) -> Result<(), MirrorError> {
    if path.is_dir() && !path.is_symlink() { super::durable::remove_folder(path) } else { remove_file(path) }
}
