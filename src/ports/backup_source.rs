//! The place where a backup can be read: LIM 1 of the primary.

use async_trait::async_trait;

use crate::domain::backup::{Backup, Manifest};
use crate::ports::host::{HostError, Sink};
use thiserror::Error;

/// One stretch of one file that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file, as the manifest names it.
    pub path: String,
    /// From which byte on; 0 for the whole file.
    pub from: u64,
}

/// Reads backups at the primary; never writes there.
#[async_trait]
pub trait BackupSource: Send + Sync {
    /// How many bytes the files of a backup have altogether; nothing but its folder is read.
    ///
    /// # Errors
    /// As [`BackupSource::manifest`].
    async fn bytes(&self, backup: &Backup) -> Result<u64, BackupError>;

    /// Lists the files of a backup with the checksums that the primary itself computes.
    ///
    /// # Errors
    /// [`BackupError`] when it cannot be listed, or what is listed is not fit to be a backup.
    async fn manifest(&self, backup: &Backup) -> Result<Manifest, BackupError>;

    /// Sends the pieces one after another, without anything between them, into `sink`, in flat memory.
    ///
    /// # Errors
    /// [`BackupError`] when the stream broke or the sink refused.
    async fn send(&self, backup: &Backup, pieces: &[Piece], sink: &mut dyn Sink) -> Result<(), BackupError>;
}

/// Why a backup could not be read.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The server could not be asked, or the stream broke.
    #[error("backup {id} cannot be read")]
    Host {
        /// The backup.
        id: String,
        /// What happened.
        #[source]
        source: HostError,
    },
    /// What the server lists is not fit to be a backup.
    #[error("backup {id} is not fit to be copied: {because}")]
    Unfit {
        /// The backup.
        id: String,
        /// What is wrong: no files, a path that leads outside, a listing that cannot be understood.
        because: String,
    },
}
