//! The monitor as a service of this machine.

use std::io;

/// The name of the monitor's unit.
pub const MONITOR_UNIT: &str = "mxone-system-redundancy-monitor.service";

/// Installs the monitor so that systemd keeps it alive.
pub trait Service: Send + Sync {
    /// What [`Service::install`] would do, a line each.
    fn would_install(&self) -> Vec<String>;

    /// Writes the unit and starts it.
    ///
    /// # Errors
    /// When the unit cannot be written.
    fn install(&self) -> io::Result<Installed>;
}

/// How an installation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What was done, and what failed, a line each.
    pub told: Vec<String>,
    /// Whether nothing failed.
    pub complete: bool,
}
