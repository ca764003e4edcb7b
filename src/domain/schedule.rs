//! When the daily copy runs.

/// The daily copy: a cron expression in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoCopy {}
