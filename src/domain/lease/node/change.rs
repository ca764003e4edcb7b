//! Blocking, handing over, arming at the start, and what people and other programs change.

use std::collections::btree_map::Entry;
use std::time::Duration;

use super::{Command, Effect, Gate, GateSeen, Node, Right, Role, Told, Worry};
use crate::domain::lease::agreed::Agreed;
use crate::domain::lease::decide::Decision;
use crate::domain::lease::memory::{Kind, Stamp};
use crate::domain::lease::message::{Force, Message, Release};
use crate::domain::lease::moment::Moment;
use crate::domain::lease::reason::Reason;
use crate::domain::lease::tally::Tally;
use crate::domain::site::{Epoch, Order};

/// A hand-over that failed is not tried again before the cause had a chance to be mended.
const RETRY_AFTER: Duration = Duration::from_secs(600);
/// A packet filter that another program holds for a moment refuses once or twice; a right lasts for five renewals.
pub(super) const OPENED_LIMIT: u32 = 3;
/// A forced takeover wins over whatever the other side did meanwhile (anchors C4).
const FORCED_BY: u64 = 1000;

impl Node {
    /// Blocks. The votes are void: the site must ask anew to become live again.
    pub(super) fn close(&mut self, because: Reason, now: Moment, effects: &mut Vec<Effect>) {
        self.ticket += 1;
        self.blocked_at = self.ticket;
        self.block(now);
        self.clear(Worry::Vouched, effects);
        effects.push(Effect::Close { ticket: self.ticket, because });
    }

    /// Blocks, to give the right to the other site once the block is proved.
    pub(super) fn hand_over(&mut self, because: Reason, now: Moment, effects: &mut Vec<Effect>) {
        let by_person = self.ordered;
        self.ordered = false;
        self.close(because, now, effects);
        let until = now + self.setup.timing.promise();
        self.role = Role::HandingOver { ticket: self.ticket, by_person, until };
        self.retry_from = Some(now + RETRY_AFTER);
    }

    /// The block was proved, or not. Only a proved one is followed by a release.
    pub(super) fn closed(&mut self, ticket: u64, verified: bool, now: Moment, effects: &mut Vec<Effect>) {
        if ticket == self.ticket {
            if verified {
                self.clear(Worry::BlockNotVerified, effects);
            } else {
                self.worry(Worry::BlockNotVerified, now, effects);
            }
        }
        let Role::HandingOver { ticket: awaited, by_person, .. } = self.role else { return };
        if ticket != awaited {
            return;
        }
        self.role = Role::Idle;
        if verified {
            self.release(by_person, now, effects);
        }
    }

    /// Whether a block is being proved; one that takes longer than a promise is given up, and nothing is released.
    pub(super) fn waits_for_block(&mut self, now: Moment) -> bool {
        match self.role {
            Role::HandingOver { until, .. } if now < until => true,
            Role::HandingOver { .. } => {
                self.role = Role::Idle;
                false
            }
            Role::Idle | Role::Asking | Role::Live => false,
        }
    }

    /// The step whose memory could not be kept has not happened, except that what it blocked is blocked.
    pub(super) fn not_kept(&mut self, undo: Option<Box<Self>>, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(undo) = undo {
            let failed = std::mem::replace(self, *undo);
            let has_blocked = failed.blocked_at > self.blocked_at;
            let Self { senses, clocks, seen, used_up, sent, next_round, ticket, worries, blocked_at, .. } = failed;
            (self.senses, self.clocks, self.seen, self.sent) = (senses, clocks, seen, sent);
            self.listens_from = failed.listens_from;
            self.used_up = used_up;
            (self.next_round, self.ticket, self.worries, self.blocked_at) = (next_round, ticket, worries, blocked_at);
            self.unopened = failed.unopened;
            if has_blocked {
                self.block(now);
            }
            // Whether a person's word is in force was taken back as well.
            if self.vouched {
                self.worry(Worry::Vouched, now, &mut effects);
            } else {
                self.clear(Worry::Vouched, &mut effects);
            }
        }
        self.worry(Worry::NotKept, now, &mut effects);
        effects
    }

    /// Another program changed the rules: they are restored, blocked unless there is a right.
    pub(super) fn gate_changed(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.worry(Worry::RulesChanged, now, effects);
        let epoch = self.tally.epoch;
        match (self.gate, self.right) {
            (Gate::Unarmed | Gate::Arming { .. }, _) => effects.push(Effect::Open { right: Right::Standing, epoch }),
            (Gate::Timed, Some(until)) if until > now => {
                effects.push(Effect::Open { right: Right::For(until.since(now)), epoch });
            }
            (Gate::Timed | Gate::Closed, _) => {
                self.ticket += 1;
                effects.push(Effect::Close { ticket: self.ticket, because: Reason::RulesChanged });
            }
        }
    }

    /// The rules are whole again. A block that was not proved in time is proved now.
    pub(super) fn gate_whole(&mut self, effects: &mut Vec<Effect>) {
        self.clear(Worry::RulesChanged, effects);
        if self.gate == Gate::Closed {
            self.clear(Worry::BlockNotVerified, effects);
        }
    }

    /// The gate could not be opened: after several times in a row that is told, and a reason to hand over.
    pub(super) fn not_opened(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.unopened = self.unopened.saturating_add(1);
        if self.unopened >= OPENED_LIMIT {
            self.worry(Worry::NotOpened, now, effects);
        }
    }

    /// The gate was opened again.
    pub(super) fn opened(&mut self, effects: &mut Vec<Effect>) {
        self.unopened = 0;
        self.clear(Worry::NotOpened, effects);
    }

    /// Carries out what a person orders.
    pub(super) fn ordered(&mut self, command: Command, now: Moment, effects: &mut Vec<Effect>) {
        match command {
            Command::HandOver if self.role == Role::Live => {
                self.ordered = self.senses.peer_heard(now, self.setup.timing.silent_after()).is_some();
                if !self.ordered {
                    refuse("the other system does not answer", effects);
                }
            }
            Command::HandOver => refuse("this system is not live", effects),
            Command::Force => self.force(now, effects),
            Command::Hold(hold) => self.agree(|agreed| agreed.hold = hold, now, effects),
            Command::Acknowledge => {
                self.agree(|agreed| agreed.acknowledged = agreed.automatic.unwrap_or_default(), now, effects);
            }
            Command::Takeover(takeover) => self.agree(|agreed| agreed.takeover = takeover, now, effects),
        }
    }

    /// Goes by a newer version of what both sites go by.
    pub(super) fn adopt(&mut self, agreed: Agreed, now: Moment, effects: &mut Vec<Effect>) {
        let is_same_hold = self.promises.memory().agreed.hold == agreed.hold;
        effects.push(Effect::Tell(Told::Agreed { version: agreed.version.number, by: agreed.version.by }));
        self.promises.change(|memory| memory.agreed = agreed);
        let until = self.hold_until;
        self.follow_agreed(now);
        if is_same_hold {
            self.hold_until = until;
        }
    }

    /// Starts counting a hold and the flap guard.
    pub(super) fn follow_agreed(&mut self, now: Moment) {
        let agreed = &self.promises.memory().agreed;
        self.hold_until = agreed.hold.as_ref().map(|hold| now + hold.left);
        self.guard = match (agreed.unseen_automatic(), self.guard) {
            (Some(epoch), Some((before, until))) if epoch == before => Some((epoch, until)),
            (Some(epoch), _) => Some((epoch, now + self.limits().guard)),
            (None, _) => None,
        };
    }

    /// Notes a takeover that no person ordered.
    pub(super) fn note_automatic(&mut self, epoch: Epoch, now: Moment) {
        if self.unordered {
            let by = self.setup.site;
            let agreed = self.promises.memory().agreed.changed(by, |agreed| agreed.automatic = Some(epoch));
            let until = self.hold_until;
            self.promises.change(|memory| memory.agreed = agreed);
            self.follow_agreed(now);
            self.hold_until = until;
        }
    }

    /// What to do about the gates that were found at the start.
    pub(super) fn find_gate(&mut self, gate: GateSeen, now: Moment) -> Vec<Effect> {
        let promise = self.promises.memory().promise.filter(|promise| promise.to == self.setup.site);
        match (gate, promise) {
            // It ends by itself, and is prolonged once two voters have promised anew.
            (GateSeen::Timed, Some(promise)) => {
                self.goes_on = Some((promise.epoch, now + self.setup.timing.lease()));
                Vec::new()
            }
            (GateSeen::Closed, _) => Vec::new(),
            (GateSeen::Unarmed, Some(promise)) if promise.kind == Kind::Standing => {
                self.gate = Gate::Unarmed;
                self.role = Role::Live;
                self.unconfirmed = true;
                self.tally = Tally::of(promise.epoch);
                Vec::new()
            }
            (GateSeen::Timed | GateSeen::Unarmed, _) => {
                self.ticket += 1;
                vec![Effect::Close { ticket: self.ticket, because: Reason::RightEnded }]
            }
        }
    }

    pub(super) fn tell_if_new(&mut self, decision: &Decision, effects: &mut Vec<Effect>) {
        let is_same = |last: &Decision| {
            use std::mem::discriminant;
            discriminant(&last.what) == discriminant(&decision.what)
                && discriminant(&last.because) == discriminant(&decision.because)
        };
        if !self.last.as_ref().is_some_and(is_same) {
            effects.push(Effect::Tell(Told::Decided { decision: decision.clone() }));
        }
        self.last = Some(decision.clone());
    }

    pub(super) fn worry(&mut self, worry: Worry, now: Moment, effects: &mut Vec<Effect>) {
        if let Entry::Vacant(vacant) = self.worries.entry(worry) {
            vacant.insert(now);
            effects.push(Effect::Tell(Told::Worry { worry }));
        }
    }

    pub(super) fn clear(&mut self, worry: Worry, effects: &mut Vec<Effect>) {
        if self.worries.remove(&worry).is_some() {
            effects.push(Effect::Tell(Told::Cleared { worry }));
        }
    }

    fn block(&mut self, now: Moment) {
        self.role = Role::Idle;
        self.gate = Gate::Closed;
        self.right = None;
        self.tally.clear();
        self.fresh_from = now;
        self.stood_still = None;
        self.vouched = false;
        self.unopened = 0;
        self.goes_on = None;
        let limits = *self.limits();
        self.senses.blocked(&limits);
    }

    /// Gives the right back. The own vote is the other site's from now on, so the switch works without the witness too.
    fn release(&mut self, by_person: bool, now: Moment, effects: &mut Vec<Effect>) {
        let (epoch, other) = (self.tally.epoch, self.setup.site.other());
        self.promises.favour(other, self.setup.timing.promise(), now);
        for to in self.others() {
            effects.push(Effect::Send { to, message: Message::Release(Release { epoch, by_person }) });
        }
        effects.push(Effect::Tell(Told::Released { epoch, to: other }));
    }

    /// Takes the traffic because a person vouches that the other site is not live.
    fn force(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.role == Role::Live {
            return refuse("this system is live already", effects);
        }
        if self.senses.peer_heard(now, self.setup.timing.silent_after()).is_some() {
            return refuse("the other system answers; order a hand-over there", effects);
        }
        let epoch = Epoch(self.promises.memory().highest.max(self.seen).0.saturating_add(FORCED_BY));
        let stamp: Stamp = self.stamp(now);
        self.promises.force(self.setup.site, Force { epoch, stamp }, now);
        self.promises.learn(Order { active: self.setup.site, epoch });
        self.tally = Tally::of(epoch);
        self.role = Role::Live;
        self.gate = Gate::Unarmed;
        self.right = None;
        self.vouched = true;
        self.next_round = now;
        effects.push(Effect::Open { right: Right::Standing, epoch });
        effects.push(Effect::Tell(Told::Forced { epoch }));
        self.worry(Worry::Vouched, now, effects);
    }

    fn agree(&mut self, change: impl FnOnce(&mut Agreed), now: Moment, effects: &mut Vec<Effect>) {
        let left = self.hold_until.map(|until| until.since(now)).filter(|left| !left.is_zero());
        let agreed = self.promises.memory().agreed.changed(self.setup.site, |agreed| {
            agreed.hold = agreed.hold.take().zip(left).map(|(mut hold, left)| {
                hold.left = left;
                hold
            });
            change(agreed);
        });
        self.adopt(agreed, now, effects);
    }
}

fn refuse(because: &str, effects: &mut Vec<Effect>) {
    effects.push(Effect::Tell(Told::Refused { because: because.to_owned() }));
}
