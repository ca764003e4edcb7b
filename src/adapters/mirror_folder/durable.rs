//! Files and folders that are still there after the power failed, and errors that name their path.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::ports::mirror_store::MirrorError;

/// Exchange data holds passwords of terminals, so nobody but us reads it.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// How much is read at once where nothing else decides it.
const BLOCK: usize = 256 * 1024;

/// Turns an error of the file system into ours.
pub(super) fn failed<'a>(path: &'a Path, doing: &'static str) -> impl FnOnce(io::Error) -> MirrorError + 'a {
    move |source| MirrorError::Io { path: path.to_path_buf(), doing, source }
}

/// Makes a folder with all folders above it.
pub(super) fn make_folder(path: &Path) -> Result<(), MirrorError> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(failed(path, "making the folder"))
}

/// Opens a file of its own for writing, from its beginning or at its end.
pub(super) fn open_for_writing(path: &Path, resume: bool) -> Result<File, MirrorError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(!resume)
        .append(resume)
        .mode(FILE_MODE)
        .open(path)
        .map_err(failed(path, "opening for writing"))
}

/// Replaces a file by a JSON document, in one step, and makes it durable.
pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), MirrorError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
        serde_json::to_writer(io::BufWriter::new(&mut file), value)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(failed(path, "writing"))?;
    sync_folder(folder)
}

/// Reads a JSON document; `None` when there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, MirrorError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(path, "reading")(error)),
    };
    match serde_json::from_slice(&text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(MirrorError::Unreadable { path: path.to_path_buf(), because: error.to_string() }),
    }
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), MirrorError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path, "making durable"))
}

/// Makes the entries of a folder and of all folders below it durable.
pub(super) fn sync_folders(path: &Path) -> Result<(), MirrorError> {
    for entry in entries(path)? {
        if entry.file_type().map_err(failed(path, "listing"))?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(path)
}

/// The entries of a folder; none when there is no such folder.
pub(super) fn entries(path: &Path) -> Result<Vec<fs::DirEntry>, MirrorError> {
    match fs::read_dir(path) {
        Ok(entries) => entries.collect::<io::Result<_>>().map_err(failed(path, "listing")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(path, "listing")(error)),
    }
}

/// Removes a folder with all that is in it; one that is not there is removed already.
pub(super) fn remove_folder(path: &Path) -> Result<(), MirrorError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, "removing")(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove_file(path: &Path) -> Result<(), MirrorError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, "removing")(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads a file to its end into a checksum; how long it is.
pub(super) fn hash_file(path: &Path, hasher: &mut Sha256) -> Result<u64, MirrorError> {
    let mut hash = || -> io::Result<u64> {
        let mut file = File::open(path)?;
        let mut block = vec![0; BLOCK];
        let mut length = 0;
        loop {
            let count = file.read(&mut block)?;
            if count == 0 {
                return Ok(length);
            }
            hasher.update(&block[..count]);
            length += count as u64;
        }
    };
    hash().map_err(failed(path, "reading"))
}

/// A finished checksum as manifests write it.
pub(super) fn hex(hasher: Sha256) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = hasher.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// Bytes free on the file system that holds a folder, or will hold it.
pub(super) fn free_bytes(folder: &Path) -> Result<u64, MirrorError> {
    let existing: PathBuf = folder.ancestors().find(|path| path.exists()).unwrap_or(folder).to_path_buf();
    let status =
        rustix::fs::statvfs(&existing).map_err(|error| failed(&existing, "asking for free space")(error.into()))?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}
