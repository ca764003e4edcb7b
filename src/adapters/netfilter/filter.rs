//! Reading and changing both packet filters of a server.

use super::Server;
use crate::domain::traffic::{Block, Family, Found};
use crate::ports::host::{Command, HostError, run_checked};
use crate::ports::traffic_control::TrafficError;

/// Seconds iptables waits for its lock: longer than anybody else's restore takes, shorter than our own time-out.
const LOCK_WAIT: &str = "5";

/// A change is tried again once: somebody else (a container engine, another firewall) may have changed the packet
/// filter between our reading and our writing.
const ATTEMPTS: usize = 2;

/// What of ours is in the packet filters of both families.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) v4: Found,
    pub(super) v6: Found,
}

impl Both {
    /// Whether nothing of ours is there.
    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// The command that changes the packet filter of a family by what it reads from its input or from a file.
pub(super) const fn restore(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables-restore",
        Family::V6 => "ip6tables-restore",
    }
}

/// The arguments of that command: others' rules stay, and a busy lock is waited for.
pub(super) const RESTORE_ARGUMENTS: [&str; 3] = ["--noflush", "-w", LOCK_WAIT];

/// Reads both packet filters.
pub(super) async fn found(server: &Server) -> Result<Both, TrafficError> {
    found_with_gate(server).await.map(|(ours, _)| ours)
}

/// Reads both packet filters: the block by order, and the chains of the gate where there are any.
pub(super) async fn found_with_gate(server: &Server) -> Result<(Both, Both), TrafficError> {
    let (v4, v6) = tokio::try_join!(saved(server, "iptables-save"), saved(server, "ip6tables-save"))?;
    let both = |block| {
        let read = |text| Found::parse_of(block, text).map_err(|error| server.unreadable("the packet filter", &error));
        Ok(Both { v4: read(&v4)?, v6: read(&v6)? })
    };
    Ok((both(Block::ByOrder)?, both(Block::Gate)?))
}

async fn saved(server: &Server, save: &'static str) -> Result<String, TrafficError> {
    // Any other status than 0, also 4 for a busy lock, means that we do not know, never that nothing is there.
    let output = run_checked(server.host.as_ref(), Command::new([save, "-c", "-t", "filter"])).await;
    Ok(output.map_err(server.failed("reading the packet filter"))?.text())
}

/// Leads both packet filters from what was found to what is wanted, and reads them back.
///
/// `differs` says what is wrong with what was read back. On failure they are as they were found.
pub(super) async fn reach(
    server: &Server,
    found: &Both,
    wanted: &Both,
    doing: &'static str,
    differs: impl Fn(&Both) -> Vec<String> + Send,
) -> Result<(), TrafficError> {
    let mut there = found.clone();
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let changed = change(server, &there, wanted, doing).await;
        there = self::found(server).await?;
        let differences = differs(&there);
        failure = match changed {
            Ok(()) if differences.is_empty() => return Ok(()),
            Ok(()) => Some(TrafficError::NotInForce { server: server.id, differences }),
            Err(error) => Some(error),
        };
    }
    put_back(server, &there, found, failure).await
}

/// Makes good a change that could not be reached.
async fn put_back(
    server: &Server,
    there: &Both,
    found: &Both,
    failure: Option<TrafficError>,
) -> Result<(), TrafficError> {
    let undone = change(server, there, found, "putting the rules back").await;
    match (failure, undone) {
        (Some(TrafficError::NotInForce { server, mut differences }), Err(_)) => {
            differences.push("and the rules that were there could not be put back".to_owned());
            Err(TrafficError::NotInForce { server, differences })
        }
        (Some(failure), _) => Err(failure),
        (None, undone) => undone,
    }
}

/// Changes both families at the same time, each all at once; if one fails the other is put back.
async fn change(server: &Server, from: &Both, to: &Both, doing: &'static str) -> Result<(), TrafficError> {
    let (v4, v6) = tokio::join!(
        change_family(server, Family::V4, from.v4.becoming(&to.v4)),
        change_family(server, Family::V6, from.v6.becoming(&to.v6)),
    );
    let (source, back) = match (v4, v6) {
        (Ok(()), Ok(())) => return Ok(()),
        (Ok(()), Err(error)) => (error, change_family(server, Family::V4, to.v4.becoming(&from.v4)).await),
        (Err(error), Ok(())) => (error, change_family(server, Family::V6, to.v6.becoming(&from.v6)).await),
        (Err(error), Err(_)) => (error, Ok(())),
    };
    match back {
        Ok(()) => Err(TrafficError::Host { server: server.id, doing, source }),
        Err(source) => Err(TrafficError::Host { server: server.id, doing: "putting the rules back", source }),
    }
}

async fn change_family(server: &Server, family: Family, text: Option<String>) -> Result<(), HostError> {
    let Some(text) = text else { return Ok(()) };
    let command = Command::new(std::iter::once(restore(family)).chain(RESTORE_ARGUMENTS)).with_input(text);
    run_checked(server.host.as_ref(), command).await.map(drop)
}
