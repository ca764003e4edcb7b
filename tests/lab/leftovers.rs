//! The lab's folder, and the removal of what labs of dead processes left behind.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

use super::namespace::{Namespace, exists, report};

/// Where labs keep their folders; below `/run`, so that a restart of this machine clears it.
const LABS: &str = "/run/rd-lab";

/// Makes the folder of a lab: a tmpfs, because an overlay's upper layer may not lie on another overlay.
pub fn make_base(prefix: &str) -> PathBuf {
    let base = Path::new(LABS).join(prefix);
    fs::create_dir_all(&base).unwrap();
    mount("tmpfs", &base, "tmpfs", MountFlags::empty(), c"mode=0755").unwrap();
    mount_change(&base, MountPropagationFlags::PRIVATE).unwrap();
    base
}

/// Takes it away, with all that is mounted in it.
pub fn remove_base(base: &Path) {
    for target in mounts_in(base) {
        if let Err(error) = unmount(&target, UnmountFlags::DETACH) {
            report(&format!("{} cannot be unmounted: {error}", target.display()));
        }
    }
    if let Err(error) = fs::remove_dir(base) {
        report(&format!("{} cannot be removed: {error}", base.display()));
    }
}

/// Mounts at or below a folder, the latest first.
#[must_use]
pub fn mounts_in(base: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut targets: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(PathBuf::from)
        .filter(|target| target.starts_with(base))
        .collect();
    targets.reverse();
    targets
}

/// Removes labs whose process is dead; the labs of the living are left alone.
pub fn clean() {
    for name in names_in("/run/netns").filter(|name| creator_is_dead(name)) {
        Namespace::new(&name).delete();
    }
    for name in names_in(LABS).filter(|name| creator_is_dead(name)) {
        remove_base(&Path::new(LABS).join(name));
    }
}

fn names_in(folder: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

/// Reads `rd-<process>-<number>...`; any other name is not a lab's.
fn creator_is_dead(name: &str) -> bool {
    let process = name.strip_prefix("rd-").and_then(|rest| rest.split('-').next());
    process.and_then(|process| process.parse().ok()).is_some_and(|process| !exists(process))
}
