//! Whether the gate of automatic takeover is closed on a server whose iptables let traffic in.

use super::Server;
use super::filter::Both;
use crate::adapters::gate::{is_ipset_gate_closed, remove_ipset_gate};
use crate::domain::traffic::{Family, GateRead, GateTable, TelephonyPort};
use crate::ports::host::{Command, HostError};
use crate::ports::traffic_control::TrafficError;

/// Asks nft once, and ipset only where iptables have chains of the gate. Where there is no nft, or it knows no such
/// table, there is no gate with it.
pub(super) async fn holds_back(
    server: &Server,
    chains: &Both,
    telephony: &[TelephonyPort],
) -> Result<bool, TrafficError> {
    if !chains.is_empty() {
        let closed = is_ipset_gate_closed(server.host.as_ref()).await;
        let closed = closed.map_err(|error| server.unreadable("the gate", &error))?;
        let turns_away =
            chains.v4.turns_away_by_gate(Family::V4, telephony) && chains.v6.turns_away_by_gate(Family::V6, telephony);
        if closed == Some(true) && turns_away {
            return Ok(true);
        }
    }
    let list = Command::new(std::iter::once("nft").chain(GateTable::LIST.split(' ')));
    match server.host.run(list).await {
        Ok(output) if output.success() => {
            Ok(GateRead::parse(&output.text()).is_some_and(|gate| gate.holds_back(telephony)))
        }
        Ok(_) | Err(HostError::NotStarted { .. }) => Ok(false),
        Err(error) => Err(server.failed("reading the gate")(error)),
    }
}

/// Takes the gate out, whatever it is made of.
pub(super) async fn remove(server: &Server) -> Result<(), TrafficError> {
    remove_ipset_gate(server.host.as_ref())
        .await
        .map_err(|error| server.unreadable("the removal of the gate", &error))?;
    remove_table(server).await
}

/// Where nft cannot list it, there is none, or no nft at all.
async fn remove_table(server: &Server) -> Result<(), TrafficError> {
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
