//! One of the three voters at work: the monitor of a site, or the witness. It carries out what the lease's state
//! machine says, in its order, and tells the machine what happened.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::lease::reigns::Noted;
use crate::domain::lease::{
    Effect, Event, Guarantee, Message, Moment, Node, Right, Setup, Stored, Timing, Voter, Witness,
};
use crate::domain::site::Epoch;
use crate::ports::gate::Until;
use crate::ports::messages::Messages;
use crate::ports::notifier::Kind;
use crate::ports::voter::{Asked, Lease, RawClock, ReignBook, State, VoterMemory};

mod address;
mod news;
mod sight;
mod site;

pub use address::{AddressKeeper, Keeping};
pub use news::News;
pub use sight::OwnSight;
pub use site::{AtSite, Follow};

/// What both kinds of voters work with.
#[derive(Clone)]
pub struct Tools {
    /// The way to the other voters.
    pub messages: Arc<dyn Messages>,
    /// What must not be forgotten.
    pub memory: Arc<dyn VoterMemory>,
    /// The clock.
    pub clock: Arc<dyn RawClock>,
    /// How people are told who are not looking.
    pub news: News,
    /// Where a site notes when it let telephony in.
    pub reigns: Arc<dyn ReignBook>,
}

/// The state machine of either kind.
enum Machine {
    Site(Box<Node>),
    Witness(Box<Witness>),
}

impl Machine {
    fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        match self {
            Self::Site(node) => node.step(event, now),
            Self::Witness(witness) => witness.step(event, now),
        }
    }

    fn deadline(&self, now: Moment) -> Moment {
        match self {
            Self::Site(node) => node.deadline(now),
            Self::Witness(witness) => witness.deadline(),
        }
    }
}

/// A voter at work.
pub struct Work {
    machine: Machine,
    tools: Tools,
    site: Option<AtSite>,
    /// When the other monitor was heard last.
    peer_heard: Option<tokio::time::Instant>,
    events: (UnboundedSender<Event>, UnboundedReceiver<Event>),
    say: UnboundedSender<String>,
    /// The epoch in which telephony is let in, and when that was noted last.
    reigning: Option<(Epoch, Moment)>,
}

impl Work {
    /// The monitor of a site.
    ///
    /// `nothing` is what it goes by when its memory is lost. A gate that cannot be read counts as open without a
    /// promise, and is closed.
    pub async fn at_site(
        tools: Tools,
        setup: Setup,
        nothing: crate::domain::lease::Memory,
        site: AtSite,
        say: UnboundedSender<String>,
    ) -> Self {
        let seen = match site.seen().await {
            Ok(seen) => seen,
            Err(error) => {
                tell(&say, format!("the gate cannot be read: {error}"));
                crate::domain::lease::GateSeen::Timed
            }
        };
        let now = tools.clock.now();
        let (node, effects) = Node::start(setup, load(&tools), nothing, seen, now);
        let mut work = Self {
            machine: Machine::Site(Box::new(node)),
            tools,
            site: Some(site),
            peer_heard: None,
            events: unbounded_channel(),
            say,
            reigning: None,
        };
        work.carry_out(effects, now).await;
        work
    }

    /// The witness.
    pub async fn as_witness(tools: Tools, timing: Timing, say: UnboundedSender<String>) -> Self {
        let now = tools.clock.now();
        let (witness, effects) = Witness::start(timing, load(&tools), now);
        let mut work = Self {
            machine: Machine::Witness(Box::new(witness)),
            tools,
            site: None,
            peer_heard: None,
            events: unbounded_channel(),
            say,
            reigning: None,
        };
        work.carry_out(effects, now).await;
        work
    }

    /// Works until nobody can ask any more.
    pub async fn run(mut self, mut asked: UnboundedReceiver<Asked>) {
        let looks = self.site.as_ref().map(|site| site.look_on(self.events.0.clone()));
        loop {
            let now = self.tools.clock.now();
            let left = self.machine.deadline(now).since(now);
            let messages = Arc::clone(&self.tools.messages);
            let event = tokio::select! {
                biased;
                event = self.events.1.recv() => event.unwrap_or(Event::Tick),
                question = asked.recv() => match question {
                    Some(question) => {
                        self.answer(question).await;
                        continue;
                    }
                    None => break,
                },
                (from, message) = messages.receive() => {
                    self.heard_from(from);
                    Event::Heard { from, message }
                }
                () = tokio::time::sleep(left) => Event::Tick,
            };
            self.take(event).await;
            self.note_standing();
        }
        if let Some(looks) = looks {
            looks.abort();
        }
    }

    /// A site that is heard again after a silence may have been cut off, and others with it.
    fn heard_from(&mut self, from: Voter) {
        let Some(site) = &self.site else { return };
        if matches!(from, Voter::Monitor(_)) {
            let before = self.peer_heard.replace(tokio::time::Instant::now());
            if before.is_some_and(|before| before.elapsed() > site.silent_after) {
                site.address.healed();
            }
        }
    }

    async fn take(&mut self, event: Event) {
        let now = self.tools.clock.now();
        let effects = self.machine.step(event, now);
        self.carry_out(effects, now).await;
    }

    async fn answer(&mut self, asked: Asked) {
        if let Some(order) = asked.order {
            self.take(Event::Ordered(order)).await;
        }
        // Whoever has gone needs no answer.
        let _ = asked.answer.send(self.state());
    }

    fn state(&self) -> State {
        let now = self.tools.clock.now();
        let dropped = self.tools.messages.dropped();
        let (reigns, at) = (self.tools.reigns.last(REIGNS_TOLD), self.tools.news.wall.now().fixed_offset());
        match &self.machine {
            Machine::Site(node) => {
                let (guarantee, why) = (node.guarantee(now), node.why(now));
                State {
                    voter: Voter::Monitor(node.setup().site),
                    live: node.live(),
                    epoch: node.memory().order.epoch,
                    guarantee: (guarantee.word().to_owned(), guarantee.to_string()),
                    lease: lease(guarantee),
                    would_change: Some(why.because.would_change()),
                    why: Some(why),
                    dropped,
                    reigns,
                    at,
                }
            }
            Machine::Witness(witness) => State {
                voter: Voter::Witness,
                live: None,
                epoch: witness.memory().order.epoch,
                guarantee: (String::new(), String::new()),
                lease: None,
                why: None,
                would_change: None,
                dropped,
                reigns,
                at,
            },
        }
    }

    /// Carries effects out one after the other. What needs no order runs aside and answers with an event.
    async fn carry_out(&mut self, effects: Vec<Effect>, decided: Moment) {
        let mut effects = std::collections::VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Keep(memory) => {
                    if let Err(error) = self.tools.memory.keep(&memory) {
                        tell(&self.say, format!("the promises cannot be written: {error}"));
                        let now = self.tools.clock.now();
                        // What followed from the memory has not happened.
                        effects = self.machine.step(Event::NotKept, now).into();
                        continue;
                    }
                    if let Some(site) = &self.site {
                        site.follow(memory.order);
                    }
                }
                Effect::Send { to, message } => self.send(to, &message).await,
                Effect::Tell(told) => {
                    if let Some(kind) = news::kind_of(&told) {
                        self.tools.news.pass_on(kind, &told.to_string(), &self.say);
                    }
                    tell(&self.say, told.to_string());
                }
                Effect::Open { right, epoch } => self.open(until(right, decided), epoch).await,
                Effect::Arm { ticket, right } => {
                    if let Some(site) = &self.site {
                        site.arm(ticket, right, decided + right, self.events.0.clone()).await;
                    }
                }
                Effect::Close { ticket, because } => {
                    if let Some(site) = &self.site {
                        site.close(ticket, self.events.0.clone()).await;
                        if let Some((epoch, _)) = self.reigning.take() {
                            self.note(epoch, Noted::Closed);
                        }
                    }
                    let told = format!("blocks: {because}");
                    self.tools.news.pass_on(Kind::RoleChanged, &told, &self.say);
                    tell(&self.say, told);
                }
            }
        }
    }

    async fn send(&self, to: Voter, message: &Message) {
        self.tools.messages.send(to, message).await;
    }

    async fn open(&mut self, until: Until, epoch: Epoch) {
        let Some(site) = &self.site else { return };
        if let Err(error) = site.open(until).await {
            return tell(&self.say, format!("the gate cannot be opened: {error}"));
        }
        let now = self.tools.clock.now();
        let noted = match until {
            Until::Standing => Noted::Standing,
            Until::Moment(end) => {
                let left = TimeDelta::from_std(end.since(now)).unwrap_or_default();
                Noted::Until(self.tools.news.wall.now().fixed_offset() + left)
            }
        };
        self.reigning = Some((epoch, now));
        self.note(epoch, noted);
    }

    /// A gate that is open without an end is noted as such from time to time: a lease is, whenever it is renewed.
    fn note_standing(&mut self) {
        let now = self.tools.clock.now();
        let Machine::Site(node) = &self.machine else { return };
        let is_due = self.reigning.is_none_or(|(_, noted)| now.since(noted) >= NOTED_EVERY);
        if let (Some(epoch), Guarantee::Manual, true) = (node.live(), node.guarantee(now), is_due) {
            self.reigning = Some((epoch, now));
            self.note(epoch, Noted::Standing);
        }
    }

    fn note(&self, epoch: Epoch, noted: Noted) {
        if let Err(error) = self.tools.reigns.note(epoch, noted, self.tools.news.wall.now().fixed_offset()) {
            tell(&self.say, format!("when this site was live cannot be written down: {error}"));
        }
    }
}

fn lease(guarantee: Guarantee) -> Option<Lease> {
    match guarantee {
        Guarantee::AtMostOneLive { witness, left, .. } => Some(Lease { right: left, witness_heard: witness }),
        Guarantee::Conditional { .. } | Guarantee::Manual | Guarantee::Lost { .. } => None,
    }
}

fn until(right: Right, decided: Moment) -> Until {
    match right {
        Right::For(left) => Until::Moment(decided + left),
        Right::Standing => Until::Standing,
    }
}

fn load(tools: &Tools) -> Stored {
    tools.memory.load()
}

fn tell(say: &UnboundedSender<String>, line: String) {
    // When nobody listens any more, the program is about to end.
    let _ = say.send(line);
}

/// How often an open site is noted that is not armed.
const NOTED_EVERY: Duration = Duration::from_secs(5);

/// Reigns that are told to whoever asks: more than a day of trouble makes.
const REIGNS_TOLD: usize = 20;

/// How often what a site sees is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
