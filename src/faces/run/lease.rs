//! `lease`: how the voter on this machine is, and orders to it.

use serde_json::json;

use super::{Run, SCHEMA};
use crate::domain::given::Given;
use crate::faces::cli::LeaseOrder;
use crate::faces::failure::{Exit, Failure};
use crate::flows;
use crate::flows::lease::Order;
use crate::ports::notifier::{Kind, Notice};
use crate::ports::voter::State;

impl Run<'_> {
    pub(super) async fn lease(&mut self, order: Option<LeaseOrder>) -> Result<(), Failure> {
        let mut given = Given::default();
        given.words.extend(self.common.reason.clone().map(|reason| ("reason".to_owned(), reason)));
        let order = order.map(|order| match order {
            LeaseOrder::Acknowledge => Order::Acknowledge,
            LeaseOrder::HandOver => Order::HandOver,
            LeaseOrder::Force => Order::Force,
            LeaseOrder::Hold { minutes } => {
                given.words.extend(minutes.map(|minutes| ("minutes".to_owned(), minutes.to_string())));
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
            "dropped": state.dropped,
            "reigns": state.reigns,
            "at": state.at,
        });
        self.emit(&document, &text(&state))
    }

    /// Sends a notice, so that a mail server that refuses is known before it matters.
    pub(super) async fn notify_test(&mut self) -> Result<(), Failure> {
        let at = self.ports.clock.now().fixed_offset();
        let text = "this is a test of mxone_system_redundancy; nothing happened".to_owned();
        let notice = Notice { schema: SCHEMA, at, from: self.person.who.clone(), kind: Kind::Test, text };
        if self.common.dry_run {
            return self.emit(&json!({"schema": SCHEMA, "outcome": "planned"}), "a notice would be sent\n");
        }
        match self.ports.notifier.notify(&notice).await {
            Ok(true) => self.emit(&json!({"schema": SCHEMA, "outcome": "done"}), "done: the program took the notice\n"),
            Ok(false) => Err(Failure::new(Exit::NotConfigured, "nobody is told: there is no program for it")
                .hint("put one at /etc/mxone_system_redundancy/notify; see `help automatic`")),
            Err(error) => {
                let mut failure = Failure::new(Exit::Failed, error.to_string());
                failure.because.extend(std::error::Error::source(&error).map(ToString::to_string));
                Err(failure)
            }
        }
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
