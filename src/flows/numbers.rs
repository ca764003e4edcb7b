//! Tells in numbers how this machine's part is, at every change of an alarm and every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::Ports;
use super::configured::Configured;
use crate::domain::alarm::{Numbers, Post, Register};
use crate::domain::lease::Voter;
use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::{Traffic, TrafficWord};
use crate::ports::gauges::Gauges;
use crate::ports::voter::State;

/// As often as Prometheus asks by default.
const EVERY: Duration = Duration::from_secs(15);

/// Goes on until the herald is gone.
///
/// `from` is the voter of this machine by its name, or the site.
pub async fn tell(
    (ports, from, post): (Ports, String, Post),
    gauges: Arc<dyn Gauges>,
    mut register: watch::Receiver<Register>,
    say: UnboundedSender<String>,
) {
    let mut told = None;
    loop {
        let now = register.borrow_and_update().clone();
        let numbers = numbers(&ports, (&from, post), now).await;
        let failed = gauges.publish(&numbers.to_string()).await.err().map(|error| error.to_string());
        if let Some(error) = failed.as_ref().filter(|error| told.as_ref() != Some(*error)) {
            // When nobody listens any more, the program is about to end.
            let _ = say.send(format!("the numbers cannot be told: {error}"));
        }
        told = failed;
        tokio::select! {
            changed = register.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What is known now.
async fn numbers(ports: &Ports, (from, post): (&str, Post), register: Register) -> Numbers {
    let asked = ports.voter.ask(None).await;
    let numbers = match (asked, post) {
        (Ok(Some(state)), _) => of_voter(&state),
        (Ok(None) | Err(_), Post::Alone) => without_voter(ports, &register).await,
        // It works in this program, and has not begun to.
        (Ok(None), Post::Voter(_) | Post::Witness) => Numbers::default(),
        // Nobody knows what it promises.
        (Err(_), Post::Voter(_) | Post::Witness) => {
            Numbers { guarantee: Some("lost".to_owned()), ..Numbers::default() }
        }
    };
    let loaded = ports.journal.memory().ok().and_then(|memory| memory.loaded);
    let data = loaded.and_then(|loaded| {
        let from = loaded.generation.backup.taken_at.unwrap_or(loaded.generation.taken_at);
        (ports.clock.now().fixed_offset() - from).to_std().ok()
    });
    Numbers { from: from.to_owned(), data, register, ..numbers }
}

fn of_voter(state: &State) -> Numbers {
    let known = state.hears;
    let peer = match state.voter {
        Voter::Monitor(Site::Primary) => "alternate",
        Voter::Monitor(Site::Alternate) | Voter::Witness => "primary",
    };
    let heard = [(peer, known.map(|hears| hears.peer)), ("witness", known.and_then(|hears| hears.witness))];
    let dropped = state.dropped;
    Numbers {
        live: matches!(state.voter, Voter::Monitor(_)).then_some(state.live.is_some()),
        guarantee: Some(state.guarantee.0.clone()).filter(|word| !word.is_empty()),
        epoch: Some(state.epoch),
        right: state.lease.and_then(|lease| lease.right),
        heard: heard.into_iter().filter_map(|(who, ago)| Some((who, ago?))).collect(),
        control: known.and_then(|hears| hears.control),
        dropped: vec![
            ("oversized", dropped.oversized),
            ("malformed", dropped.malformed),
            ("forged", dropped.forged),
            ("repeated", dropped.repeated),
        ],
        ..Numbers::default()
    }
}

/// Without a voter the monitor is the alternate's, and its packet filters say whether it is live.
async fn without_voter(ports: &Ports, register: &Register) -> Numbers {
    let live = match Configured::open(ports) {
        Ok(configured) => {
            let traffic = configured.systems.traffic.read(ServerId::first_of(Site::Alternate)).await;
            (!matches!(traffic, Traffic::Unknown { .. })).then(|| traffic.word() != TrafficWord::Blocked)
        }
        Err(_) => None,
    };
    let guarantee = live.map(|_| "manual".to_owned());
    let epoch = register.order.map(|order| order.epoch);
    Numbers { live, guarantee, epoch, ..Numbers::default() }
}
