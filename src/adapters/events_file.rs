//! Which alarms are raised, and what people were told, in two files.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::durable;
use super::journal_file::ends_cut_off;
use crate::domain::alarm::{Notice, Register};
use crate::ports::events::Events;

/// Notices that are kept at least: more than a year of quiet nights, less than half a megabyte.
const KEPT: usize = 1000;

/// Keeps them below a root folder.
pub struct EventsFile {
    register: PathBuf,
    past: PathBuf,
}

impl EventsFile {
    /// The files below `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            register: root.join("var/lib/mxone_system_redundancy/alarms.json"),
            past: root.join("var/log/mxone_system_redundancy/events.jsonl"),
        }
    }

    fn append(&self, news: &[Notice]) -> io::Result<()> {
        if let Some(folder) = self.past.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.past)?;
        let mut lines = Vec::new();
        // A line that a crash cut off is ended first, so that it costs no other.
        if ends_cut_off(&mut file)? {
            lines.push(b'\n');
        }
        for notice in news {
            serde_json::to_writer(&mut lines, notice)?;
            lines.push(b'\n');
        }
        let text = read(&self.past)?.unwrap_or_default();
        let count = text.lines().count();
        if count >= 2 * KEPT {
            let newest: String = text.lines().skip(count - KEPT).flat_map(|line| [line, "\n"]).collect();
            return durable::write(&self.past, &[newest.as_bytes(), &lines].concat());
        }
        file.write_all(&lines)?;
        file.sync_data()
    }
}

impl Events for EventsFile {
    fn register(&self) -> io::Result<Register> {
        let Some(text) = read(&self.register)? else { return Ok(Register::default()) };
        Ok(serde_json::from_str(&text)?)
    }

    fn past(&self) -> io::Result<Vec<Notice>> {
        let text = read(&self.past)?.unwrap_or_default();
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn keep(&self, register: &Register, news: &[Notice]) -> io::Result<()> {
        durable::write(&self.register, &serde_json::to_vec_pretty(register)?)?;
        if news.is_empty() { Ok(()) } else { self.append(news) }
    }
}

/// A line with a byte that is no text costs no other.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::{Alarm, Finding, Kind};

    fn notice(text: &str) -> Notice {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:14:07+01:00").unwrap();
        Notice::of(Kind::RoleChanged, "alternate", at, text)
    }

    #[test]
    fn what_is_kept_is_read_the_same_and_a_line_cut_off_or_damaged_costs_no_other() {
        let root = tempfile::tempdir().unwrap();
        let events = EventsFile::below(root.path());
        assert_eq!((events.register().unwrap(), events.past().unwrap()), (Register::default(), vec![]));
        let mut register = Register::default();
        register.take(&Finding::of(Alarm::PeerLost, Some("x")), "alternate", notice("").at);
        events.keep(&register, &[notice("one")]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&events.past).unwrap();
        file.write_all(b"\xff\xfe\n{\"schema\":1,\"at\":\"20").unwrap();
        events.keep(&register, &[notice("two")]).unwrap();
        assert_eq!(events.register().unwrap(), register);
        assert_eq!(events.past().unwrap(), [notice("one"), notice("two")]);
    }

    #[test]
    fn a_damaged_register_is_told_and_the_past_does_not_grow_without_end() {
        let root = tempfile::tempdir().unwrap();
        let events = EventsFile::below(root.path());
        events.keep(&Register::default(), &[notice("first")]).unwrap();
        fs::write(&events.register, "{ half").unwrap();
        assert!(events.register().is_err());
        let many = vec![notice("more"); 2 * KEPT];
        events.keep(&Register::default(), &many).unwrap();
        events.keep(&Register::default(), &[notice("last")]).unwrap();
        let past = events.past().unwrap();
        assert_eq!((past.len(), past.last().unwrap().text.as_str()), (KEPT + 1, "last"));
    }
}
