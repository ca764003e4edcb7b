//! `lease`: how the voter on this machine is, and orders to it.

use serde_json::json;

use super::{Run, SCHEMA};
use crate::domain::given::Given;
use crate::domain::length;
use crate::faces::cli::LeaseOrder;
use crate::faces::failure::{Exit, Failure};
use crate::faces::print;
use crate::flows;
use crate::flows::lease::Order;
use crate::ports::voter::State;

impl Run<'_> {
    pub(super) async fn lease(&mut self, order: Option<LeaseOrder>) -> Result<(), Failure> {
        let mut given = Given::default();
        given.words.extend(self.common.reason.clone().map(|reason| ("reason".to_owned(), reason)));
        let order = order.map(|order| match order {
            LeaseOrder::Acknowledge => Order::Acknowledge,
            LeaseOrder::HandOver => Order::HandOver,
            LeaseOrder::Force => Order::Force,
            LeaseOrder::Hold { length } => {
                given.words.extend(length.map(|left| ("length".to_owned(), length::written(left))));
                Order::Hold
            }
        });
        let request = self.request(false);
        let mut dialog = self.dialog(given, false);
        let state = flows::lease::order(self.ports, &request, order, &mut *dialog).await?;
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
        "known": state.known,
            "dropped": state.dropped,
            "reigns": state.reigns,
            "at": state.at,
        });
        self.emit(&document, &text(&state))
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
    lines.extend(print::known(&state.known).lines().map(str::to_owned));
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
