//! `platform check --site`: runs a profile's read-only commands on a configured site and shows what was understood.

use std::collections::BTreeSet;

use super::carry_out::describe;
use super::configured::Configured;
use super::{Ports, Stopped};
use crate::domain::backup::Backup;
use crate::domain::configuration::ServerList;
use crate::domain::platform::Platform;
use crate::domain::site::Site;
use crate::ports::call_server::{CallServerError, Condition, Usage};
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
        ("master address", told(server.master_address(site).await, ToString::to_string)),
        ("version", told(server.version(site).await, Clone::clone)),
        ("servers", told(server.servers(site).await, servers)),
        ("topology", told(server.topology(site).await.map(Some), topology)),
        ("current backup", told(server.current_backup(site).await, backup)),
        ("backup complete", told(server.holds(site, Condition::BackupComplete).await, |holds| yes_or_no(*holds))),
        ("regular server", told(server.holds(site, Condition::RegularServer).await, |holds| yes_or_no(*holds))),
        ("fallback", told(server.holds(site, Condition::AutomaticFallback).await, |holds| yes_or_no(*holds))),
        ("healthy", told(server.holds(site, Condition::Healthy).await, |holds| yes_or_no(*holds))),
        ("usage", told(server.load_now(site).await.map(Some), usage)),
    ])
}

fn servers(servers: &ServerList) -> String {
    let texts: Vec<String> = servers.iter().map(|(lim, address)| format!("LIM {lim} {address}")).collect();
    texts.join(", ")
}

fn topology(parts: &BTreeSet<String>) -> String {
    parts.iter().cloned().collect::<Vec<_>>().join("; ")
}

fn backup(backup: &Backup) -> String {
    let version = backup.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
    let made = backup.taken_at.map_or_else(String::new, |at| format!(", made {}", at.to_rfc3339()));
    format!("{}{version}{made}, in {}", backup.id, backup.path)
}

fn yes_or_no(holds: bool) -> String {
    if holds { "yes".to_owned() } else { "no".to_owned() }
}

fn usage(usage: &Usage) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "not told".to_owned(), |number| number.to_string());
    format!("calls {}, registrations {}", number(usage.calls), number(usage.registrations))
}

fn told<T>(answer: Result<Option<T>, CallServerError>, text: impl Fn(&T) -> String) -> String {
    match answer {
        Ok(Some(value)) => printable(&text(&value)),
        Ok(None) => "not told by this platform".to_owned(),
        Err(error) => format!("NOT UNDERSTOOD: {}", describe(&error.into())),
    }
}
