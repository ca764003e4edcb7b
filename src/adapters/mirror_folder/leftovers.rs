//! What an interrupted copy left in `incoming/`, and what of it the next copy can use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::durable::{entries, failed, read_json, remove_file, remove_folder};
use super::incoming::{ANNOUNCED, Announced, Awaited, inspect};
use super::{FILES, MIRROR};
use crate::ports::mirror_store::MirrorError;

/// Keeps the files that are as announced now, throws the others away, and lists those still to come.
///
/// One file may be here in part: it is continued when the announcement of it has not changed.
pub(super) fn sift(incoming: &Path, announced: &Announced) -> Result<Vec<Awaited>, MirrorError> {
    remove_file(&incoming.join(MIRROR))?;
    let before = match read_json::<Announced>(&incoming.join(ANNOUNCED)) {
        Ok(before) => before,
        // Whoever cut it off also cut off what it was: nothing here can be trusted.
        Err(MirrorError::Unreadable { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(before) = before else {
        remove_folder(incoming)?;
        return Ok(announced.manifest.files.iter().map(|entry| Awaited { entry: entry.clone(), here: 0 }).collect());
    };
    let before: BTreeMap<_, _> = before.manifest.files.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let files = incoming.join(FILES);
    let listed = announced.manifest.files.iter().map(|entry| entry.path.as_str()).collect();
    remove_unlisted(&files, "", &listed)?;
    let mut awaited = Vec::new();
    let mut continued = false;
    for entry in &announced.manifest.files {
        let may_continue = !continued && before.get(entry.path.as_str()) == Some(&entry);
        let here = inspect(&files.join(&entry.path), entry, may_continue)?;
        if here < entry.bytes || entry.bytes == 0 {
            continued |= here > 0;
            awaited.push(Awaited { entry: entry.clone(), here });
        }
    }
    Ok(awaited)
}

/// Removes what the announcement does not list.
fn remove_unlisted(folder: &Path, prefix: &str, listed: &BTreeSet<&str>) -> Result<(), MirrorError> {
    for entry in entries(folder)? {
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str().map(|name| format!("{prefix}{name}")) else {
            remove_file(&path)?;
            continue;
        };
        let is_folder = entry.file_type().map_err(failed(&path, "reading"))?.is_dir();
        if is_folder {
            let below = format!("{name}/");
            if listed.range(below.as_str()..).next().is_some_and(|path| path.starts_with(&below)) {
                remove_unlisted(&path, &below, listed)?;
            } else {
                remove_folder(&path)?;
            }
        } else if !listed.contains(name.as_str()) {
            remove_file(&path)?;
        }
    }
    Ok(())
}
