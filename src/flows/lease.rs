//! `lease`: how the voter on this machine is, and orders to it.

use std::time::Duration;

use super::carry_out::describe;
use super::{Ports, Request, Stopped, configured};
use crate::domain::lease::{Command, Hold, Voter};
use crate::domain::length;
use crate::domain::plan::Action;
use crate::ports::dialog::{Dialog, News, Question};
use crate::ports::voter::State;

/// The longest hold: what is to last longer is `settings takeover ... manual`.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);

/// What a hold is proposed to last.
const USUAL_HOLD: &str = "2h";

/// A reason has to fit a datagram.
const REASON_KEPT: usize = 200;

/// What a person orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing moves by itself for a while; how long, and why, is asked.
    Hold,
    /// The traffic goes to the other site.
    HandOver,
    /// This site goes live without two promises.
    Force,
    /// The last automatic takeover was seen.
    Acknowledge,
}

/// How the voter here is, after an order if there is one; `None` when none works here.
///
/// # Errors
/// [`Stopped::Voter`] when it works and cannot be asked; [`Stopped::NotAllowed`] when it refuses the order; what a
/// dialog cannot answer.
pub async fn order(
    ports: &Ports,
    request: &Request,
    order: Option<Order>,
    dialog: &mut dyn Dialog,
) -> Result<Option<State>, Stopped> {
    let ask = async |command| ports.voter.ask(command).await.map_err(Stopped::Voter);
    let Some(state) = ask(None).await? else { return Ok(None) };
    let Some(order) = order else { return Ok(Some(state)) };
    if state.voter == Voter::Witness {
        return Err(Stopped::NotAllowed("a witness takes no orders; give it on LIM 1 of a site".to_owned()));
    }
    let (command, reason) = command(request, order, dialog).await?;
    let what = words(&command);
    if request.dry_run {
        dialog.tell(News::Note(format!("would be ordered: {what}")));
        return Ok(Some(state));
    }
    let request = Request { reason, ..request.clone() };
    note(ports, &request, &what, dialog);
    let state = ask(Some(command)).await?;
    if let Some(because) = state.as_ref().and_then(|state| state.refused.clone()) {
        note(ports, &request, &format!("{what} refused: {because}"), dialog);
        return Err(Stopped::NotAllowed(because));
    }
    Ok(state)
}

/// What a person orders in a disaster is worth more than a line about it, so it does not wait for one.
fn note(ports: &Ports, request: &Request, what: &str, dialog: &mut dyn Dialog) {
    if let Err(error) = configured::note(ports, request, Action::Lease, what) {
        dialog.tell(News::Note(describe(&error)));
    }
}

async fn command(
    request: &Request,
    order: Order,
    dialog: &mut dyn Dialog,
) -> Result<(Command, Option<String>), Stopped> {
    Ok(match order {
        Order::Acknowledge => (Command::Acknowledge, request.reason.clone()),
        Order::HandOver => (Command::HandOver, request.reason.clone()),
        Order::Force => (Command::Force, Some(ask_reason(dialog).await?)),
        Order::Hold => match ask_length(dialog).await? {
            Duration::ZERO => (Command::Hold(None), request.reason.clone()),
            left => {
                let reason = ask_reason(dialog).await?;
                (Command::Hold(Some(Hold { left, reason: reason.clone() })), Some(reason))
            }
        },
    })
}

/// An order as the history has it.
fn words(command: &Command) -> String {
    match command {
        Command::HandOver => "hand-over".to_owned(),
        Command::Force => "force".to_owned(),
        Command::Hold(None) => "hold ended".to_owned(),
        Command::Hold(Some(hold)) => format!("hold for {}", length::written(hold.left)),
        Command::Acknowledge => "acknowledge".to_owned(),
        Command::Takeover(_) => "takeover settings".to_owned(),
    }
}

async fn ask_length(dialog: &mut dyn Dialog) -> Result<Duration, Stopped> {
    let prompt = "For how long is nothing to move by itself? (such as 2h or 90min, at most a day; 0 ends a hold)";
    let question = question(("length", "LENGTH"), prompt, Some(USUAL_HOLD));
    let answer = dialog.ask(&question, &|text| hold_length(text).map(drop)).await?;
    hold_length(&answer).map_err(Stopped::BadInput)
}

/// How long a hold is to last; a bare number is in minutes.
///
/// # Errors
/// What to write instead.
pub fn hold_length(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let minutes = text.parse().ok().and_then(|minutes: u64| minutes.checked_mul(60)).map(Duration::from_secs);
    let length = minutes.map_or_else(|| length::read(text), Ok)?;
    if length <= LONGEST_HOLD { Ok(length) } else { Err(format!("{text} is longer than a day")) }
}

/// The reason, which both sites show.
async fn ask_reason(dialog: &mut dyn Dialog) -> Result<String, Stopped> {
    let question = question(("reason", "--reason"), "Why? Both sites show it, and the history keeps it.", None);
    let check = |text: &str| if text.trim().is_empty() { Err("this needs a reason".to_owned()) } else { Ok(()) };
    let reason = dialog.ask(&question, &check).await?;
    Ok(reason.trim().chars().take(REASON_KEPT).collect())
}

fn question((key, flag): (&'static str, &'static str), prompt: &str, default: Option<&str>) -> Question {
    let (prompt, default) = (prompt.to_owned(), default.map(str::to_owned));
    Question { key, flag, prompt, default, choices: &[], refused: None, help: "automatic#What you can order" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_from_nothing_to_a_day() {
        let seconds = |text| hold_length(text).map(|length| length.as_secs());
        assert_eq!((seconds("0"), seconds(" 2h "), seconds("90min")), (Ok(0), Ok(7200), Ok(5400)));
        assert_eq!((seconds("120"), seconds("1440"), seconds("24h")), (Ok(7200), Ok(86400), Ok(86400)));
        assert_eq!(seconds("1441").unwrap_err(), "1441 is longer than a day");
        for text in ["-5", "soon", "18446744073709551615", "1e9h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
