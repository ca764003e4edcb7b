//! `monitor` in the foreground: a round every two seconds, the daily copy when it is due, an end at SIGTERM.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::output;
use super::scripted::Scripted;
use super::teller::Teller;
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::given::Given;
use crate::domain::journal::Person;
use crate::domain::plan::Action;
use crate::domain::schedule::Due;
use crate::flows::aftermath::{Aftermath, Compared};
use crate::flows::configured::note;
use crate::flows::herald::Herald;
use crate::flows::looks::{self, Found, Looker};
use crate::flows::monitor::{Monitor, ROUND, begin_copy, copy_due, copy_now};
use crate::flows::{Ended, Ports, Request, Stopped};
use crate::ports::host::visible;
use crate::ports::journal::Held;

/// How often both sites are held against each other: soon enough after a lost line came back.
const COMPARE_EVERY: Duration = Duration::from_secs(10);

/// The voter of automatic takeover on this machine.
pub struct Voter<'a> {
    /// What it tells, where one works.
    pub said: Option<&'a mut UnboundedReceiver<String>>,
    /// Whether another one is to work, or none, than when this began.
    pub has_changed: &'a (dyn Fn() -> bool + Send + Sync),
}

/// How people are told who are not looking.
pub struct Told {
    /// Who tells them.
    pub herald: Herald,
    /// What goes wrong with that.
    pub news: UnboundedReceiver<String>,
}

/// Why watching is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It was told to end.
    Ended,
    /// The voter is another one now.
    Changed,
}

/// Watches until it is told to end.
///
/// # Errors
/// When no signal can be waited for. All else is told, and tried again in the next round.
///
/// Where a voter works on this machine, `voter` is what it tells: then the lease says what is open, and nothing is
/// brought back to the order here.
pub async fn watch(
    ports: &Ports,
    out: &mut (dyn Write + Send),
    json: bool,
    (voter, told): (Voter<'_>, Told),
) -> Result<Over, Stopped> {
    let Voter { said: mut voter, has_changed } = voter;
    let Told { herald, mut news } = told;
    let no_signal = |error: std::io::Error| Stopped::NotProved(format!("signals cannot be waited for: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let mut ticks = interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watcher = Watcher::new(ports, out, json, herald.clone());
    let mut looking = Looking::new(herald);
    let started = ports.clock.now().to_utc();
    // Without its mark it watches all the same; `status` then says that none runs.
    let watching = ports.journal.watch();
    if let Err(error) = &watching {
        watcher.say(&format!("error: {error}"));
    }
    watcher.say("watching");
    let over = loop {
        tokio::select! {
            _ = terminate.recv() => break Over::Ended,
            _ = interrupt.recv() => break Over::Ended,
            Some(told) = news.recv() => watcher.say(&told),
            told = next(&mut voter) => match told {
                Some(told) => watcher.voter_tells(&told),
                None => voter = None,
            },
            _ = ticks.tick() => {
                if has_changed() {
                    watcher.say("automatic takeover was set up or taken out; beginning anew");
                    break Over::Changed;
                }
                if voter.is_none() {
                    watcher.round().await;
                } else {
                    watcher.compare().await;
                }
                watcher.copy_if_due(started).await;
                looking.look_if_due(ports, voter.is_some()).await;
            }
        }
    };
    drop(watching);
    if over == Over::Ended {
        watcher.say("told to end");
    }
    if let Some(copy) = watcher.copy.take() {
        // What has come stays, and the next copy resumes.
        copy.running.abort();
    }
    looking.end();
    Ok(over)
}

/// What the voter tells next; never, where there is none.
async fn next(voter: &mut Option<&mut UnboundedReceiver<String>>) -> Option<String> {
    match voter {
        Some(voter) => voter.recv().await,
        None => std::future::pending().await,
    }
}

struct Watcher<'a> {
    ports: &'a Ports,
    out: &'a mut (dyn Write + Send),
    json: bool,
    herald: Herald,
    monitor: Monitor,
    copy: Option<Copying>,
    last_error: Option<String>,
    /// Why the copy that is due was not begun, as it was said last.
    not_begun: Option<String>,
    /// What is known of times at which both sites were live.
    aftermath: Aftermath,
    /// When that was looked for last.
    compared: Option<Instant>,
    comparison: Option<Comparison>,
}

/// A comparison that runs, and what is known after it.
type Comparison = JoinHandle<(Aftermath, Result<Vec<Compared>, Stopped>)>;

/// A copy that runs. The lock is kept until a round has seen its end: rounds meanwhile rely on it.
struct Copying {
    running: JoinHandle<Result<Ended, Stopped>>,
    _held: Arc<dyn Held>,
}

impl<'a> Watcher<'a> {
    fn new(ports: &'a Ports, out: &'a mut (dyn Write + Send), json: bool, herald: Herald) -> Self {
        let aftermath = Aftermath::knowing(herald.register().borrow().overlaps.clone());
        Self {
            ports,
            out,
            json,
            herald,
            monitor: Monitor::default(),
            copy: None,
            last_error: None,
            not_begun: None,
            aftermath,
            compared: None,
            comparison: None,
        }
    }

    async fn round(&mut self) {
        let request = request();
        let mut dialog = quiet();
        let copying = self.copy.is_some();
        match self.monitor.round(self.ports, &request, copying, &mut dialog).await {
            Ok(round) => {
                self.last_error = None;
                for line in round.story {
                    self.say(&line);
                }
                if let Some(told) = round.both_live {
                    self.herald.found(Finding::of(Alarm::DualLive, Some(told)));
                }
            }
            Err(error) => {
                let text = crate::flows::carry_out::describe(&error);
                if self.last_error.as_ref() != Some(&text) {
                    self.say(&format!("error: {text}"));
                    self.last_error = Some(text);
                }
            }
        }
    }

    /// What a voter tells is history as well.
    fn voter_tells(&mut self, told: &str) {
        self.say(told);
        if let Err(error) = note(self.ports, &request(), Action::Monitor, told) {
            self.say(&format!("the history was not written: {}", crate::flows::carry_out::describe(&error)));
        }
    }

    /// Holds the journals of both sites against each other every ten seconds, aside: the other site may be slow.
    async fn compare(&mut self) {
        if let Some(comparison) = self.comparison.take_if(|comparison| comparison.is_finished()) {
            match comparison.await {
                Ok((aftermath, found)) => {
                    self.aftermath = aftermath;
                    for compared in found.unwrap_or_default() {
                        self.tell_compared(&compared);
                    }
                }
                Err(error) => self.say(&format!("the comparison of both sites broke off: {error}")),
            }
        }
        let is_due = self.compared.is_none_or(|at| at.elapsed() >= COMPARE_EVERY);
        if self.comparison.is_none() && is_due {
            self.compared = Some(Instant::now());
            let (ports, mut aftermath) = (self.ports.clone(), self.aftermath.clone());
            self.comparison = Some(tokio::spawn(async move {
                let found = aftermath.compare(&ports).await;
                (aftermath, found)
            }));
        }
    }

    fn tell_compared(&mut self, compared: &Compared) {
        self.voter_tells(&compared.to_string());
        if let Compared::Overlap(overlap) = compared {
            self.herald.overlap(overlap.epochs, overlap.to_string());
        }
    }

    /// Starts the copy that is due on a thread of its own, so that the rounds go on; one at a time.
    async fn copy_if_due(&mut self, started: chrono::DateTime<chrono::Utc>) {
        if let Some(copy) = self.copy.take_if(|copy| copy.running.is_finished()) {
            let told = match copy.running.await {
                Ok(Ok(Ended::Done | Ended::Planned(_) | Ended::WouldChange(_))) => "daily copy: done".to_owned(),
                Ok(Ok(Ended::NotDone(because))) => format!("daily copy: not done: {because}"),
                Ok(Err(error)) => format!("daily copy: failed: {}", crate::flows::carry_out::describe(&error)),
                Err(error) => format!("daily copy: broke off: {error}"),
            };
            self.say(&told);
        }
        if self.copy.is_some() || self.ports.journal.holder().is_some() {
            return;
        }
        match copy_due(self.ports, started) {
            Ok(Some(Due::Now { slot, made_up })) => match begin_copy(self.ports, &request()) {
                Ok(held) => {
                    let late = if made_up { ", made up" } else { "" };
                    self.say(&format!("daily copy of {} begins{late}", slot.to_rfc3339()));
                    self.not_begun = None;
                    self.copy = Some(self.start(held));
                }
                // It is due again in the next round.
                Err(error) => {
                    let text = format!("daily copy waits: {}", crate::flows::carry_out::describe(&error));
                    if self.not_begun.as_ref() != Some(&text) {
                        self.say(&text);
                        self.not_begun = Some(text);
                    }
                }
            },
            // Problems with the files are told by the round already.
            Ok(Some(Due::At(_) | Due::Never) | None) | Err(_) => {}
        }
    }

    fn start(&self, held: Arc<dyn Held>) -> Copying {
        let (ports, lock) = (self.ports.clone(), Arc::clone(&held));
        let here = tokio::runtime::Handle::current();
        let running = tokio::task::spawn_blocking(move || {
            here.block_on(async { copy_now(&*lock, &ports, &request(), &mut quiet()).await })
        });
        Copying { running, _held: held }
    }

    fn say(&mut self, line: &str) {
        let at = self.ports.clock.now().format("%Y-%m-%dT%H:%M:%S%:z");
        let told = if self.json {
            output::line(&[("at", &at.to_string()), ("told", line)])
        } else {
            visible(&format!("{at} {line}\n"))
        };
        // A standard output that takes nothing is no reason to stop watching.
        let _ = self.out.write_all(told.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Looks that run aside: a server that does not answer holds up nothing.
struct Looking {
    herald: Herald,
    looker: Looker,
    running: Option<JoinHandle<(Looker, Found)>>,
    next: Instant,
}

impl Looking {
    fn new(herald: Herald) -> Self {
        Self { herald, looker: Looker::default(), running: None, next: Instant::now() }
    }

    async fn look_if_due(&mut self, ports: &Ports, voters: bool) {
        if let Some(running) = self.running.take_if(|running| running.is_finished())
            && let Ok((looker, found)) = running.await
        {
            self.looker = looker;
            for finding in found.findings {
                self.herald.found(finding);
            }
            for (site, texts) in found.system_alarms {
                self.herald.found_all(Alarm::SystemAlarm, site.to_string(), texts);
            }
            if let Some(order) = found.order {
                self.herald.order(order, voters);
            }
        }
        if self.running.is_none() && Instant::now() >= self.next {
            self.next = Instant::now() + looks::EVERY;
            let (mut looker, ports) = (self.looker, ports.clone());
            self.running = Some(tokio::spawn(async move {
                let found = looker.look(&ports, voters).await;
                (looker, found)
            }));
        }
    }

    fn end(self) {
        if let Some(running) = self.running {
            running.abort();
        }
    }
}

fn request() -> Request {
    Request {
        person: Person { who: "monitor".to_owned(), from: "this server".to_owned() },
        reason: None,
        dry_run: false,
        skipped: std::collections::BTreeSet::new(),
        force: false,
    }
}

fn quiet() -> Scripted {
    Scripted { given: Given::default(), yes: true, force: false, teller: Teller::quiet() }
}
