//! The wall clock of this machine; the one place that asks it.

use chrono::{DateTime, Local};

use crate::ports::clock::Clock;

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this adapter is the home of the wall clock")]
    fn now(&self) -> DateTime<Local> {
        Local::now()
    }
}
