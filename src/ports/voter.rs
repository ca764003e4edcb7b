//! What a voter needs of its machine: a clock, a memory, and at a site what there is to be seen.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::messages::Dropped;
use crate::domain::lease::reigns::{Noted, Reign};
use crate::domain::lease::{Command, Decision, Known, Memory, Moment, Stored, Voter};
use crate::domain::site::Epoch;

/// The raw monotonic clock of this machine, which nobody sets or slews.
pub trait RawClock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// What a voter must not forget.
pub trait VoterMemory: Send + Sync {
    /// What was kept; a file that is missing or damaged is lost.
    fn load(&self) -> Stored;

    /// Keeps it; durable when this returns.
    ///
    /// # Errors
    /// When it cannot be written; then what was kept before is still there.
    fn keep(&self, memory: &Memory) -> io::Result<()>;
}

/// When this site let telephony in, kept for the day on which both sites are held against each other.
pub trait ReignBook: Send + Sync {
    /// Notes what is let in from `now` on. It waits for no disk: what cannot be written is told by the book itself.
    fn note(&self, epoch: Epoch, noted: Noted, now: DateTime<FixedOffset>);

    /// The newest reigns, oldest first.
    fn last(&self, number: usize) -> Vec<Reign>;
}

/// What a site sees of itself.
#[async_trait]
pub trait Sight: Send + Sync {
    /// How many of the control addresses answer here, and how many there are.
    async fn control(&self) -> (u8, u8);

    /// Whether the call server is well; `None` where it cannot be told. One that is not `open` answers no SIP, and is
    /// asked only by the command of its profile.
    async fn health(&self, open: bool) -> Option<bool>;

    /// How old the loaded data is; `None` when nothing is loaded.
    async fn data(&self) -> Option<Duration>;
}

/// What a voter is asked by somebody on its own machine.
#[derive(Debug)]
pub struct Asked {
    /// A person's order; without one it is only asked how it is.
    pub order: Option<Command>,
    /// Where the answer goes: how it is after that.
    pub answer: oneshot::Sender<State>,
}

/// How a voter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Which voter.
    pub voter: Voter,
    /// The epoch in which it is live, if it is.
    pub live: Option<Epoch>,
    /// The last epoch in which a site was live, as far as it knows.
    pub epoch: Epoch,
    /// The guarantee in force: its word, and the whole line.
    pub guarantee: (String, String),
    /// The lease, where it goes by one.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// What a site decides now, and why; nothing for a witness.
    pub why: Option<Decision>,
    /// What would change that.
    pub would_change: Option<String>,
    /// What the decision of a site hangs on.
    #[serde(default)]
    pub known: Vec<Known>,
    /// Messages that were not taken.
    pub dropped: Dropped,
    /// The last reigns of this site, oldest first.
    #[serde(default)]
    pub reigns: Vec<Reign>,
    /// This machine's wall clock.
    pub at: DateTime<FixedOffset>,
    /// Whom and what a site hears.
    #[serde(default)]
    pub hears: Option<Hears>,
    /// Why it refused the order that this answers, if it did.
    #[serde(default)]
    pub refused: Option<String>,
}

/// Whom and what a site hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hears {
    /// When the other site was heard.
    pub peer: Duration,
    /// When the witness was heard, where there is one.
    pub witness: Option<Duration>,
    /// How many control addresses answer, and how many there are; unknown before they were asked.
    pub control: Option<(u8, u8)>,
}

/// The lease of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// How long the right of this site lasts still, where it has one that ends.
    pub right: Option<Duration>,
    /// When the witness was last heard.
    pub witness_heard: Duration,
}

/// The voter that works on this machine, as another program on it reaches it.
#[async_trait]
pub trait OwnVoter: Send + Sync {
    /// Asks how it is, after an order if there is one; `None` when no voter works here.
    ///
    /// # Errors
    /// When it works here and cannot be asked.
    async fn ask(&self, order: Option<Command>) -> io::Result<Option<State>>;
}
