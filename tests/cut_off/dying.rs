//! Journals that die at a line, or let somebody act at one.

use std::sync::{Arc, Mutex};

use mxone_system_redundancy::domain::journal::{Begun, Event, Line, Memory, Person};
use mxone_system_redundancy::domain::plan::Action;
use mxone_system_redundancy::ports::journal::{Held, Journal, JournalError};

use super::world::Cut;

/// What unwinds the action that was cut off.
pub struct Killed;

/// What a line of an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The record that keeps it as unfinished.
    Begin,
    /// A line of the history.
    Record,
    /// The line of the history that ends a step.
    After,
    /// The record is struck out.
    Finish,
    /// What is kept about mirrors.
    Remember,
}

/// Writes everything down until it dies.
pub struct Dying {
    inner: Arc<dyn Journal>,
    cut: Cut,
    written: Mutex<Vec<Kind>>,
}

impl Dying {
    pub fn new(inner: Arc<dyn Journal>, cut: Cut) -> Self {
        Self { inner, cut, written: Mutex::default() }
    }

    pub fn written(&self) -> Vec<Kind> {
        self.written.lock().unwrap().clone()
    }

    /// Death is unwinding: everything the action holds is dropped at once, and no panic is reported.
    fn write(&self, kind: Kind, write: impl FnOnce() -> Result<(), JournalError>) -> Result<(), JournalError> {
        let line = {
            let mut written = self.written.lock().unwrap();
            written.push(kind);
            written.len()
        };
        if self.cut == Cut::Before(line) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        let result = write();
        if self.cut == Cut::After(line) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        result
    }
}

impl Journal for Dying {
    fn lock(&self, action: Action, person: &Person) -> Result<Box<dyn Held>, JournalError> {
        self.inner.lock(action, person)
    }

    fn holder(&self) -> Option<String> {
        self.inner.holder()
    }

    fn watch(&self) -> Result<Box<dyn Held>, JournalError> {
        self.inner.watch()
    }

    fn watched(&self) -> bool {
        self.inner.watched()
    }

    fn begin(&self, begun: &Begun) -> Result<(), JournalError> {
        self.write(Kind::Begin, || self.inner.begin(begun))
    }

    fn unfinished(&self) -> Result<Option<Begun>, JournalError> {
        self.inner.unfinished()
    }

    fn finish(&self) -> Result<(), JournalError> {
        self.write(Kind::Finish, || self.inner.finish())
    }

    fn record(&self, lines: &[Line]) -> Result<(), JournalError> {
        // Lines that are written at once can be cut off between them as well.
        for line in lines {
            let kind = if matches!(line.event, Event::After { .. }) { Kind::After } else { Kind::Record };
            self.write(kind, || self.inner.record(std::slice::from_ref(line)))?;
        }
        Ok(())
    }

    fn history(&self) -> Result<Vec<Line>, JournalError> {
        self.inner.history()
    }

    fn memory(&self) -> Result<Memory, JournalError> {
        self.inner.memory()
    }

    fn remember(&self, memory: &Memory) -> Result<(), JournalError> {
        self.write(Kind::Remember, || self.inner.remember(memory))
    }
}

/// Lets somebody else act whenever a line of the history has been written.
pub struct Meddling {
    pub inner: Arc<dyn Journal>,
    pub meddle: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Journal for Meddling {
    fn lock(&self, action: Action, person: &Person) -> Result<Box<dyn Held>, JournalError> {
        self.inner.lock(action, person)
    }

    fn holder(&self) -> Option<String> {
        self.inner.holder()
    }

    fn watch(&self) -> Result<Box<dyn Held>, JournalError> {
        self.inner.watch()
    }

    fn watched(&self) -> bool {
        self.inner.watched()
    }

    fn begin(&self, begun: &Begun) -> Result<(), JournalError> {
        self.inner.begin(begun)
    }

    fn unfinished(&self) -> Result<Option<Begun>, JournalError> {
        self.inner.unfinished()
    }

    fn finish(&self) -> Result<(), JournalError> {
        self.inner.finish()
    }

    fn record(&self, lines: &[Line]) -> Result<(), JournalError> {
        for line in lines {
            self.inner.record(std::slice::from_ref(line))?;
            (self.meddle)(&line.event);
        }
        Ok(())
    }

    fn history(&self) -> Result<Vec<Line>, JournalError> {
        self.inner.history()
    }

    fn memory(&self) -> Result<Memory, JournalError> {
        self.inner.memory()
    }

    fn remember(&self, memory: &Memory) -> Result<(), JournalError> {
        self.inner.remember(memory)
    }
}
