//! Backups of the primary, their checksummed contents, and the mirrors made of them.

use std::fmt;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::site::Epoch;

/// A backup that the primary made of its exchange data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its name at the primary, for instance `20180209165502`; compared as text.
    pub id: String,
    /// When the primary made it, where the platform tells.
    pub taken_at: Option<DateTime<FixedOffset>>,
    /// The system version it was made with, where the platform tells.
    pub version: Option<String>,
    /// Its folder at the primary.
    pub path: String,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Path below the backup's folder: relative, without `.` or `..` parts, without control characters.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal, as the sender computed it.
    pub sha256: String,
}

/// Every file of a backup, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The files.
    pub files: Vec<ManifestEntry>,
}

impl Manifest {
    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The name of a mirror: the backup's id and how many times it was copied, `20180209165502-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenerationName(pub String);

impl fmt::Display for GenerationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A verified copy of a backup on the alternate's LIM 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its name.
    pub name: GenerationName,
    /// The backup it is a copy of.
    pub backup: Backup,
    /// When the copy was completed.
    pub taken_at: DateTime<FixedOffset>,
    /// The epoch in which it was copied.
    pub epoch: Epoch,
    /// Its files.
    pub manifest: Manifest,
}
