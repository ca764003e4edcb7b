//! Runs the screen: keys, the clock, readings and what came of actions come in; effects go out.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::screen::{App, Effect, Happened, Looked, Seen, Wanted};
use super::{Desk, OpenError, Opened, Opens, Options};
use crate::faces::failure::{Exit, Failure};
use crate::faces::terminal::events::{Event, Events, read_on};
use crate::faces::terminal::look::Look;
use crate::faces::terminal::screen::Screen;
use crate::flows::maintenance::{self, Change, Done, Machine};
use crate::ports::clock::Clock;

/// Runs the screen until a person leaves it, the terminal is gone, or the program is told to end. A change that is
/// under way then goes on to its end.
pub(super) async fn run(opens: &Arc<dyn Opens>, options: &Options, desk: &Desk) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("the terminal cannot be used: {error}")).hint("use --plain")
    };
    let given = (options.overriding, options.reason.clone());
    let place = format!("{} on {}", desk.who, desk.server);
    let mut app = App::new(place, given, Look::new(desk.colour), desk.clock.now());
    let mut events = Events::open().map_err(broken)?;
    let mut screen = Screen::take().map_err(broken)?;
    let (read, mut readings) = mpsc::channel(1);
    let again = Arc::new(Notify::new());
    let hands = Hands { opens: Arc::clone(opens), options: options.clone(), clock: Arc::clone(&desk.clock) };
    let reads = hands.clone();
    let read_all = move || {
        let reads = reads.clone();
        async move { Box::new(reads.look().await) }
    };
    let reader = tokio::spawn(read_on(read_all, read, Arc::clone(&again)));
    let (tell, mut told) = unbounded_channel();
    let mut change = None;
    while screen.draw(|frame| app.view(frame)).is_ok() {
        let happened = tokio::select! {
            event = events.next() => match event {
                Event::Key(key) => Happened::Key(key),
                Event::Mouse(mouse) => Happened::Mouse(mouse),
                Event::Passed => Happened::Passed,
                Event::End => break,
            },
            Some(seen) = readings.recv() => Happened::Read(seen),
            Some(happened) = told.recv() => happened,
        };
        let mut leaves = false;
        for effect in app.update(happened, desk.clock.now()) {
            match effect {
                Effect::ReadAgain => again.notify_one(),
                Effect::Suspend => leaves |= screen.suspend().is_err(),
                Effect::Leave => leaves = true,
                effect @ (Effect::Plan(_) | Effect::List) => drop(hands.start(effect, &tell)),
                effect @ Effect::CarryOut(..) => change = Some(hands.start(effect, &tell)),
            }
        }
        if leaves {
            break;
        }
    }
    reader.abort();
    drop(screen);
    if let Some(change) = change {
        // How it ended stands in the history; nobody is left to be told here.
        let _ = change.await;
    }
    Ok(())
}

/// What does the effects, apart from the keys.
#[derive(Clone)]
struct Hands {
    opens: Arc<dyn Opens>,
    options: Options,
    clock: Arc<dyn Clock>,
}

impl Hands {
    fn start(&self, effect: Effect, tell: &UnboundedSender<Happened>) -> JoinHandle<()> {
        let (hands, tell) = (self.clone(), tell.clone());
        tokio::spawn(async move {
            if let Some(happened) = hands.done(effect).await {
                // A screen that is gone needs no news.
                let _ = tell.send(happened);
            }
        })
    }

    async fn done(&self, effect: Effect) -> Option<Happened> {
        Some(match effect {
            Effect::List => Happened::Listed(Box::new(self.look().await)),
            Effect::Plan(wanted) => {
                let planned = self.planned(&wanted).await;
                Happened::Planned(wanted, planned.map(|(_, changes)| changes).map_err(Failure::from))
            }
            Effect::CarryOut(wanted, changes) => {
                let done = self.carried_out(&wanted, &changes).await;
                Happened::Ended(wanted, done.map(Box::new).map_err(Failure::from))
            }
            Effect::ReadAgain | Effect::Suspend | Effect::Leave => return None,
        })
    }

    async fn look(&self) -> Looked {
        Looked { at: self.clock.now(), seen: self.seen().await.map_err(Failure::from) }
    }

    async fn seen(&self) -> Result<Seen, OpenError> {
        let Opened { machine, notes } = self.opens.open(&self.options, None).await?;
        Ok(Seen { reading: maintenance::list(&machine).await, notes })
    }

    async fn planned(&self, wanted: &Wanted) -> Result<(Machine, Vec<Change>), OpenError> {
        let machine = self.opens.open(&self.options, Some(wanted.action)).await?.machine;
        let changes = maintenance::plan(wanted.action, &machine, wanted.overriding)?;
        Ok((machine, changes))
    }

    /// Makes the changes that were confirmed, unless redundancy was configured here since.
    async fn carried_out(&self, wanted: &Wanted, changes: &[Change]) -> Result<Done, OpenError> {
        let (machine, _) = self.planned(wanted).await?;
        Ok(maintenance::carry_out(changes, &machine, wanted.reason.as_deref()).await?)
    }
}
