//! The holder on a server other than LIM 1: it asks LIM 1 for the right and gives it to the kernel.
//!
//! It counts a right from the moment at which it *asked*, so that an answer that comes late gives less, or nothing.
//! When LIM 1, the session or the holder itself is gone, nobody prolongs the right, and the kernel ends it.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

use super::server_gate::ServerGate;
use super::speech::{FromHolder, RightLeft, ToHolder};
use crate::adapters::raw_clock;
use crate::domain::lease::{GateSeen, Moment};
use crate::ports::gate::GateError;
use crate::ports::host::Host;

/// A longer line is none of LIM 1's: the rules of the largest pair take a quarter of it.
const LINE_LIMIT: u64 = 1 << 20;

/// Lines that wait to be read; whoever sends more has to wait.
const LINES_AHEAD: usize = 64;

/// How long LIM 1 may take for its first line.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// LIM 1 counts as gone when it says nothing for this long, or for [`SILENT_QUESTIONS`]; then the holder ends, lest it
/// work against the one that LIM 1 starts next.
const SILENCE: Duration = Duration::from_secs(5);

/// See [`SILENCE`].
const SILENT_QUESTIONS: u32 = 4;

/// How often LIM 1 may want to be asked: faster is no use to the kernel, slower than any lease.
const EVERY: std::ops::RangeInclusive<u64> = 20..=60_000;

/// Questions that were not answered; what is older is too late in any case.
const QUESTIONS_KEPT: usize = 64;

/// Holds this server's gate as LIM 1 says on standard input, until that ends.
///
/// # Errors
/// [`HoldError`] when it says what it may not say, or the gate cannot be worked on from the start.
pub async fn hold(host: Arc<dyn Host>) -> Result<(), HoldError> {
    let mut lines = standard_input();
    let first = timeout(BEGINS_WITHIN, lines.recv()).await.map_err(|_| HoldError::Silent)?;
    let Some(first) = first else { return Ok(()) };
    let ToHolder::Begin { rules, every_ms } = understood(&first?)? else { return Err(HoldError::NotBegun) };
    if !EVERY.contains(&every_ms) {
        return Err(HoldError::Pace(every_ms));
    }
    let every = Duration::from_millis(every_ms);
    let gate = ServerGate::new(host, rules);
    Holder { gate, told: Told::Nothing, asked: BTreeMap::new(), number: 0 }.run(lines, every).await
}

struct Holder {
    gate: ServerGate,
    told: Told,
    /// When each question was asked.
    asked: BTreeMap<u64, Moment>,
    number: u64,
}

/// What LIM 1 told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Closed,
    Until(Moment),
    Standing,
}

impl Holder {
    async fn run(mut self, mut lines: mpsc::Receiver<io::Result<String>>, every: Duration) -> Result<(), HoldError> {
        let silence = SILENCE.max(every * SILENT_QUESTIONS);
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gone = Instant::now() + silence;
        loop {
            let line = tokio::select! {
                _ = ticks.tick() => None,
                line = timeout_at(gone, lines.recv()) => Some(line.map_err(|_| HoldError::Silent)?),
            };
            let said = match line {
                None => {
                    self.ask().await?;
                    continue;
                }
                Some(None) => return Ok(()),
                Some(Some(line)) => understood(&line?)?,
            };
            gone = Instant::now() + silence;
            match said {
                ToHolder::Begin { .. } => return Err(HoldError::NotBegun),
                ToHolder::Ask {} => self.ask().await?,
                ToHolder::Answer { number, right } => self.answered(number, right).await?,
                ToHolder::Close { ticket } => self.close(ticket).await?,
            }
        }
    }

    async fn ask(&mut self) -> io::Result<()> {
        let (whole, gate) = match self.looked_at().await {
            Ok(seen) => seen,
            Err(error) => return say(&failed(&error)),
        };
        self.number += 1;
        let number = self.number;
        self.asked.insert(number, raw_clock::now());
        if self.asked.len() > QUESTIONS_KEPT {
            self.asked.pop_first();
        }
        say(&FromHolder::Ask { number, gate, whole })
    }

    /// Reads the gate, and mends what others did to it: closed, unless there is still a right.
    async fn looked_at(&mut self) -> Result<(bool, GateSeen), GateError> {
        let whole = self.gate.is_whole().await?;
        if !whole {
            match self.told {
                Told::Nothing => {}
                Told::Standing => self.gate.disarm().await?,
                Told::Until(end) if end > raw_clock::now() => self.gate.open(end).await?,
                Told::Until(_) | Told::Closed => self.gate.close().await?,
            }
        }
        Ok((whole, self.gate.seen().await?))
    }

    async fn answered(&mut self, number: u64, right: RightLeft) -> io::Result<()> {
        let Some(asked) = self.asked.remove(&number) else {
            return say(&FromHolder::Failed { because: format!("question {number} was not asked") });
        };
        // Answers come in the order of the questions: what is older is answered no more.
        self.asked = self.asked.split_off(&number);
        let done = match right {
            RightLeft::Undecided => Ok(()),
            RightLeft::Closed => {
                self.told = Told::Closed;
                self.gate.close().await
            }
            RightLeft::Standing => {
                self.told = Told::Standing;
                self.gate.disarm().await
            }
            RightLeft::Ms(ms) => {
                let end = asked + Duration::from_millis(ms);
                self.told = Told::Until(end);
                self.gate.open(end).await
            }
        };
        let seen = match done {
            Ok(()) => self.gate.seen().await,
            Err(error) => Err(error),
        };
        match seen {
            Ok(gate) => say(&FromHolder::Done { number, gate }),
            Err(error) => say(&failed(&error)),
        }
    }

    async fn close(&mut self, ticket: u64) -> io::Result<()> {
        self.told = Told::Closed;
        match self.gate.close().await {
            Ok(()) => say(&FromHolder::Closed { ticket }),
            Err(error) => say(&failed(&error)),
        }
    }
}

fn failed(error: &GateError) -> FromHolder {
    FromHolder::Failed { because: error.to_string() }
}

/// Waits where LIM 1 does not read: without it there is nothing else to do, and the kernel needs nobody.
fn say(what: &FromHolder) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(what)?)?;
    out.flush()
}

fn understood(line: &str) -> Result<ToHolder, HoldError> {
    serde_json::from_str(line).map_err(|error| HoldError::NotUnderstood(error.to_string()))
}

/// The lines of standard input, read by a thread of its own: it ends with the process, whoever keeps the input open.
fn standard_input() -> mpsc::Receiver<io::Result<String>> {
    let (to, lines) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            let read = (&mut input).take(LINE_LIMIT).read_line(&mut line);
            let more = match read {
                Ok(0) => return,
                Ok(_) if !line.ends_with('\n') => Err(io::Error::other("a line has no end")),
                Ok(_) => Ok(line),
                Err(error) => Err(error),
            };
            let is_last = more.is_err();
            if to.blocking_send(more).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

/// Why a holder ended before its input did.
#[derive(Debug, Error)]
pub enum HoldError {
    /// A line that is none of LIM 1's.
    #[error("standard input says what LIM 1 does not say: {0}")]
    NotUnderstood(String),
    /// The rules came twice or not first.
    #[error("standard input has to begin with the rules, and to tell them once")]
    NotBegun,
    /// A pace nobody keeps.
    #[error("to ask every {0} ms is out of the question; 20 to 60000 can be kept")]
    Pace(u64),
    /// LIM 1 has gone.
    #[error("LIM 1 says nothing any more")]
    Silent,
    /// The input or the output is broken.
    #[error("LIM 1 cannot be spoken with")]
    Io(#[from] io::Error),
}
