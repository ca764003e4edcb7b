//! Keeps an alternate telephony system ready beside a primary one, with at most one of the two sites live.
//!
//! # Rooms
//! ```text
//! faces ──► flows ──► ports ──► domain
//! config ──► domain        adapters ──► ports, domain        lab ──► ports, domain
//! ```
//! `domain` says what is, `ports` what we need, `adapters` how it is done, `flows` what we do (a file an action),
//! `faces` who asks, `config` what a person writes into files, `lab` is the embedded two-site lab. This file and
//! `wiring` join adapters to faces; nobody else names adapters. `tests/architecture.rs` keeps these arrows.
//!
//! # How an action runs
//! A face parses flags into a command and hands a flow the [`Ports`] and a
//! [`Dialog`](ports::dialog::Dialog). The flow surveys both systems, has the domain make a
//! [`Plan`](domain::plan::Plan), has it confirmed, and [carries it out](flows::carry_out): every step is written into
//! the journal before and after. Killed anywhere, the plan is still there, and every step can be begun again.

pub mod adapters;
pub mod config;
pub mod domain;
pub mod faces;
pub mod flows;
pub mod lab;
pub mod ports;
pub mod wiring;

pub use wiring::maintenance::mxone_maintenance;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::config::lease::LeaseFile;
use crate::domain::journal::Person;
use crate::domain::lease;
use crate::faces::cli::{Cli, Command, Common, Lab};
use crate::faces::failure::{Exit, Failure};
use crate::faces::output::{self, ToReader};
use crate::faces::plain::Plain;
use crate::faces::run::{self, Run, SCHEMA};
use crate::faces::terminal;
use crate::faces::terminal::session::World;
use crate::faces::watch::{self, Over, Told, Voter};
use crate::flows::Ports;
use crate::flows::recover::Way;
use crate::wiring::demo::News;
use crate::wiring::{Place, standing_lab};

/// How long what still runs in the background may take when the program ends: nothing there is needed any more.
const LEAVE_WITHIN: Duration = Duration::from_millis(100);

/// Runs `mxone_system_redundancy` with the arguments of this process; the exit code.
#[must_use]
pub fn main() -> u8 {
    let cli = match parse::<Cli>(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    finish(with_runtime(run(cli)))
}

/// Parses a command line; usage errors and help go where they belong.
fn parse<P: Parser>(arguments: impl Iterator<Item = OsString>) -> Result<P, u8> {
    P::try_parse_from(arguments).map_err(|error| {
        // A terminal that takes no error text cannot be told so.
        let _ = error.print();
        u8::try_from(error.exit_code()).unwrap_or(Exit::BadInput as u8)
    })
}

fn with_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("the program cannot start: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LEAVE_WITHIN);
    result
}

fn finish(result: Result<(), Failure>) -> u8 {
    match result {
        Ok(()) => Exit::Done as u8,
        Err(failure) => {
            // Nobody is left to be told that standard error takes nothing.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit as u8
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { command, mut common } = cli;
    let command = match command {
        Some(Command::Demo) => return demo(common.json).await,
        Some(Command::Lab { what }) => return lab(what, common.json).await,
        Some(Command::Simulate(flags)) => return wiring::simulate::run(&flags, common.json),
        other => other,
    };
    let place = place(&mut common)?;
    let ports = wiring::ports(&place);
    let mut out = ToReader(std::io::stdout());
    match command {
        Some(Command::Monitor { install: false }) => return monitor(&place, &ports, common.json).await,
        Some(Command::Witness { listen }) => return witness(&place, &ports, listen, common.json).await,
        _ => {}
    }
    let recover = match (common.resume, common.abandon) {
        (true, _) => Some(Way::Resume),
        (false, true) => Some(Way::Abandon),
        (false, false) => None,
    };
    let json = common.json;
    let dialogs = move |script| run::at_hand(script, json);
    let mut run = Run { ports: &ports, common, person: person(), out: &mut out, dialogs: &dialogs };
    match (recover, command) {
        (Some(way), _) => run.recover(way).await,
        (None, Some(command)) => run.run(command).await,
        (None, None) => menu(&ports, run.common).await,
    }
}

/// The monitor of a site, with the voter that works there, if one is set up.
async fn monitor(place: &Place, ports: &Ports, json: bool) -> Result<(), Failure> {
    loop {
        let file = wiring::voter::set_up(place)?;
        let (say, news) = tokio::sync::mpsc::unbounded_channel();
        let herald = wiring::notify::herald_with_numbers(place, ports, file.as_ref(), say);
        let mut running = match &file {
            Some(file) => Some(wiring::voter::start(place, file.clone(), herald.clone()).await?),
            None => None,
        };
        let has_changed = || wiring::voter::set_up(place).is_ok_and(|now| now != file);
        let said = running.as_mut().map(|running| &mut running.said);
        let (voter, mut out) = (Voter { said, has_changed: &has_changed }, ToReader(std::io::stdout()));
        if watch::watch(ports, &mut out, json, (voter, Told { herald, news })).await? == Over::Ended {
            return Ok(());
        }
    }
}

/// The witness.
async fn witness(place: &Place, ports: &Ports, listen: Option<SocketAddr>, json: bool) -> Result<(), Failure> {
    let Some(file) = wiring::voter::set_up(place)?.filter(|file| file.me == lease::Voter::Witness) else {
        return Err(Failure::new(Exit::NotConfigured, "this machine is not set up as a witness"));
    };
    let file = LeaseFile { listen: listen.unwrap_or(file.listen), ..file };
    let (say, news) = tokio::sync::mpsc::unbounded_channel();
    let herald = wiring::notify::herald_with_numbers(place, ports, Some(&file), say);
    let mut voter = wiring::voter::start(place, file, herald.clone()).await?;
    let voter = Voter { said: Some(&mut voter.said), has_changed: &|| false };
    watch::watch(ports, &mut ToReader(std::io::stdout()), json, (voter, Told { herald, news })).await?;
    Ok(())
}

/// The menu: as a terminal UI, as line prompts where the terminal can do no better or a person wishes so.
async fn menu(ports: &Ports, common: Common) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match (is_terminal, common.plain || is_dumb()) {
        (true, false) => {
            let world = World { ports: ports.clone(), common, person: person() };
            terminal::open(world, run::own_zone(), has_colour()).await
        }
        (true, true) => Plain { ports, common, person: person() }.run().await,
        (false, _) => {
            let help = Cli::command().render_long_help();
            let mut out = std::io::stdout();
            let _ = writeln!(out, "{help}");
            Err(Failure::new(Exit::BadInput, "say what to do; the commands are above"))
        }
    }
}

/// Whether the terminal can do no more than lines.
fn is_dumb() -> bool {
    variable("TERM").is_none_or(|name| name == "dumb")
}

/// Whether colours are wanted (<https://no-color.org>).
fn has_colour() -> bool {
    variable("NO_COLOR").is_none()
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Real systems, or the standing lab with its own answers.
fn place(common: &mut Common) -> Result<Place, Failure> {
    if !common.lab {
        return Ok(Place::real(common.root.clone().unwrap_or_else(|| PathBuf::from("/"))));
    }
    let place = standing_lab::card()?.place();
    common.answers.get_or_insert_with(standing_lab::answers_file);
    Ok(place)
}

/// Tells the story as it goes, or whole as one document.
async fn demo(json: bool) -> Result<(), Failure> {
    let mut out = ToReader(std::io::stdout());
    if !json {
        return wiring::demo::run(&mut out, News::WithTheStory).await;
    }
    let mut story = Vec::new();
    wiring::demo::run(&mut story, News::Apart).await?;
    print(&String::from_utf8_lossy(&story), json)
}

async fn lab(what: Lab, json: bool) -> Result<(), Failure> {
    let told = match what {
        Lab::Start { servers } => standing_lab::start(servers).await?,
        Lab::Stop => standing_lab::ask("stop").await?,
        Lab::Cut { site } => standing_lab::ask(&format!("cut {site}")).await?,
        Lab::Heal { site } => standing_lab::ask(&format!("heal {site}")).await?,
        Lab::Backup => standing_lab::ask("backup").await?,
        Lab::Serve { servers } => return standing_lab::serve(servers).await,
    };
    print(&told, json)
}

fn print(told: &str, json: bool) -> Result<(), Failure> {
    let lines: Vec<&str> = told.lines().collect();
    let document = serde_json::json!({"schema": SCHEMA, "told": lines});
    let text = if json { output::document(&document)? } else { told.to_owned() };
    ToReader(std::io::stdout())
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(Exit::Failed, format!("the result cannot be printed: {error}")))
}

/// Who runs the program, and from where.
pub(crate) fn person() -> Person {
    let who = variable("SUDO_USER").or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    let uid = rustix::process::getuid();
    let who = who.unwrap_or_else(|| if uid.is_root() { "root".to_owned() } else { format!("uid {}", uid.as_raw()) });
    let terminal = std::io::stdin()
        .is_terminal()
        .then(|| rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok())
        .flatten()
        .map(|name| name.to_string_lossy().trim_start_matches("/dev/").to_owned());
    let away = variable("SSH_CONNECTION").and_then(|line| line.split(' ').next().map(str::to_owned));
    let from = match (terminal, away) {
        (Some(terminal), Some(away)) => format!("{terminal} from {away}"),
        (Some(terminal), None) => terminal,
        (None, Some(away)) => format!("no terminal, from {away}"),
        (None, None) => "no terminal".to_owned(),
    };
    Person { who, from }
}
