//! What a voter needs of its machine: a clock, a memory, and at a site what there is to be seen.

use std::io;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::lease::{Memory, Moment, Stored};

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

/// What a site sees of itself.
#[async_trait]
pub trait Sight: Send + Sync {
    /// How many of the control addresses answer here, and how many there are.
    async fn control(&self) -> (u8, u8);

    /// Whether the call server is well; `None` where it cannot be told now.
    async fn health(&self) -> Option<bool>;

    /// How old the loaded data is; `None` when nothing is loaded.
    async fn data(&self) -> Option<Duration>;
}
