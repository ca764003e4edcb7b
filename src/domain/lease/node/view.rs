//! What a monitor knows, as its decisions, its beats and its status line take it.

use std::time::Duration;

use super::{Gate, Node, Role, ThirdVote};
use crate::domain::configuration::Mode;
use crate::domain::lease::decide::{Control, Data, Handed, Held, Inputs, decide};
use crate::domain::lease::guarantee::Guarantee;
use crate::domain::lease::memory::Memory;
use crate::domain::lease::message::{Standing, Voter};
use crate::domain::lease::moment::Moment;
use crate::domain::lease::promises::Bar;
use crate::domain::lease::{Decision, Setup};
use crate::domain::site::{Epoch, Site};

impl Node {
    /// When [`Node::step`] must be called with [`Event::Tick`](super::Event::Tick) at the latest.
    #[must_use]
    pub fn deadline(&self, now: Moment) -> Moment {
        let mut deadline = self.next_round;
        if self.role == Role::Live {
            deadline = self.right.map_or(deadline, |until| deadline.min(until));
        }
        match self.promises.bar(self.setup.site, now) {
            Bar::Until(left) => deadline.min(now + left),
            Bar::Free | Bar::Standing | Bar::Blank => deadline,
        }
    }

    /// What the site would do now, and why; for `status --why`.
    #[must_use]
    pub fn why(&self, now: Moment) -> Decision {
        let mut node = self.clone();
        decide(&node.inputs(now))
    }

    /// What it was set up with.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What it remembers as a voter.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        self.promises.memory()
    }

    /// The epoch in which it is live.
    #[must_use]
    pub fn live(&self) -> Option<Epoch> {
        (self.role == Role::Live).then_some(self.tally.epoch)
    }

    /// The guarantee in force, as this site sees it.
    #[must_use]
    pub fn guarantee(&self, now: Moment) -> Guarantee {
        if let Some((why, since)) = self.worries.iter().max_by_key(|(_, since)| **since) {
            return Guarantee::Lost { why: *why, since: *since };
        }
        let takeover = self.promises.memory().agreed.takeover;
        if (takeover.alternate_from_primary, takeover.primary_from_alternate) == (Mode::Manual, Mode::Manual) {
            return Guarantee::Manual;
        }
        match self.setup.third {
            ThirdVote::ControlAddress => {
                let (answering, of) = match self.senses.control_seen(&self.setup.policy) {
                    Control::Unknown => (0, 0),
                    Control::Reached { answering, of }
                    | Control::Missed { answering, of, .. }
                    | Control::Lost { answering, of, .. } => (answering, of),
                };
                Guarantee::Conditional { answering, of }
            }
            ThirdVote::Witness => Guarantee::AtMostOneLive {
                epoch: self.promises.memory().order.epoch,
                witness: self.senses.silence(Voter::Witness, now),
                left: self.right.map(|until| until.since(now)),
            },
        }
    }

    /// When the other site and the witness were heard, and how many control addresses answer.
    #[must_use]
    pub fn hears(&self, now: Moment) -> (Duration, Option<Duration>, Option<(u8, u8)>) {
        let has_witness = self.setup.third == ThirdVote::Witness;
        let control = match self.senses.control_seen(&self.setup.policy) {
            Control::Unknown => None,
            Control::Reached { answering, of }
            | Control::Missed { answering, of, .. }
            | Control::Lost { answering, of, .. } => Some((answering, of)),
        };
        let other = Voter::Monitor(self.setup.site.other());
        let witness = has_witness.then(|| self.senses.silence(Voter::Witness, now));
        (self.senses.silence(other, now), witness, control)
    }

    /// Everything the decision hangs on.
    pub(super) fn inputs(&mut self, now: Moment) -> Inputs {
        let (site, memory) = (self.setup.site, self.promises.memory().clone());
        let own_vote = self.promises.bar(site, now);
        let free_for = self.senses.free(own_vote == Bar::Free, now);
        let peer = self.senses.peer_heard(now, self.setup.timing.silent_after());
        let left = |until: Option<Moment>| until.map(|until| until.since(now)).filter(|left| !left.is_zero());
        let is_other = memory.order.active != site && memory.order.epoch > self.tally.epoch;
        Inputs {
            site,
            held: self.held(now),
            displaced: (is_other && self.role == Role::Live).then_some(memory.order.epoch),
            stood_still: self.stood_still.take(),
            own_vote,
            ordered: memory.order.active,
            peer,
            control: self.senses.control_seen(&self.setup.policy),
            health: self.senses.health_seen(&self.setup.policy),
            data: self.senses.data_seen(site, &self.setup.policy, now),
            mode_here: memory.agreed.mode_to(site),
            mode_there: memory.agreed.mode_to(site.other()),
            hold: left(self.hold_until),
            guard: left(self.guard.map(|(_, until)| until)),
            give_way: self.give_way(peer, free_for),
            handed: self.handed.filter(|(_, until)| *until > now).map_or(Handed::No, |(handed, _)| handed),
            person: self.ordered,
            back: self.back(&memory, now),
            retry: left(self.retry_from),
        }
    }

    /// How this site is, as the other one is told.
    pub(super) fn standing(&self, now: Moment) -> Standing {
        let policy = &self.setup.policy;
        Standing {
            live: self.live(),
            asks: self.role == Role::Asking,
            control: matches!(self.senses.control_seen(policy), Control::Reached { .. }),
            healthy: self.senses.is_well(),
            data: matches!(self.senses.data_seen(self.setup.site, policy, now), Data::Own | Data::Fresh { .. }),
        }
    }

    /// Whether one voter is gone for so long that the other two agree to wait for a person.
    pub(super) fn is_degraded(&self, now: Moment) -> bool {
        let Some(limit) = self.setup.policy.degrade_after else { return false };
        let silences = self.me().others().map(|voter| self.senses.silence(voter, now));
        silences.filter(|silence| *silence > limit).count() == 1
    }

    fn held(&self, now: Moment) -> Held {
        match (self.role, self.gate, self.right) {
            (Role::Live, Gate::Unarmed | Gate::Arming { .. }, _) => Held::Standing,
            (Role::Live, Gate::Timed, Some(until)) if until > now => Held::Until(until.since(now)),
            (Role::Live, Gate::Timed | Gate::Closed, _) => Held::Ended,
            (Role::Idle | Role::Asking | Role::HandingOver { .. }, _, _) => Held::Nothing,
        }
    }

    /// How long this site waits although its own vote is free: for its hold-off, and for a site that is well and asks,
    /// but no longer than one promise, since that site may never win.
    fn give_way(&self, peer: Option<Standing>, free_for: Duration) -> Option<Duration> {
        let is_coming = peer.is_some_and(|peer| peer.asks && peer.control && peer.healthy);
        let way = if is_coming { self.setup.timing.promise() } else { Duration::ZERO };
        let wait = self.setup.policy.hold_off.max(way);
        wait.checked_sub(free_for).filter(|left| !left.is_zero())
    }

    /// How long until the alternate gives the traffic back by itself.
    fn back(&self, memory: &Memory, now: Moment) -> Option<Duration> {
        let after = self.setup.policy.return_after?;
        let is_asked = self.setup.site == Site::Alternate && memory.agreed.mode_to(Site::Primary) == Mode::Automatic;
        let well = self.senses.peer_well_for(now, self.setup.timing.silent_after()).filter(|_| is_asked)?;
        Some(after.saturating_sub(well))
    }
}
