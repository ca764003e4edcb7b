//! Why a flow stopped before its end.

use thiserror::Error;

use crate::domain::journal::Begun;
use crate::domain::preflight::Finding;
use crate::domain::takeover::Refusal;
use crate::ports::backup_source::BackupError;
use crate::ports::call_server::CallServerError;
use crate::ports::dialog::DialogError;
use crate::ports::host::HostError;
use crate::ports::journal::JournalError;
use crate::ports::mirror_store::MirrorError;
use crate::ports::settings::SettingsError;
use crate::ports::traffic_control::TrafficError;
use crate::ports::voter_setup::SetupError;

/// Why a flow stopped. What was begun is finished or taken back, or the text says what is not.
#[derive(Debug, Error)]
pub enum Stopped {
    /// Redundancy is not configured.
    #[error("system redundancy is not configured")]
    NotConfigured,
    /// It is configured already.
    #[error("system redundancy is already configured")]
    AlreadyConfigured,
    /// An earlier action was begun and not finished.
    #[error("{} of {} ({}) was begun and not finished", .0.plan.action, .0.at.to_rfc3339(), .0.person)]
    Unfinished(Box<Begun>),
    /// There is no unfinished action to resume or abandon.
    #[error("no action is unfinished")]
    NothingUnfinished,
    /// A takeover is not planned.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Preflight checks stand in the way.
    #[error("{} {} in the way", .0.len(), if .0.len() == 1 { "check stands" } else { "checks stand" })]
    Hindered(Vec<Finding>),
    /// A rule of the action stands in the way.
    #[error("{0}")]
    NotAllowed(String),
    /// A forced action without a reason.
    #[error("a forced takeover needs a reason")]
    NoReason,
    /// The translation table would leave the alternate with addresses of the primary.
    #[error("the translation table cannot be used for this data: {}", .0.join("; "))]
    NotTranslated(Vec<String>),
    /// Bad input that no dialog asked for.
    #[error("{0}")]
    BadInput(String),
    /// A plan failed at a step and was taken back.
    #[error("\"{step}\" failed, and all was put back")]
    WentBack {
        /// The step.
        step: String,
        /// Why it failed.
        #[source]
        source: Box<Stopped>,
    },
    /// A plan failed at a step and stays as far as it got.
    #[error("\"{step}\" failed; what was done before it stays")]
    LeftStanding {
        /// The step.
        step: String,
        /// Why it failed.
        #[source]
        source: Box<Stopped>,
    },
    /// A plan failed, and so did taking it back.
    #[error("\"{step}\" failed, and so did putting back: {then}")]
    Stuck {
        /// The step of the plan.
        step: String,
        /// Why the way back failed.
        then: String,
        /// Why the step failed.
        #[source]
        source: Box<Stopped>,
    },
    /// A server is not in the state it was brought to.
    #[error("{0}")]
    NotProved(String),
    /// Several servers failed in the same step.
    #[error("{}", .0.join("; "))]
    Several(Vec<String>),
    /// The dialog ended.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The configuration files.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A packet filter.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// The telephony software.
    #[error(transparent)]
    CallServer(#[from] CallServerError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A mirror.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The pair was configured, and not what was to come after it.
    #[error("the pair is configured, and its voters are not set up")]
    VotersNotSetUp(#[source] Box<Stopped>),
    /// The voters of automatic takeover could not be set up.
    #[error(transparent)]
    VoterSetup(#[from] SetupError),
    /// The voter of automatic takeover on this machine.
    #[error("the voter on this machine cannot be asked")]
    Voter(#[source] std::io::Error),
    /// A server.
    #[error(transparent)]
    Host(#[from] HostError),
}
