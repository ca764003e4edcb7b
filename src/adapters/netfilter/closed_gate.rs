//! Whether the gate of automatic takeover is closed on a server whose iptables let traffic in.

use super::Server;
use crate::domain::traffic::{GateRead, GateTable, TelephonyPort};
use crate::ports::host::{Command, HostError};
use crate::ports::traffic_control::TrafficError;

/// Asks nft once. Where there is no nft, or it knows no such table, there is no gate.
pub(super) async fn holds_back(server: &Server, telephony: &[TelephonyPort]) -> Result<bool, TrafficError> {
    let list = Command::new(std::iter::once("nft").chain(GateTable::LIST.split(' ')));
    match server.host.run(list).await {
        Ok(output) if output.success() => {
            Ok(GateRead::parse(&output.text()).is_some_and(|gate| gate.holds_back(telephony)))
        }
        Ok(_) | Err(HostError::NotStarted { .. }) => Ok(false),
        Err(error) => Err(server.failed("reading the gate")(error)),
    }
}

/// Takes the gate out. Where nft cannot list it, there is none, or no nft at all.
pub(super) async fn remove(server: &Server) -> Result<(), TrafficError> {
    let nft = |line: &'static str| server.host.run(Command::new(std::iter::once("nft").chain(line.split(' '))));
    let ran = match nft(GateTable::DELETE).await {
        Ok(output) if output.success() => return Ok(()),
        Err(HostError::NotStarted { .. }) => return Ok(()),
        ran => ran.map_err(server.failed("taking out the gate"))?,
    };
    match nft(GateTable::LIST).await {
        Ok(output) if output.success() => Err(server.unreadable("the removal of the gate", &ran.complaint())),
        Ok(_) => Ok(()),
        Err(error) => Err(server.failed("taking out the gate")(error)),
    }
}
