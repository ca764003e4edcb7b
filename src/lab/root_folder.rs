//! The folder that a simulated server takes for its root. No path leads out of it.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Links followed in one path before it counts as a loop, as on Linux.
const LINKS: usize = 40;

/// See the module.
#[derive(Debug, Clone)]
pub struct RootFolder {
    folder: PathBuf,
}

impl RootFolder {
    /// Takes a folder, which is made if it is not there, with the folders that every Linux server has.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn make(folder: &Path) -> io::Result<Self> {
        for part in ["etc/systemd/system", "var/lib", "var/opt", "var/log", "run", "tmp"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self { folder: folder.canonicalize()? })
    }

    /// The real folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the server's `path` really lies, links on the way followed within the folder. Of its last part a link is
    /// followed only if `follow_last` says so.
    ///
    /// A path that already names a place below the real folder is taken as it is meant.
    ///
    /// # Errors
    /// When links go round in circles.
    pub fn place(&self, path: &str, follow_last: bool) -> io::Result<PathBuf> {
        let path = Path::new(path);
        let mut left = parts(path.strip_prefix(&self.folder).unwrap_or(path));
        let mut place: Vec<std::ffi::OsString> = Vec::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                place.pop();
                continue;
            }
            place.push(part);
            let here = self.real(&place);
            let target = if left.is_empty() && !follow_last { None } else { std::fs::read_link(&here).ok() };
            let Some(target) = target else { continue };
            links += 1;
            if links > LINKS {
                return Err(io::Error::other("too many levels of symbolic links"));
            }
            if target.is_absolute() {
                place.clear();
            } else {
                place.pop();
            }
            left.extend(parts(&target));
        }
        Ok(self.real(&place))
    }

    fn real(&self, parts: &[std::ffi::OsString]) -> PathBuf {
        parts.iter().fold(self.folder.clone(), |path, part| path.join(part))
    }
}

/// The parts of a path, last first; `..` stays, a leading `/` and `.` do not.
fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    let kept = |part: Component<'_>| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    let mut parts: Vec<_> = path.components().filter_map(kept).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out() {
        let scratch = tempfile::tempdir().unwrap();
        let root = RootFolder::make(&scratch.path().join("root")).unwrap();
        symlink("/etc", root.folder().join("absolute")).unwrap();
        symlink("../../../..", root.folder().join("up")).unwrap();
        symlink("round", root.folder().join("round")).unwrap();
        let at = |path: &str| root.place(path, true).unwrap();
        assert_eq!(at("/../../etc/passwd"), root.folder().join("etc/passwd"));
        assert_eq!(at("/absolute/passwd"), root.folder().join("etc/passwd"));
        assert_eq!(at("/up/etc"), root.folder().join("etc"));
        assert_eq!(at(root.folder().join("etc/x").to_str().unwrap()), root.folder().join("etc/x"));
        assert!(root.place("/round/x", true).is_err());
        assert_eq!(root.place("/absolute", false).unwrap(), root.folder().join("absolute"));
    }
}
