//! Turns anything that stopped a flow into what a person reads: error, because, hint, and the exit code.

use std::error::Error;
use std::fmt;

use crate::domain::takeover::Refusal;
use crate::faces::maintenance::OpenError;
use crate::flows::Stopped;
use crate::flows::maintenance::MaintenanceError;
use crate::ports::backup_source::BackupError;
use crate::ports::call_server::CallServerError;
use crate::ports::dialog::DialogError;
use crate::ports::host::{HostError, visible};
use crate::ports::journal::JournalError;
use crate::ports::mirror_store::MirrorError;
use crate::ports::settings::SettingsError;
use crate::ports::traffic_control::TrafficError;
use crate::ports::voter_setup::SetupError;

/// Exit codes of both programs (DESIGN §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The action failed; nothing half-done is left, or it is named.
    Failed = 1,
    /// Usage or bad input.
    BadInput = 2,
    /// Refused by a check.
    Refused = 3,
    /// Done in part, or the state is unknown.
    Unknown = 4,
    /// Not configured.
    NotConfigured = 5,
    /// Another action is running.
    Busy = 6,
    /// Cancelled.
    Cancelled = 130,
}

/// What a person reads when something did not go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub error: String,
    /// Why, from the nearest cause to the farthest.
    pub because: Vec<String>,
    /// What to do now.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: Exit,
}

impl Failure {
    /// A failure that has no cause but itself.
    pub fn new(exit: Exit, error: impl Into<String>) -> Self {
        Self { error: error.into(), because: Vec::new(), hint: None, exit }
    }

    /// The same failure with what to do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        let because = causes(&stopped);
        let (exit, hint) = advice(&stopped);
        let mut failure = Self { error: stopped.to_string(), because, hint: hint.map(str::to_owned), exit };
        if let Stopped::Hindered(findings) = &stopped {
            let line = |finding: &crate::domain::preflight::Finding| {
                let because = serde_json::to_value(&finding.verdict).ok();
                let because = because.as_ref().and_then(|value| value.get("because")?.as_str().map(str::to_owned));
                format!("{}: {}", finding.check, because.unwrap_or_default())
            };
            failure.because = findings.iter().map(line).collect();
        }
        failure
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let (exit, hint) = match &error {
            OpenError::Usage(_) => (Exit::BadInput, None),
            OpenError::Machine(MaintenanceError::Configured) => {
                (Exit::Refused, Some("if the other site is lost, say --override --reason \"why\""))
            }
            OpenError::Machine(MaintenanceError::Failed { .. } | MaintenanceError::Command(_)) => {
                (Exit::Failed, Some("it needs root: sudo -H mxone_maintenance"))
            }
            OpenError::Machine(MaintenanceError::NotInForce(_) | MaintenanceError::Unreadable { .. }) => {
                (Exit::Failed, None)
            }
        };
        Self { error: error.to_string(), because: causes(&error), hint: hint.map(str::to_owned), exit }
    }
}

/// Nothing in it can act on the terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", visible(&self.error))?;
        for because in &self.because {
            write!(f, "\n  because {}", visible(because))?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", visible(hint)),
            None => Ok(()),
        }
    }
}

/// The causes of an error that its own text does not tell already.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut because = Vec::new();
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            because.push(text.clone());
            told.push_str(&text);
        }
        source = cause.source();
    }
    because
}

const DISK: &str = "free disk, or mend the file system: nothing is changed that cannot be written down";

const COPY_AGAIN: &str = "the mirrors and the loaded data are as they were; try again";

/// A server that could not be reached leaves its state unknown; one that answered has failed.
fn reached(error: &HostError) -> Exit {
    match error {
        HostError::Unreachable { .. }
        | HostError::TimedOut { .. }
        | HostError::Lost { .. }
        | HostError::HostKeyChanged { .. }
        | HostError::NotAuthenticated { .. } => Exit::Unknown,
        HostError::Identity { .. }
        | HostError::TooMuchOutput { .. }
        | HostError::Sink { .. }
        | HostError::NotStarted { .. }
        | HostError::Failed { .. } => Exit::Failed,
    }
}

/// What a person can do about it, and the exit code.
fn advice(stopped: &Stopped) -> (Exit, Option<&'static str>) {
    match stopped {
        Stopped::NotConfigured => (Exit::NotConfigured, Some("set it up with `mxone_system_redundancy configure`")),
        Stopped::AlreadyConfigured => {
            (Exit::Refused, Some("see it with `list`; take it apart with `remove` before configuring anew"))
        }
        Stopped::Unfinished(_) => (Exit::Refused, Some("finish it with --resume, or take it back with --abandon")),
        Stopped::Refused(refusal) => refused(refusal),
        Stopped::Hindered(_) => {
            (Exit::Refused, Some("mend what stands in the way, or go on with --skip-check NAME and --reason \"...\""))
        }
        Stopped::NotAllowed(_) | Stopped::VoterSetup(SetupError::Unfit(_)) => (Exit::Refused, None),
        Stopped::NoReason => (Exit::BadInput, Some("add --reason \"...\"")),
        Stopped::NotTranslated(_) => (
            Exit::Refused,
            Some("add translations (--translate, `translation:` in the answers file, or `settings translation set`)"),
        ),
        Stopped::NothingUnfinished
        | Stopped::BadInput(_)
        | Stopped::VoterSetup(SetupError::Unread { .. } | SetupError::Missing(_)) => (Exit::BadInput, None),
        Stopped::Settings(SettingsError::Problems(_)) => {
            (Exit::BadInput, Some("nothing was changed; mend the file, then look with `config check`"))
        }
        Stopped::WentBack { .. } => {
            (Exit::Failed, Some("see `status` for how things are now and `history` for each step"))
        }
        Stopped::VotersNotSetUp(_) => (Exit::Unknown, Some("try that again with `settings witness`")),
        Stopped::LeftStanding { .. } => (Exit::Unknown, Some("see `status` for how things are now")),
        Stopped::Stuck { .. } => (
            Exit::Unknown,
            Some("see `status` for how things are now; try again with --resume or --abandon; see `help lost-primary`"),
        ),
        Stopped::NotProved(_) | Stopped::Several(_) => (Exit::Unknown, None),
        Stopped::Dialog(dialog) => unanswered(dialog),
        Stopped::Journal(JournalError::Locked { .. }) => (Exit::Busy, Some("wait until it is over, then try again")),
        Stopped::Settings(SettingsError::Io { .. })
        | Stopped::Journal(JournalError::Io { .. })
        | Stopped::Mirror(MirrorError::NoRoom { .. } | MirrorError::Io { .. })
        | Stopped::VoterSetup(SetupError::Io { .. }) => (Exit::Failed, Some(DISK)),
        Stopped::Journal(JournalError::Unreadable { .. }) => (Exit::Failed, Some("mend the file, or move it away")),
        Stopped::Traffic(error) => (Exit::Unknown, traffic_hint(error)),
        Stopped::CallServer(CallServerError::Host { source, .. }) => (reached(source), host_hint(source)),
        Stopped::CallServer(_) => (Exit::Failed, None),
        Stopped::Mirror(MirrorError::NoSuchMirror(_)) => (Exit::BadInput, Some("see `data mirrors list`")),
        Stopped::Mirror(MirrorError::Damaged { .. } | MirrorError::Unreadable { .. }) => {
            (Exit::Failed, Some("copy again with `data copy`"))
        }
        Stopped::Backup(BackupError::Host { source, .. }) => (reached(source), Some(COPY_AGAIN)),
        Stopped::Backup(BackupError::Unfit { .. }) => (Exit::Failed, Some("have the primary make another backup")),
        Stopped::VoterSetup(SetupError::Host(error)) => (reached(error), host_hint(error)),
        Stopped::Voter(_) => (Exit::Unknown, Some("it is asked as root; see whether the monitor works")),
        Stopped::Host(error) => (Exit::Unknown, host_hint(error)),
    }
}

fn refused(refusal: &Refusal) -> (Exit, Option<&'static str>) {
    let hint = match refusal {
        Refusal::AlreadyActive(_) => None,
        Refusal::CannotProveBlocked { .. } => {
            Some("if that site is lost, use --force --reason \"...\"; see `help lost-primary`")
        }
        Refusal::CannotAllow { .. } => Some("see `status`; is the server up, and the line to it?"),
        Refusal::NothingLoaded => Some("run `data copy` first; with --force it takes over without data"),
    };
    (Exit::Refused, hint)
}

fn unanswered(dialog: &DialogError) -> (Exit, Option<&'static str>) {
    match dialog {
        DialogError::Missing { .. } | DialogError::Wrong { .. } | DialogError::NotConfirmed { .. } => {
            (Exit::BadInput, None)
        }
        DialogError::Cancelled => (Exit::Cancelled, None),
        DialogError::Terminal(_) => (Exit::Failed, Some("give the answers by flags or with --answers")),
    }
}

fn traffic_hint(error: &TrafficError) -> Option<&'static str> {
    match error {
        TrafficError::Host { source, .. } | TrafficError::NotConfirmed { source, .. } => host_hint(source),
        TrafficError::NotInForce { .. } => Some("another program may be changing the rules; see `status`"),
        TrafficError::NewerOrder { .. } => Some("somebody has switched since; see `status`"),
        TrafficError::Unreadable { .. } => None,
    }
}

fn host_hint(error: &HostError) -> Option<&'static str> {
    match error {
        HostError::HostKeyChanged { .. } => {
            Some("if the server was set up anew, put its new key into config.yaml; if not, somebody stands in between")
        }
        HostError::NotAuthenticated { .. } | HostError::Identity { .. } => {
            Some("let the key in on that server (authorized_keys), or choose another with ssh: identity")
        }
        HostError::Unreachable { .. } | HostError::TimedOut { .. } | HostError::Lost { .. } => {
            Some("is the server up, and the line to it?")
        }
        HostError::TooMuchOutput { .. }
        | HostError::Sink { .. }
        | HostError::NotStarted { .. }
        | HostError::Failed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::{LimNumber, Site};

    #[test]
    fn a_refusal_reads_as_error_because_and_hint() {
        let refusal = Refusal::CannotProveBlocked { site: Site::Primary, lim: LimNumber::FIRST };
        let failure = Failure::from(Stopped::Refused(refusal));
        assert_eq!(failure.exit, Exit::Refused);
        insta::assert_snapshot!(failure, @r#"
        error: LIM 1 of the primary system does not answer, so it cannot be proved blocked
        hint: if that site is lost, use --force --reason "..."; see `help lost-primary`
        "#);
    }

    #[test]
    fn a_busy_lock_has_its_own_exit_code_and_names_the_holder() {
        let locked = JournalError::Locked { holder: "mxone_admin on pts/3, data copy since 02:14".into() };
        let failure = Failure::from(Stopped::Journal(locked));
        assert_eq!(failure.exit, Exit::Busy);
        assert!(failure.error.contains("mxone_admin on pts/3"));
    }
}
