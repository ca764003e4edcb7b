//! What the auditor is shown at every instant, and for how long something explains two live sites.

use std::collections::BTreeMap;
use std::time::Duration;

use super::auditor::{Live, millis};
use super::fault::WORST_CLOCK;
use super::finding::{Excuse, Finding};
use super::gates::State;
use super::machine::Machine;
use super::rights::Rights;
use super::words::Words;
use super::world::{Mutation, World, nanos};
use crate::domain::lease::message::Message;
use crate::domain::lease::{Event, Right, ThirdVote, Voter};
use crate::domain::site::{Epoch, Site};

/// What a message and its answer take on good lines, with some room.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// A stamp is one more than the one before even when both leave in one moment, so it may be ahead of the clock.
const ROUNDING: Duration = Duration::from_millis(1);
/// Arming that failed is tried again after half a minute; then no alarm has a cause any more.
const ALL_IS_WELL: Duration = Duration::from_secs(40);

/// What the auditor remembers of the world from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) rights: Rights,
    pub(super) words: Words,
    /// When a site's machine last went on after it stood still for longer than the times allow for.
    pub(super) resumed: Option<u64>,
    /// When a person last forced a takeover.
    pub(super) forced: Option<u64>,
    /// When the last fault struck.
    pub(super) struck: u64,
    /// Since when a monitor could have noticed that its rules are gone.
    flushed: BTreeMap<Site, u64>,
    /// When a monitor last could not speak.
    asleep: BTreeMap<Site, u64>,
    /// When the two sites last could not hear each other.
    apart: u64,
    /// When anything was last not as it should be.
    disturbed: u64,
}

impl World {
    /// Looks at everything once.
    pub(super) fn audit(&mut self) {
        self.look_at_rules();
        self.look_at_boots();
        self.look_at_lines();
        let excuse = self.excuse();
        let live = Live { primary: self.is_live(Site::Primary), alternate: self.is_live(Site::Alternate) };
        if let Some(says) = self.auditor.look(live, excuse, self.now) {
            self.tell("auditor", says.to_owned());
        }
        self.listen(live);
    }

    /// What is held against the pair at the end only.
    pub(super) fn audit_end(&mut self) {
        if self.now > self.watch.disturbed + nanos(ALL_IS_WELL) {
            self.watch.words.left().into_iter().for_each(|finding| self.auditor.note(finding));
        }
    }

    /// Works out whether a site may open its gates so.
    pub(super) fn audit_opening(&mut self, site: Site, right: Right, epoch: Epoch) {
        let excuse = self.excuse();
        self.auditor.opened(site, epoch, excuse, self.now);
        let at_millis = millis(self.now);
        let Some(machine) = self.machines.get(&Voter::Monitor(site)) else { return };
        match right {
            Right::For(left) => {
                let until = machine.clock.shows(self.now) + left;
                let right = self.watch.rights.until(site, epoch, self.scenario.timing.lease());
                if until > right + ROUNDING {
                    let millis = until.since(right).as_secs_f64() * 1000.0;
                    self.auditor.note(Finding::OpenedTooLong { at_millis, site, millis });
                }
            }
            Right::Standing if !self.watch.rights.stands(site) => {
                self.auditor.note(Finding::OpenedForGood { at_millis, site });
            }
            Right::Standing => {}
        }
    }

    /// Notes a request that leaves a site.
    pub(super) fn audit_sent(&mut self, from: Voter, message: &Message) {
        if let (Voter::Monitor(site), Message::Ask(ask), Some(machine)) = (from, message, self.machines.get(&from)) {
            self.watch.rights.asks(site, ask, machine.clock.shows(self.now));
            if self.scenario.third == ThirdVote::ControlAddress {
                self.watch.rights.conceded(site, ask);
            }
        }
    }

    /// Notes a promise that reaches a site, and a block that is proved to it.
    pub(super) fn audit_heard(&mut self, who: Voter, event: &Event) {
        if let Event::Closed { ticket, verified: true } = event {
            self.watch.words.closed(who, *ticket);
        }
        if let (Voter::Monitor(site), Event::Heard { message: Message::Grant(grant), .. }) = (who, event) {
            self.watch.rights.granted(site, grant);
        }
    }

    pub(super) fn is_flushed(&self, site: Site) -> bool {
        let mut servers = self.servers.get(&site).into_iter().flatten();
        servers.any(|server| server.is_on && server.state == State::Flushed)
    }

    pub(super) fn is_awake(&self, who: Voter) -> bool {
        self.machines.get(&who).is_some_and(Machine::is_awake)
    }

    fn is_live(&self, site: Site) -> bool {
        self.servers.get(&site).into_iter().flatten().any(|server| server.is_live(self.now))
    }

    /// Rules that are gone are restored one renewal and one block after a monitor can notice.
    fn look_at_rules(&mut self) {
        let limit = nanos(self.scenario.timing.renewal() + self.scenario.timing.block());
        for site in Site::BOTH {
            let is_awake = self.is_awake(Voter::Monitor(site));
            if !self.is_flushed(site) {
                self.watch.flushed.remove(&site);
            } else if is_awake {
                let since = *self.watch.flushed.entry(site).or_insert(self.now);
                if self.now > since + limit {
                    self.auditor.note(Finding::LeftFlushed { at_millis: millis(since + limit), site });
                }
            } else {
                self.watch.flushed.insert(site, self.now);
            }
        }
    }

    /// A server is shut from its boot on until somebody opens it.
    fn look_at_boots(&mut self) {
        for (site, servers) in &mut self.servers {
            for server in servers {
                let is_open = server.is_live(self.now) && server.state != State::Flushed;
                if is_open && !std::mem::replace(&mut server.is_opened, true) {
                    self.auditor.note(Finding::OpenAtBoot { at_millis: millis(self.now), site: *site });
                }
            }
        }
    }

    fn look_at_lines(&mut self) {
        let (one, other) = (Voter::Monitor(Site::Primary), Voter::Monitor(Site::Alternate));
        let is_joined = self.is_awake(one) && self.is_awake(other) && self.network.is_clear(one, other);
        if !is_joined {
            self.watch.apart = self.now;
        }
        // A person's word explains nothing once the two sites have had a round to find out who is live.
        if self.is_agreed() {
            self.watch.forced = self.watch.forced.filter(|forced| *forced + nanos(self.round()) > self.now);
        }
        if !self.is_well() {
            self.watch.disturbed = self.now;
        }
        for site in Site::BOTH {
            if !self.is_awake(Voter::Monitor(site)) {
                self.watch.asleep.insert(site, self.now);
            }
        }
    }

    /// Whether nothing at all is wrong.
    fn is_well(&self) -> bool {
        let has_witness = self.scenario.third == ThirdVote::Witness;
        let mut voters = Voter::ALL.into_iter().filter(|voter| has_witness || *voter != Voter::Witness);
        voters.all(|voter| self.is_awake(voter) && voter.others().all(|other| self.network.is_clear(voter, other)))
            && self.servers.values().flatten().all(|server| server.is_on && server.state != State::Flushed)
            && self.machines.values().all(|machine| !machine.is_disk_full)
    }

    fn listen(&mut self, live: Live) {
        let silent = nanos(self.longest());
        for (site, is_live) in [(Site::Primary, live.primary), (Site::Alternate, live.alternate)] {
            let asleep = self.watch.asleep.get(&site).is_some_and(|asleep| self.now <= asleep + silent);
            let is_explained = self.watch.struck == self.now || (asleep && !is_live);
            if let Some(finding) = self.watch.words.look(site, is_live, is_explained, self.now) {
                self.auditor.note(finding);
            }
        }
    }

    /// What explains two live sites now.
    fn excuse(&self) -> Option<Excuse> {
        let drift = f64::from(self.scenario.timing.drift()) / 1_000_000.0;
        let both_for = self.auditor.both_since().map_or(0, |since| self.now - since);
        let is_off = self.machines.values().any(|machine| (machine.clock.rate() - 1.0).abs() > drift * 1.000_1);
        let is_unwatched = |site| self.is_flushed(site) && !self.is_awake(Voter::Monitor(site));
        let limit = nanos(self.scenario.timing.renewal() + self.scenario.timing.block());
        if self.scenario.third == ThirdVote::ControlAddress && !self.is_agreed() {
            Some(Excuse::Conditional)
        } else if self.watch.forced.is_some() {
            Some(Excuse::Forced)
        } else if Site::BOTH.into_iter().any(is_unwatched) {
            Some(Excuse::Unwatched)
        } else if self.watch.flushed.values().any(|since| self.now <= since + limit) {
            Some(Excuse::Flushed)
        } else if self.watch.resumed.is_some_and(|resumed| self.now <= resumed + nanos(self.held())) {
            Some(Excuse::Paused)
        } else if is_off && both_for <= nanos(self.longest()) {
            Some(Excuse::Clock)
        } else {
            None
        }
    }

    /// Whether the two sites have heard each other for so long that both know who is live.
    fn is_agreed(&self) -> bool {
        self.now > self.watch.apart + nanos(self.round())
    }

    fn round(&self) -> Duration {
        self.scenario.timing.renewal() + self.scenario.timing.block() + ROUND_TRIP
    }

    /// How long gates that nobody prolongs are open at most: what remained of a right, and what its end takes.
    fn held(&self) -> Duration {
        let timing = self.scenario.timing;
        timing.lease() + timing.lateness() + timing.block()
    }

    /// The same by the slowest clock there is.
    fn longest(&self) -> Duration {
        self.held().div_f64(1.0 - WORST_CLOCK)
    }

    /// What the world makes of an opening when it breaks a rule behind the core's back.
    pub(super) fn bent(&mut self, site: Site, right: Right, epoch: Epoch) -> (Right, Epoch) {
        let lease = self.scenario.timing.lease();
        let right = match right {
            Right::For(_) if self.is_broken(Mutation::ConstantGate) => Right::For(lease),
            Right::For(_) if self.is_broken(Mutation::NeverEnds) => Right::Standing,
            Right::For(_) | Right::Standing => right,
        };
        let epoch = if self.is_broken(Mutation::OpensInOldEpoch) {
            *self.first_epochs.entry(site).or_insert(epoch)
        } else if site == Site::Alternate && self.is_broken(Mutation::SharesEpoch) {
            Epoch(epoch.0.saturating_sub(1))
        } else {
            epoch
        };
        (right, epoch)
    }
}
