//! The command line and the menu of `mxone_maintenance`.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::domain::traffic::Traffic;
use crate::faces::failure::{Exit, Failure};
use crate::faces::menu::{Item, Leads};
use crate::flows::maintenance::{self, Action, Change, Machine, MaintenanceError};
use crate::ports::clock::Clock;

mod menu;
mod screen;
mod session;
mod view;
pub(in crate::faces) mod words;

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
    /// Ask with plain line prompts, not on a screen; --json, --dry-run and --yes do as well.
    #[arg(long, global = true)]
    pub plain: bool,
    /// Below which all files of ours lie.
    #[arg(long, global = true, value_name = "DIR", env = "MXONE_REDUNDANCY_ROOT", default_value = "/")]
    pub root: PathBuf,
}

impl Options {
    /// Whether the menu is one of lines. So it is with what a screen could not keep: there everything is shown, and
    /// every change is asked for.
    fn wants_lines(&self) -> bool {
        self.plain || self.json || self.dry_run || self.yes
    }
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

impl Word {
    const LIST: Self = Self::MoreConfiguration(More::Iptables(Rules::List));

    /// The command of a menu leaf.
    fn of(words: &[&str]) -> Option<Self> {
        Line::try_parse_from([&["mxone_maintenance"], words].concat()).ok().and_then(|line| line.word)
    }

    /// What it changes; `None` where it only looks.
    fn action(self) -> Option<Action> {
        match self {
            Self::MoreConfiguration(More::Iptables(Rules::List)) => None,
            Self::MoreConfiguration(More::Iptables(Rules::Add)) => Some(Action::Add),
            Self::MoreConfiguration(More::Iptables(Rules::Remove)) => Some(Action::Remove),
            Self::Uninstall => Some(Action::Uninstall),
        }
    }
}

/// What a word of the menu changes, if anything.
fn action_of(item: &Item) -> Option<Action> {
    match item.leads {
        Leads::Run(words) | Leads::Ask(words, _) => Word::of(words).and_then(Word::action),
        Leads::Menu(_) | Leads::Show(..) | Leads::Leave => None,
    }
}

/// Who sits at the terminal, and what it can do.
pub struct Desk {
    /// Who sits there.
    pub who: String,
    /// The server's own name.
    pub server: String,
    /// Whether the terminal can do no more than lines.
    pub is_dumb: bool,
    /// Whether colours are wanted.
    pub colour: bool,
    /// What time it is there.
    pub clock: Arc<dyn Clock>,
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
pub async fn run(arguments: impl IntoIterator<Item = OsString>, opens: Arc<dyn Opens>, desk: &Desk) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // It prints help to standard output and everything else to standard error; nobody is left to tell if
            // that fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::BadInput } else { Exit::Done } as u8);
        }
    };
    let (reads, tells) = (io::stdin().is_terminal(), io::stderr().is_terminal());
    let has_screen = io::stdout().is_terminal() && !desk.is_dumb && !line.options.wants_lines();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let mut face = Face { opens: opens.as_ref(), options: line.options, out: &mut out, err: &mut err };
    let exit = match (line.word, reads && tells) {
        (Some(word), _) => face.word(word).await,
        (None, true) if has_screen => match session::run(&opens, &face.options, desk).await {
            Ok(()) => Exit::Done,
            Err(failure) => face.failed(&failure),
        },
        (None, true) => menu::run(&mut face).await,
        (None, false) => {
            face.say("error: no command was given, and there is no terminal for the menu; see --help");
            Exit::BadInput
        }
    };
    ExitCode::from(exit as u8)
}

/// A face at work.
struct Face<'a> {
    opens: &'a dyn Opens,
    options: Options,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl Face<'_> {
    async fn word(&mut self, word: Word) -> Exit {
        let done = match word.action() {
            Some(action) => self.act(action).await,
            None => self.list().await,
        };
        done.unwrap_or_else(|error| self.failed(&Failure::from(error)))
    }

    async fn list(&mut self) -> Result<Exit, OpenError> {
        let machine = self.open(None).await?;
        let reading = maintenance::list(&machine).await;
        self.print(&words::report(&reading, &[], self.options.json));
        Ok(if matches!(reading.traffic, Traffic::Unknown { .. }) { Exit::Unknown } else { Exit::Done })
    }

    async fn act(&mut self, action: Action) -> Result<Exit, OpenError> {
        let machine = self.open(Some(action)).await?;
        let changes = maintenance::plan(action, &machine, self.options.overriding)?;
        if self.options.dry_run {
            let reading = maintenance::list(&machine).await;
            self.print(&words::report(&reading, &changes, self.options.json));
            return Ok(Exit::Done);
        }
        if let Some(code) = self.not_confirmed(action, &changes) {
            return Ok(code);
        }
        let done = maintenance::carry_out(&changes, &machine, self.options.reason.as_deref()).await?;
        self.print(&words::report(&done.reading, &[], self.options.json));
        for line in words::remarks(&done) {
            self.say(&line);
        }
        Ok(Exit::Done)
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
    fn not_confirmed(&mut self, action: Action, changes: &[Change]) -> Option<Exit> {
        if self.options.yes {
            return None;
        }
        for change in changes {
            self.say(&format!("  {change}"));
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            self.say("error: nobody is here to confirm this; say --yes");
            return Some(Exit::BadInput);
        }
        // A prompt that was broken off is a no.
        if menu::confirmed(action).unwrap_or(false) {
            return None;
        }
        self.say("cancelled; nothing was changed");
        Some(Exit::Cancelled)
    }

    fn failed(&mut self, failure: &Failure) -> Exit {
        self.say(&failure.to_string());
        failure.exit
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
