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
use super::reason::Reason;
use super::senses::{Policy, Senses};
use super::tally::Tally;
use super::timing::Timing;
use crate::domain::configuration::TakeoverSettings;
use crate::domain::site::{Epoch, Site};

mod alarms;
mod change;
mod inbox;
mod round;
mod told;
mod view;

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
    /// What is wrong, and since when.
    worries: BTreeMap<Worry, Moment>,
    last: Option<Decision>,
}

/// What a monitor is set up with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Its site.
    pub site: Site,
    /// The times of the lease.
    pub timing: Timing,
    /// The limits it decides by.
    pub policy: Policy,
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
    /// A probe of the call server.
    Health {
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
    /// The rules of the gate were read back as they should be.
    GateWhole,
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

/// A right to be live, as the gates are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// For so long from now. It is what remains, never a constant.
    For(Duration),
    /// Without an end: the site is not armed.
    Standing,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Block every own server and read it back; answered by [`Event::Closed`].
    Close {
        /// For the answer.
        ticket: u64,
        /// Why.
        because: Reason,
    },
    /// Write to disk, durably. If it fails, do nothing that follows and tell [`Event::NotKept`].
    Keep(Box<Memory>),
    /// Make every own server's gate end by itself after `right`; answered by
    /// [`Event::Armed`] or [`Event::NotArmed`], well before `right` is over.
    Arm {
        /// For the answer.
        ticket: u64,
        /// What remains.
        right: Duration,
    },
    /// Open the gates of every own server, or prolong them.
    Open {
        /// For how long.
        right: Right,
        /// The epoch it is for.
        epoch: Epoch,
    },
    /// Send a message.
    Send {
        /// To whom.
        to: Voter,
        /// What.
        message: Message,
    },
    /// Tell people.
    Tell(Told),
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
            last: None,
        };
        node.follow_agreed(now);
        let mut effects = node.find_gate(gate);
        effects.extend(node.step(Event::Tick, now));
        (node, effects)
    }

    /// Takes in one event; what is to be done about it, in order.
    pub fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
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
            Event::Control { answering, of } => self.senses.control(answering, of, &self.setup.policy),
            Event::Health { is_well } => self.senses.health(is_well),
            Event::Data { age } => self.senses.data(age, now),
            Event::GateChanged => self.gate_changed(now, &mut effects),
            Event::GateWhole => self.clear(Worry::RulesChanged, &mut effects),
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
