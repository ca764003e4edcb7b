//! The gate of each server, as its kernel keeps it: shut, open until a time-out, or open.

use std::time::Duration;

use crate::domain::lease::Moment;

/// A machine's clock in true time: it runs at a rate of its own, and stands still with its machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    shown: u64,
    at: u64,
    rate: f64,
    is_running: bool,
}

impl Clock {
    /// A clock that shows zero at `at`.
    pub(super) const fn started(at: u64, rate: f64) -> Self {
        Self { shown: 0, at, rate, is_running: true }
    }

    /// What it shows at a true time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a simulated day in nanoseconds has 47 bits; a float holds 53, and rates are positive"
    )]
    pub(super) fn shows(&self, now: u64) -> Moment {
        let passed = if self.is_running { now.saturating_sub(self.at) as f64 * self.rate } else { 0.0 };
        Moment::from_nanos(self.shown + passed as u64)
    }

    /// The true time at which it will show a moment; `None` while it stands still.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "as above"
    )]
    pub(super) fn when(&self, moment: Moment) -> Option<u64> {
        let left = moment.as_nanos().saturating_sub(self.shown) as f64 / self.rate;
        // One more, so that rounding never wakes anybody too early.
        self.is_running.then(|| self.at + left as u64 + 1)
    }

    /// The same clock, from now on at another rate.
    pub(super) fn at_rate(self, rate: f64, now: u64) -> Self {
        Self { shown: self.shows(now).as_nanos(), at: now, rate, is_running: self.is_running }
    }

    /// The same clock, standing still or running.
    pub(super) fn running(self, is_running: bool, now: u64) -> Self {
        Self { shown: self.shows(now).as_nanos(), at: now, rate: self.rate, is_running }
    }

    /// How fast it runs.
    pub(super) const fn rate(&self) -> f64 {
        self.rate
    }
}

/// What a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing of telephony passes.
    Shut,
    /// It is open until the server's clock shows this, and the kernel is so late.
    Until(Moment, Duration),
    /// It is open.
    Open,
    /// Its rules were thrown away by another program: everything passes.
    Flushed,
}

/// A server with its gate.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) state: State,
    pub(super) clock: Clock,
    pub(super) is_on: bool,
    /// Stands still with its virtual machine: nothing passes, and its clock stands too.
    pub(super) is_paused: bool,
    /// What is done to a gate is done one after the other; the last is done then.
    pub(super) busy_until: u64,
    /// Counts changes, so that what was planned for an older state is not done to a newer one.
    pub(super) version: u64,
    /// Counts boots; what was begun before one is never finished.
    pub(super) boot: u64,
    /// Whether anybody has opened it since its boot.
    pub(super) is_opened: bool,
}

impl Server {
    /// A server as it boots: shut.
    pub(super) const fn booted(clock: Clock) -> Self {
        Self {
            state: State::Shut,
            clock,
            is_on: true,
            is_paused: false,
            busy_until: 0,
            version: 0,
            boot: 0,
            is_opened: false,
        }
    }

    /// Whether telephony passes.
    pub(super) fn is_live(&self, now: u64) -> bool {
        let is_open = match self.state {
            State::Shut => false,
            State::Until(until, late) => self.clock.shows(now) < until + late,
            State::Open | State::Flushed => true,
        };
        self.is_on && !self.is_paused && is_open
    }

    /// The true time at which its kernel shuts it by itself.
    pub(super) fn ends(&self) -> Option<u64> {
        match self.state {
            State::Until(until, late) => self.clock.when(until + late),
            State::Shut | State::Open | State::Flushed => None,
        }
    }
}
