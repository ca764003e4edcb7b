//! What we do: one file an action. A flow speaks in intentions and asks through a [`Dialog`](crate::ports::dialog).

pub mod aftermath;
pub mod auto_copy;
pub mod carry_out;
pub mod configure;
pub mod configured;
pub mod data_copy;
pub mod herald;
pub mod lease;
pub mod looks;
pub mod maintenance;
pub mod mirrors;
pub mod monitor;
pub mod numbers;
pub mod perform;
pub mod platform_check;
pub mod preflight;
pub mod recover;
pub mod remove;
pub mod service_address;
pub mod settings;
pub mod status;
pub mod stopped;
pub mod survey;
pub mod system_alarms;
pub mod takeover;
pub mod takeover_limits;
pub mod voter;
pub mod witness;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::journal::Person;
use crate::domain::preflight::Check;
use crate::ports::clock::Clock;
use crate::ports::documents::Documents;
use crate::ports::events::Events;
use crate::ports::journal::Journal;
use crate::ports::mirror_store::MirrorStore;
use crate::ports::notifier::Notifier;
use crate::ports::service::Service;
use crate::ports::settings::Settings;
use crate::ports::systems::Systems;
use crate::ports::voter::OwnVoter;
use crate::ports::voter_setup::VoterSetup;

pub use stopped::Stopped;

/// Everything a flow needs from the world.
#[derive(Clone)]
pub struct Ports {
    /// The way to the servers.
    pub systems: Arc<dyn Systems>,
    /// The configuration files.
    pub settings: Arc<dyn Settings>,
    /// History, unfinished action, lock.
    pub journal: Arc<dyn Journal>,
    /// The mirrors.
    pub mirrors: Arc<dyn MirrorStore>,
    /// Where `configure` keeps the first mirror until it is confirmed.
    pub scratch: Arc<dyn MirrorStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Platform profiles, answers and tables as files.
    pub documents: Arc<dyn Documents>,
    /// The monitor as a service.
    pub service: Arc<dyn Service>,
    /// The voter of automatic takeover that works on this machine.
    pub voter: Arc<dyn OwnVoter>,
    /// The ways of telling people.
    pub notifier: Arc<dyn Notifier>,
    /// Which alarms are raised, and what people were told.
    pub events: Arc<dyn Events>,
    /// Sets the voters up.
    pub voter_setup: Arc<dyn VoterSetup>,
    /// Where translated exchange data is made before it is put in its place.
    pub staging: Staging,
}

/// A folder under the two names it may have: the embedded lab's LIM 1 sees its own root.
#[derive(Debug, Clone)]
pub struct Staging {
    /// As this program sees it.
    pub here: PathBuf,
    /// As LIM 1 of the alternate sees it.
    pub on_server: PathBuf,
}

/// Who asks for an action, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who.
    pub person: Person,
    /// Why, for the journal.
    pub reason: Option<String>,
    /// Only the plan is wanted.
    pub dry_run: bool,
    /// Checks that are not to stop it.
    pub skipped: BTreeSet<Check>,
    /// A person vouches for a side that does not answer.
    pub force: bool,
}

/// How a flow that changes something ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// Only the plan was wanted; here it is.
    Planned(crate::domain::plan::Plan),
    /// Only what would be changed was wanted, and it is one setting.
    WouldChange(String),
    /// There was nothing to do, and that is no fault.
    NotDone(String),
}
