//! The reigns of this site, in files of its machine.
//!
//! What begins or ends is written durably; what only grows longer, several times a second, goes into a file of its
//! own without waiting for the disk.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, FixedOffset};

use super::durable;
use crate::domain::lease::reigns::{Noted, Reign, Reigns};
use crate::domain::site::Epoch;
use crate::ports::voter::ReignBook;

/// Longer than a reign as it is written; what is left is filled with blanks, so that no older end shows behind it.
const LINE: usize = 256;

/// See the module.
pub struct ReignFile {
    path: PathBuf,
    lasting: PathBuf,
    reigns: Mutex<Reigns>,
}

impl ReignFile {
    /// The files below a root folder; what cannot be read is begun anew.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        let folder = root.join("var/lib/mxone_system_redundancy");
        let (path, lasting) = (folder.join("reigns.json"), folder.join("reign-lasting.json"));
        let mut reigns: Reigns = read(&path).unwrap_or_default();
        if let Some(Reign { epoch, until, .. }) = read(&lasting) {
            // It grew longer after it was written durably, and never begins one of its own.
            let last = reigns.last(1).first().copied().filter(|last| last.epoch == epoch && last.until < until);
            if let Some(last) = last {
                reigns.note(epoch, Noted::Until(until), last.until);
            }
        }
        Self { path, lasting, reigns: Mutex::new(reigns) }
    }

    fn write_lasting(&self, reign: &Reign) -> io::Result<()> {
        let text = serde_json::to_string(reign)?;
        let file = File::options().create(true).truncate(false).write(true).open(&self.lasting)?;
        file.write_all_at(format!("{text:<LINE$}").as_bytes(), 0)
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

impl ReignBook for ReignFile {
    fn note(&self, epoch: Epoch, noted: Noted, now: DateTime<FixedOffset>) -> io::Result<()> {
        let mut reigns = self.reigns.lock().unwrap_or_else(PoisonError::into_inner);
        let is_more = reigns.note(epoch, noted, now);
        if let Some(reign) = reigns.last(1).first() {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
            self.write_lasting(reign)?;
        }
        if is_more { durable::write(&self.path, &serde_json::to_vec(&*reigns)?) } else { Ok(()) }
    }

    fn last(&self, number: usize) -> Vec<Reign> {
        self.reigns.lock().unwrap_or_else(PoisonError::into_inner).last(number).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reign_is_known_after_a_restart_with_the_end_that_was_noted_last() {
        let root = tempfile::tempdir().unwrap();
        let book = ReignFile::below(root.path());
        book.note(Epoch(2), Noted::Until(at(10)), at(0)).unwrap();
        book.note(Epoch(2), Noted::Until(at(14)), at(4)).unwrap();
        let again = ReignFile::below(root.path());
        assert_eq!(again.last(9), [Reign { epoch: Epoch(2), from: at(0), until: at(14) }]);
        again.note(Epoch(2), Noted::Closed, at(12)).unwrap();
        again.note(Epoch(4), Noted::Standing, at(60)).unwrap();
        let epochs: Vec<u64> = ReignFile::below(root.path()).last(9).iter().map(|reign| reign.epoch.0).collect();
        assert_eq!(epochs, [2, 4]);
    }

    #[test]
    fn an_end_that_was_taken_back_by_a_block_does_not_come_back_with_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let book = ReignFile::below(root.path());
        book.note(Epoch(2), Noted::Until(at(10)), at(0)).unwrap();
        book.note(Epoch(2), Noted::Until(at(14)), at(4)).unwrap();
        book.note(Epoch(2), Noted::Closed, at(5)).unwrap();
        assert_eq!(ReignFile::below(root.path()).last(1)[0].until, at(5));
    }

    fn at(seconds: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp(seconds, 0).unwrap().fixed_offset()
    }
}
