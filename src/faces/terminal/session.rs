//! Runs the terminal UI: keys, the clock, readings and the running command come in; effects go out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::app::{App, Effect, Happened};
use super::conversation::{Conversation, Reply, Said};
use super::dashboard::Facts;
use super::events::{Event, Events, read_on};
use super::files;
use super::job::Invocation;
use super::screen::Screen;
use crate::domain::journal::Person;
use crate::faces::cli::{Cli, Common};
use crate::faces::failure::{Exit, Failure};
use crate::faces::run::Run;
use crate::faces::scripted::Scripted;
use crate::flows::recover::Way;
use crate::flows::{self, Ports};
use crate::ports::dialog::Dialog;

/// What the terminal UI works on.
#[derive(Clone)]
pub struct World {
    /// The world.
    pub ports: Ports,
    /// The flags of the command line.
    pub common: Common,
    /// Who sits there.
    pub person: Person,
}

/// Runs the terminal UI until a person leaves it, the terminal is gone, or the program is told to end.
///
/// # Errors
/// When the terminal cannot be taken.
pub async fn run(world: World, mut app: App) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("the terminal cannot be used: {error}")).hint("use --plain")
    };
    let clock = Arc::clone(&world.ports.clock);
    let mut events = Events::open().map_err(broken)?;
    let mut screen = Screen::take().map_err(broken)?;
    let (read, mut readings) = mpsc::channel(1);
    let again = Arc::new(Notify::new());
    let ports = world.ports.clone();
    let read_all = move || {
        let ports = ports.clone();
        async move { Box::new(read_once(&ports).await) }
    };
    let reader = tokio::spawn(read_on(read_all, read, Arc::clone(&again)));
    let mut jobs = Jobs::new(world);
    let (tell, mut done) = unbounded_channel();
    let ended = loop {
        if screen.draw(|frame| app.view(frame)).is_err() {
            break Ok(());
        }
        let happened = tokio::select! {
            event = events.next() => match event {
                Event::Key(key) => Happened::Key(key),
                Event::Mouse(mouse) => Happened::Mouse(mouse),
                Event::Passed => Happened::Passed,
                Event::End => break Ok(()),
            },
            Some(facts) = readings.recv() => Happened::Read(facts),
            Some(said) = jobs.said.recv() => Happened::Said(said),
            Some(done) = done.recv() => done,
        };
        let mut leaves = false;
        for effect in app.update(happened, clock.now()) {
            match effect {
                Effect::Start(invocation) => jobs.start(invocation),
                Effect::Reply(reply) => jobs.reply(reply),
                Effect::Cancel => jobs.cancel(),
                Effect::BreakOff => jobs.break_off(),
                Effect::ReadAgain => again.notify_one(),
                effect @ (Effect::OpenTranslation
                | Effect::Save(..)
                | Effect::Import(_)
                | Effect::Export(..)
                | Effect::Preview(_)) => aside(&jobs.world, effect, &tell),
                Effect::Copy(text) => leaves |= screen.copy(&text).is_err(),
                Effect::Suspend => leaves |= screen.suspend().is_err(),
                Effect::Leave => leaves = true,
            }
        }
        if leaves {
            break Ok(());
        }
    };
    reader.abort();
    jobs.cancel();
    ended
}

/// Does on a thread of its own what reads and writes files, and tells what came of it.
fn aside(world: &World, effect: Effect, tell: &UnboundedSender<Happened>) {
    let (world, tell) = (world.clone(), tell.clone());
    tokio::task::spawn_blocking(move || {
        if let Some(happened) = files::done(&world, effect) {
            // A screen that is gone needs no news.
            let _ = tell.send(happened);
        }
    });
}

/// Reads everything that the dashboard shows.
pub async fn read_once(ports: &Ports) -> Facts {
    let read_at = Some(ports.clock.now());
    let status = flows::status::status(ports).await.map_err(Failure::from);
    Facts {
        status: Some(status),
        configuration: ports.settings.load().ok().flatten(),
        history: ports.journal.history().unwrap_or_default(),
        mirrors: flows::mirrors::list(ports).unwrap_or_default(),
        read_at,
    }
}

/// The command that runs, one at a time.
struct Jobs {
    world: World,
    say: UnboundedSender<Said>,
    said: UnboundedReceiver<Said>,
    replies: Option<UnboundedSender<Reply>>,
    running: Option<JoinHandle<()>>,
}

impl Jobs {
    fn new(world: World) -> Self {
        let (say, said) = unbounded_channel();
        Self { world, say, said, replies: None, running: None }
    }

    /// Starts a command, when the one before has really ended: it may still hold the lock.
    fn start(&mut self, invocation: Invocation) {
        let before = self.running.take();
        let (replies, heard) = unbounded_channel();
        self.replies = Some(replies);
        let (say, said) = unbounded_channel();
        (self.say, self.said) = (say.clone(), said);
        let world = self.world.clone();
        self.running = Some(tokio::spawn(async move {
            ended(before).await;
            command(world, invocation, say, heard).await;
        }));
    }

    fn reply(&self, reply: Reply) {
        // A command that is over needs no answer.
        let _ = self.replies.as_ref().map(|replies| replies.send(reply));
    }

    fn cancel(&mut self) {
        self.replies = None;
        if let Some(running) = &self.running {
            running.abort();
        }
    }

    /// Breaks a copy off where it is, and takes it back as after a crash.
    fn break_off(&mut self) {
        self.start(Invocation::recovering(Way::Abandon));
    }
}

/// Breaks a command off and waits until it has ended.
async fn ended(running: Option<JoinHandle<()>>) {
    if let Some(running) = running {
        running.abort();
        // How it ended is known: it was broken off, or was over before.
        let _ = running.await;
    }
}

/// Runs one command; what it asks and tells goes to the screen.
async fn command(world: World, invocation: Invocation, say: UnboundedSender<Said>, replies: UnboundedReceiver<Reply>) {
    let over = say.clone();
    let mut printed = Vec::new();
    let result = carry_out(&world, invocation, say, replies, &mut printed).await;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    // A screen that is gone needs no end.
    let _ = over.send(Said::Over { printed, result });
}

async fn carry_out(
    world: &World,
    invocation: Invocation,
    say: UnboundedSender<Said>,
    replies: UnboundedReceiver<Reply>,
    printed: &mut Vec<u8>,
) -> Result<(), Failure> {
    let common = Common {
        json: false,
        dry_run: false,
        yes: false,
        reason: invocation.reason,
        resume: false,
        abandon: false,
        skip_check: invocation.skip.iter().filter_map(|name| name.parse().ok()).collect(),
        ..world.common.clone()
    };
    let remembered: BTreeMap<String, String> = invocation.remembered.into_iter().collect();
    let replay: VecDeque<(String, String)> = invocation.answers.into();
    // A command opens one dialog; were it to open another one, nobody would answer it.
    let ears = Mutex::new(Some((replies, replay, remembered)));
    let dialogs = |script: Scripted| -> Box<dyn Dialog> {
        let taken = ears.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (replies, replay, remembered) =
            taken.unwrap_or_else(|| (unbounded_channel().1, VecDeque::new(), BTreeMap::new()));
        Box::new(Conversation { script, replay, remembered, say: say.clone(), replies })
    };
    let person = world.person.clone();
    let mut run = Run { ports: &world.ports, common, person, out: printed, dialogs: &dialogs };
    if let Some(way) = invocation.recover {
        return run.recover(way).await;
    }
    let mut line = vec!["mxone_system_redundancy".to_owned()];
    line.extend(invocation.words);
    if invocation.force {
        line.push("--force".to_owned());
    }
    let wrong = |error: clap::Error| Failure::new(Exit::BadInput, error.to_string());
    match Cli::try_parse_from(line).map_err(wrong)?.command {
        Some(command) => run.run(command).await,
        None => Ok(()),
    }
}
