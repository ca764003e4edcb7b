//! The world of a scenario: machines, lines, gates, and a queue of what happens next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::auditor::{Auditor, millis};
use super::dice::Dice;
use super::fault::{Disk, Fault, Health, Order, Power};
use super::gates::{Clock, Server, State};
use super::machine::{Core, Machine, Process};
use super::network::Network;
use super::scenario::Scenario;
use super::watch::Watch;
use super::{Line, Simulation};
use crate::domain::configuration::TakeoverSettings;
use crate::domain::lease::{
    Agreed, Command, Event, GateSeen, Hold, Memory, Message, Node, Setup, Stored, ThirdVote, Voter, Witness,
};
use crate::domain::site::{Epoch, Site};

/// How often control addresses, call server and data are looked at.
pub(super) const PROBE: Duration = Duration::from_secs(1);
/// How long a machine takes to boot.
pub(super) const BOOT: Duration = Duration::from_secs(20);

/// A rule of the core that the world breaks behind its back, to see that the auditor notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Voters keep their promises no longer than the holder counts on them.
    GuardRemoved,
    /// A voter that lost its disk votes at once.
    QuarantineOff,
    /// Gates are opened for a whole lease, not for what remains of it.
    ConstantGate,
    /// A block is reported before it is done.
    ReleaseBeforeBlock,
    /// A monitor is told that its gates are armed, and they are not.
    NeverArmed,
    /// Promises are said to be on disk, and are not.
    ForgetsToKeep,
    /// Gates are opened without an end.
    NeverEnds,
    /// Servers boot open.
    BootsOpen,
    /// A site opens its gates in the first epoch that it ever had.
    OpensInOldEpoch,
    /// The alternate opens its gates in the epoch before its own.
    SharesEpoch,
    /// Rules that another program threw away are not restored.
    NeverRestored,
    /// Monitors say nothing.
    SaysNothing,
    /// An alarm is never taken back.
    KeepsAlarms,
}

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Next {
    Fault(Fault),
    Deliver { to: Voter, from: Voter, message: Message },
    Wake { who: Voter, alarm: u64 },
    Answer { who: Voter, start: u64, event: Event },
    Gate { site: Site, lim: usize, state: State, boot: u64 },
    GateEnds { site: Site, lim: usize, version: u64 },
    Probe(Site),
    Look { site: Site, is_changed: bool },
    Unpause { who: Voter, is_long: bool },
    Booted(Voter),
}

/// Two sites as the outside sees them.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) answering: u8,
    pub(super) health: Health,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) planned: BTreeMap<u64, Next>,
    pub(super) sequence: u64,
    pub(super) dice: Dice,
    pub(super) scenario: Scenario,
    pub(super) mutations: Vec<Mutation>,
    pub(super) machines: BTreeMap<Voter, Machine>,
    pub(super) servers: BTreeMap<Site, Vec<Server>>,
    pub(super) outside: BTreeMap<Site, Outside>,
    pub(super) data_age: Option<Duration>,
    pub(super) network: Network,
    pub(super) auditor: Auditor,
    pub(super) story: Vec<Line>,
    pub(super) watch: Watch,
    /// For [`Mutation::OpensInOldEpoch`].
    pub(super) first_epochs: BTreeMap<Site, Epoch>,
}

impl World {
    pub(super) fn new(scenario: &Scenario, seed: u64, mutations: &[Mutation]) -> Self {
        let first = Memory::first(Site::Primary, Agreed::first(scenario.takeover));
        let clock = Clock::started(0, 1.0);
        let machines = Voter::ALL.into_iter().map(|voter| (voter, Machine::new(clock, first.clone()))).collect();
        let servers = Site::BOTH.into_iter().map(|site| (site, vec![Server::booted(clock); 2])).collect();
        let outside =
            Site::BOTH.into_iter().map(|site| (site, Outside { answering: 2, health: Health::Well })).collect();
        let mut world = Self {
            now: 0,
            queue: BinaryHeap::new(),
            planned: BTreeMap::new(),
            sequence: 0,
            dice: Dice::new(seed),
            scenario: scenario.clone(),
            mutations: mutations.to_vec(),
            machines,
            servers,
            outside,
            data_age: Some(Duration::from_secs(6 * 3600)),
            network: Network::default(),
            auditor: Auditor::default(),
            story: Vec::new(),
            watch: Watch::default(),
            first_epochs: BTreeMap::new(),
        };
        world.begin();
        world
    }

    /// Everything boots, and the faults stand in the queue.
    fn begin(&mut self) {
        for (at, fault) in self.scenario.events.clone() {
            self.plan(at, Next::Fault(fault));
        }
        for voter in Voter::ALL {
            self.start(voter);
        }
        for site in Site::BOTH {
            self.plan(Duration::ZERO, Next::Probe(site));
        }
    }

    /// Plays until the end.
    pub(super) fn play(&mut self) {
        let end = nanos(self.scenario.until);
        while let Some(Reverse((at, sequence))) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            if let Some(next) = self.planned.remove(&sequence) {
                self.happen(next);
            }
            self.audit();
        }
        self.now = end;
    }

    /// The story and the findings.
    pub(super) fn end(mut self) -> Simulation {
        self.audit_end();
        let (findings, none_live_seconds, takeovers) = self.auditor.end(self.now);
        Simulation { story: self.story, findings, none_live_seconds, takeovers }
    }

    /// Plans something for later.
    pub(super) fn plan(&mut self, after: Duration, next: Next) {
        let at = self.now.saturating_add(nanos(after));
        self.plan_at(at, next);
    }

    pub(super) fn plan_at(&mut self, at: u64, next: Next) {
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.now), self.sequence)));
        self.planned.insert(self.sequence, next);
    }

    pub(super) fn tell(&mut self, who: &str, says: String) {
        self.story.push(Line { millis: millis(self.now), who: who.to_owned(), says });
    }

    pub(super) fn is_broken(&self, mutation: Mutation) -> bool {
        self.mutations.contains(&mutation)
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Fault(fault) => {
                self.tell("fault", fault.to_string());
                self.watch.struck = self.now;
                self.strike(fault);
            }
            Next::Deliver { to, from, message } => {
                if !self.machines.get(&to).is_some_and(|machine| machine.is_paused && machine.is_deaf) {
                    self.event(to, Event::Heard { from, message });
                }
            }
            Next::Wake { who, alarm } => {
                if self.machines.get(&who).is_some_and(|machine| machine.alarm == alarm && machine.is_awake()) {
                    self.event(who, Event::Tick);
                }
            }
            Next::Answer { who, start, event } => {
                if self.machines.get(&who).is_some_and(|machine| machine.start == start) {
                    self.event(who, event);
                }
            }
            Next::Gate { site, lim, state, boot } => self.set_gate(site, lim, state, boot),
            Next::GateEnds { site, lim, version } => {
                if let Some(server) = self.server(site, lim).filter(|server| server.version == version) {
                    server.state = State::Shut;
                }
            }
            Next::Probe(site) => self.probe(site),
            Next::Look { site, is_changed } => self.look(site, is_changed),
            Next::Unpause { who, is_long } => self.unpause(who, is_long),
            Next::Booted(who) => self.start(who),
        }
    }

    /// What a fault does.
    fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Cut(line) => self.network.cut(line, true),
            Fault::Heal(line) => self.network.cut(line, false),
            Fault::HealAll => self.network.heal_all(),
            Fault::Delay(line, length) => self.network.delay(line, length),
            Fault::Loss(line, percent) => self.network.lose(line, percent),
            Fault::Duplicate(line, percent) => self.network.duplicate(line, percent),
            Fault::Freeze(who) => self.freeze(who),
            Fault::Thaw(who) => self.thaw(who),
            Fault::Kill(who) => self.kill(who),
            Fault::Start(who) => self.start(who),
            Fault::Pause(who, length) => self.pause(who, length),
            Fault::PowerOff(who) => self.power_off(who),
            Fault::PowerOn(who) => self.boot(who),
            Fault::Reboot(who, disk) => {
                self.power_off(who);
                if let (Disk::Lost, Some(machine)) = (disk, self.machines.get_mut(&who)) {
                    machine.disk = None;
                }
                self.boot(who);
            }
            Fault::ClockRate(who, rate) => self.set_clock(who, 1.0 + rate),
            Fault::FlushRules(site) => self.flush(site),
            Fault::LoseDisk(who) => {
                self.machines.entry(who).and_modify(|machine| machine.disk = None);
            }
            Fault::DiskFull(who) => self.fill_disk(who, true),
            Fault::DiskFree(who) => self.fill_disk(who, false),
            Fault::ControlAddress(site, answering) => {
                self.outside.entry(site).and_modify(|outside| outside.answering = answering);
            }
            Fault::CallServer(site, health) => {
                self.outside.entry(site).and_modify(|outside| outside.health = health);
            }
            Fault::DataAge(age) => self.data_age = age,
            Fault::SecondServer(site, power) => self.second_server(site, power),
            Fault::Order(site, order) => self.order(site, &order),
        }
    }

    fn order(&mut self, site: Site, order: &Order) {
        let command = match order {
            Order::HandOver => Command::HandOver,
            Order::Force => {
                self.watch.rights.vouched(site);
                Command::Force
            }
            Order::Hold(left) => Command::Hold(Some(Hold { left: *left, reason: "a test".into() })),
            Order::EndHold => Command::Hold(None),
            Order::Acknowledge => Command::Acknowledge,
            Order::Takeover(takeover) => {
                let limits = self.scenario.takeover.limits;
                Command::Takeover(TakeoverSettings { limits, ..*takeover })
            }
        };
        self.event(Voter::Monitor(site), Event::Ordered(command));
    }

    /// Starts the process of a machine, with what is on its disk and what its gates are.
    pub(super) fn start(&mut self, who: Voter) {
        let (timing, third) = (self.scenario.timing, self.scenario.third);
        let first = Memory::first(Site::Primary, Agreed::first(self.scenario.takeover));
        let gate = self.gate_seen(who);
        let forgets = self.is_broken(Mutation::QuarantineOff);
        let (now, is_witnessed) = (self.now, third == ThirdVote::Witness);
        let Some(machine) = self.machines.get_mut(&who).filter(|machine| machine.is_on) else { return };
        if !matches!(machine.process, Process::Gone) || (who == Voter::Witness && !is_witnessed) {
            return;
        }
        let stored = match (machine.disk.clone(), forgets) {
            (Some(memory), _) => Stored::Whole(memory),
            (None, true) => Stored::Whole(Memory { promise: None, ..first.clone() }),
            (None, false) => Stored::Lost,
        };
        machine.start += 1;
        machine.waiting.clear();
        self.watch.words.starts(who);
        if let Voter::Monitor(site) = who {
            self.watch.rights.starts(site);
        }
        let moment = machine.clock.shows(now);
        let (core, effects) = match who {
            Voter::Monitor(site) => {
                let (node, effects) = Node::start(Setup { site, timing, third }, stored, first, gate, moment);
                (Core::Monitor(Box::new(node)), effects)
            }
            Voter::Witness => {
                let (witness, effects) = Witness::start(timing, stored, moment);
                (Core::Witness(Box::new(witness)), effects)
            }
        };
        machine.process = Process::Running(core);
        self.carry_out(who, effects);
        self.set_alarm(who);
    }

    fn gate_seen(&self, who: Voter) -> GateSeen {
        let Voter::Monitor(site) = who else { return GateSeen::Closed };
        let states = self.servers.get(&site).into_iter().flatten().filter(|server| server.is_live(self.now));
        let found = states.map(|server| match server.state {
            State::Shut => GateSeen::Closed,
            State::Until(..) => GateSeen::Timed,
            State::Open | State::Flushed => GateSeen::Unarmed,
        });
        found.reduce(|one, other| if one == GateSeen::Unarmed { one } else { other }).unwrap_or(GateSeen::Closed)
    }

    fn second_server(&mut self, site: Site, power: Power) {
        let (now, boots_open) = (self.now, self.is_broken(Mutation::BootsOpen));
        if let Some(server) = self.server(site, 1) {
            let (version, boot, rate) = (server.version + 1, server.boot + 1, server.clock.rate());
            let booted = Server::booted(Clock::started(now, rate));
            let state = if boots_open { State::Open } else { booted.state };
            *server = Server { version, boot, state, is_on: power == Power::On, ..booted };
        }
    }
}

/// A length in nanoseconds.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
