//! The kernel gates of the own servers: telephony passes only while a right lasts, whatever becomes of our processes.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::lease::{GateSeen, Moment};
use crate::ports::host::HostError;

/// Until when the gates let telephony pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// This moment of this machine's raw clock; the kernel of each server blocks then by itself.
    Moment(Moment),
    /// Without an end: the gates are not armed.
    Standing,
}

/// How the gates of all own servers were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// As they were last told to be.
    Yes,
    /// Missing or changed by another program on a server.
    No,
    /// A server could not be read.
    Unknown,
}

/// Something that all gates were told, in its place in the order of all that they were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which; a later one has a higher number, a renewal the number of what it renews.
    pub number: u64,
    /// Whether this server's own gate was read back as told.
    pub is_own_done: bool,
}

/// The gates of the servers of this site.
///
/// What they are told counts in the order in which [`Gates::open`] and [`Gates::close`] return: whoever calls one after
/// the other has the last word.
///
/// A gate that was told a right until a moment is closed by the kernel of its server at that moment, with nobody's
/// help. The gates of other servers than this one end their rights no later than told here, however slow the way there.
#[async_trait]
pub trait Gates: Send + Sync {
    /// What the gates are found to be: open only if every server's is, and armed if any is.
    ///
    /// # Errors
    /// [`GateError`] when this server's own packet filter cannot be read.
    async fn seen(&self) -> Result<GateSeen, GateError>;

    /// Opens the gates, or prolongs them; with a moment they end by themselves from now on. This server's own gate is
    /// done when this returns, the others are told.
    ///
    /// # Errors
    /// [`GateError`] when this server's own gate could not be opened; it is then as it was, or closed.
    async fn open(&self, until: Until) -> Result<Change, GateError>;

    /// Blocks every own server. This server's own gate is closed and read back when this returns, the others are told.
    async fn close(&self) -> Change;

    /// Waits until every server did what it was told; whether all of them did within this time.
    async fn carried_out(&self, change: Change, within: Duration) -> bool;

    /// Reads the gates back.
    async fn whole(&self) -> Whole;
}

/// Why a gate could not be worked on.
#[derive(Debug, Error)]
pub enum GateError {
    /// The packet filter's program failed.
    #[error("the packet filter refuses: {0}")]
    Refused(String),
    /// The right ended before the kernel could be given it.
    #[error("the right ended before it was written")]
    TooLate,
    /// It cannot be started or spoken with.
    #[error("the packet filter cannot be reached")]
    Io(#[from] std::io::Error),
    /// A server could not be asked.
    #[error(transparent)]
    Host(#[from] HostError),
}
