//! The small world: three voters, two sites, the letters between them, and everything that can happen next.

use std::collections::BTreeSet;
use std::time::Duration;

use mxone_system_redundancy::domain::configuration::TakeoverSettings;
use mxone_system_redundancy::domain::lease::message::{Ask, Grant, Release};
use mxone_system_redundancy::domain::lease::promises::{Bar, Promises};
use mxone_system_redundancy::domain::lease::tally::Tally;
use mxone_system_redundancy::domain::lease::{Agreed, Kind, Memory, Moment, Stamp, Stored, Voter};
use mxone_system_redundancy::domain::site::{Epoch, Order, Site};
use stateright::{Checker, Model, Property};

pub const NEVER_TWO: &str = "never two live sites";
pub const SOMETIMES: &str = "sometimes the alternate is live";

/// How much can happen.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact by itself")]
pub struct World {
    /// How long a holder counts on a round.
    pub lease: u64,
    /// How long a voter keeps its promise.
    pub promise: u64,
    /// When it ends.
    pub until: u64,
    /// How many letters may be on their way.
    pub letters: usize,
    /// How many rounds each site may ask.
    pub asks: u8,
    /// How often a clock may stand still for a unit.
    pub slow: u8,
    /// How often a clock may move two units in one.
    pub fast: u8,
    pub restarts: u8,
    pub lost_disks: u8,
    pub releases: u8,
    /// Whether a letter may be lost and make room for another.
    pub losses: bool,
    /// How often a letter may come once more.
    pub repeats: u8,
    /// Whether the primary begins with standing promises and its gate open, and sites may arm and disarm.
    pub standing: bool,
    pub quarantine: bool,
    pub blocks: bool,
}

impl World {
    /// The shortest promise that is safe here, with one clock that is wrong by one unit.
    pub const SMALL: Self = Self {
        lease: 1,
        promise: 2,
        until: 4,
        letters: 3,
        asks: 2,
        slow: 0,
        fast: 0,
        restarts: 0,
        lost_disks: 0,
        releases: 0,
        losses: false,
        repeats: 0,
        standing: false,
        quarantine: true,
        blocks: true,
    };

    pub fn holds(self) {
        let checker = self.checker().spawn_dfs().join();
        checker.assert_no_discovery(NEVER_TWO);
        checker.assert_any_discovery(SOMETIMES);
        // A model in which little can happen proves little.
        assert!(checker.unique_state_count() > 5_000, "{} states", checker.unique_state_count());
    }

    pub fn fails(self) {
        self.checker().spawn_bfs().join().assert_any_discovery(NEVER_TWO);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    voters: [Machine; 3],
    sites: [Holder; 2],
    network: BTreeSet<Letter>,
    slow: u8,
    fast: u8,
    restarts: u8,
    lost_disks: u8,
    releases: u8,
    repeats: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    clock: u64,
    promises: Promises,
    disk: Option<Memory>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    tally: Tally,
    gate: Gate,
    asks: u8,
    asked_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    Closed,
    Until(u64),
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    Ask { from: usize, to: usize, epoch: u64, kind: Kind, start: u64, sent: u64 },
    Grant { from: usize, to: usize, epoch: u64, kind: Kind, start: u64, sent: u64 },
    Release { from: usize, to: usize, epoch: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A unit of time passes; one clock may stand still, another jump.
    Tick {
        slow: Option<usize>,
        fast: Option<usize>,
    },
    Ask(usize, Kind),
    /// A letter comes; whether it may come again.
    Deliver(Letter, bool),
    Lose(Letter),
    Arm(usize),
    Release(usize),
    Restart(usize),
    LoseDisk(usize),
    Recall {
        blank: usize,
        from: usize,
    },
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut first = Memory::first(Site::Primary, Agreed::first(TakeoverSettings::default()));
        if !self.standing {
            first.promise = None;
        }
        let machine = |_| Machine {
            clock: 1,
            promises: Promises::start(Stored::Whole(first.clone()), first.clone(), (Duration::ZERO, Vec::new()), at(1)),
            disk: Some(first.clone()),
        };
        let holder = |site| Holder {
            tally: Tally::of(Epoch(1)),
            gate: if site == 0 && self.standing { Gate::Open } else { Gate::Closed },
            asks: 0,
            asked_at: None,
        };
        vec![State {
            now: 0,
            voters: [0, 1, 2].map(machine),
            sites: [0, 1].map(holder),
            network: BTreeSet::new(),
            slow: 0,
            fast: 0,
            restarts: 0,
            lost_disks: 0,
            releases: 0,
            repeats: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.now >= self.until {
            return;
        }
        actions.push(Action::Tick { slow: None, fast: None });
        for site in 0..2 {
            if state.slow < self.slow {
                actions.push(Action::Tick { slow: Some(site), fast: None });
            }
            self.site_actions(state, site, actions);
        }
        for voter in 0..3 {
            if state.fast < self.fast {
                actions.push(Action::Tick { slow: None, fast: Some(voter) });
            }
            if state.restarts < self.restarts {
                actions.push(Action::Restart(voter));
            }
            if state.lost_disks < self.lost_disks {
                actions.push(Action::LoseDisk(voter));
            }
            for from in state.voters[voter].promises.unheard() {
                actions.push(Action::Recall { blank: voter, from: number(from) });
            }
        }
        for letter in &state.network {
            actions.push(Action::Deliver(letter.clone(), false));
            if self.losses {
                actions.push(Action::Lose(letter.clone()));
            }
            if state.repeats < self.repeats {
                actions.push(Action::Deliver(letter.clone(), true));
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Tick { slow, fast } => Self::tick(&mut state, slow, fast),
            Action::Ask(site, kind) => Self::ask(&mut state, site, kind),
            Action::Deliver(letter, again) => {
                if !again {
                    state.network.remove(&letter);
                }
                self.deliver(&mut state, &letter);
                if state == *before {
                    return None;
                }
                state.repeats += u8::from(again);
            }
            Action::Lose(letter) => {
                state.network.remove(&letter);
            }
            Action::Arm(site) => {
                let clock = state.voters[site].clock;
                state.sites[site].gate = Gate::Until(clock + self.lease);
            }
            Action::Release(site) => self.release(&mut state, site),
            Action::Restart(voter) => {
                state.restarts += 1;
                self.restart(&mut state, voter);
            }
            Action::LoseDisk(voter) => {
                state.lost_disks += 1;
                state.voters[voter].disk = None;
                self.restart(&mut state, voter);
            }
            Action::Recall { blank, from } => {
                let memory = state.voters[from].promises.recalled().map(|memory| *memory);
                let machine = &mut state.voters[blank];
                machine.promises.remember(voter(from), memory);
                machine.promises.recover(voter(blank), at(machine.clock));
            }
        }
        for machine in &mut state.voters {
            let clock = at(machine.clock);
            machine.promises.recover(Voter::Witness, clock);
            // What is said is on disk before.
            if let Some(memory) = machine.promises.to_keep() {
                machine.disk = Some(memory);
            }
        }
        (state != *before).then_some(state)
    }

    /// At most so many letters are on their way: one that never comes is as good as lost.
    fn within_boundary(&self, state: &State) -> bool {
        state.network.len() <= self.letters
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEVER_TWO, |_, state: &State| !(live(state, 0) && live(state, 1))),
            Property::sometimes(SOMETIMES, |_, state: &State| live(state, 1)),
        ]
    }
}

impl World {
    fn site_actions(&self, state: &State, site: usize, actions: &mut Vec<Action>) {
        let (holder, machine) = (&state.sites[site], &state.voters[site]);
        let is_free = machine.promises.bar(site_of(site), at(machine.clock)) == Bar::Free;
        // One round a unit: the moment of a request is its stamp.
        if holder.asks < self.asks && is_free && holder.asked_at != Some(machine.clock) {
            if holder.gate != Gate::Open {
                actions.push(Action::Ask(site, Kind::Lease));
            }
            if self.standing && live(state, site) {
                actions.push(Action::Ask(site, Kind::Standing));
            }
        }
        if holder.gate == Gate::Open && self.standing {
            actions.push(Action::Arm(site));
        }
        if live(state, site) && state.releases < self.releases {
            actions.push(Action::Release(site));
        }
    }

    fn tick(state: &mut State, slow: Option<usize>, fast: Option<usize>) {
        state.now += 1;
        state.slow += u8::from(slow.is_some());
        state.fast += u8::from(fast.is_some());
        for (number, machine) in state.voters.iter_mut().enumerate() {
            machine.clock += if slow == Some(number) { 0 } else { 1 + u64::from(fast == Some(number)) };
        }
        for site in 0..2 {
            if !live(state, site) {
                state.sites[site].gate = Gate::Closed;
            }
        }
    }

    fn ask(state: &mut State, site: usize, kind: Kind) {
        let (memory, clock) = (state.voters[site].promises.memory().clone(), state.voters[site].clock);
        let own = memory.promise.filter(|p| p.to == site_of(site) && p.epoch == memory.highest);
        let holder = &mut state.sites[site];
        let epoch = own.map_or(memory.highest.next(), |promise| promise.epoch);
        if holder.tally.epoch != epoch {
            holder.tally = Tally::of(epoch);
        }
        if kind == Kind::Lease {
            holder.tally.asked_for_lease(at(clock));
        }
        holder.asks += 1;
        holder.asked_at = Some(clock);
        for to in (0..3).filter(|to| *to != site) {
            state.network.insert(Letter::Ask {
                from: site,
                to,
                epoch: epoch.0,
                kind,
                start: memory.starts,
                sent: clock,
            });
        }
    }

    fn deliver(&self, state: &mut State, letter: &Letter) {
        match *letter {
            Letter::Ask { from, to, epoch, kind, start, sent } => {
                let machine = &mut state.voters[to];
                let ask = self.request(epoch, kind, Stamp { start, sent });
                if machine.promises.ask(site_of(from), &ask, at(machine.clock)).is_ok() {
                    state.network.insert(Letter::Grant { from: to, to: from, epoch, kind, start, sent });
                }
            }
            Letter::Grant { from, to, epoch, kind, start, sent } => {
                self.granted(state, (from, to), epoch, kind, Stamp { start, sent });
            }
            Letter::Release { from, to, epoch } => {
                let release = Release { epoch: Epoch(epoch), by_person: false };
                state.voters[to].promises.release(site_of(from), release);
            }
        }
    }

    fn granted(&self, state: &mut State, (from, to): (usize, usize), epoch: u64, kind: Kind, stamp: Stamp) {
        let (machine, holder) = (&mut state.voters[to], &mut state.sites[to]);
        if stamp.start != machine.promises.memory().starts || holder.tally.epoch != Epoch(epoch) {
            return;
        }
        let clock = machine.promises.clock(at(machine.clock));
        let order = Order { active: Site::Primary, epoch: Epoch(1) };
        holder.tally.granted(voter(from), &Grant { epoch: Epoch(epoch), kind, stamp, clock, order });
        if machine.promises.ask(site_of(to), &self.request(epoch, kind, stamp), at(machine.clock)).is_ok() {
            holder.tally.count(voter(to), at(stamp.sent), kind);
        }
        let until = holder.tally.until(Duration::from_nanos(self.lease)).map_or(0, Moment::as_nanos);
        holder.gate = match holder.gate {
            Gate::Open => Gate::Open,
            Gate::Closed | Gate::Until(_) if holder.tally.stands() => Gate::Open,
            Gate::Until(before) => Gate::Until(before.max(until)),
            Gate::Closed if until > machine.clock => Gate::Until(until),
            Gate::Closed => Gate::Closed,
        };
    }

    fn release(&self, state: &mut State, site: usize) {
        state.releases += 1;
        let (machine, holder) = (&mut state.voters[site], &mut state.sites[site]);
        let epoch = machine.promises.memory().highest.0;
        if self.blocks {
            holder.gate = Gate::Closed;
        }
        holder.tally = Tally::default();
        machine.promises.favour(site_of(site).other(), Duration::from_nanos(self.promise), at(machine.clock));
        for to in (0..3).filter(|to| *to != site) {
            state.network.insert(Letter::Release { from: site, to, epoch });
        }
    }

    /// A machine starts again: what is on its disk is what it knows; its gate was shut by the boot.
    fn restart(&self, state: &mut State, number: usize) {
        let machine = &mut state.voters[number];
        let mut nothing = Memory::first(Site::Primary, Agreed::first(TakeoverSettings::default()));
        nothing.promise = None;
        let stored = match machine.disk.clone() {
            Some(memory) => Stored::Whole(memory),
            None if self.quarantine => Stored::Lost,
            None => Stored::Whole(nothing.clone()),
        };
        let others = voter(number).others().collect();
        let silence = Duration::from_nanos(self.promise);
        machine.promises = Promises::start(stored, nothing, (silence, others), at(machine.clock));
        if let Some(holder) = state.sites.get_mut(number) {
            *holder =
                Holder { tally: Tally::default(), gate: Gate::Closed, asks: holder.asks, asked_at: holder.asked_at };
        }
    }

    fn request(&self, epoch: u64, kind: Kind, stamp: Stamp) -> Ask {
        let order = Order { active: Site::Primary, epoch: Epoch(1) };
        Ask { epoch: Epoch(epoch), kind, length: Duration::from_nanos(self.promise), stamp, order }
    }
}

fn live(state: &State, site: usize) -> bool {
    match state.sites[site].gate {
        Gate::Closed => false,
        Gate::Until(until) => state.voters[site].clock < until,
        Gate::Open => true,
    }
}

fn site_of(number: usize) -> Site {
    if number == 0 { Site::Primary } else { Site::Alternate }
}

fn voter(number: usize) -> Voter {
    Voter::ALL[number]
}

fn number(voter: Voter) -> usize {
    Voter::ALL.iter().position(|other| *other == voter).unwrap()
}

fn at(units: u64) -> Moment {
    Moment::from_nanos(units)
}
