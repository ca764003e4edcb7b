//! Telling people who are not looking: what the site's own program for that does with it is its business.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use serde::Serialize;
use thiserror::Error;

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The format of this document.
    pub schema: u32,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// Which voter tells it: `primary`, `alternate`, `witness`.
    pub from: String,
    /// What kind of news it is.
    pub kind: Kind,
    /// What a person reads.
    pub text: String,
}

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A site went live, was blocked, or gave its right back.
    RoleChanged,
    /// An alarm begins.
    AlarmRaised,
    /// An alarm is over.
    AlarmCleared,
    /// Nothing happened; somebody wants to know whether news arrive.
    Test,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoleChanged => "role-changed",
            Self::AlarmRaised => "alarm-raised",
            Self::AlarmCleared => "alarm-cleared",
            Self::Test => "test",
        })
    }
}

/// Passes news on.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Passes a notice on; `false` where nothing is set up that would.
    ///
    /// # Errors
    /// [`NotifyError`] when it is set up and did not take it.
    async fn notify(&self, notice: &Notice) -> Result<bool, NotifyError>;
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
}
