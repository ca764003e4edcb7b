//! Telling people who are not looking: the ways that are set up, and what each does with a notice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

pub use crate::domain::alarm::{Kind, Notice};

/// The ways of telling people, as they are set up now.
pub trait Notifier: Send + Sync {
    /// Reads them anew.
    fn channels(&self) -> Channels;
}

/// The ways of telling people.
#[derive(Default)]
pub struct Channels {
    /// Those that can be used.
    pub usable: Vec<Arc<dyn Channel>>,
    /// What is wrong with the others, a line each.
    pub problems: Vec<String>,
}

/// One way of telling people.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Whether a notice is told through it.
    fn wants(&self, notice: &Notice) -> bool;

    /// Tells it once.
    ///
    /// # Errors
    /// [`NotifyError`] when it was not taken.
    async fn send(&self, notice: &Notice) -> Result<(), NotifyError>;
}

/// Why a notice was not passed on.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// The program could be changed by others than root, so it is not run.
    #[error("{0} belongs to somebody else than root, or others may write it: it is not run")]
    NotOurs(String),
    /// It could not be run.
    #[error("{0} cannot be run")]
    Io(String, #[source] std::io::Error),
    /// It failed.
    #[error("{program} failed: {because}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended, and what it said.
        because: String,
    },
    /// Whoever it was sent to did not take it.
    #[error("{to} did not take it: {because}")]
    NotTaken {
        /// Whom it was sent to.
        to: String,
        /// What happened.
        because: String,
    },
    /// Some of those it was sent to did not take it; so it is not sent again, for the others have it.
    #[error("{to} did not take it for everybody: {because}")]
    InPart {
        /// Whom it was sent to.
        to: String,
        /// Who did not get it, and why.
        because: String,
    },
    /// It took too long.
    #[error("it was not taken within {} s", .0.as_secs())]
    Slow(Duration),
}
