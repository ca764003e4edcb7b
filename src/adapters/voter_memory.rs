//! What a voter remembers, in a file of its machine.

use std::io;
use std::path::{Path, PathBuf};

use super::durable;
use crate::domain::lease::{Memory, Stored};
use crate::ports::voter::VoterMemory;

/// The memory as a file.
pub struct MemoryFile {
    path: PathBuf,
}

impl MemoryFile {
    /// The file below a root folder.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { path: root.join("var/lib/mxone_system_redundancy/promises.json") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl VoterMemory for MemoryFile {
    fn load(&self) -> Stored {
        let text = std::fs::read(&self.path).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).map_or(Stored::Lost, Stored::Whole)
    }

    fn keep(&self, memory: &Memory) -> io::Result<()> {
        durable::write(&self.path, &serde_json::to_vec_pretty(memory)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::TakeoverSettings;
    use crate::domain::lease::Agreed;
    use crate::domain::site::Site;

    #[test]
    fn what_is_kept_is_remembered_and_what_is_damaged_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let file = MemoryFile::below(root.path());
        assert_eq!(file.load(), Stored::Lost);
        let memory = Memory::first(Site::Primary, Agreed::first(TakeoverSettings::default()));
        file.keep(&memory).unwrap();
        assert_eq!(file.load(), Stored::Whole(memory.clone()));
        let text = std::fs::read(&file.path).unwrap();
        std::fs::write(&file.path, &text[..text.len() / 2]).unwrap();
        assert_eq!(file.load(), Stored::Lost);
    }
}
