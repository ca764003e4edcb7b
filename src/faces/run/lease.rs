//! `lease`: how the voter on this machine is, and orders to it.

use std::time::Duration;

use serde_json::json;

use super::{Run, SCHEMA};
use crate::domain::lease::{Command, Hold};
use crate::faces::cli::LeaseOrder;
use crate::faces::failure::{Exit, Failure};
use crate::ports::voter::State;

impl Run<'_> {
    pub(super) async fn lease(&mut self, order: Option<LeaseOrder>) -> Result<(), Failure> {
        let order = order.map(|order| self.lease_order(&order)).transpose()?;
        let asked = self.ports.voter.ask(order).await;
        let state = asked.map_err(|error| {
            Failure::new(Exit::Unknown, format!("the voter on this machine cannot be asked: {error}"))
                .hint("it is asked as root; see whether the monitor works")
        })?;
        let Some(state) = state else {
            return Err(Failure::new(Exit::NotConfigured, "no voter works on this machine")
                .hint("automatic takeover is not set up here, or its monitor does not run"));
        };
        let document = json!({
            "schema": SCHEMA,
            "voter": state.voter.to_string(),
            "live": state.live,
            "epoch": state.epoch,
            "guarantee": state.guarantee.1,
            "decides": state.why.as_ref().map(|why| why.what.to_string()),
            "because": state.why.as_ref().map(|why| why.because.to_string()),
            "would_change": state.would_change,
            "dropped": state.dropped,
        });
        self.emit(&document, &text(&state))
    }

    fn lease_order(&self, order: &LeaseOrder) -> Result<Command, Failure> {
        match order {
            LeaseOrder::Acknowledge => Ok(Command::Acknowledge),
            LeaseOrder::HandOver => Ok(Command::HandOver),
            LeaseOrder::Force => self.reason("to go live without two promises").map(|_| Command::Force),
            LeaseOrder::Hold { minutes: 0 } => Ok(Command::Hold(None)),
            LeaseOrder::Hold { minutes } => {
                // It has to fit a datagram.
                let reason = self.reason("a hold")?.chars().take(200).collect();
                Ok(Command::Hold(Some(Hold { left: Duration::from_secs(minutes * 60), reason })))
            }
        }
    }

    fn reason(&self, what: &str) -> Result<String, Failure> {
        let reason = self.common.reason.clone().filter(|reason| !reason.trim().is_empty());
        reason
            .ok_or_else(|| Failure::new(Exit::BadInput, format!("{what} needs a reason")).hint("add --reason \"...\""))
    }
}

fn text(state: &State) -> String {
    let mut lines = vec![match state.live {
        Some(epoch) => format!("{}: LIVE in epoch {epoch}", state.voter),
        None => format!("{}: not live; the last epoch is {}", state.voter, state.epoch),
    }];
    if !state.guarantee.1.is_empty() {
        lines.push(format!("guarantee: {}", state.guarantee.1));
    }
    if let Some(why) = &state.why {
        lines.push(format!("{}: {}", why.what, why.because));
    }
    if let Some(change) = &state.would_change {
        lines.push(format!("what would change it: {change}"));
    }
    let dropped = state.dropped;
    let all = dropped.oversized + dropped.malformed + dropped.forged + dropped.repeated;
    if all > 0 {
        lines.push(format!(
            "datagrams not taken: {} forged, {} repeated, {} malformed, {} too long",
            dropped.forged, dropped.repeated, dropped.malformed, dropped.oversized
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
