//! Carries out what the core says, and does to machines and gates what the faults say.

use std::time::Duration;

use super::fault::Health;
use super::gates::{Clock, Server, State};
use super::machine::Process;
use super::world::{BOOT, Mutation, Next, PROBE, World, nanos};
use crate::domain::lease::node::Told;
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
        if !machine.is_awake() {
            return;
        }
        self.audit_heard(who, &event);
        let Some(machine) = self.machines.get_mut(&who) else { return };
        let moment = machine.clock.shows(now);
        if let Process::Running(core) = &mut machine.process {
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
                    self.watch.words.kept(who);
                }
                Effect::Send { to, message } => self.send(who, to, message),
                Effect::Tell(told) => self.says(who, &told),
                Effect::Close { ticket, .. } => {
                    if !self.is_broken(Mutation::SaysNothing) {
                        self.watch.words.blocks(who);
                    }
                    self.watch.words.ordered(who, ticket);
                    self.close(who, ticket);
                }
                Effect::Arm { ticket, right } => {
                    self.watch.words.ordered(who, ticket);
                    self.arm(who, ticket, right);
                }
                Effect::Open { right, epoch } => self.open(who, right, epoch),
            }
        }
    }

    fn says(&mut self, who: Voter, told: &Told) {
        self.tell(&who.to_string(), told.to_string());
        if let Told::Forced { .. } = told {
            self.watch.forced = Some(self.now);
        }
        let is_kept_back = matches!(told, Told::Cleared { .. }) && self.is_broken(Mutation::KeepsAlarms);
        if !is_kept_back && !self.is_broken(Mutation::SaysNothing) {
            self.watch.words.told(who, told, self.now);
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
        let is_kept = self.is_broken(Mutation::NeverRestored);
        let Some(server) = self.server(site, lim).filter(|server| server.is_on && server.boot == boot) else { return };
        if is_kept && server.state == State::Flushed {
            return;
        }
        server.state = state;
        server.is_opened |= state != State::Shut;
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
        // What comes meanwhile waits in some hosts, and is lost in others.
        let is_deaf = self.dice.happens(50);
        let is_long = length > self.scenario.timing.lateness();
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| machine.is_on && !machine.is_paused) else {
            return;
        };
        (machine.is_paused, machine.is_deaf) = (true, is_deaf);
        machine.clock = machine.clock.running(false, now);
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| {
                server.is_paused = true;
                server.clock = server.clock.running(false, now);
            });
        }
        self.plan(length, Next::Unpause { who, is_long });
    }

    pub(super) fn unpause(&mut self, who: Voter, is_long: bool) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| machine.is_paused) else { return };
        machine.is_paused = false;
        machine.clock = machine.clock.running(true, now);
        if let Voter::Monitor(site) = who {
            if is_long {
                self.watch.resumed = Some(now);
            }
            self.watch.struck = now;
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
        let (now, boots_open) = (self.now, self.is_broken(Mutation::BootsOpen));
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| !machine.is_on) else { return };
        machine.is_on = true;
        machine.clock = Clock::started(now, machine.clock.rate());
        let clock = machine.clock;
        if let Voter::Monitor(site) = who {
            self.with_first(site, |server| {
                let (version, boot) = (server.version + 1, server.boot + 1);
                let booted = Server::booted(clock);
                let state = if boots_open { State::Open } else { booted.state };
                *server = Server { state, version, boot, ..booted };
            });
        }
        self.plan(BOOT, Next::Booted(who));
    }

    pub(super) fn set_clock(&mut self, who: Voter, rate: f64) {
        let now = self.now;
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.clock = machine.clock.at_rate(rate, now);
        }
        if let Voter::Monitor(site) = who {
            for lim in 0..2 {
                self.with(site, lim, |server| server.clock = server.clock.at_rate(rate, now));
            }
        }
        self.set_alarm(who);
    }

    /// The rules are gone until the monitor looks at them, which it does in every round.
    pub(super) fn flush(&mut self, site: Site) {
        self.with_first(site, |server| {
            server.state = State::Flushed;
        });
        let noticed = self.dice.between(Duration::ZERO, self.scenario.timing.renewal());
        self.plan(noticed, Next::Look { site, is_changed: true });
    }

    /// A monitor looks at its rules in every round; the first look that finds them whole again is the last that matters.
    pub(super) fn look(&mut self, site: Site, is_changed: bool) {
        let who = Voter::Monitor(site);
        let is_awake = self.is_awake(who);
        let is_changed = self.is_flushed(site) || is_changed;
        if is_awake {
            self.event(who, if is_changed { Event::GateChanged } else { Event::GateWhole });
        }
        if is_changed || !is_awake {
            self.plan(self.scenario.timing.renewal(), Next::Look { site, is_changed: !is_awake && is_changed });
        }
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
        self.audit_sent(from, &message);
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
        let (right, epoch) = self.bent(site, right, epoch);
        self.audit_opening(site, right, epoch);
        for lim in 0..2 {
            let takes = self.dice.extreme(OPENING);
            let state = match right {
                Right::For(left) => self.timed(site, lim, left),
                Right::Standing => State::Open,
            };
            self.change_gate(site, lim, state, takes);
        }
    }

    fn arm(&mut self, who: Voter, ticket: u64, right: Duration) {
        let Voter::Monitor(site) = who else { return };
        let mut last = self.now;
        let mut is_armed = true;
        for lim in 0..2 {
            let takes = self.dice.extreme(OPENING);
            is_armed &= self.server(site, lim).is_some_and(|server| server.is_on);
            if !self.is_broken(Mutation::NeverArmed) {
                let state = self.timed(site, lim, right);
                last = last.max(self.change_gate(site, lim, state, takes));
            }
        }
        let event = if is_armed { Event::Armed { ticket } } else { Event::NotArmed { ticket } };
        self.answer(who, last + nanos(READING), event);
    }

    fn timed(&mut self, site: Site, lim: usize, left: Duration) -> State {
        let late = self.dice.extreme(self.scenario.timing.lateness());
        let now = self.now;
        let shows = self.server(site, lim).map_or_else(Moment::default, |server| server.clock.shows(now));
        State::Until(shows + left, late)
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
        self.with(site, 0, change);
    }

    /// Changes a server, or its clock: when its gate ends is worked out anew.
    fn with(&mut self, site: Site, lim: usize, change: impl FnOnce(&mut Server)) {
        if let Some(server) = self.server(site, lim) {
            change(server);
            server.version += 1;
            self.watch_gate(site, lim);
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
