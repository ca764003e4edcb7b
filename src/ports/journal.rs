//! Writing down what is done: the history, the unfinished action, and the lock that only one actor holds.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::domain::journal::{Begun, Line, Memory, Person};
use crate::domain::plan::Action;

/// The right to change something; dropping it gives it back, and so does the death of its holder.
pub trait Held: Send + Sync {}

/// The journal of this machine. Every write is durable when it returns.
pub trait Journal: Send + Sync {
    /// Takes the lock for an action.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when somebody else holds it.
    fn lock(&self, action: Action, person: &Person) -> Result<Box<dyn Held>, JournalError>;

    /// Who holds the lock now, as a sentence's subject: `mxone_admin on pts/3, data copy since 02:00:00`.
    fn holder(&self) -> Option<String>;

    /// Marks that a monitor runs on this server, as long as what is returned is kept.
    ///
    /// # Errors
    /// [`JournalError`] when the mark cannot be made.
    fn watch(&self) -> Result<Box<dyn Held>, JournalError>;

    /// Whether a monitor runs on this server.
    fn watched(&self) -> bool;

    /// Keeps an action as unfinished; an older record of the same action is replaced.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written; then nothing may be changed.
    fn begin(&self, begun: &Begun) -> Result<(), JournalError>;

    /// The action that was begun and not finished.
    ///
    /// # Errors
    /// [`JournalError`] when the record is there and cannot be read.
    fn unfinished(&self) -> Result<Option<Begun>, JournalError>;

    /// Strikes the unfinished action out.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be removed.
    fn finish(&self) -> Result<(), JournalError>;

    /// Appends lines to the history, durable when this returns.
    ///
    /// # Errors
    /// [`JournalError`] when they cannot be written.
    fn record(&self, lines: &[Line]) -> Result<(), JournalError>;

    /// The history, oldest first; lines that a crash cut off are left out.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    fn history(&self) -> Result<Vec<Line>, JournalError>;

    /// What is kept about mirrors and copies.
    ///
    /// # Errors
    /// [`JournalError`] when it is there and cannot be read.
    fn memory(&self) -> Result<Memory, JournalError>;

    /// Replaces what is kept about mirrors and copies.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    fn remember(&self, memory: &Memory) -> Result<(), JournalError>;
}

/// Why something could not be written down or read back.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another action is running.
    #[error("another action is running: {holder}")]
    Locked {
        /// Whose, which and since when.
        holder: String,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be {doing}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `written`, `removed`.
        doing: &'static str,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// A file is there and cannot be understood.
    #[error("{} cannot be understood: {because}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        because: String,
    },
}
