//! One of the three voters at work: the monitor of a site, or the witness. It carries out what the lease's state
//! machine says, in its order, and tells the machine what happened.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::herald::Herald;
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::lease::node::Told;
use crate::domain::lease::{
    Effect, Event, Guarantee, Message, Moment, Node, Reason, Right, Setup, Stored, Timing, Voter, Witness,
};
use crate::domain::site::Epoch;
use crate::ports::clock::Clock;
use crate::ports::gate::Until;
use crate::ports::messages::Messages;
use crate::ports::voter::{Asked, Hears, Lease, RawClock, ReignBook, State, VoterMemory};

mod address;
mod news;
mod reign;
mod sight;
mod site;

pub use address::{AddressKeeper, Keeping};
use news::News;
use reign::Reigning;
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
    pub herald: Herald,
    /// Where a site notes when it let telephony in.
    pub reigns: Arc<dyn ReignBook>,
    /// The wall clock.
    pub wall: Arc<dyn Clock>,
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
    /// When telephony is let in.
    reigning: Reigning,
    /// Whether the gate could not be opened the last time.
    is_unopened: bool,
    news: News,
    started: Moment,
    /// When the alarms were looked at last.
    looked: Option<Moment>,
    /// When this machine was last seen to have stood still.
    stood_still: Option<Moment>,
    /// Why the last order was refused, until whoever gave it is answered.
    refused: Option<String>,
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
        let mut work = Self::of(Machine::Site(Box::new(node)), tools, Some(site), say);
        work.carry_out(effects, now).await;
        work
    }

    /// The witness.
    pub async fn as_witness(tools: Tools, timing: Timing, say: UnboundedSender<String>) -> Self {
        let now = tools.clock.now();
        let (witness, effects) = Witness::start(timing, load(&tools), now);
        let mut work = Self::of(Machine::Witness(Box::new(witness)), tools, None, say);
        work.carry_out(effects, now).await;
        work
    }

    fn of(machine: Machine, tools: Tools, site: Option<AtSite>, say: UnboundedSender<String>) -> Self {
        let (news, started) = (News::of(tools.herald.clone()), tools.clock.now());
        let reigning = Reigning::none(Arc::clone(&tools.reigns), Arc::clone(&tools.wall));
        Self {
            machine,
            tools,
            site,
            peer_heard: None,
            events: unbounded_channel(),
            say,
            reigning,
            is_unopened: false,
            news,
            started,
            looked: None,
            stood_still: None,
            refused: None,
        }
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
        self.look_for_alarms();
    }

    /// Passes on what is wrong now, as often as a site looks at itself.
    fn look_for_alarms(&mut self) {
        let now = self.tools.clock.now();
        let is_due = self.looked.is_none_or(|before| now.since(before) >= LOOK_EVERY);
        if let (true, Machine::Site(node)) = (is_due, &self.machine) {
            self.looked = Some(now);
            let is_doubtful = self.stood_still.is_some_and(|at| now.since(at) < DOUBTFUL_FOR);
            let doubt = Finding::of(Alarm::ClockDoubtful, is_doubtful.then_some("this machine stood still"));
            let mut found = node.findings(now, now.since(self.started));
            found.push(doubt);
            self.news.found(found);
        }
    }

    async fn answer(&mut self, asked: Asked) {
        if let Some(order) = asked.order {
            self.take(Event::Ordered(order)).await;
        }
        let refused = self.refused.take();
        // Whoever has gone needs no answer.
        let _ = asked.answer.send(State { refused, ..self.state() });
    }

    fn state(&self) -> State {
        let now = self.tools.clock.now();
        let dropped = self.tools.messages.dropped();
        let (reigns, at) = (self.tools.reigns.last(REIGNS_TOLD), self.tools.wall.now().fixed_offset());
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
                    known: node.known(now, self.tools.messages.witness()),
                    why: Some(why),
                    dropped,
                    reigns,
                    at,
                    hears: Some(hears(node, now)),
                    refused: None,
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
                known: Vec::new(),
                dropped,
                reigns,
                at,
                hears: None,
                refused: None,
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
                    if let Told::Refused { because } = &told {
                        self.refused = Some(because.clone());
                    }
                    self.news.told(&told);
                    tell(&self.say, told.to_string());
                }
                Effect::Open { right, epoch } => self.open(until(right, decided), epoch).await,
                Effect::Arm { ticket, right } => {
                    if let Some(site) = &self.site {
                        site.arm(ticket, right, decided + right, self.events.0.clone()).await;
                    }
                }
                Effect::Close { ticket, because } => self.close(ticket, because).await,
            }
        }
    }

    async fn send(&self, to: Voter, message: &Message) {
        self.tools.messages.send(to, message).await;
    }

    async fn open(&mut self, until: Until, epoch: Epoch) {
        let Some(site) = &self.site else { return };
        if let Err(error) = site.open(until).await {
            if !std::mem::replace(&mut self.is_unopened, true) {
                tell(&self.say, format!("the gate cannot be opened: {error}"));
            }
            return self.happened(Event::NotOpened);
        }
        if std::mem::take(&mut self.is_unopened) {
            tell(&self.say, "the gate is opened again".to_owned());
            self.happened(Event::Opened);
        }
        self.reigning.opened(epoch, until, self.tools.clock.now());
    }

    async fn close(&mut self, ticket: u64, because: Reason) {
        let now = self.tools.clock.now();
        if let Some(site) = &self.site {
            site.close(ticket, self.events.0.clone(), self.say.clone()).await;
        }
        // A block that is made anew is no news: that the rules were changed is told as what it is.
        if because == Reason::RulesChanged {
            return;
        }
        let stood_still = if let Reason::StoodStill { at_least } = because { Some(at_least) } else { None };
        if stood_still.is_some() {
            self.stood_still = Some(now);
        }
        if let Machine::Site(node) = &self.machine {
            // The answers of one renewal told of it.
            let noticed_within = node.setup().timing.renewal();
            self.reigning.closed(stood_still, noticed_within, self.tools.clock.now());
        }
        let told = format!("blocks: {because}");
        self.news.blocks(&told);
        tell(&self.say, told);
    }

    /// The machine is told after what is being carried out.
    fn happened(&self, event: Event) {
        // Its other end is this voter's own.
        let _ = self.events.0.send(event);
    }

    /// A gate that is open without an end is noted as such from time to time.
    fn note_standing(&mut self) {
        if let Machine::Site(node) = &self.machine {
            // One that cannot be opened lets nobody in.
            if let Some(epoch) = node.live_without_end().filter(|_| !self.is_unopened) {
                self.reigning.stands(epoch, self.tools.clock.now());
            }
        }
    }
}

fn hears(node: &Node, now: Moment) -> Hears {
    let (peer, witness, control) = node.hears(now);
    Hears { peer, witness, control }
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

/// Reigns that are told to whoever asks: more than a day of trouble makes.
const REIGNS_TOLD: usize = 20;

/// How often what a site sees is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A machine that stood still once is likely to again; after so long without it the alarm is over.
const DOUBTFUL_FOR: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
