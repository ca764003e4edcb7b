//! Keeps mirrors in a folder: a folder a generation, and one that fills up before it becomes a generation.
//!
//! ```text
//! mirrors/incoming/manifest.json  files/…      being received; what is here is kept when the copy is cut off
//! mirrors/NAME/mirror.json        files/…      complete, verified and durable; there by one rename
//! ```
//! Other entries of the folder are not ours and are left alone.

use std::path::{Path, PathBuf};

use crate::adapters::remote_backup::is_fit_path;
use crate::domain::backup::{Backup, Generation, GenerationName, Manifest};
use crate::domain::platform::AddressPlace;
use crate::domain::scan::{OwnNetworks, Scan};
use crate::domain::translation::{Lookup, Preview, Translated, TranslationTable};
use crate::ports::mirror_store::{GENERATIONS_KEPT, Incoming, MirrorError, MirrorStore};

mod durable;
mod incoming;
mod leftovers;
mod names;
mod pace;
mod pass;

use durable::{
    entries, failed, free_bytes, make_folder, read_json, remove_folder, sync_folder, sync_folders, write_json,
};
use incoming::{ANNOUNCED, Announced, IncomingFolder};
use names::{check_manifest, copy_number, draft_of, is_generation_name};
use pass::{Pass, for_each_file, is_whole};

const INCOMING: &str = "incoming";
const FILES: &str = "files";
const MIRROR: &str = "mirror.json";

/// A generation gets this prefix before it is removed, so that no half of it is ever taken for a mirror.
const REMOVING: &str = ".removing-";

/// Room that a mirror takes beside the bytes of its files: the listing, and blocks that are not full.
const ROOM_BESIDE: u64 = 16 * 1024 * 1024;

/// What a file takes beside its bytes, on average half a block and an inode.
const ROOM_A_FILE: u64 = 4096;

/// The mirrors of a state folder.
#[derive(Debug, Clone)]
pub struct MirrorFolder {
    mirrors: PathBuf,
}

impl MirrorFolder {
    /// The mirrors in `state_dir/mirrors`; nothing is made before it is needed.
    #[must_use]
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { mirrors: state_dir.into().join("mirrors") }
    }

    fn generation(&self, name: &GenerationName) -> Result<Generation, MirrorError> {
        let missing = || MirrorError::NoSuchMirror(name.clone());
        if name.0.contains('/') || !is_fit_path(&name.0) || !is_generation_name(&name.0) {
            return Err(missing());
        }
        let path = self.mirrors.join(&name.0).join(MIRROR);
        let generation: Generation = read_json(&path)?.ok_or_else(missing)?;
        check_manifest(&path, &generation.manifest)?;
        Ok(generation)
    }

    fn pass<'a>(&self, name: &GenerationName, places: &'a [AddressPlace]) -> Pass<'a> {
        Pass { files: self.mirrors.join(&name.0).join(FILES), places }
    }

    fn remove_generation(&self, name: &GenerationName) -> Result<(), MirrorError> {
        let removing = self.mirrors.join(format!("{REMOVING}{name}"));
        let path = self.mirrors.join(&name.0);
        std::fs::rename(&path, &removing).map_err(failed(&path, "removing"))?;
        remove_folder(&removing)?;
        sync_folder(&self.mirrors)
    }

    /// Goes on with removals that were cut off.
    fn finish_removals(&self) -> Result<(), MirrorError> {
        for entry in entries(&self.mirrors)? {
            if entry.file_name().to_string_lossy().starts_with(REMOVING) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl MirrorStore for MirrorFolder {
    fn generations(&self) -> Result<Vec<Generation>, MirrorError> {
        let mut generations = Vec::new();
        for entry in entries(&self.mirrors)? {
            let Some(name) = entry.file_name().to_str().map(|name| GenerationName(name.to_owned())) else { continue };
            match self.generation(&name) {
                Ok(generation) if generation.name == name => generations.push(generation),
                // A folder that is no mirror of ours, or one whose description is damaged: not listed, not touched.
                Ok(_) | Err(MirrorError::NoSuchMirror(_) | MirrorError::Unreadable { .. }) => {}
                Err(error @ (MirrorError::Io { .. } | MirrorError::NoRoom { .. } | MirrorError::Damaged { .. })) => {
                    return Err(error);
                }
            }
        }
        generations.sort_by(|a, b| {
            b.taken_at.cmp(&a.taken_at).then_with(|| copy_number(&b.name.0).cmp(&copy_number(&a.name.0)))
        });
        Ok(generations)
    }

    fn free_bytes(&self) -> Result<u64, MirrorError> {
        free_bytes(&self.mirrors)
    }

    fn receive(&self, backup: &Backup, manifest: &Manifest) -> Result<Box<dyn Incoming>, MirrorError> {
        let folder = self.mirrors.join(INCOMING);
        check_manifest(&folder, manifest)?;
        self.finish_removals()?;
        let announced = Announced { backup: backup.clone(), manifest: manifest.clone() };
        let awaited = leftovers::sift(&folder, &announced)?;
        check_room(&self.mirrors, room_for(awaited.iter().map(|file| file.entry.bytes - file.here)))?;
        make_folder(&folder)?;
        write_json(&folder.join(ANNOUNCED), &announced)?;
        sync_folder(&self.mirrors)?;
        Ok(Box::new(IncomingFolder::new(self.mirrors.clone(), announced, awaited)))
    }

    fn discard_incoming(&self) -> Result<(), MirrorError> {
        remove_folder(&self.mirrors.join(INCOMING))
    }

    fn verify(&self, name: &GenerationName) -> Result<Vec<String>, MirrorError> {
        let files = self.generation(name)?.manifest.files;
        let folder = self.mirrors.join(&name.0).join(FILES);
        let whole = for_each_file(&files, |entry| is_whole(&folder.join(&entry.path), entry))?;
        Ok(files.into_iter().zip(whole).filter(|(_, whole)| !whole).map(|(entry, _)| entry.path).collect())
    }

    fn scan(&self, name: &GenerationName, places: &[AddressPlace], own: &OwnNetworks) -> Result<Scan, MirrorError> {
        let generation = self.generation(name)?;
        let pass = self.pass(name, places);
        let mut scan = Scan::of(own);
        // In groups, so that no more than these findings wait for being added up.
        for files in generation.manifest.files.chunks(16) {
            for found in for_each_file(files, |entry| pass.scan(entry, own))? {
                scan.merge(found);
            }
        }
        Ok(scan)
    }

    fn translate(
        &self,
        name: &GenerationName,
        places: &[AddressPlace],
        table: &TranslationTable,
        target: &Path,
    ) -> Result<Translated, MirrorError> {
        let generation = self.generation(name)?;
        let (pass, lookup) = (self.pass(name, places), Lookup::new(table));
        let draft = draft_of(target)?;
        remove_folder(&draft)?;
        let beside = draft.parent().unwrap_or(&draft);
        check_room(beside, room_for(generation.manifest.files.iter().map(|entry| entry.bytes)))?;
        std::fs::create_dir_all(&draft).map_err(failed(&draft, "making the folder"))?;
        let written =
            for_each_file(&generation.manifest.files, |entry| pass.translate(entry, &lookup, &draft.join(&entry.path)));
        match written {
            Ok(written) => {
                let mut all = Translated::default();
                for one in &written {
                    all.add(one);
                }
                sync_folders(&draft)?;
                put_in_place(&draft, target)?;
                Ok(all)
            }
            Err(error) => {
                // The reason for giving up matters more than that the draft may still be there; it is made anew.
                let _ = remove_folder(&draft);
                Err(error)
            }
        }
    }

    fn preview(
        &self,
        name: &GenerationName,
        places: &[AddressPlace],
        table: &TranslationTable,
        limit: usize,
    ) -> Result<Preview, MirrorError> {
        let generation = self.generation(name)?;
        let (pass, lookup) = (self.pass(name, places), Lookup::new(table));
        let mut all = Preview::default();
        for files in generation.manifest.files.chunks(16) {
            let room = limit.saturating_sub(all.changes.len());
            for one in for_each_file(files, |entry| pass.preview(entry, &lookup, room))? {
                all.add(one, limit);
            }
        }
        Ok(all)
    }

    fn path(&self, name: &GenerationName) -> PathBuf {
        self.mirrors.join(&name.0)
    }

    fn adopt(&self, folder: &Path, name: &GenerationName) -> Result<(), MirrorError> {
        if self.generation(name).is_ok() {
            self.remove_generation(name)?;
        }
        make_folder(&self.mirrors)?;
        let target = self.path(name);
        std::fs::rename(folder, &target).map_err(failed(&target, "taking over the mirror"))?;
        sync_folder(&self.mirrors)
    }

    fn prune(&self, loaded: Option<&GenerationName>) -> Result<Vec<GenerationName>, MirrorError> {
        self.finish_removals()?;
        let generations = self.generations()?;
        let surplus = generations.len().saturating_sub(GENERATIONS_KEPT);
        let mut removed = Vec::new();
        for generation in generations.into_iter().rev().filter(|one| Some(&one.name) != loaded).take(surplus) {
            self.remove_generation(&generation.name)?;
            removed.push(generation.name);
        }
        Ok(removed)
    }

    fn discard(&self, name: &GenerationName) -> Result<(), MirrorError> {
        self.finish_removals()?;
        match self.generation(name) {
            Ok(_) => self.remove_generation(name),
            Err(MirrorError::NoSuchMirror(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn clear(&self) -> Result<(), MirrorError> {
        self.discard_incoming()?;
        self.finish_removals()?;
        for generation in self.generations()? {
            self.remove_generation(&generation.name)?;
        }
        match std::fs::remove_dir(&self.mirrors) {
            // What is not ours keeps the folder.
            Err(error)
                if !matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty) =>
            {
                Err(failed(&self.mirrors, "removing")(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What files of these lengths take on a disk.
fn room_for(lengths: impl Iterator<Item = u64>) -> u64 {
    lengths.fold(ROOM_BESIDE, |room, bytes| room.saturating_add(bytes).saturating_add(ROOM_A_FILE))
}

fn check_room(folder: &Path, needed: u64) -> Result<(), MirrorError> {
    let free = free_bytes(folder)?;
    if needed > free { Err(MirrorError::NoRoom { path: folder.to_path_buf(), needed, free }) } else { Ok(()) }
}

fn put_in_place(draft: &Path, target: &Path) -> Result<(), MirrorError> {
    remove_folder(target)?;
    std::fs::rename(draft, target).map_err(failed(target, "putting in place"))?;
    target.parent().map_or(Ok(()), sync_folder)
}

#[cfg(test)]
mod tests;
