//! The gate of another server of the site, as LIM 1 has it held: a holder there over a standing session.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::speech::{FromHolder, RightLeft, ToHolder};
use crate::adapters::raw_clock;
use crate::domain::lease::{GateSeen, Moment};
use crate::domain::traffic::GateRules;
use crate::ports::conversation::{Conversation, Saying};
use crate::ports::host::{Command, Host, printable};

/// How long a session may take to be made: as connecting and logging in may.
const MADE_WITHIN: Duration = Duration::from_secs(20);

/// After a lost session the next is tried after this, then after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// But never after longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Questions of a holder that may be missing before it counts as silent.
const MISSED_QUESTIONS: u32 = 3;

/// What the site may do, as told last. Every change of kind has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) what: What,
    pub(super) change: u64,
}

/// See [`Right`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Undecided,
    Closed,
    Until(Moment),
    Standing,
}

impl Right {
    /// What a holder is told at once when this is new.
    const fn news(self) -> ToHolder {
        match self.what {
            What::Closed => ToHolder::Close { ticket: self.change },
            What::Undecided | What::Until(_) | What::Standing => ToHolder::Ask {},
        }
    }

    /// What is left of it now.
    fn left(self) -> RightLeft {
        match self.what {
            What::Undecided => RightLeft::Undecided,
            What::Closed => RightLeft::Closed,
            What::Standing => RightLeft::Standing,
            What::Until(end) => {
                RightLeft::Ms(u64::try_from(end.since(raw_clock::now()).as_millis()).unwrap_or(u64::MAX))
            }
        }
    }
}

/// What is known of the other server.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// When its holder was last heard; `None` while there is no session.
    pub(super) heard: Option<Instant>,
    /// What its gate is.
    pub(super) gate: Option<GateSeen>,
    /// The last change of the right that was carried out there.
    pub(super) carried_out: u64,
    /// It was changed by others, and nobody was told so far.
    pub(super) changed: bool,
    /// What failed last; `None` when nothing does.
    pub(super) failing: Option<String>,
}

impl Known {
    /// Whether its holder speaks, given how often it asks.
    pub(super) fn speaks(&self, every: Duration) -> bool {
        self.failing.is_none()
            && self.heard.is_some_and(|heard| heard.elapsed() < every * MISSED_QUESTIONS + FIRST_PAUSE)
    }
}

/// Another server, and what a holder there is started with.
pub(super) struct Far {
    pub(super) host: Arc<dyn Host>,
    pub(super) command: Command,
    pub(super) rules: GateRules,
    pub(super) every: Duration,
    pub(super) right: watch::Receiver<Right>,
    pub(super) known: watch::Sender<Known>,
}

impl Far {
    /// Keeps a holder there, for ever.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let because = self.session().await;
            self.known.send_replace(Known { failing: Some(printable(&because)), ..self.lost() });
            if begun.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What stays known when a session ends: that something was changed, until somebody is told.
    fn lost(&self) -> Known {
        Known { changed: self.known.borrow().changed, ..Known::default() }
    }

    /// One session, and how it ended.
    async fn session(&mut self) -> String {
        let conversation = match timeout(MADE_WITHIN, self.host.converse(self.command.clone())).await {
            Ok(Ok(conversation)) => conversation,
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "no session within its time".to_owned(),
        };
        self.spoken(conversation).await.unwrap_or_else(|error| error.to_string())
    }

    async fn spoken(&mut self, conversation: Conversation) -> io::Result<String> {
        let Conversation { mut saying, mut hearing } = conversation;
        let every_ms = u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX);
        say(&mut saying, &ToHolder::Begin { rules: self.rules.clone(), every_ms }).await?;
        let mut passed_on = 0;
        let mut answered = Answered::default();
        loop {
            // A change is not left to the pace of the questions: a takeover would wait for the next one.
            let right = *self.right.borrow_and_update();
            if right.change != passed_on {
                passed_on = right.change;
                say(&mut saying, &right.news()).await?;
            }
            let line = tokio::select! {
                changed = self.right.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok("the gates are given up".to_owned()),
                },
                line = hearing.hear() => line?,
            };
            let Some(line) = line else { return Ok("its holder ended".to_owned()) };
            let Ok(said) = serde_json::from_str(&line) else { return Ok(line) };
            if let Some(number) = self.taken_in(said, &mut answered) {
                // Read right before it is said: what is computed early lasts too long.
                let right = *self.right.borrow();
                answered.0.insert(number, right.change);
                say(&mut saying, &ToHolder::Answer { number, right: right.left() }).await?;
            }
        }
    }

    /// Takes in what the holder said; the number of a question that it asks.
    fn taken_in(&self, said: FromHolder, answered: &mut Answered) -> Option<u64> {
        let mut question = None;
        self.known.send_modify(|known| {
            known.heard = Some(Instant::now());
            known.failing = None;
            match said {
                FromHolder::Ask { number, gate, whole } => {
                    known.gate = Some(gate);
                    known.changed |= !whole;
                    question = Some(number);
                }
                FromHolder::Done { number, gate } => {
                    known.gate = Some(gate);
                    known.carried_out = known.carried_out.max(answered.done(number));
                }
                FromHolder::Closed { ticket } => {
                    known.gate = Some(GateSeen::Closed);
                    known.carried_out = known.carried_out.max(ticket);
                }
                FromHolder::Failed { because } => known.failing = Some(printable(&because)),
            }
        });
        question
    }
}

/// Which change of the right each answer spoke of, until it is carried out.
#[derive(Default)]
struct Answered(BTreeMap<u64, u64>);

impl Answered {
    /// The change that is carried out with the answer to this question. Answers are carried out in order.
    fn done(&mut self, number: u64) -> u64 {
        let later = self.0.split_off(&number.saturating_add(1));
        let done = std::mem::replace(&mut self.0, later);
        done.get(&number).copied().unwrap_or_default()
    }
}

async fn say(saying: &mut Saying, what: &ToHolder) -> io::Result<()> {
    saying.say(&serde_json::to_string(what)?).await
}
