//! What time it is.

use chrono::{DateTime, Local};

/// The wall clock of this machine.
pub trait Clock: Send + Sync {
    /// Now, with this machine's offset.
    fn now(&self) -> DateTime<Local>;
}
