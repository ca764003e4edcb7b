//! `platform check --site`: runs a profile's read-only commands on a configured site and shows what was understood.

use super::carry_out::describe;
use super::configured::Configured;
use super::{Ports, Stopped};
use crate::domain::platform::Platform;
use crate::domain::site::Site;
use crate::ports::call_server::{CallServerError, Condition};
use crate::ports::host::printable;

/// Each fact with what was understood, or why nothing was.
///
/// # Errors
/// When redundancy is not configured; a fact that cannot be told is told as such.
pub async fn run(ports: &Ports, platform: Platform, site: Site) -> Result<Vec<(&'static str, String)>, Stopped> {
    let mut membership = Configured::open(ports)?.configuration.membership;
    membership.platform = platform;
    let server = ports.systems.open(&membership).call_server;
    Ok(vec![
        ("master address", told(server.master_address(site).await)),
        ("version", told(server.version(site).await)),
        ("servers", told(server.servers(site).await)),
        ("topology", told(server.topology(site).await.map(Some))),
        ("current backup", told(server.current_backup(site).await)),
        ("backup complete", told(server.holds(site, Condition::BackupComplete).await)),
        ("regular server", told(server.holds(site, Condition::RegularServer).await)),
        ("fallback", told(server.holds(site, Condition::AutomaticFallback).await)),
        ("usage", told(server.load_now(site).await.map(Some))),
    ])
}

fn told<T: std::fmt::Debug>(answer: Result<Option<T>, CallServerError>) -> String {
    match answer {
        Ok(Some(value)) => printable(&format!("{value:?}")),
        Ok(None) => "not told by this platform".to_owned(),
        Err(error) => format!("NOT UNDERSTOOD: {}", describe(&error.into())),
    }
}
