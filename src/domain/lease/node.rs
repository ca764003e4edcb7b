//! The monitor of one site: it votes, asks for votes, and says what its servers' kernels are to do.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::agreed::Hold;
use super::clocks::Clocks;
use super::decide::{Decision, Handed, What, decide};
use super::memory::{Memory, Stored};
use super::message::{Message, Voter};
use super::moment::Moment;
use super::promises::Promises;
use super::senses::Senses;
use super::tally::Tally;
use super::timing::Timing;
use crate::domain::configuration::TakeoverSettings;
use crate::domain::site::{Epoch, Site};

mod alarms;
mod change;
mod effect;
mod inbox;
mod known;
mod round;
mod told;
mod view;

pub use effect::{Effect, Right};
pub use known::Known;
pub use told::{Told, Worry};

/// The monitor of one site, without its network, disk, clock and kernel.
///
/// [`Node::step`] takes one event and returns what is to be done, in this order; the runner carries it out one after the
/// other and stops at a [`Effect::Keep`] that fails, which it tells with [`Event::NotKept`] before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact that can be true in every role")]
pub struct Node {
    setup: Setup,
    promises: Promises,
    tally: Tally,
    role: Role,
    gate: Gate,
    /// The end of the right that the gate was opened with; the gate itself ends with it.
    right: Option<Moment>,
    senses: Senses,
    clocks: Clocks,
    sent: u64,
    next_round: Moment,
    ticket: u64,
    /// The ticket of the last block.
    blocked_at: u64,
    /// The highest epoch heard of; a new request needs a higher one.
    seen: Epoch,
    /// The highest epoch in which a voter promises nobody any more, or only to the other site.
    used_up: Epoch,
    /// Answers to requests sent before are not counted.
    fresh_from: Moment,
    /// Since when it has listened without a break; before that another site may have spoken unheard.
    listens_from: Moment,
    handed: Option<(Handed, Moment)>,
    stood_still: Option<Duration>,
    hold_until: Option<Moment>,
    guard: Option<(Epoch, Moment)>,
    retry_from: Option<Moment>,
    /// From when on arming is tried again.
    arm_from: Option<Moment>,
    /// A person ordered a hand-over.
    ordered: bool,
    /// Its gates were open when it started, perhaps not all of them; two promises open them all.
    unconfirmed: bool,
    /// Live by a person's word, until two voters promised.
    vouched: bool,
    /// No person ordered the takeover that is asked for.
    unordered: bool,
    /// The node before the step whose memory is being kept; if that fails, the step has not happened.
    undo: Option<Box<Node>>,
    /// Why the guarantee is in doubt, each since when.
    worries: BTreeMap<Worry, Moment>,
    /// How often in a row the gate could not be opened.
    unopened: u32,
    /// The epoch whose right its gates still had when it started, and until when they can have it at most.
    goes_on: Option<(Epoch, Moment)>,
    last: Option<Decision>,
}

/// What a monitor is set up with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Its site.
    pub site: Site,
    /// The times of the lease.
    pub timing: Timing,
    /// Who has the third vote.
    pub third: ThirdVote,
}

/// Who has the third vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThirdVote {
    /// A witness: at most one site is live.
    Witness,
    /// The control addresses vote for whoever reaches them: conditional, two sites that both reach them can be live.
    ControlAddress,
}

/// What a site is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    /// Blocked.
    Idle,
    /// Blocked, and asks for promises.
    Asking,
    /// Live.
    Live,
    /// Blocking to give the right to the other site.
    HandingOver { ticket: u64, by_person: bool, until: Moment },
}

/// What the gates of the own servers were last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Gate {
    /// Blocked.
    Closed,
    /// Open until the right ends.
    Timed,
    /// Open without an end, and being armed.
    Arming { ticket: u64 },
    /// Open without an end.
    Unarmed,
}

/// What the gates were found to be at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateSeen {
    /// Blocked, as after a boot.
    Closed,
    /// Open until a time-out.
    Timed,
    /// Open without an end.
    Unarmed,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The time that [`Node::deadline`] named has come.
    Tick,
    /// A message came; its sender is proved.
    Heard {
        /// Who sent it.
        from: Voter,
        /// What it says.
        message: Message,
    },
    /// Every own server was blocked and read back, or not.
    Closed {
        /// From [`Effect::Close`].
        ticket: u64,
        /// Whether every server was read back as blocked.
        verified: bool,
    },
    /// Every own server's gate ends by itself now.
    Armed {
        /// From [`Effect::Arm`].
        ticket: u64,
    },
    /// Not every own server's gate could be made to end by itself.
    NotArmed {
        /// From [`Effect::Arm`].
        ticket: u64,
    },
    /// The last [`Effect::Keep`] failed; nothing after it was done.
    NotKept,
    /// A round of probes of the control addresses.
    Control {
        /// How many answered.
        answering: u8,
        /// How many there are.
        of: u8,
    },
    /// A probe of the call server of a live site.
    Health {
        /// Whether it is well.
        is_well: bool,
    },
    /// What the call server of a blocked site says of itself, where it can be asked.
    HealthWhileBlocked {
        /// Whether it is well.
        is_well: bool,
    },
    /// How old the loaded data is; `None`: nothing is loaded.
    Data {
        /// Its age.
        age: Option<Duration>,
    },
    /// The rules of the gate were found missing or changed by another program.
    GateChanged,
    /// The rules of the gate were read back as they should be, on every server.
    GateWhole,
    /// The gate could not be opened or prolonged.
    NotOpened,
    /// It could again.
    Opened,
    /// A person ordered something.
    Ordered(Command),
}

/// What a person can order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Give the traffic to the other site.
    HandOver,
    /// Take the traffic although the promises are against it; the person vouches that the other site is not live.
    Force,
    /// Let nothing move by itself, for a while; `None` ends it.
    Hold(Option<Hold>),
    /// The last automatic takeover was seen.
    Acknowledge,
    /// Which direction of takeover waits for a person.
    Takeover(TakeoverSettings),
}

impl Node {
    /// A monitor at its start.
    ///
    /// `nothing` is what it goes by if its memory is lost. A gate that is open without a promise is closed.
    #[must_use]
    pub fn start(setup: Setup, stored: Stored, nothing: Memory, gate: GateSeen, now: Moment) -> (Self, Vec<Effect>) {
        let me = Voter::Monitor(setup.site);
        let others = match setup.third {
            ThirdVote::Witness => me.others().collect(),
            ThirdVote::ControlAddress => vec![Voter::Monitor(setup.site.other())],
        };
        let silence = setup.timing.promise();
        let promises = Promises::start(stored, nothing, (silence, others), now);
        let mut node = Self {
            senses: Senses::at_start(me, now),
            setup,
            promises,
            tally: Tally::default(),
            role: Role::Idle,
            gate: Gate::Closed,
            right: None,
            clocks: Clocks::default(),
            sent: 0,
            next_round: now,
            ticket: 0,
            blocked_at: 0,
            seen: Epoch::default(),
            used_up: Epoch::default(),
            fresh_from: now,
            listens_from: now,
            handed: None,
            stood_still: None,
            hold_until: None,
            guard: None,
            retry_from: None,
            arm_from: None,
            ordered: false,
            unconfirmed: false,
            vouched: false,
            unordered: false,
            undo: None,
            worries: BTreeMap::new(),
            unopened: 0,
            goes_on: None,
            last: None,
        };
        node.follow_agreed(now);
        let mut effects = node.find_gate(gate, now);
        effects.extend(node.step(Event::Tick, now));
        (node, effects)
    }

    /// Takes in one event; what is to be done about it, in order.
    pub fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if now.since(self.next_round) > self.setup.timing.lateness() {
            self.listens_from = now;
        }
        let undo = self.undo.take();
        if undo.is_some() && event != Event::NotKept {
            self.clear(Worry::NotKept, &mut effects);
        }
        let before = self.clone();
        match event {
            Event::Tick => {}
            Event::Heard { from, message } => self.hear(from, message, now, &mut effects),
            Event::Closed { ticket, verified } => self.closed(ticket, verified, now, &mut effects),
            Event::Armed { ticket } => self.armed(ticket, now, &mut effects),
            Event::NotArmed { ticket } => self.not_armed(ticket, now, &mut effects),
            Event::NotKept => return self.not_kept(undo, now),
            Event::Control { answering, of } => self.senses.control(answering, of, before.limits()),
            // One that was begun before a block says nothing about a call server that answers nobody now.
            Event::Health { .. } if self.role != Role::Live => {}
            Event::Health { is_well } => self.senses.health(is_well),
            Event::HealthWhileBlocked { is_well } => self.senses.health_while_blocked(is_well),
            Event::Data { age } => self.senses.data(age, now),
            Event::GateChanged => self.gate_changed(now, &mut effects),
            Event::GateWhole => self.gate_whole(&mut effects),
            Event::NotOpened => self.not_opened(now, &mut effects),
            Event::Opened => self.opened(&mut effects),
            Event::Ordered(command) => self.ordered(command, now, &mut effects),
        }
        self.proceed(now, &mut effects);
        self.in_order(before, effects)
    }

    /// Decides and acts; a site that just blocked decides once more, to ask anew at once.
    fn proceed(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.promises.recover(self.me(), now) {
            self.follow_agreed(now);
            effects.push(Effect::Tell(Told::Recalled));
        }
        let is_due = now >= self.next_round;
        if is_due {
            self.next_round = now + self.setup.timing.renewal();
            self.beat(now, effects);
        }
        if self.act(is_due, now, effects) == Acted::Blocked {
            self.act(is_due, now, effects);
        }
    }

    fn act(&mut self, is_due: bool, now: Moment, effects: &mut Vec<Effect>) -> Acted {
        if self.waits_for_block(now) {
            return Acted::Done;
        }
        let decision = decide(&self.inputs(now));
        self.tell_if_new(&decision, effects);
        match decision.what {
            What::Stay | What::Renew => self.stay(is_due, now, effects),
            What::Close => {
                self.close(decision.because, now, effects);
                return Acted::Blocked;
            }
            What::HandOver => self.hand_over(decision.because, now, effects),
            What::Ask => self.ask(decision.because, is_due, now, effects),
            What::Wait(_) | What::Nothing => self.stop_asking(),
        }
        Acted::Done
    }

    /// Blocks come first, since they need no memory; then the memory; then what follows from it. An opening that a
    /// block of the same step has overtaken is left out, or it would come after it.
    fn in_order(&mut self, before: Self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let opens = |effect: &Effect| matches!(effect, Effect::Open { .. } | Effect::Arm { .. });
        if let Some(last) = effects.iter().rposition(|effect| matches!(effect, Effect::Close { .. })) {
            let after = effects.split_off(last);
            effects.retain(|effect| !opens(effect));
            effects.extend(after);
        }
        let is_block = |effect: &Effect| matches!(effect, Effect::Close { .. });
        let (mut ordered, rest): (Vec<Effect>, Vec<Effect>) = effects.into_iter().partition(is_block);
        if let Some(memory) = self.promises.to_keep() {
            self.undo = Some(Box::new(before));
            ordered.push(Effect::Keep(Box::new(memory)));
        }
        ordered.extend(rest);
        ordered
    }

    const fn me(&self) -> Voter {
        Voter::Monitor(self.setup.site)
    }
}

/// What came of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acted {
    /// It was done.
    Done,
    /// The site blocked itself.
    Blocked,
}

#[cfg(test)]
mod tests;
