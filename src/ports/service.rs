//! The monitor as a service of this machine.

use std::io;

/// The name of the monitor's unit.
pub const MONITOR_UNIT: &str = "mxone-system-redundancy-monitor.service";

/// Installs the monitor so that systemd keeps it alive.
pub trait Service: Send + Sync {
    /// Writes the unit and starts it; what was done, a line each.
    ///
    /// # Errors
    /// When the unit cannot be written.
    fn install(&self) -> io::Result<Vec<String>>;
}
