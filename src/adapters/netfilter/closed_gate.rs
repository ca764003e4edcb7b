//! Whether the gate of automatic takeover is closed on a server whose iptables let traffic in.

use super::Server;
use super::filter::Both;
use crate::adapters::gate::{Asked, ask_nft, is_ipset_gate_closed, remove_ipset_gate};
use crate::domain::traffic::{Family, GateRead, GateTable, TelephonyPort};
use crate::ports::traffic_control::TrafficError;

/// Asks nft once, and ipset only where iptables have chains of the gate. Where there is no nft, or it knows no such
/// table, there is no gate with it; an nft that may not be asked tells nothing.
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
    match asked(server, GateTable::LIST, "reading the gate").await? {
        Asked::Done(printed) => Ok(GateRead::parse(&printed).is_some_and(|gate| gate.holds_back(telephony))),
        Asked::Absent | Asked::NoNft(_) => Ok(false),
        Asked::Failed(because) => Err(server.unreadable("the gate", &because)),
    }
}

/// Takes the gate out, whatever it is made of.
pub(super) async fn remove(server: &Server) -> Result<(), TrafficError> {
    remove_ipset_gate(server.host.as_ref())
        .await
        .map_err(|error| server.unreadable("the removal of the gate", &error))?;
    remove_table(server).await
}

/// Only nft's own word that there is no table, or no nft at all, counts as none.
async fn remove_table(server: &Server) -> Result<(), TrafficError> {
    let doing = "taking out the gate";
    let because = match asked(server, GateTable::DELETE, doing).await? {
        Asked::Done(_) | Asked::Absent | Asked::NoNft(_) => return Ok(()),
        Asked::Failed(because) => because,
    };
    match asked(server, GateTable::LIST, doing).await? {
        Asked::Absent | Asked::NoNft(_) => Ok(()),
        Asked::Done(_) | Asked::Failed(_) => Err(server.unreadable("the removal of the gate", &because)),
    }
}

async fn asked(server: &Server, line: &str, doing: &'static str) -> Result<Asked, TrafficError> {
    ask_nft(server.host.as_ref(), line).await.map_err(server.failed(doing))
}
