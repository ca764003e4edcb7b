//! Joins the face of `mxone_maintenance` with the adapters of the machine at hand.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;

use crate::adapters::announcement;
use crate::adapters::clock::SystemClock;
use crate::adapters::gate::{self, HoldError};
use crate::adapters::journal_file::JournalFile;
use crate::adapters::local::LocalHost;
use crate::adapters::netfilter::{self, Netfilter};
use crate::config::platform;
use crate::domain::journal::{Event, Line};
use crate::domain::plan;
use crate::domain::platform::Platform;
use crate::domain::site::ServerId;
use crate::domain::traffic::{RuleSet, Spared, TurnAway};
use crate::faces::maintenance::{self, Desk, OpenError, Opened, Opens, Options};
use crate::flows::configured::JOURNAL_SCHEMA;
use crate::flows::maintenance::{Action, Entry, History, Machine, Phase};
use crate::ports::clock::Clock;
use crate::ports::host::Host;
use crate::ports::journal::Journal;
use crate::ports::systems::Hosts;

/// The word by which LIM 1 starts a holder.
const HOLD: &str = "hold";

/// The word by which the service address is announced on the server that holds it.
const ANNOUNCE: &str = "announce";

/// Runs `mxone_maintenance` with these arguments and returns its exit code.
pub fn mxone_maintenance(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // The keys are read on one thread while another one works.
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let code = if arguments.get(1).is_some_and(|word| word == HOLD) {
        runtime.block_on(hold())
    } else if arguments.get(1).is_some_and(|word| word == ANNOUNCE) {
        announce(arguments.get(2..).unwrap_or_default())
    } else {
        runtime.block_on(maintenance::run(arguments, Arc::new(ThisMachine), &desk()))
    };
    runtime.shutdown_timeout(crate::LEAVE_WITHIN);
    code
}

/// Who sits there, and what their terminal can do.
fn desk() -> Desk {
    let server = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Desk {
        who: crate::person().who,
        server,
        is_dumb: crate::is_dumb(),
        colour: crate::has_colour(),
        clock: super::clock(),
    }
}

/// Holds the gate of this server for LIM 1, which starts it; no person does, so no help names it.
async fn hold() -> ExitCode {
    match gate::hold(Arc::new(LocalHost)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started it may have gone.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(if matches!(error, HoldError::Io(_) | HoldError::Silent) { 1 } else { 2 })
        }
    }
}

/// Announces an address at an interface of this server; no person does, so no help names it.
fn announce(arguments: &[OsString]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let ([address, interface], 2) = (words.as_slice(), arguments.len()) else { return ExitCode::from(2) };
    let (Ok(address), Ok(interface)) = (address.parse(), interface.parse()) else { return ExitCode::from(2) };
    match announcement::send(address, &interface) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started it may have gone.
            let _ = writeln!(io::stderr(), "error: {address} is not announced: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The machine we run on.
struct ThisMachine;

#[async_trait]
impl Opens for ThisMachine {
    async fn open(&self, options: &Options, action: Option<Action>) -> Result<Opened, OpenError> {
        let platform = platform::builtin(&options.platform).ok_or_else(|| {
            let names = platform::builtin_names().join(", ");
            OpenError::Usage(format!("--platform {}: there is no such platform; there are {names}", options.platform))
        })?;
        let mut notes = Vec::new();
        let host: Arc<dyn Host> = Arc::new(LocalHost);
        // Guard files are what a redundancy configuration leaves on every server, and they hold its rule set.
        let (configured, guarding) = match netfilter::guard_rules(Arc::clone(&host), &options.root).await {
            Ok(rules) => (rules.is_some(), rules),
            Err(error) => {
                notes.push(format!("{error}; the rules of platform {} are used", options.platform));
                (true, None)
            }
        };
        let rules = match guarding {
            Some(rules) => rules,
            None => own_rules(options, &platform, action, &host).await?,
        };
        let traffic =
            Netfilter::with_rules(Arc::new(Only(Arc::clone(&host))), rules, platform.telephony, Arc::new(SystemClock))
                .below(&options.root);
        let journal = Arc::new(JournalFile::new(&options.root, super::clock()));
        let machine = Machine {
            traffic: Arc::new(traffic),
            host,
            history: Arc::new(Written::new(Arc::clone(&journal), action)),
            journal,
            configured,
            root: options.root.clone(),
        };
        Ok(Opened { machine, notes })
    }
}

/// The rules where no configuration says them: those of the platform; to look at, those that are in force.
async fn own_rules(
    options: &Options,
    platform: &Platform,
    action: Option<Action>,
    host: &Arc<dyn Host>,
) -> Result<RuleSet, OpenError> {
    if action.is_none() {
        // A packet filter that cannot be read is told by `list` itself.
        if let Ok(Some(rules)) = netfilter::rules_in_force(Arc::clone(host)).await {
            return Ok(rules);
        }
    }
    let spared = Spared { addresses: options.never_block.iter().copied().collect(), ssh_port: options.ssh_port };
    Ok(RuleSet::new(&platform.telephony, &spared, TurnAway::default(), platform.probe))
}

/// Every server is this one.
struct Only(Arc<dyn Host>);

impl Hosts for Only {
    fn host(&self, _server: ServerId) -> Arc<dyn Host> {
        Arc::clone(&self.0)
    }
}

/// The history of this machine: the same file, in the same form, as that of the redundancy utility.
struct Written {
    journal: Arc<JournalFile>,
    clock: Arc<dyn Clock>,
    action: Option<Action>,
    id: String,
}

impl Written {
    fn new(journal: Arc<JournalFile>, action: Option<Action>) -> Self {
        let clock = super::clock();
        let id = clock.now().format("%Y%m%dT%H%M%S%.6f").to_string();
        Self { journal, clock, action, id }
    }
}

impl History for Written {
    fn record(&self, entry: &Entry<'_>) -> Result<(), String> {
        let action = match self.action {
            Some(Action::Add) => plan::Action::IptablesAdd,
            Some(Action::Remove) => plan::Action::IptablesRemove,
            Some(Action::Uninstall) | None => plan::Action::Uninstall,
        };
        let note = match &entry.phase {
            Phase::Begun => format!("begun: {}", entry.change),
            Phase::Done => format!("done: {}", entry.change),
            Phase::Failed(because) => format!("FAILED: {}: {because}", entry.change),
        };
        let line = Line {
            schema: JOURNAL_SCHEMA,
            at: self.clock.now().fixed_offset(),
            id: self.id.clone(),
            action,
            person: crate::person(),
            reason: entry.reason.map(str::to_owned),
            event: Event::Noted { note },
        };
        self.journal.record(&[line]).map_err(|error| error.to_string())
    }
}
