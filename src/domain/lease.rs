//! Automatic takeover: at most one site live, by a lease that two of three voters back.
//!
//! Everything here is a value or a state machine that is handed the time: [`Node`] is the monitor on LIM 1 of a site,
//! [`Witness`] the third voter. Both take an event and the moment, and return what is to be done, in order. The same
//! code runs in the monitor, in the simulator and in the model checker.
//!
//! # Why two sites are never live
//! A site is live only while two of three voters have promised it so. A voter promises to one site at a time, and two
//! groups of two out of three share a voter. The holder counts a promise from the moment it *asked* and for less long
//! ([`Timing::lease`]) than the voter, who counts from the moment it *heard* ([`Timing::promise`]). What lies between
//! covers clocks that run apart and the time a block takes. The kernel of each server ends the right by itself.
//!
//! # Promises that do not end by time
//! A site from which takeover is manual is not armed: its voters hold *standing* promises. It is armed before it asks
//! for promises that end, and disarmed only after two voters have answered with standing ones. So one rule covers
//! both: no site is live without two promises.

pub mod agreed;
pub mod clocks;
pub mod decide;
pub mod endpoint;
pub mod guarantee;
pub mod ledger;
pub mod limits;
pub mod memory;
pub mod message;
pub mod moment;
pub mod node;
pub mod promises;
pub mod reason;
pub mod reigns;
pub mod senses;
pub mod tally;
pub mod timing;
pub mod witness;

pub use agreed::{Agreed, Hold, Version};
pub use decide::{Decision, Inputs, decide};
pub use endpoint::Endpoint;
pub use guarantee::Guarantee;
pub use ledger::{Entry, Ledger};
pub use limits::{Limit, Limits};
pub use memory::{Kind, Memory, Promise, Stamp, Stored};
pub use message::{Message, Voter};
pub use moment::Moment;
pub use node::{Command, Effect, Event, GateSeen, Known, Node, Right, Setup, ThirdVote};
pub use reason::Reason;
pub use timing::Timing;
pub use witness::Witness;
