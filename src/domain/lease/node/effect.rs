//! What a monitor wants done.

use std::time::Duration;

use super::Told;
use crate::domain::lease::memory::Memory;
use crate::domain::lease::message::{Message, Voter};
use crate::domain::lease::reason::Reason;
use crate::domain::site::Epoch;

/// A right to be live, as the gates are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// For so long from now. It is what remains, never a constant.
    For(Duration),
    /// Without an end: the site is not armed.
    Standing,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Block every own server and read it back; answered by [`Event::Closed`](super::Event::Closed).
    Close {
        /// For the answer.
        ticket: u64,
        /// Why.
        because: Reason,
    },
    /// Write to disk, durably. If it fails, do nothing that follows and tell [`Event::NotKept`](super::Event::NotKept).
    Keep(Box<Memory>),
    /// Make every own server's gate end by itself after `right`; answered by
    /// [`Event::Armed`](super::Event::Armed) or [`Event::NotArmed`](super::Event::NotArmed), well before `right` is over.
    Arm {
        /// For the answer.
        ticket: u64,
        /// What remains.
        right: Duration,
    },
    /// Open the gates of every own server, or prolong them.
    Open {
        /// For how long.
        right: Right,
        /// The epoch it is for.
        epoch: Epoch,
    },
    /// Send a message.
    Send {
        /// To whom.
        to: Voter,
        /// What.
        message: Message,
    },
    /// Tell people.
    Tell(Told),
}
