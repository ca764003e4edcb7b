//! A machine that runs a monitor or the witness: process, disk, clock.

use crate::domain::lease::{Effect, Event, Memory, Moment, Node, Witness};

use super::gates::Clock;

/// The core that a machine runs.
#[derive(Debug)]
pub(super) enum Core {
    /// A monitor.
    Monitor(Box<Node>),
    /// The witness.
    Witness(Box<Witness>),
}

impl Core {
    pub(super) fn step(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        match self {
            Self::Monitor(node) => node.step(event, now),
            Self::Witness(witness) => witness.step(event, now),
        }
    }

    pub(super) fn deadline(&self, now: Moment) -> Moment {
        match self {
            Self::Monitor(node) => node.deadline(now),
            Self::Witness(witness) => witness.deadline(),
        }
    }
}

/// How a process is.
#[derive(Debug)]
pub(super) enum Process {
    /// It runs.
    Running(Core),
    /// It stands still; what comes waits in its socket.
    Frozen(Core),
    /// There is none.
    Gone,
}

/// A machine.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact by itself")]
pub(super) struct Machine {
    pub(super) process: Process,
    pub(super) waiting: Vec<Event>,
    pub(super) clock: Clock,
    pub(super) is_on: bool,
    pub(super) is_paused: bool,
    /// What is sent to it while it stands still is lost.
    pub(super) is_deaf: bool,
    pub(super) disk: Option<Memory>,
    pub(super) is_disk_full: bool,
    /// Which start of the process; what an earlier one began is over.
    pub(super) start: u64,
    /// Which alarm is the newest.
    pub(super) alarm: u64,
}

impl Machine {
    pub(super) const fn new(clock: Clock, disk: Memory) -> Self {
        Self {
            process: Process::Gone,
            waiting: Vec::new(),
            clock,
            is_on: true,
            is_paused: false,
            is_deaf: false,
            disk: Some(disk),
            is_disk_full: false,
            start: 0,
            alarm: 0,
        }
    }

    /// Whether its process can take in an event now.
    pub(super) const fn is_awake(&self) -> bool {
        self.is_on && !self.is_paused && matches!(self.process, Process::Running(_))
    }

    /// Whether what comes waits for it.
    pub(super) const fn keeps_waiting(&self) -> bool {
        self.is_on
            && (self.is_paused || matches!(self.process, Process::Frozen(_)))
            && !matches!(self.process, Process::Gone)
    }
}
