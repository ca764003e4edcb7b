//! Goes through the files of a mirror, several at once, in flat memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::durable::{failed, hash_file, hex};
use crate::domain::backup::ManifestEntry;
use crate::domain::platform::AddressPlace;
use crate::domain::scan::{OwnNetworks, Scan, Surveyor, place_of};
use crate::domain::translation::{Lookup, Preview, Previewer, Rewriter, Translated};
use crate::ports::mirror_store::MirrorError;

/// Two files at once keep disk and processor busy; more would take memory and processors that calls may need.
const WORKERS: usize = 2;

/// Does `work` for every file and hands the results on in the order of the files; the first error ends it.
pub(super) fn for_each_file<R: Send>(
    files: &[ManifestEntry],
    work: impl Fn(&ManifestEntry) -> Result<R, MirrorError> + Sync,
) -> Result<Vec<R>, MirrorError> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = files.get(index) else { return done };
            let result = work(entry);
            if result.is_err() {
                next.store(files.len(), Ordering::Relaxed);
            }
            done.push((index, result));
        }
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..WORKERS.min(files.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            match other.join() {
                Ok(theirs) => done.extend(theirs),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Whether a file is as long as the sender said and has the sender's checksum.
pub(super) fn is_whole(path: &Path, entry: &ManifestEntry) -> Result<bool, MirrorError> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() && found.len() == entry.bytes => {}
        Ok(_) => return Ok(false),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(failed(path, "reading")(error)),
    }
    let mut hasher = Sha256::new();
    hash_file(path, &mut hasher)?;
    Ok(hex(hasher) == entry.sha256)
}

/// The files of a mirror and what is known about their addresses.
pub(super) struct Pass<'a> {
    /// Where the mirror's files lie.
    pub(super) files: PathBuf,
    pub(super) places: &'a [AddressPlace],
}

impl Pass<'_> {
    /// Lists the addresses of one file.
    pub(super) fn scan(&self, entry: &ManifestEntry, own: &OwnNetworks) -> Result<Scan, MirrorError> {
        let layout = place_of(self.places, &entry.path).map(|place| &place.layout);
        let mut surveyor = Surveyor::new(&entry.path, layout, own);
        let (path, mut file) = self.open(entry)?;
        loop {
            let count = read(&mut file, surveyor.space()).map_err(failed(&path, "reading"))?;
            surveyor.take(count);
            if count == 0 {
                return Ok(surveyor.finish());
            }
        }
    }

    /// Shows what translating one file would change.
    pub(super) fn preview(&self, entry: &ManifestEntry, lookup: &Lookup, limit: usize) -> Result<Preview, MirrorError> {
        let Some(place) = place_of(self.places, &entry.path) else { return Ok(Preview::default()) };
        let mut previewer = Previewer::new(&entry.path, Some(&place.layout), lookup, limit);
        let (path, mut file) = self.open(entry)?;
        loop {
            let count = read(&mut file, previewer.space()).map_err(failed(&path, "reading"))?;
            previewer.take(count);
            if count == 0 {
                return Ok(previewer.finish());
            }
        }
    }

    /// Writes one file translated, durably; [`MirrorError::Damaged`] when what was read is not what the sender sent.
    pub(super) fn translate(
        &self,
        entry: &ManifestEntry,
        lookup: &Lookup,
        target: &Path,
    ) -> Result<Translated, MirrorError> {
        let layout = place_of(self.places, &entry.path).map(|place| &place.layout);
        let mut rewriter = Rewriter::new(layout, lookup);
        let (path, mut file) = self.open(entry)?;
        // Pieces as large as a block go past this buffer; it gathers what stands between two changed addresses.
        let mut out = BufWriter::with_capacity(64 * 1024, create(target)?);
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        loop {
            let space = rewriter.space();
            let count = read(&mut file, space).map_err(failed(&path, "reading"))?;
            hasher.update(&space[..count]);
            bytes += count as u64;
            rewriter.take(count, |piece| out.write_all(piece)).map_err(failed(target, "writing"))?;
            if count == 0 {
                break;
            }
        }
        if hex(hasher) != entry.sha256 {
            return Err(MirrorError::Damaged { files: vec![entry.path.clone()] });
        }
        let file = out.into_inner().map_err(|error| failed(target, "writing")(error.into_error()))?;
        file.sync_all().map_err(failed(target, "making durable"))?;
        Ok(Translated { files: 1, bytes, replaced: rewriter.replaced() })
    }

    fn open(&self, entry: &ManifestEntry) -> Result<(PathBuf, File), MirrorError> {
        let path = self.files.join(&entry.path);
        let file = File::open(&path).map_err(failed(&path, "reading"))?;
        Ok((path, file))
    }
}

/// Makes a file for the loading commands of the platform, which may run as another user: as the umask has it.
fn create(target: &Path) -> Result<File, MirrorError> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(failed(folder, "making the folder"))?;
    }
    File::create(target).map_err(failed(target, "writing"))
}

/// Reads what comes; interrupted reads are begun again.
fn read(file: &mut File, space: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
