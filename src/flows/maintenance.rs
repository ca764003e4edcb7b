//! Blocks and allows the machine at hand, and takes everything of ours off it.
//!
//! The tool of last resort at a site whose other half is lost: it needs no peer, no network and no configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::{Origin, Traffic};
use crate::ports::host::{Command, Host, HostError, run_checked};
use crate::ports::journal::Journal;
use crate::ports::service::MONITOR_UNIT;
use crate::ports::traffic_control::{TrafficControl, TrafficError};

/// The name under which the ports know the machine at hand; which server it is does not matter here.
pub const THIS_MACHINE: ServerId = ServerId::first_of(Site::Alternate);

/// The machine at hand.
#[derive(Clone)]
pub struct Machine {
    /// Its packet filter and boot guard.
    pub traffic: Arc<dyn TrafficControl>,
    /// The machine itself.
    pub host: Arc<dyn Host>,
    /// Where every change is written down.
    pub history: Arc<dyn History>,
    /// Who else is at work here.
    pub journal: Arc<dyn Journal>,
    /// Whether a redundancy configuration left its boot guard here.
    pub configured: bool,
    /// Below which our files lie; `/`.
    pub root: PathBuf,
}

/// How the machine is, read afresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whether telephony reaches it.
    pub traffic: Traffic,
    /// Whether a redundancy configuration rules here.
    pub configured: bool,
    /// Who changes something here with the redundancy utility at this moment, and what.
    pub running: Option<String>,
    /// Whether a monitor runs here.
    pub monitored: bool,
}

/// What came of changes that were carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// How the machine is now.
    pub reading: Reading,
    /// What was written down in vain: at a burnt-down site a full disk must not keep anybody from opening the
    /// surviving half.
    pub unwritten: Vec<String>,
    /// What is left behind, in words.
    pub left: Vec<String>,
}

/// Where every change is written down.
pub trait History: Send + Sync {
    /// Appends one entry, durably.
    ///
    /// # Errors
    /// Why it could not be written.
    fn record(&self, entry: &Entry<'_>) -> Result<(), String>;
}

/// One entry of the history: a change that begins, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The change.
    pub change: &'a Change,
    /// Why, in the words of whoever ordered it.
    pub reason: Option<&'a str>,
    /// How far it is.
    pub phase: Phase,
}

/// How far a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It begins.
    Begun,
    /// It is done.
    Done,
    /// It failed.
    Failed(String),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `iptables add`: turn telephony away.
    Add,
    /// `iptables remove`: let it in again.
    Remove,
    /// `uninstall`: take out all that is ours.
    Uninstall,
}

/// One change of the machine. One that was cut off can be begun again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Cut it off from terminals, trunks and applications.
    Block,
    /// Let them reach it.
    Allow,
    /// Take out the boot guard.
    RemoveGuard,
    /// Forget which site is meant to be active.
    ForgetOrder,
    /// Stop the monitor and take out its unit, where there is one.
    RemoveMonitor {
        /// The unit's file.
        unit: PathBuf,
    },
    /// Remove a folder of ours with all that is in it.
    RemoveFolder {
        /// The folder.
        folder: PathBuf,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("block: turn telephony traffic away from this server"),
            Self::Allow => f.write_str("allow: let telephony traffic reach this server"),
            Self::RemoveGuard => f.write_str("take out the boot guard: this server then boots allowed"),
            Self::ForgetOrder => f.write_str("forget which site is meant to be active"),
            Self::RemoveMonitor { unit } => write!(f, "stop the monitor and remove {}, if it is there", unit.display()),
            Self::RemoveFolder { folder } => write!(f, "remove {} and all that is in it", folder.display()),
        }
    }
}

/// Plans an action.
///
/// # Errors
/// [`MaintenanceError::Configured`] where a redundancy configuration rules and nobody takes it upon themselves.
pub fn plan(action: Action, machine: &Machine, overriding: bool) -> Result<Vec<Change>, MaintenanceError> {
    if machine.configured && !overriding {
        return Err(MaintenanceError::Configured);
    }
    Ok(match action {
        Action::Add => vec![Change::Block],
        Action::Remove => vec![Change::Allow],
        Action::Uninstall => {
            // The guard goes first: cut off in the middle, the machine is blocked and stays what it was after a boot.
            // The monitor goes before it: it would bring back what is taken out.
            let unit = machine.root.join("etc/systemd/system").join(MONITOR_UNIT);
            let mut changes =
                vec![Change::RemoveMonitor { unit }, Change::RemoveGuard, Change::ForgetOrder, Change::Allow];
            let folders = ["etc", "var/lib", "run"].map(|above| machine.root.join(above));
            let ours = folders.map(|above| above.join("mxone_system_redundancy"));
            changes.extend(ours.map(|folder| Change::RemoveFolder { folder }));
            changes
        }
    })
}

/// What an uninstall leaves behind, in words.
fn left_behind(root: &Path) -> Vec<String> {
    vec![
        format!("the history in {}", root.join("var/log/mxone_system_redundancy").display()),
        "the programs themselves".to_owned(),
    ]
}

/// Reads afresh how the machine is.
pub async fn list(machine: &Machine) -> Reading {
    Reading {
        traffic: machine.traffic.read(THIS_MACHINE).await,
        configured: machine.configured,
        running: machine.journal.holder(),
        monitored: machine.journal.watched(),
    }
}

/// Carries the changes out, one after another, writes each down before and after, and reads the machine back.
///
/// # Errors
/// The first change that failed; those before it are done.
pub async fn carry_out(changes: &[Change], machine: &Machine, reason: Option<&str>) -> Result<Done, MaintenanceError> {
    let mut unwritten = Vec::new();
    for change in changes {
        let mut record = |phase| unwritten.extend(machine.history.record(&Entry { change, reason, phase }).err());
        record(Phase::Begun);
        let outcome = make(change, machine).await;
        record(outcome.as_ref().map_or_else(|error| Phase::Failed(error.to_string()), |()| Phase::Done));
        outcome?;
    }
    unwritten.dedup();
    let is_taken_off = changes.contains(&Change::RemoveGuard);
    let left = if is_taken_off { left_behind(&machine.root) } else { Vec::new() };
    let read = list(machine).await;
    let reading = Reading { configured: read.configured && !is_taken_off, ..read };
    Ok(Done { reading, unwritten, left })
}

async fn make(change: &Change, machine: &Machine) -> Result<(), MaintenanceError> {
    let traffic = &machine.traffic;
    match change {
        Change::Block => traffic.block(THIS_MACHINE, Origin::Maintenance).await?,
        Change::Allow => {
            traffic.allow(THIS_MACHINE).await?;
            // What automatic takeover left closed would turn everything away all the same.
            traffic.remove_gate(THIS_MACHINE).await?;
        }
        Change::RemoveGuard => traffic.remove_guard(THIS_MACHINE).await?,
        Change::ForgetOrder => traffic.forget_order(THIS_MACHINE).await?,
        Change::RemoveMonitor { unit } => {
            let host = machine.host.as_ref();
            // A server without systemd, or without the unit, has no monitor to stop.
            let _ = host.run(Command::new(["systemctl", "disable", "--now", MONITOR_UNIT])).await;
            run_checked(host, Command::new(["rm".to_owned(), "-f".to_owned(), unit.to_string_lossy().into_owned()]))
                .await?;
        }
        Change::RemoveFolder { folder } => {
            let remove = Command::new(["rm".to_owned(), "-rf".to_owned(), folder.to_string_lossy().into_owned()]);
            run_checked(machine.host.as_ref(), remove).await?;
        }
    }
    Ok(())
}

/// Why the machine was not, or not wholly, changed.
#[derive(Debug, Error)]
pub enum MaintenanceError {
    /// A redundancy configuration decides here.
    #[error("system redundancy is configured on this server, so traffic is switched by mxone_system_redundancy")]
    Configured,
    /// The machine's packet filter or files could not be changed.
    #[error("{doing} failed on this server")]
    Failed {
        /// What was being done, as a noun.
        doing: &'static str,
        /// What happened.
        #[source]
        source: HostError,
    },
    /// The rules read back differ.
    #[error("the rules read back are not those that were written: {}", .0.join("; "))]
    NotInForce(Vec<String>),
    /// Something on the machine cannot be understood.
    #[error("{what} cannot be understood: {because}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// Why not.
        because: String,
    },
    /// A command that could not be run.
    #[error("a command failed on this server")]
    Command(#[from] HostError),
}

impl From<TrafficError> for MaintenanceError {
    /// The same without the server's name: here it is always this one.
    fn from(error: TrafficError) -> Self {
        match error {
            TrafficError::Host { doing, source, .. } => Self::Failed { doing, source },
            TrafficError::NotConfirmed { source, .. } => Self::Failed { doing: "confirming the block", source },
            TrafficError::NotInForce { differences, .. } => Self::NotInForce(differences),
            TrafficError::NewerOrder { present, .. } => {
                Self::Unreadable { what: "the order", because: format!("a newer one is there: {present}") }
            }
            TrafficError::Unreadable { what, because, .. } => Self::Unreadable { what, because },
        }
    }
}
