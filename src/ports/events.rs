//! Keeping which alarms are raised, and what people were told.

use std::io;

use crate::domain::alarm::{Notice, Register};

/// What is kept about alarms on this machine. One program writes it, the monitor; others read.
pub trait Events: Send + Sync {
    /// The alarms that are raised; none where nothing was ever kept.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn register(&self) -> io::Result<Register>;

    /// What people were told, oldest first, as far back as it is kept.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn past(&self) -> io::Result<Vec<Notice>>;

    /// Keeps both, durably: the register in place of the one before, the notices behind the others.
    ///
    /// # Errors
    /// When they cannot be written.
    fn keep(&self, register: &Register, news: &[Notice]) -> io::Result<()>;
}
