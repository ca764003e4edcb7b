//! Which names and paths are those of generations and their files, and which lead elsewhere.

use std::path::{Path, PathBuf};

use super::INCOMING;
use super::durable::entries;
use crate::adapters::remote_backup::is_fit_path;
use crate::domain::backup::{Backup, GenerationName, Manifest};
use crate::ports::mirror_store::MirrorError;

/// Whether a name can be that of a generation: neither hidden nor the incoming one.
pub(super) fn is_generation_name(name: &str) -> bool {
    !name.starts_with('.') && name != INCOMING
}

/// Refuses a manifest whose paths lead outside.
pub(super) fn check_manifest(path: &Path, manifest: &Manifest) -> Result<(), MirrorError> {
    match manifest.files.iter().find(|entry| !is_fit_path(&entry.path)) {
        None => Ok(()),
        Some(entry) => {
            let because = format!("it lists the path {:?}", entry.path);
            Err(MirrorError::Unreadable { path: path.to_path_buf(), because })
        }
    }
}

/// The name of the next copy of a backup.
pub(super) fn next_name(mirrors: &Path, backup: &Backup) -> Result<GenerationName, MirrorError> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let id: String = backup.id.chars().take(100).map(safe).collect();
    let id = if id.is_empty() || id.starts_with('.') { format!("_{id}") } else { id };
    let names = entries(mirrors)?.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    let copies = names.filter(|name| name.strip_prefix(&id).is_some_and(|rest| rest.starts_with('-')));
    let last = copies.map(|name| copy_number(&name)).max().unwrap_or(0);
    Ok(GenerationName(format!("{id}-{}", last + 1)))
}

/// The number at the end of a generation's name.
pub(super) fn copy_number(name: &str) -> u64 {
    name.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// Where a translated copy is written before it takes its place beside it.
pub(super) fn draft_of(target: &Path) -> Result<PathBuf, MirrorError> {
    if let (Some(parent), Some(name)) = (target.parent(), target.file_name()) {
        return Ok(parent.join(format!(".{}.writing", name.to_string_lossy())));
    }
    let because = "it is no place for a folder".to_owned();
    Err(MirrorError::Unreadable { path: target.to_path_buf(), because })
}
