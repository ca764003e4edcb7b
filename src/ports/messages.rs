//! What the three voters say to each other, with every sender proved.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::lease::{Message, Voter};

/// The way between the voters. Loss, repetition and disorder are allowed; a forged or a repeated message never gets
/// through.
#[async_trait]
pub trait Messages: Send + Sync {
    /// Sends a message, if it can be sent now.
    async fn send(&self, to: Voter, message: &Message);

    /// The next message, with its proved sender.
    async fn receive(&self) -> (Voter, Message);

    /// What was not taken so far.
    fn dropped(&self) -> Dropped;

    /// How the third voter is called.
    fn witness(&self) -> &'static str {
        "the witness"
    }
}

/// Datagrams that were not taken, counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dropped {
    /// Too long for one of ours.
    pub oversized: u64,
    /// Not in our form, or from and to whom we do not know.
    pub malformed: u64,
    /// With a signature that is not the sender's.
    pub forged: u64,
    /// Taken before, or sent to an earlier start of this program.
    pub repeated: u64,
}
