//! Where mirrors are kept: a folder on the alternate's LIM 1.

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use thiserror::Error;

use crate::domain::backup::{Backup, Generation, GenerationName, Manifest};
use crate::domain::platform::AddressPlace;
use crate::domain::preflight::size;
use crate::domain::scan::{OwnNetworks, Scan};
use crate::domain::site::Epoch;
use crate::domain::translation::{Preview, Translated, TranslationTable};
use crate::ports::backup_source::Piece;
use crate::ports::host::Sink;

/// Three mirrors are kept: the loaded one, the one before it and the incoming one (171/15431-ANF 901 14 §3).
pub const GENERATIONS_KEPT: usize = 3;

/// A mirror being received. Dropping it leaves what has come, so that the next copy resumes.
pub trait Incoming: Sink {
    /// What is still to be sent, in this order.
    fn missing(&self) -> Vec<Piece>;

    /// Limits how many bytes a second are taken: [`Sink::take`] then answers how long to wait. `None` is no limit.
    fn limit(&mut self, bytes_per_second: Option<u64>);

    /// Bytes that are here already, and bytes there will be.
    fn progress(&self) -> (u64, u64);

    /// Verifies every file against the manifest, makes it durable and publishes it in one rename.
    ///
    /// # Errors
    /// [`MirrorError`] when a file is short or its checksum is wrong; that file is thrown away, the others stay for
    /// the next copy, and the mirrors there were are as they were.
    fn publish(self: Box<Self>, taken_at: DateTime<FixedOffset>, epoch: Epoch) -> Result<Generation, MirrorError>;
}

/// Keeps mirrors. Every mirror it lists is complete.
pub trait MirrorStore: Send + Sync {
    /// The mirrors, newest first.
    ///
    /// # Errors
    /// [`MirrorError`] when the folder cannot be read.
    fn generations(&self) -> Result<Vec<Generation>, MirrorError>;

    /// Bytes free for further mirrors.
    ///
    /// # Errors
    /// [`MirrorError`] when the file system cannot be asked.
    fn free_bytes(&self) -> Result<u64, MirrorError>;

    /// Starts or resumes receiving a backup. Leftovers of another backup or another manifest are thrown away; files
    /// whose checksum already matches are kept.
    ///
    /// # Errors
    /// [`MirrorError`] when there is no room, or the folder cannot be written.
    fn receive(&self, backup: &Backup, manifest: &Manifest) -> Result<Box<dyn Incoming>, MirrorError>;

    /// Throws away what an unfinished copy left behind.
    ///
    /// # Errors
    /// [`MirrorError`] when it cannot be removed.
    fn discard_incoming(&self) -> Result<(), MirrorError>;

    /// Reads every file of a mirror again and compares it with its checksum; the files that differ.
    ///
    /// # Errors
    /// [`MirrorError`] when the mirror does not exist or cannot be read.
    fn verify(&self, name: &GenerationName) -> Result<Vec<String>, MirrorError>;

    /// Lists every address of a mirror with where it occurs.
    ///
    /// # Errors
    /// [`MirrorError`] when the mirror does not exist or cannot be read.
    fn scan(&self, name: &GenerationName, places: &[AddressPlace], own: &OwnNetworks) -> Result<Scan, MirrorError>;

    /// Writes a translated copy of a mirror into `target` (made anew), in flat memory, and makes it durable.
    ///
    /// # Errors
    /// [`MirrorError`] when the mirror is damaged, does not exist, or the copy cannot be written.
    fn translate(
        &self,
        name: &GenerationName,
        places: &[AddressPlace],
        table: &TranslationTable,
        target: &Path,
    ) -> Result<Translated, MirrorError>;

    /// The folder of a mirror, for [`MirrorStore::adopt`] by another store.
    fn path(&self, name: &GenerationName) -> PathBuf;

    /// Takes over a mirror from another store on the same file system, in one rename.
    ///
    /// # Errors
    /// [`MirrorError`] when it is not there or cannot be moved.
    fn adopt(&self, folder: &Path, name: &GenerationName) -> Result<(), MirrorError>;

    /// Shows what [`MirrorStore::translate`] would change, at most `limit` lines of it.
    ///
    /// # Errors
    /// [`MirrorError`] when the mirror does not exist or cannot be read.
    fn preview(
        &self,
        name: &GenerationName,
        places: &[AddressPlace],
        table: &TranslationTable,
        limit: usize,
    ) -> Result<Preview, MirrorError>;

    /// Throws away the oldest mirrors beyond [`GENERATIONS_KEPT`], never `loaded`; the names of those thrown away.
    ///
    /// # Errors
    /// [`MirrorError`] when one cannot be removed.
    fn prune(&self, loaded: Option<&GenerationName>) -> Result<Vec<GenerationName>, MirrorError>;

    /// Throws away a mirror; one that is not there is thrown away already.
    ///
    /// # Errors
    /// [`MirrorError`] when it cannot be removed.
    fn discard(&self, name: &GenerationName) -> Result<(), MirrorError>;

    /// Throws away every mirror and what an unfinished copy left behind.
    ///
    /// # Errors
    /// [`MirrorError`] when one cannot be removed.
    fn clear(&self) -> Result<(), MirrorError>;
}

/// What went wrong in the mirror folder.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// A file or folder cannot be read or written.
    #[error("{}: {doing} failed", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as a noun.
        doing: &'static str,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// No such mirror.
    #[error("there is no mirror {0}")]
    NoSuchMirror(GenerationName),
    /// Not enough disk.
    #[error("{} has {} free, and {} are needed", path.display(), size(*free), size(*needed))]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Files that are not what the sender said.
    #[error("the checksum of {} is not what the sender computed", files.join(", "))]
    Damaged {
        /// The files.
        files: Vec<String>,
    },
    /// A file of the store itself that cannot be understood.
    #[error("{} cannot be understood: {because}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        because: String,
    },
}
