//! The reigns of this site, in files of its machine, written by a thread of their own: a voter waits for no disk.
//!
//! What begins or ends is written durably; what only grows longer, several times a second, goes into a file of its
//! own without waiting for the disk. Notes that come while the disk is slow are written together.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use tokio::sync::mpsc::UnboundedSender;

use super::durable;
use crate::domain::lease::reigns::{Noted, Reign, Reigns};
use crate::domain::site::Epoch;
use crate::ports::voter::ReignBook;

/// Longer than a reign as it is written; what is left is filled with blanks, so that no older end shows behind it.
const LINE: usize = 256;

/// What could not be written is tried again after this, also when nothing new is noted.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What was noted last is given so long to be written when the program ends.
const ENDED_WITHIN: Duration = Duration::from_secs(2);

/// See the module.
pub struct ReignFile {
    desk: Arc<Desk>,
}

/// What the notes and their writer share.
struct Desk {
    path: PathBuf,
    lasting: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    reigns: Reigns,
    /// Something is not written yet.
    unwritten: Option<Unwritten>,
    /// The writer ends once everything is written, and when it did.
    is_over: bool,
    is_ended: bool,
}

/// What is not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unwritten {
    /// That the last reign lasts longer.
    End,
    /// That one began or ended.
    Whole,
}

impl ReignFile {
    /// The files below a root folder. What cannot be read is begun anew, which is told with `say`, as is what cannot be
    /// written, once.
    #[must_use]
    pub fn below(root: &Path, say: &UnboundedSender<String>) -> Self {
        let folder = root.join("var/lib/mxone_system_redundancy");
        let (path, lasting) = (folder.join("reigns.json"), folder.join("reign-lasting.json"));
        let mut reigns: Reigns = read(&path)
            .unwrap_or_else(|error| {
                tell(say, format!("when this site was live before cannot be read, and is begun anew: {error}"));
                None
            })
            .unwrap_or_default();
        // A disk that ended in the middle of it cost no more than the last seconds.
        if let Ok(Some(Reign { epoch, until, .. })) = read(&lasting) {
            // It grew longer after it was written durably, and never begins one of its own.
            let last = reigns.last(1).first().copied().filter(|last| last.epoch == epoch && last.until < until);
            if let Some(last) = last {
                reigns.note(epoch, Noted::Until(until), last.until);
            }
        }
        let state = Mutex::new(State { reigns, unwritten: None, is_over: false, is_ended: false });
        let desk = Arc::new(Desk { path, lasting, state, changed: Condvar::new() });
        let writer = Arc::clone(&desk);
        let told = say.clone();
        if let Err(error) = thread::Builder::new().name("reigns".to_owned()).spawn(move || writer.write_on(&told)) {
            tell(say, format!("when this site is live cannot be written down: {error}"));
            desk.state().is_ended = true;
        }
        Self { desk }
    }
}

impl Drop for ReignFile {
    fn drop(&mut self) {
        self.desk.state().is_over = true;
        self.desk.changed.notify_all();
        // A disk that does not answer keeps nobody from ending.
        drop(self.desk.changed.wait_timeout_while(self.desk.state(), ENDED_WITHIN, |state| !state.is_ended));
    }
}

impl ReignBook for ReignFile {
    fn note(&self, epoch: Epoch, noted: Noted, now: DateTime<FixedOffset>) {
        let mut state = self.desk.state();
        let is_more = state.reigns.note(epoch, noted, now);
        state.unwritten = state.unwritten.max(Some(if is_more { Unwritten::Whole } else { Unwritten::End }));
        self.desk.changed.notify_all();
    }

    fn last(&self, number: usize) -> Vec<Reign> {
        self.desk.state().reigns.last(number).to_vec()
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is noted, until the book is closed. What fails is told once until it works again.
    fn write_on(&self, say: &UnboundedSender<String>) {
        let mut is_failing = false;
        while let Some((unwritten, reigns)) = self.next() {
            let Err(error) = self.write(unwritten, &reigns) else {
                is_failing = false;
                continue;
            };
            if !std::mem::replace(&mut is_failing, true) {
                tell(say, format!("when this site was live cannot be written down: {error}"));
            }
            let mut state = self.state();
            state.unwritten = state.unwritten.max(Some(unwritten));
            let waited = self.changed.wait_timeout_while(state, AGAIN_AFTER, |state| !state.is_over);
            if waited.is_ok_and(|(state, _)| state.is_over) {
                break;
            }
        }
        self.state().is_ended = true;
        self.changed.notify_all();
    }

    /// What is to be written next; `None` when the book is closed and everything is written.
    fn next(&self) -> Option<(Unwritten, Reigns)> {
        let is_idle = |state: &mut State| state.unwritten.is_none() && !state.is_over;
        let waited = self.changed.wait_while(self.state(), is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.unwritten.take().map(|unwritten| (unwritten, state.reigns.clone()))
    }

    fn write(&self, unwritten: Unwritten, reigns: &Reigns) -> io::Result<()> {
        if unwritten == Unwritten::Whole {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
        }
        if let Some(reign) = reigns.last(1).first() {
            let text = serde_json::to_string(reign)?;
            let file = File::options().create(true).truncate(false).write(true).open(&self.lasting)?;
            file.write_all_at(format!("{text:<LINE$}").as_bytes(), 0)?;
        }
        match unwritten {
            Unwritten::End => Ok(()),
            Unwritten::Whole => durable::write(&self.path, &serde_json::to_vec(reigns)?),
        }
    }
}

/// What a file holds; `None` where there is none.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn tell(say: &UnboundedSender<String>, line: String) {
    // When nobody listens any more, the program is about to end.
    let _ = say.send(line);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::fs::{CWD, Mode, mkfifoat};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    #[test]
    fn a_reign_is_known_after_a_restart_with_the_end_that_was_noted_last() {
        let root = tempfile::tempdir().unwrap();
        let (book, _said) = book(root.path());
        book.note(Epoch(2), Noted::Until(at(10)), at(0));
        book.note(Epoch(2), Noted::Until(at(14)), at(4));
        drop(book);
        let (again, _said) = self::book(root.path());
        assert_eq!(again.last(9), [Reign { epoch: Epoch(2), from: at(0), until: at(14) }]);
        again.note(Epoch(2), Noted::Closed, at(12));
        again.note(Epoch(4), Noted::Standing, at(60));
        drop(again);
        let epochs: Vec<u64> = self::book(root.path()).0.last(9).iter().map(|reign| reign.epoch.0).collect();
        assert_eq!(epochs, [2, 4]);
    }

    #[test]
    fn an_end_that_was_taken_back_by_a_block_does_not_come_back_with_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let (book, _said) = book(root.path());
        book.note(Epoch(2), Noted::Until(at(10)), at(0));
        book.note(Epoch(2), Noted::Until(at(14)), at(4));
        book.note(Epoch(2), Noted::Closed, at(5));
        drop(book);
        assert_eq!(self::book(root.path()).0.last(1)[0].until, at(5));
    }

    #[test]
    fn nobody_who_notes_a_reign_waits_for_a_disk_that_stands_still() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        fs::create_dir_all(&folder).unwrap();
        // Opening it for writing waits for a reader, and there is none.
        mkfifoat(CWD, folder.join("reign-lasting.json"), Mode::RUSR | Mode::WUSR).unwrap();
        let desk = Desk {
            path: folder.join("reigns.json"),
            lasting: folder.join("reign-lasting.json"),
            state: Mutex::new(State { reigns: Reigns::default(), unwritten: None, is_over: false, is_ended: false }),
            changed: Condvar::new(),
        };
        let book = ReignFile { desk: Arc::new(desk) };
        let (writer, (say, _said)) = (Arc::clone(&book.desk), unbounded_channel());
        thread::spawn(move || writer.write_on(&say));
        let (done, noted) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for second in 0..100 {
                book.note(Epoch(2), Noted::Until(at(second + 6)), at(second));
            }
            done.send(book.last(1)[0].until)
        });
        assert_eq!(noted.recv_timeout(Duration::from_secs(5)), Ok(at(105)), "a note waits for the disk");
    }

    #[test]
    fn a_reign_that_could_not_be_written_is_told_once_and_written_when_the_disk_takes_it_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let in_its_place = folder.join("reign-lasting.json");
        fs::create_dir_all(&in_its_place).unwrap();
        let (book, mut said) = book(root.path());
        for second in 0..4 {
            book.note(Epoch(2), Noted::Until(at(second + 6)), at(second));
        }
        let told = said.blocking_recv().unwrap();
        assert!(told.contains("cannot be written down"), "{told}");
        fs::remove_dir(&in_its_place).unwrap();
        book.note(Epoch(2), Noted::Until(at(20)), at(5));
        let written = || fs::read_to_string(folder.join("reigns.json")).is_ok_and(|text| text.contains("\"epoch\":2"));
        let begun = Instant::now();
        while !written() && begun.elapsed() < Duration::from_secs(20) {
            thread::yield_now();
        }
        assert!(written(), "that it began is lost");
        drop(book);
        assert_eq!(said.blocking_recv(), None, "told more than once");
    }

    #[test]
    fn a_book_that_cannot_be_read_is_begun_anew_and_not_in_silence() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder(root.path())).unwrap();
        fs::write(folder(root.path()).join("reigns.json"), "[{").unwrap();
        let (book, mut said) = book(root.path());
        assert_eq!(book.last(9), []);
        let told = said.try_recv().unwrap();
        assert!(told.contains("begun anew"), "{told}");
        assert!(self::book(tempfile::tempdir().unwrap().path()).1.try_recv().is_err(), "a first start is no fault");
    }

    fn book(root: &Path) -> (ReignFile, UnboundedReceiver<String>) {
        let (say, said) = unbounded_channel();
        (ReignFile::below(root, &say), said)
    }

    fn folder(root: &Path) -> PathBuf {
        root.join("var/lib/mxone_system_redundancy")
    }

    fn at(seconds: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp(seconds, 0).unwrap().fixed_offset()
    }
}
