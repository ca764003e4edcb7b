//! `lease`: how the voter on this machine is, and orders to it.

use std::time::Duration;

use super::carry_out::describe;
use super::{Ports, Request, Stopped, configured};
use crate::domain::lease::{Command, Hold, Voter};
use crate::domain::plan::Action;
use crate::ports::dialog::{Dialog, News, Question};
use crate::ports::voter::State;

/// The longest hold: what is to last longer is `settings takeover ... manual`.
pub const LONGEST_HOLD: u64 = 24 * 60;

/// What a hold is proposed to last.
const USUAL_HOLD: &str = "120";

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
        Order::Hold => match ask_minutes(dialog).await? {
            0 => (Command::Hold(None), request.reason.clone()),
            minutes => {
                let reason = ask_reason(dialog).await?;
                let left = Duration::from_secs(minutes * 60);
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
        Command::Hold(Some(hold)) => format!("hold for {} minutes", hold.left.as_secs() / 60),
        Command::Acknowledge => "acknowledge".to_owned(),
        Command::Takeover(_) => "takeover settings".to_owned(),
    }
}

async fn ask_minutes(dialog: &mut dyn Dialog) -> Result<u64, Stopped> {
    let prompt = "For how many minutes is nothing to move by itself? (at most a day; 0 ends a hold)";
    let question = question(("minutes", "MINUTES"), prompt, Some(USUAL_HOLD));
    let answer = dialog.ask(&question, &|text| minutes(text).map(drop)).await?;
    minutes(&answer).map_err(Stopped::BadInput)
}

fn minutes(text: &str) -> Result<u64, String> {
    match text.trim().parse() {
        Ok(minutes) if minutes <= LONGEST_HOLD => Ok(minutes),
        Ok(_) | Err(_) => Err(format!("\"{}\" is no number of minutes from 0 to {LONGEST_HOLD}", text.trim())),
    }
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
        assert_eq!(minutes(" 120 "), Ok(120));
        assert_eq!(minutes("1440"), Ok(1440));
        assert_eq!(minutes("1441").unwrap_err(), "\"1441\" is no number of minutes from 0 to 1440");
        assert!(minutes("2h").is_err() && minutes("-5").is_err());
    }
}
