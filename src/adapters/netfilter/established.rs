//! Forgetting the established telephony flows of a server.
//!
//! The rules already end them, as they know no states; what is left is the kernel's memory of them, which other
//! people's rules and address translation may still act on.

use super::Server;
use crate::domain::traffic::TelephonyPort;
use crate::ports::host::{Command, HostError, Output};
use crate::ports::traffic_control::TrafficError;

/// Ranges up to this many ports are signalling; wider ones are media, whose flows end with their calls.
const SIGNALLING: u16 = 4;

/// What a shell, and `sudo` behind its own status, say when there is no such program.
const NO_SUCH_PROGRAM: i32 = 127;

pub(super) async fn cut(server: &Server, telephony: &[TelephonyPort]) -> Result<Option<u64>, TrafficError> {
    let mut cut = 0;
    for port in telephony.iter().filter(|port| port.ports.last() - port.ports.first() < SIGNALLING) {
        for number in port.ports.ports() {
            let delete = |side| delete(server, port.protocol.to_string(), side, number);
            let (to, from) = tokio::join!(delete("--dport"), delete("--sport"));
            let (to, from) = (to?, from?);
            match (to, from) {
                (Some(to), Some(from)) => cut += to + from,
                (None, _) | (_, None) => return Ok(None),
            }
        }
    }
    Ok(Some(cut))
}

/// Deletes the flows of one port on one side; how many there were, `None` without the tool.
async fn delete(server: &Server, protocol: String, side: &str, port: u16) -> Result<Option<u64>, TrafficError> {
    let arguments = ["conntrack", "-D", "-p", &protocol, side, &port.to_string()].map(str::to_owned);
    match server.host.run(Command::new(arguments)).await {
        Err(HostError::NotStarted { .. }) => Ok(None),
        Err(source) => Err(TrafficError::Host { server: server.id, doing: "cutting established flows", source }),
        Ok(output) if output.status == NO_SUCH_PROGRAM => Ok(None),
        // It ends with status 1 when there was nothing to delete, and says so in words.
        Ok(output) => Ok(deleted(&output)),
    }
}

/// Reads `conntrack v1.4.7 (conntrack-tools): 2 flow entries have been deleted.`
fn deleted(output: &Output) -> Option<u64> {
    let complaint = String::from_utf8_lossy(&output.stderr);
    let (before, _) = complaint.split_once(" flow entries have been deleted")?;
    before.rsplit(' ').next()?.parse().ok()
}
