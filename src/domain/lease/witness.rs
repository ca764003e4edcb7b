//! The witness: a voter and nothing else.

use std::time::Duration;

use super::agreed::Agreed;
use super::memory::{Memory, Stored};
use super::message::{Ask, Clock, Echo, Grant, Message, Refuse, Voter};
use super::moment::Moment;
use super::node::{Effect, Event, Told, Worry};
use super::promises::Promises;
use super::timing::Timing;
use crate::domain::configuration::TakeoverSettings;
use crate::domain::site::{Epoch, Site};

/// The third voter, at neither site.
///
/// It takes the same events and returns the same effects as a [`Node`](super::Node); it keeps memory, sends and tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Witness {
    promises: Promises,
    timing: Timing,
    next_round: Moment,
    undo: Option<Promises>,
    is_worried: bool,
}

impl Witness {
    /// A witness at its start. It is told the slowest timing that its sites may use.
    #[must_use]
    pub fn start(timing: Timing, stored: Stored, now: Moment) -> (Self, Vec<Effect>) {
        let others = Voter::Witness.others().collect();
        let nothing = Memory::first(Site::Primary, Agreed::first(TakeoverSettings::default()));
        let promises = Promises::start(stored, nothing, (timing.promise(), others), now);
        let mut witness = Self { promises, timing, next_round: now, undo: None, is_worried: false };
        let effects = witness.step(Event::Tick, now);
        (witness, effects)
    }

    /// Takes in one event; what is to be done about it, in order.
    pub fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        let undo = self.undo.take();
        if undo.is_some() && event != Event::NotKept && std::mem::take(&mut self.is_worried) {
            effects.push(Effect::Tell(Told::Cleared { worry: Worry::NotKept }));
        }
        let before = self.promises.clone();
        match event {
            Event::Tick => self.tick(now, &mut effects),
            Event::Heard { from, message } => self.hear(from, message, now, &mut effects),
            Event::NotKept => {
                if let Some(undo) = undo {
                    self.promises = undo;
                }
                if !std::mem::replace(&mut self.is_worried, true) {
                    effects.push(Effect::Tell(Told::Worry { worry: Worry::NotKept }));
                }
                return effects;
            }
            // A witness has no gate, no control address, no call server, no data, and takes no orders.
            Event::Closed { .. }
            | Event::Armed { .. }
            | Event::NotArmed { .. }
            | Event::Control { .. }
            | Event::Health { .. }
            | Event::Data { .. }
            | Event::GateChanged
            | Event::GateWhole
            | Event::Ordered(_) => {}
        }
        if self.promises.recover(Voter::Witness, now) {
            effects.push(Effect::Tell(Told::Recalled));
        }
        self.in_order(before, effects)
    }

    /// When it must be called with [`Event::Tick`] at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Moment {
        self.next_round
    }

    /// What it remembers.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        self.promises.memory()
    }

    /// One that lost its memory asks the others.
    fn tick(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if now < self.next_round {
            return;
        }
        self.next_round = now + self.timing.renewal().max(Duration::from_millis(1));
        for to in self.promises.unheard() {
            effects.push(Effect::Send { to, message: Message::Recall { nonce: now.as_nanos() } });
        }
    }

    fn hear(&mut self, from: Voter, message: Message, now: Moment, effects: &mut Vec<Effect>) {
        // It is the only witness.
        let Voter::Monitor(site) = from else { return };
        let told = (self.promises.clock(now), now);
        let Heard { reply, forced } = judge(&mut self.promises, site, message, told);
        effects.extend(forced.map(|epoch| Effect::Tell(Told::Forced { epoch })));
        effects.extend(reply.map(|message| Effect::Send { to: from, message }));
    }

    fn in_order(&mut self, before: Promises, effects: Vec<Effect>) -> Vec<Effect> {
        let Some(memory) = self.promises.to_keep() else { return effects };
        self.undo = Some(before);
        let mut ordered = vec![Effect::Keep(Box::new(memory))];
        ordered.extend(effects);
        ordered
    }
}

/// What came of a message.
pub(super) struct Heard {
    /// The answer to its sender.
    pub reply: Option<Message>,
    /// The epoch of a person's word that was taken.
    pub forced: Option<Epoch>,
}

/// What a voter that is never live does with a message of a site; `told` is its clock, as answers carry it, and the
/// moment.
pub(super) fn judge(promises: &mut Promises, site: Site, message: Message, told: (Clock, Moment)) -> Heard {
    let (clock, now) = told;
    let mut forced = None;
    let reply = match message {
        Message::Ask(ask) => Some(answer(promises, site, &ask, told)),
        Message::Release(release) => {
            promises.release(site, release);
            None
        }
        Message::Force(force) => {
            forced = promises.force(site, force, now).then_some(force.epoch);
            None
        }
        Message::Beat(beat) => {
            promises.learn(beat.order);
            let (order, highest) = (promises.memory().order, promises.memory().highest);
            Some(Message::Echo(Echo { stamp: beat.stamp, clock, order, highest }))
        }
        Message::Recall { nonce } => Some(Message::Remember { nonce, memory: promises.recalled() }),
        Message::Remember { memory, .. } => {
            promises.remember(Voter::Monitor(site), memory.map(|memory| *memory));
            None
        }
        // It asks nobody for promises and sends no beats.
        Message::Grant(_) | Message::Refuse(_) | Message::Echo(_) => None,
    };
    Heard { reply, forced }
}

fn answer(promises: &mut Promises, site: Site, ask: &Ask, (clock, now): (Clock, Moment)) -> Message {
    promises.learn(ask.order);
    let verdict = promises.ask(site, ask, now);
    let (stamp, order) = (ask.stamp, promises.memory().order);
    match verdict {
        Ok(()) => Message::Grant(Grant { epoch: ask.epoch, kind: ask.kind, stamp, clock, order }),
        Err(because) => Message::Refuse(Refuse { because, highest: promises.memory().highest, stamp, clock, order }),
    }
}
