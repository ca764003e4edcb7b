//! What a monitor does with each message.

use super::{Effect, Node, Told};
use crate::domain::lease::decide::Handed;
use crate::domain::lease::memory::Stamp;
use crate::domain::lease::message::{Ask, Beat, Clock, Force, Grant, Message, Refuse, Refused, Release, Voter};
use crate::domain::lease::moment::Moment;
use crate::domain::site::Site;

impl Node {
    /// Takes in a message.
    pub(super) fn hear(&mut self, from: Voter, message: Message, now: Moment, effects: &mut Vec<Effect>) {
        self.senses.hear(from, now);
        match (from, message) {
            (Voter::Monitor(site), Message::Ask(ask)) => self.answer(site, ask, now, effects),
            (Voter::Monitor(_) | Voter::Witness, Message::Grant(grant)) => {
                self.compare(from, grant.stamp, grant.clock, now);
                self.promises.learn(grant.order);
                self.granted(from, &grant, now, effects);
            }
            (Voter::Monitor(_) | Voter::Witness, Message::Refuse(refuse)) => self.refused(from, refuse, now),
            (Voter::Monitor(site), Message::Release(release)) => self.released(site, release, now),
            (Voter::Monitor(site), Message::Force(force)) => self.forced_by(site, force, now, effects),
            (Voter::Monitor(site), Message::Beat(beat)) => self.peer_beat(site, &beat, now, effects),
            (Voter::Witness, Message::Echo(echo)) => {
                self.compare(from, echo.stamp, echo.clock, now);
                self.seen = self.seen.max(echo.highest);
                self.promises.learn(echo.order);
            }
            (Voter::Monitor(_) | Voter::Witness, Message::Recall { nonce }) => {
                let memory = self.promises.recalled();
                effects.push(Effect::Send { to: from, message: Message::Remember { nonce, memory } });
            }
            (Voter::Monitor(_) | Voter::Witness, Message::Remember { memory, .. }) => {
                self.promises.remember(from, memory.map(|memory| *memory));
            }
            // The witness is never live, so it asks for nothing and gives nothing back.
            (
                Voter::Witness,
                Message::Ask(_) | Message::Release(_) | Message::Force(_) | Message::Beat(_),
            )
            // A monitor's beats are not answered by echoes: its own beats say the same.
            | (Voter::Monitor(_), Message::Echo(_)) => {}
        }
    }

    fn answer(&mut self, site: Site, ask: Ask, now: Moment, effects: &mut Vec<Effect>) {
        self.promises.learn(ask.order);
        let verdict = self.promises.ask(site, &ask, now);
        let (stamp, clock, order) = (ask.stamp, self.promises.clock(now), self.promises.memory().order);
        let message = match verdict {
            Ok(()) => Message::Grant(Grant { epoch: ask.epoch, kind: ask.kind, stamp, clock, order }),
            Err(because) => {
                let highest = self.promises.memory().highest;
                Message::Refuse(Refuse { because, highest, stamp, clock, order })
            }
        };
        effects.push(Effect::Send { to: Voter::Monitor(site), message });
    }

    fn refused(&mut self, from: Voter, refuse: Refuse, now: Moment) {
        self.compare(from, refuse.stamp, refuse.clock, now);
        self.seen = self.seen.max(refuse.highest);
        if let Refused::LowEpoch { highest } = refuse.because {
            self.used_up = self.used_up.max(highest);
        }
        self.promises.learn(refuse.order);
    }

    /// Compares clocks; an answer to a request of an earlier start says nothing about this one.
    fn compare(&mut self, from: Voter, stamp: Stamp, clock: Clock, now: Moment) {
        if stamp.start != self.promises.memory().starts {
            return;
        }
        let asked = Moment::from_nanos(stamp.sent);
        let stood = self.clocks.compare(from, (asked, clock), &self.setup.timing, now);
        self.stood_still = self.stood_still.max(stood);
    }

    fn released(&mut self, site: Site, release: Release, now: Moment) {
        self.promises.release(site, release);
        let is_newest = release.epoch >= self.promises.memory().order.epoch;
        if is_newest && site != self.setup.site {
            self.senses.peer_blocked();
            let handed = if release.by_person { Handed::ByPerson } else { Handed::ByRule };
            self.handed = Some((handed, now + self.setup.timing.promise()));
        }
    }

    fn forced_by(&mut self, site: Site, force: Force, now: Moment, effects: &mut Vec<Effect>) {
        if self.promises.force(site, force, now) {
            effects.push(Effect::Tell(Told::Forced { epoch: force.epoch }));
        }
    }

    fn peer_beat(&mut self, site: Site, beat: &Beat, now: Moment, effects: &mut Vec<Effect>) {
        if !self.senses.peer(beat, now, self.setup.timing.silent_after()) {
            return;
        }
        self.promises.learn(beat.order);
        if self.promises.memory().agreed.is_older_than(&beat.agreed) {
            self.adopt(beat.agreed.clone(), now, effects);
        }
        // A site that is live nowhere has given nothing to us by keeping silent.
        if beat.standing.live.is_some() && site != self.setup.site {
            self.handed = None;
        }
    }
}
