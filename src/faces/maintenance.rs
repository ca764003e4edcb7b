//! The command line and the menu of `mxone_maintenance`.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use async_trait::async_trait;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::flows::maintenance::{self, Action, Change, Machine, MaintenanceError};

mod menu;
pub(in crate::faces) mod words;

/// Exit codes of the contract of the command line.
mod exit {
    pub(super) const DONE: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const REFUSED: u8 = 3;
    pub(super) const UNKNOWN: u8 = 4;
    pub(super) const CANCELLED: u8 = 130;
}

/// Blocks and allows telephony on the server at hand; needs no peer, no network and no configuration.
#[derive(Debug, Parser)]
#[command(name = "mxone_maintenance", version)]
struct Line {
    #[command(subcommand)]
    word: Option<Word>,
    #[command(flatten)]
    options: Options,
}

/// What can be said on the command line beside the words of the menu.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line, and any two go together")]
pub struct Options {
    /// Print the result as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print what would be changed, and change nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(long, global = true)]
    pub yes: bool,
    /// Act although system redundancy is configured on this server; needs --reason.
    #[arg(long = "override", global = true, requires = "reason")]
    pub overriding: bool,
    /// Why; kept in the history.
    #[arg(long, global = true, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Whose ports are blocked, where no redundancy configuration says so.
    #[arg(long, global = true, value_name = "NAME", default_value = "mxone")]
    pub platform: String,
    /// An address that is never blocked; may be given more than once.
    #[arg(long = "never-block", global = true, value_name = "ADDR")]
    pub never_block: Vec<IpAddr>,
    /// The port of SSH on this server, spared beside 22.
    #[arg(long, global = true, value_name = "PORT", default_value_t = 22, value_parser = clap::value_parser!(u16).range(1..))]
    pub ssh_port: u16,
    /// Below which all files of ours lie.
    #[arg(long, global = true, value_name = "DIR", env = "MXONE_REDUNDANCY_ROOT", default_value = "/")]
    pub root: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
#[command(rename_all = "snake_case")]
enum Word {
    /// More configuration: iptables.
    #[command(subcommand)]
    MoreConfiguration(More),
    /// Take everything of ours off this server.
    Uninstall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum More {
    /// Block or allow telephony traffic.
    #[command(subcommand)]
    Iptables(Rules),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Rules {
    /// Add the rules: BLOCK telephony traffic.
    Add,
    /// Remove the rules: ALLOW telephony traffic.
    Remove,
    /// Show whether telephony traffic is blocked.
    List,
}

/// Opens the machine at hand; whoever knows the adapters implements it.
#[async_trait]
pub trait Opens: Send + Sync {
    /// The machine as the options say, for an action or for `list`.
    ///
    /// # Errors
    /// [`OpenError`] when the options cannot be met.
    async fn open(&self, options: &Options, action: Option<Action>) -> Result<Opened, OpenError>;
}

/// The machine, and what is to be said about it first.
pub struct Opened {
    /// The machine.
    pub machine: Machine,
    /// Notes for the person.
    pub notes: Vec<String>,
}

/// Why the machine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An option names what is not there.
    #[error("{0}")]
    Usage(String),
    /// The machine could not be asked.
    #[error(transparent)]
    Machine(#[from] MaintenanceError),
}

/// The words and flags of the command line.
#[must_use]
pub fn table() -> clap::Command {
    Line::command()
}

/// Runs the command line, or the menu where there is none, and returns the exit code.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, opens: &dyn Opens) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // It prints help to standard output and everything else to standard error; nobody is left to tell if
            // that fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let mut face = Face { opens, options: line.options, out: &mut out, err: &mut err };
    ExitCode::from(match line.word {
        Some(word) => face.word(word).await,
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => menu::run(&mut face).await,
        None => {
            face.say("error: no command was given, and there is no terminal for the menu; see --help");
            exit::USAGE
        }
    })
}

/// A face at work.
struct Face<'a> {
    opens: &'a dyn Opens,
    options: Options,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl Face<'_> {
    async fn word(&mut self, word: Word) -> u8 {
        let action = match word {
            Word::MoreConfiguration(More::Iptables(Rules::List)) => return self.list().await,
            Word::MoreConfiguration(More::Iptables(Rules::Add)) => Action::Add,
            Word::MoreConfiguration(More::Iptables(Rules::Remove)) => Action::Remove,
            Word::Uninstall => Action::Uninstall,
        };
        match self.act(action).await {
            Ok(code) => code,
            Err(error) => self.failed(&error),
        }
    }

    async fn list(&mut self) -> u8 {
        let opened = match self.open(None).await {
            Ok(opened) => opened,
            Err(error) => return self.failed(&error),
        };
        let traffic = maintenance::list(&opened).await;
        self.print(&words::report(&traffic, opened.configured, &[], self.options.json));
        if matches!(traffic, crate::domain::traffic::Traffic::Unknown { .. }) { exit::UNKNOWN } else { exit::DONE }
    }

    async fn act(&mut self, action: Action) -> Result<u8, OpenError> {
        let machine = self.open(Some(action)).await?;
        let changes = maintenance::plan(action, &machine, self.options.overriding)?;
        if self.options.dry_run {
            let traffic = maintenance::list(&machine).await;
            self.print(&words::report(&traffic, machine.configured, &changes, self.options.json));
            return Ok(exit::DONE);
        }
        if let Some(code) = self.not_confirmed(action, &changes) {
            return Ok(code);
        }
        for unwritten in maintenance::carry_out(&changes, &machine, self.options.reason.as_deref()).await? {
            self.say(&format!("warning: the history was not written: {unwritten}"));
        }
        let traffic = maintenance::list(&machine).await;
        self.print(&words::report(&traffic, machine.configured, &[], self.options.json));
        if action == Action::Uninstall {
            for left in maintenance::left_behind(&self.options.root) {
                self.say(&format!("left behind: {left}"));
            }
        }
        Ok(exit::DONE)
    }

    fn help(&mut self) {
        match crate::faces::help::page(Some("maintenance")) {
            Ok(page) | Err(page) => self.print(&page),
        }
    }

    async fn open(&mut self, action: Option<Action>) -> Result<Machine, OpenError> {
        let opened = self.opens.open(&self.options, action).await?;
        for note in opened.notes {
            self.say(&format!("note: {note}"));
        }
        Ok(opened.machine)
    }

    /// Shows the changes and asks; the exit code if it is not to be done.
    fn not_confirmed(&mut self, action: Action, changes: &[Change]) -> Option<u8> {
        if self.options.yes {
            return None;
        }
        for change in changes {
            self.say(&format!("  {change}"));
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            self.say("error: nobody is here to confirm this; say --yes");
            return Some(exit::USAGE);
        }
        // A prompt that was broken off is a no.
        if menu::confirmed(action).unwrap_or(false) {
            return None;
        }
        self.say("cancelled; nothing was changed");
        Some(exit::CANCELLED)
    }

    fn failed(&mut self, error: &OpenError) -> u8 {
        let (code, hint) = match error {
            OpenError::Usage(_) => (exit::USAGE, None),
            OpenError::Machine(MaintenanceError::Configured) => {
                let hint = "if the other site is lost, say --override --reason \"why\"";
                (exit::REFUSED, Some(hint))
            }
            OpenError::Machine(MaintenanceError::Failed { .. } | MaintenanceError::Command(_)) => {
                (exit::FAILED, Some("it needs root: sudo -H mxone_maintenance"))
            }
            OpenError::Machine(MaintenanceError::NotInForce(_) | MaintenanceError::Unreadable { .. }) => {
                (exit::FAILED, None)
            }
        };
        self.say(&format!("error: {error}"));
        let mut cause = std::error::Error::source(error);
        while let Some(because) = cause {
            self.say(&format!("  because: {because}"));
            cause = because.source();
        }
        if let Some(hint) = hint {
            self.say(&format!("hint: {hint}"));
        }
        code
    }

    /// A result, for standard output. A reader that has gone away wants no more of it.
    fn print(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    /// Anything else, for standard error; as [`Face::print`].
    fn say(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }
}
