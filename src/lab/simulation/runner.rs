//! Carries out what the core says, and does to machines and gates what the faults say.

use std::time::Duration;

use super::auditor::{Finding, millis};
use super::fault::Health;
use super::gates::{Clock, Server, State};
use super::machine::Process;
use super::world::{BOOT, Mutation, Next, PROBE, World, nanos};
use crate::domain::lease::{Effect, Event, Message, Moment, Right, Voter};
use crate::domain::site::{Epoch, Site};

/// What opening a gate takes at most.
const OPENING: Duration = Duration::from_millis(20);
/// What reading a gate back takes.
const READING: Duration = Duration::from_millis(5);
/// How late a block is that was reported before it was done.
const LIE: Duration = Duration::from_secs(4);

impl World {
    /// Gives an event to the core of a machine, if that can take it; else it waits or is lost.
    pub(super) fn event(&mut self, who: Voter, event: Event) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who) else { return };
        if machine.keeps_waiting() {
            machine.waiting.push(event);
            return;
        }
        let moment = machine.clock.shows(now);
        let is_awake = machine.is_awake();
        let Process::Running(core) = &mut machine.process else { return };
        if is_awake {
            let effects = core.step(event, moment);
            self.carry_out(who, effects);
            self.set_alarm(who);
        }
    }

    /// Carries effects out one after the other; a write that fails ends it.
    pub(super) fn carry_out(&mut self, who: Voter, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Keep(memory) => {
                    let forgets = self.is_broken(Mutation::ForgetsToKeep);
                    let Some(machine) = self.machines.get_mut(&who) else { return };
                    if machine.is_disk_full {
                        return self.event(who, Event::NotKept);
                    }
                    if !forgets {
                        machine.disk = Some(*memory);
                    }
                }
                Effect::Send { to, message } => self.send(who, to, message),
                Effect::Tell(told) => self.tell(&who.to_string(), told.to_string()),
                Effect::Close { ticket, .. } => self.close(who, ticket),
                Effect::Arm { ticket, right } => self.arm(who, ticket, right),
                Effect::Open { right, epoch } => self.open(who, right, epoch),
            }
        }
    }

    /// Wakes a machine when its core wants to be woken.
    pub(super) fn set_alarm(&mut self, who: Voter) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who) else { return };
        machine.alarm += 1;
        let alarm = machine.alarm;
        let Process::Running(core) = &machine.process else { return };
        let at = machine.clock.when(core.deadline(machine.clock.shows(now)));
        if let Some(at) = at {
            self.plan_at(at, Next::Wake { who, alarm });
        }
    }

    pub(super) fn server(&mut self, site: Site, lim: usize) -> Option<&mut Server> {
        self.servers.get_mut(&site).and_then(|servers| servers.get_mut(lim))
    }

    pub(super) fn set_gate(&mut self, site: Site, lim: usize, state: State, boot: u64) {
        let Some(server) = self.server(site, lim).filter(|server| server.is_on && server.boot == boot) else { return };
        server.state = state;
        server.version += 1;
        self.watch_gate(site, lim);
    }

    pub(super) fn probe(&mut self, site: Site) {
        let who = Voter::Monitor(site);
        let (answering, health) = self.outside.get(&site).map_or((0, Health::Ill), |out| (out.answering, out.health));
        // Probes are the monitor's own work: one that does not run makes none.
        if self.machines.get(&who).is_some_and(super::machine::Machine::is_awake) {
            self.event(who, Event::Control { answering, of: 2 });
            self.event(who, Event::Health { is_well: health == Health::Well });
            if site == Site::Alternate {
                self.event(who, Event::Data { age: self.data_age });
            }
        }
        self.plan(PROBE, Next::Probe(site));
    }

    pub(super) fn freeze(&mut self, who: Voter) {
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.process = match std::mem::replace(&mut machine.process, Process::Gone) {
                Process::Running(core) | Process::Frozen(core) => Process::Frozen(core),
                Process::Gone => Process::Gone,
            };
        }
    }

    pub(super) fn thaw(&mut self, who: Voter) {
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.process = match std::mem::replace(&mut machine.process, Process::Gone) {
                Process::Running(core) | Process::Frozen(core) => Process::Running(core),
                Process::Gone => Process::Gone,
            };
            self.catch_up(who);
        }
    }

    pub(super) fn kill(&mut self, who: Voter) {
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.process = Process::Gone;
            machine.waiting.clear();
        }
    }

    pub(super) fn pause(&mut self, who: Voter, length: Duration) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| machine.is_on && !machine.is_paused) else {
            return;
        };
        machine.is_paused = true;
        machine.clock = machine.clock.running(false, now);
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| {
                server.is_paused = true;
                server.clock = server.clock.running(false, now);
            });
        }
        self.plan(length, Next::Unpause(who));
    }

    pub(super) fn unpause(&mut self, who: Voter) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| machine.is_paused) else { return };
        machine.is_paused = false;
        machine.clock = machine.clock.running(true, now);
        if let Voter::Monitor(site) = who {
            self.resumed = Some(now);
            self.with_first(site, |server| {
                server.is_paused = false;
                server.clock = server.clock.running(true, now);
            });
        }
        self.tell("fault", format!("{who} goes on"));
        self.catch_up(who);
    }

    pub(super) fn power_off(&mut self, who: Voter) {
        self.kill(who);
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.is_on = false;
            machine.is_paused = false;
            machine.start += 1;
        }
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| server.is_on = false);
        }
    }

    pub(super) fn boot(&mut self, who: Voter) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| !machine.is_on) else { return };
        machine.is_on = true;
        machine.clock = Clock::started(now, machine.clock.rate());
        let clock = machine.clock;
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| {
                let (version, boot) = (server.version + 1, server.boot + 1);
                *server = Server { version, boot, ..Server::booted(clock) };
            });
            self.look_at_boot(site);
        }
        self.plan(BOOT, Next::Booted(who));
    }

    pub(super) fn set_clock(&mut self, who: Voter, rate: f64) {
        let now = self.now;
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.clock = machine.clock.at_rate(rate, now);
        }
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| server.clock = server.clock.at_rate(rate, now));
        }
        self.set_alarm(who);
    }

    /// The rules are gone until the monitor looks at them, which it does in every round.
    pub(super) fn flush(&mut self, site: Site) {
        self.with_first(site, |server| {
            server.state = State::Flushed;
            server.version += 1;
        });
        let noticed = self.dice.between(Duration::ZERO, self.scenario.timing.renewal());
        let start = self.machines.get(&Voter::Monitor(site)).map_or(0, |machine| machine.start);
        let who = Voter::Monitor(site);
        self.plan(noticed, Next::Answer { who, start, event: Event::GateChanged });
        let restored = noticed + self.scenario.timing.renewal();
        self.plan(restored, Next::Answer { who, start, event: Event::GateWhole });
    }

    pub(super) fn fill_disk(&mut self, who: Voter, is_full: bool) {
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.is_disk_full = is_full;
        }
    }

    fn send(&mut self, from: Voter, to: Voter, message: Message) {
        let mut message = message;
        if let (Message::Ask(ask), true) = (&mut message, self.is_broken(Mutation::GuardRemoved)) {
            ask.length = self.scenario.timing.lease();
        }
        for delay in self.network.passes(from, to, &mut self.dice) {
            self.plan(delay, Next::Deliver { to, from, message: message.clone() });
        }
    }

    fn close(&mut self, who: Voter, ticket: u64) {
        let Voter::Monitor(site) = who else { return };
        let lies = self.is_broken(Mutation::ReleaseBeforeBlock);
        let mut last = self.now;
        let mut verified = true;
        for lim in 0..2 {
            let takes = self.dice.extreme(self.scenario.timing.block()) + if lies { LIE } else { Duration::ZERO };
            let done = self.change_gate(site, lim, State::Shut, takes);
            last = last.max(done);
            verified &= self.server(site, lim).is_some_and(|server| server.is_on);
        }
        let at = if lies { self.now } else { last };
        self.answer(who, at + nanos(READING), Event::Closed { ticket, verified });
    }

    /// Opens the gates for what remains now; what opening takes is part of it.
    fn open(&mut self, who: Voter, right: Right, epoch: Epoch) {
        let Voter::Monitor(site) = who else { return };
        self.auditor.opened(site, epoch, self.now);
        for lim in 0..2 {
            let takes = self.dice.extreme(OPENING);
            let state = match right {
                Right::For(left) => self.timed(site, lim, left, takes),
                Right::Standing => State::Open,
            };
            self.change_gate(site, lim, state, takes);
        }
    }

    fn arm(&mut self, who: Voter, ticket: u64, right: Duration) {
        let Voter::Monitor(site) = who else { return };
        let mut last = self.now;
        for lim in 0..2 {
            let takes = self.dice.extreme(OPENING);
            if !self.is_broken(Mutation::NeverArmed) {
                let state = self.timed(site, lim, right, takes);
                last = last.max(self.change_gate(site, lim, state, takes));
            }
        }
        self.answer(who, last + nanos(READING), Event::Armed { ticket });
    }

    fn timed(&mut self, site: Site, lim: usize, left: Duration, takes: Duration) -> State {
        let late = self.dice.extreme(self.scenario.timing.lateness());
        let (now, lease) = (self.now, self.scenario.timing.lease());
        let is_constant = self.is_broken(Mutation::ConstantGate);
        let shows = self.server(site, lim).map_or_else(Moment::default, |server| server.clock.shows(now));
        let right = shows + left;
        let until = if is_constant { shows + takes + lease } else { right };
        if until > right {
            let too_long = until.since(right).as_secs_f64() * 1000.0;
            self.auditor.note(Finding::OpenedTooLong { at_millis: millis(now), site, millis: too_long });
        }
        State::Until(until, late)
    }

    /// Does something to a gate, after what is being done to it already; when it will be done.
    fn change_gate(&mut self, site: Site, lim: usize, state: State, takes: Duration) -> u64 {
        let now = self.now;
        let Some(server) = self.server(site, lim) else { return now };
        let at = (now + nanos(takes)).max(server.busy_until);
        server.busy_until = at;
        let boot = server.boot;
        self.plan_at(at, Next::Gate { site, lim, state, boot });
        at
    }

    fn watch_gate(&mut self, site: Site, lim: usize) {
        let Some(server) = self.server(site, lim) else { return };
        let (ends, version) = (server.ends(), server.version);
        if let Some(at) = ends {
            self.plan_at(at, Next::GateEnds { site, lim, version });
        }
    }

    fn with_first(&mut self, site: Site, change: impl FnOnce(&mut Server)) {
        if let Some(server) = self.server(site, 0) {
            change(server);
            self.watch_gate(site, 0);
        }
    }

    fn look_at_boot(&mut self, site: Site) {
        let now = self.now;
        if self.server(site, 0).is_some_and(|server| server.is_live(now)) {
            self.auditor.note(Finding::OpenAtBoot { at_millis: millis(now), site });
        }
    }

    /// What waited in the socket comes first, then the clock.
    fn catch_up(&mut self, who: Voter) {
        let waiting = self.machines.get_mut(&who).map(|machine| std::mem::take(&mut machine.waiting));
        for event in waiting.unwrap_or_default() {
            self.event(who, event);
        }
        self.event(who, Event::Tick);
        self.set_alarm(who);
    }

    fn answer(&mut self, who: Voter, at: u64, event: Event) {
        let start = self.machines.get(&who).map_or(0, |machine| machine.start);
        self.plan_at(at, Next::Answer { who, start, event });
    }
}
