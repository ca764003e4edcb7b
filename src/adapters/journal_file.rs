//! The journal as files: `history.jsonl`, the unfinished action, the lock, what is kept about mirrors.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::durable;
use crate::domain::journal::{Begun, Line, Memory, Person};
use crate::domain::plan::Action;
use crate::ports::clock::Clock;
use crate::ports::journal::{Held, Journal, JournalError};

/// How often the lock is tried again while others only look at it, and its holder's name is read again.
const LOOKERS: u32 = 200;

/// Longer than a look at the lock takes.
const LOOKS_FOR: std::time::Duration = std::time::Duration::from_millis(1);

/// Keeps the journal below a root folder, at the places of DESIGN §4.
pub struct JournalFile {
    history: PathBuf,
    unfinished: PathBuf,
    memory: PathBuf,
    lock: PathBuf,
    monitor: PathBuf,
    clock: Arc<dyn Clock>,
}

impl JournalFile {
    /// The journal below `root` (`/` on a real server).
    #[must_use]
    pub fn new(root: &Path, clock: Arc<dyn Clock>) -> Self {
        Self {
            history: root.join("var/log/mxone_system_redundancy/history.jsonl"),
            unfinished: root.join("var/lib/mxone_system_redundancy/unfinished.json"),
            memory: root.join("var/lib/mxone_system_redundancy/memory.json"),
            lock: root.join("run/mxone_system_redundancy/lock"),
            monitor: root.join("run/mxone_system_redundancy/monitor"),
            clock,
        }
    }

    fn open_lock(&self) -> Result<File, JournalError> {
        open_to_lock(&self.lock).map_err(io_error(&self.lock, "written"))
    }
}

fn open_to_lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The locked file; the lock goes when it is closed.
struct HeldFile(File);

impl Held for HeldFile {}

impl Drop for HeldFile {
    /// Takes the name out first: the next holder has the lock a moment before its own name is there.
    fn drop(&mut self) {
        // With the name left in, somebody turned away in that moment is told the holder before; no more than that.
        let _ = self.0.set_len(0);
    }
}

impl Journal for JournalFile {
    fn lock(&self, action: Action, person: &Person) -> Result<Box<dyn Held>, JournalError> {
        let mut file = self.open_lock()?;
        if !take(&file).map_err(io_error(&self.lock, "written"))? {
            return Err(JournalError::Locked { holder: read_holder(&mut file) });
        }
        let since = self.clock.now().format("%Y-%m-%d %H:%M:%S");
        let holder = format!("{person}, {action} since {since}");
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(holder.as_bytes())
        };
        write().map_err(io_error(&self.lock, "written"))?;
        Ok(Box::new(HeldFile(file)))
    }

    fn holder(&self) -> Option<String> {
        let mut file = File::open(&self.lock).ok()?;
        match file.try_lock_shared() {
            Err(fs::TryLockError::WouldBlock) => Some(read_holder(&mut file)),
            Ok(()) | Err(fs::TryLockError::Error(_)) => None,
        }
    }

    fn watch(&self) -> Result<Box<dyn Held>, JournalError> {
        let file = open_to_lock(&self.monitor).map_err(io_error(&self.monitor, "written"))?;
        // With a second monitor beside it the mark stands already, and goes with the first one.
        take(&file).map_err(io_error(&self.monitor, "written"))?;
        Ok(Box::new(HeldFile(file)))
    }

    fn watched(&self) -> bool {
        File::open(&self.monitor).is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    fn begin(&self, begun: &Begun) -> Result<(), JournalError> {
        write_json(&self.unfinished, begun)
    }

    fn unfinished(&self) -> Result<Option<Begun>, JournalError> {
        read_json(&self.unfinished)
    }

    fn finish(&self) -> Result<(), JournalError> {
        durable::remove(&self.unfinished).map_err(io_error(&self.unfinished, "removed"))
    }

    fn record(&self, lines: &[Line]) -> Result<(), JournalError> {
        let append = || {
            if let Some(folder) = self.history.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut text = Vec::new();
            for line in lines {
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
            }
            let mut file = OpenOptions::new().append(true).read(true).create(true).open(&self.history)?;
            if ends_cut_off(&mut file)? {
                text.insert(0, b'\n');
            }
            file.write_all(&text)?;
            file.sync_data()
        };
        append().map_err(io_error(&self.history, "written"))
    }

    fn history(&self) -> Result<Vec<Line>, JournalError> {
        let text = match fs::read_to_string(&self.history) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error(&self.history, "read")(source)),
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn memory(&self) -> Result<Memory, JournalError> {
        Ok(read_json(&self.memory)?.unwrap_or_default())
    }

    fn remember(&self, memory: &Memory) -> Result<(), JournalError> {
        write_json(&self.memory, memory)
    }
}

/// Takes the lock; `false` when somebody holds it.
///
/// Whoever asks for the holder shares the lock for a moment, which is no reason to refuse an action: as long as the
/// lock can be shared, nobody holds it.
fn take(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKERS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        std::thread::sleep(LOOKS_FOR);
    }
    Ok(false)
}

/// Whether a crash left the last line without its end; the next line then begins on its own.
pub(super) fn ends_cut_off(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(io::SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The name of the holder, waited for a moment where it is not written yet.
fn read_holder(file: &mut File) -> String {
    for _ in 0..LOOKERS {
        let mut holder = String::new();
        match file.read_to_string(&mut holder) {
            Ok(0) => std::thread::sleep(LOOKS_FOR),
            Ok(_) => return holder,
            Err(_) => break,
        }
    }
    "somebody who has just begun".to_owned()
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), JournalError> {
    let write = || durable::write(path, &serde_json::to_vec_pretty(value)?);
    write().map_err(io_error(path, "written"))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(path, "read")(source)),
    };
    let value = serde_json::from_slice(&text);
    value.map(Some).map_err(|error| JournalError::Unreadable { path: path.to_owned(), because: error.to_string() })
}

fn io_error<E: Into<io::Error>>(path: &Path, doing: &'static str) -> impl FnOnce(E) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { path, doing, source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::Event;
    use chrono::{DateTime, Local};

    #[test]
    fn the_second_operator_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (journal(folder.path()), journal(folder.path()));
        let held = one.lock(Action::DataCopy, &person()).unwrap();
        let error = two.lock(Action::Remove, &person()).err().unwrap();
        assert_eq!(
            error.to_string(),
            "another action is running: mxone_admin on pts/3, data copy since 2026-11-21 02:14:00"
        );
        assert!(two.holder().unwrap().starts_with("mxone_admin"));
        drop(held);
        assert_eq!(two.holder(), None);
        assert!(two.lock(Action::Remove, &person()).is_ok());
    }

    #[test]
    fn who_has_just_taken_the_lock_is_not_told_as_the_holder_before() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        drop(journal.lock(Action::DataCopy, &person()).unwrap());
        let mut taken = journal.open_lock().unwrap();
        taken.try_lock().unwrap();
        let named = std::thread::spawn(move || {
            std::thread::sleep(10 * LOOKS_FOR);
            taken.write_all(b"the next one").unwrap();
            std::thread::sleep(LOOKERS * LOOKS_FOR);
            drop(taken);
        });
        assert_eq!(journal.holder().unwrap(), "the next one");
        named.join().unwrap();
    }

    #[test]
    fn a_monitor_is_seen_as_long_as_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        assert!(!journal.watched());
        let watching = journal.watch().unwrap();
        assert!(journal.watched());
        drop(watching);
        assert!(!journal.watched());
    }

    #[test]
    fn a_line_that_a_crash_cut_off_costs_no_other_line() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        journal.record(&[line("one")]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&journal.history).unwrap();
        file.write_all(b"{\"schema\":1,\"at\":\"20").unwrap();
        journal.record(&[line("two")]).unwrap();
        let notes: Vec<Event> = journal.history().unwrap().into_iter().map(|line| line.event).collect();
        assert_eq!(notes, [line("one").event, line("two").event]);
    }

    #[test]
    fn a_record_that_cannot_be_understood_is_an_error_and_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        durable::write(&journal.unfinished, b"{ half").unwrap();
        assert!(matches!(journal.unfinished(), Err(JournalError::Unreadable { .. })));
        assert_eq!(fs::read(&journal.unfinished).unwrap(), b"{ half");
    }

    fn journal(root: &Path) -> JournalFile {
        JournalFile::new(root, Arc::new(Fixed))
    }

    fn person() -> Person {
        Person { who: "mxone_admin".into(), from: "pts/3".into() }
    }

    fn line(note: &str) -> Line {
        Line {
            schema: 1,
            at: Fixed.now().fixed_offset(),
            id: "1".into(),
            action: Action::Settings,
            person: person(),
            reason: None,
            event: Event::Noted { note: note.into() },
        }
    }

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> DateTime<Local> {
            chrono::TimeZone::with_ymd_and_hms(&Local, 2026, 11, 21, 2, 14, 0).unwrap()
        }
    }
}
