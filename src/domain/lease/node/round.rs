//! Asking for votes, counting them, and what the gates are told of it.

use std::time::Duration;

use super::{Effect, Gate, Node, Right, Role, ThirdVote, Told, Worry};
use crate::domain::configuration::Mode;
use crate::domain::lease::decide::Control;
use crate::domain::lease::memory::{Kind, Stamp};
use crate::domain::lease::message::{Ask, Beat, Force, Grant, Message, Voter};
use crate::domain::lease::moment::Moment;
use crate::domain::lease::reason::Reason;
use crate::domain::lease::tally::Tally;
use crate::domain::site::{Epoch, Order};

/// Arming that failed is tried again when a lost session had time to be made anew.
const ARM_AGAIN_AFTER: Duration = Duration::from_secs(30);

impl Node {
    /// Stays live: asks anew when it is time, and arms itself when takeover from here has become automatic.
    pub(super) fn stay(&mut self, is_due: bool, now: Moment, effects: &mut Vec<Effect>) {
        if !is_due {
            return;
        }
        // Somebody who did not win has used the epoch up at a voter; ours must go beyond to get that vote back.
        if self.seen > self.tally.epoch || self.used_up >= self.tally.epoch {
            self.tally = Tally::of(self.seen.max(self.used_up).next());
        }
        let lasts = self.until().map_or(Duration::ZERO, |until| until.since(now));
        let is_answered = lasts > self.setup.timing.lease() / 2;
        if self.wanted(now) == Kind::Standing {
            self.clear(Worry::NotArmed, effects);
        }
        // Where nobody is heard who could take over, an armed site has only one more fault to be blocked by.
        let is_heard = self.senses.peer_heard(now, self.setup.timing.silent_after()).is_some();
        let may_arm = is_heard && self.arm_from.is_none_or(|from| now >= from);
        if self.gate == Gate::Unarmed && self.wanted(now) == Kind::Lease && is_answered && may_arm {
            self.ticket += 1;
            self.gate = Gate::Arming { ticket: self.ticket };
            effects.push(Effect::Arm { ticket: self.ticket, right: self.setup.timing.lease() });
        }
        self.ask_voters(now, effects);
    }

    /// Asks to become live.
    pub(super) fn ask(&mut self, because: Reason, is_due: bool, now: Moment, effects: &mut Vec<Effect>) {
        if self.role == Role::Asking && !is_due {
            return;
        }
        let epoch = self.epoch_to_ask();
        if self.role != Role::Asking || self.tally.epoch != epoch {
            self.tally = Tally::of(epoch);
        }
        self.role = Role::Asking;
        self.unordered = matches!(because, Reason::TakeOver | Reason::Handed);
        self.ask_voters(now, effects);
    }

    /// Does not ask any more. What was promised ends by itself.
    pub(super) fn stop_asking(&mut self) {
        if self.role == Role::Asking {
            self.role = Role::Idle;
            self.tally.clear();
        }
    }

    /// The kernels have blocked; the next is only known once they are asked again.
    pub(super) fn armed(&mut self, ticket: u64, now: Moment, effects: &mut Vec<Effect>) {
        if self.gate != (Gate::Arming { ticket }) || self.role != Role::Live {
            return;
        }
        self.gate = Gate::Timed;
        self.right = self.until();
        self.arm_from = None;
        self.clear(Worry::NotArmed, effects);
        effects.push(Effect::Tell(Told::Armed));
        self.ask_voters(now, effects);
    }

    /// Some gates may end by themselves now and others not: they are opened without an end, as the promises are.
    pub(super) fn not_armed(&mut self, ticket: u64, now: Moment, effects: &mut Vec<Effect>) {
        if self.gate != (Gate::Arming { ticket }) || self.role != Role::Live {
            return;
        }
        self.gate = Gate::Unarmed;
        self.arm_from = Some(now + ARM_AGAIN_AFTER);
        effects.push(Effect::Open { right: Right::Standing, epoch: self.tally.epoch });
        self.worry(Worry::NotArmed, now, effects);
    }

    /// Counts a vote, adds the own one, and tells the gates.
    pub(super) fn granted(&mut self, from: Voter, grant: &Grant, now: Moment, effects: &mut Vec<Effect>) {
        let is_ours = grant.stamp.start == self.promises.memory().starts;
        let asked = Moment::from_nanos(grant.stamp.sent);
        let asks = matches!(self.role, Role::Asking | Role::Live);
        if !asks || !is_ours || grant.epoch != self.tally.epoch || asked < self.fresh_from {
            return;
        }
        self.tally.granted(from, grant);
        self.vote_for_oneself(grant.kind, grant.stamp, now);
        self.settle(now, effects);
    }

    /// Says to the others how this site is.
    pub(super) fn beat(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let stamp = self.stamp(now);
        let beat = Beat {
            stamp,
            order: self.promises.memory().order,
            standing: self.standing(now),
            agreed: self.promises.memory().agreed.clone(),
        };
        for to in self.others() {
            effects.push(Effect::Send { to, message: Message::Beat(Box::new(beat.clone())) });
        }
        for to in self.promises.unheard() {
            effects.push(Effect::Send { to, message: Message::Recall { nonce: stamp.sent } });
        }
    }

    /// Whether the promises are to end by time: only while takeover from here is automatic.
    pub(super) fn wanted(&self, now: Moment) -> Kind {
        let other = self.setup.site.other();
        let is_automatic = self.promises.memory().agreed.mode_to(other) == Mode::Automatic;
        if is_automatic && !self.vouched && !self.is_degraded(now) { Kind::Lease } else { Kind::Standing }
    }

    /// The voters that are asked over the network.
    pub(super) fn others(&self) -> Vec<Voter> {
        match self.setup.third {
            ThirdVote::Witness => self.me().others().collect(),
            ThirdVote::ControlAddress => vec![Voter::Monitor(self.setup.site.other())],
        }
    }

    /// The next stamp; it grows also when two messages leave in one moment.
    pub(super) fn stamp(&mut self, now: Moment) -> Stamp {
        self.sent = now.as_nanos().max(self.sent.saturating_add(1));
        Stamp { start: self.promises.memory().starts, sent: self.sent }
    }

    fn ask_voters(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        // Promises that end are asked for only once the gates end by themselves too; and who is not live yet asks for no
        // others, or a voter would be bound for good to a site that never won.
        let kind = match (self.role, self.gate) {
            (Role::Live, Gate::Unarmed | Gate::Arming { .. }) => Kind::Standing,
            (Role::Live, Gate::Closed | Gate::Timed) => self.wanted(now),
            (Role::Idle | Role::Asking | Role::HandingOver { .. }, _) => Kind::Lease,
        };
        let stamp = self.stamp(now);
        if kind == Kind::Lease {
            self.tally.asked_for_lease(Moment::from_nanos(stamp.sent));
        }
        let (epoch, length) = (self.tally.epoch, self.setup.timing.promise());
        let ask = Ask { epoch, kind, length, stamp, order: self.promises.memory().order };
        for to in self.others() {
            if self.vouched {
                effects.push(Effect::Send { to, message: Message::Force(Force { epoch, stamp }) });
            }
            effects.push(Effect::Send { to, message: Message::Ask(ask) });
        }
        let is_reached = matches!(self.senses.control_seen(self.limits()), Control::Reached { .. });
        if self.setup.third == ThirdVote::ControlAddress && is_reached && self.may_control_addresses_vote(now) {
            self.tally.count(Voter::Witness, now, kind);
            self.vote_for_oneself(kind, stamp, now);
            self.settle(now, effects);
        }
    }

    /// Control addresses vote for a right that still lasts; for a new one only once the other site had time to be heard:
    /// what waits in the socket of a process that was frozen may say that it is live.
    fn may_control_addresses_vote(&self, now: Moment) -> bool {
        let lasts = self.tally.stands() || self.until().is_some_and(|end| end > now);
        lasts || now.since(self.listens_from) >= self.setup.timing.silent_after()
    }

    /// When the right ends that the votes back.
    fn until(&self) -> Option<Moment> {
        self.tally.until(self.setup.timing.lease())
    }

    /// The own vote is cast with the first of another voter: a site that nobody backs keeps it for the other one.
    fn vote_for_oneself(&mut self, kind: Kind, stamp: Stamp, now: Moment) {
        let order = self.promises.memory().order;
        let ask = Ask { epoch: self.tally.epoch, kind, length: self.setup.timing.promise(), stamp, order };
        if self.promises.ask(self.setup.site, &ask, now).is_ok() {
            self.tally.count(self.me(), Moment::from_nanos(stamp.sent), kind);
        }
    }

    /// Tells the gates what the votes allow.
    fn settle(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let stands = self.tally.stands();
        if self.vouched && stands {
            self.vouched = false;
            self.clear(Worry::Vouched, effects);
        }
        match self.gate {
            Gate::Unarmed if self.unconfirmed && self.until().is_some() => {
                self.unconfirmed = false;
                effects.push(Effect::Open { right: Right::Standing, epoch: self.tally.epoch });
                self.become_live(Kind::Standing, now, effects);
            }
            Gate::Unarmed | Gate::Arming { .. } => self.become_live(Kind::Standing, now, effects),
            Gate::Closed | Gate::Timed if stands && self.wanted(now) == Kind::Standing => self.disarm(now, effects),
            Gate::Closed | Gate::Timed => self.prolong(now, effects),
        }
    }

    fn disarm(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let was_live = self.role == Role::Live;
        self.gate = Gate::Unarmed;
        self.right = None;
        self.become_live(Kind::Standing, now, effects);
        effects.push(Effect::Open { right: Right::Standing, epoch: self.tally.epoch });
        if was_live {
            effects.push(Effect::Tell(Told::Disarmed));
        }
    }

    fn prolong(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let until = self.until().filter(|until| *until > now);
        let Some(until) = until.filter(|until| self.right.is_none_or(|right| *until > right)) else { return };
        self.gate = Gate::Timed;
        self.right = Some(until);
        self.become_live(Kind::Lease, now, effects);
        effects.push(Effect::Open { right: Right::For(until.since(now)), epoch: self.tally.epoch });
    }

    fn become_live(&mut self, kind: Kind, now: Moment, effects: &mut Vec<Effect>) {
        let order = Order { active: self.setup.site, epoch: self.tally.epoch };
        let votes = self.until().is_some();
        if !votes || (self.role == Role::Live && self.promises.memory().order == order) {
            return;
        }
        let is_new = self.role != Role::Live;
        self.role = Role::Live;
        self.handed = None;
        self.promises.learn(order);
        if is_new {
            self.clear(Worry::BlockNotVerified, effects);
            // A monitor that was restarted within its right has won nothing: its gates were open all the time.
            let goes_on = self.goes_on.take().is_some_and(|(epoch, until)| epoch == order.epoch && now < until);
            if !goes_on {
                effects.push(Effect::Tell(Told::Won { epoch: order.epoch, kind }));
                self.note_automatic(order.epoch, now);
            }
        }
    }

    /// The epoch of the last promise if it is still ours, else one above all that were heard of.
    fn epoch_to_ask(&self) -> Epoch {
        let memory = self.promises.memory();
        let highest = memory.highest.max(self.seen).max(self.used_up);
        match memory.promise {
            Some(_) | None if self.used_up == highest => highest.next(),
            Some(promise) if promise.to == self.setup.site && promise.epoch == highest => highest,
            // Ours was asked for, and nobody else has used the epoch since.
            Some(_) | None if self.role == Role::Asking && self.tally.epoch > highest => self.tally.epoch,
            Some(_) | None => highest.next(),
        }
    }
}
