//! The lines between the machines: cut, slow, lossy, repeating; each direction by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::dice::Dice;
use super::fault::Line;
use crate::domain::lease::Voter;

/// What a good line between two sites takes at least and at most.
const GOOD: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(9));

/// One direction of a line.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    is_cut: bool,
    delay: Duration,
    loss: u8,
    duplicate: u8,
}

/// All lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Network(BTreeMap<(Voter, Voter), Way>);

impl Network {
    /// How long each copy of a message takes; none if it is lost.
    pub(super) fn passes(&self, from: Voter, to: Voter, dice: &mut Dice) -> Vec<Duration> {
        let way = self.0.get(&(from, to)).copied().unwrap_or_default();
        if way.is_cut || dice.happens(way.loss) {
            return Vec::new();
        }
        let copies = if dice.happens(way.duplicate) { 2 } else { 1 };
        // Each copy takes its own time, so a later one can come before an earlier one.
        (0..copies).map(|_| dice.between(GOOD.0, GOOD.1) + dice.extreme(way.delay)).collect()
    }

    /// Whether everything passes at once between two machines, in both directions.
    pub(super) fn is_clear(&self, one: Voter, other: Voter) -> bool {
        let ways = [(one, other), (other, one)].into_iter().filter_map(|way| self.0.get(&way));
        ways.into_iter().all(|way| !way.is_cut && way.delay.is_zero() && way.loss == 0)
    }

    pub(super) fn cut(&mut self, line: Line, is_cut: bool) {
        self.change(line, |way| way.is_cut = is_cut);
    }

    pub(super) fn delay(&mut self, line: Line, delay: Duration) {
        self.change(line, |way| way.delay = delay);
    }

    pub(super) fn lose(&mut self, line: Line, percent: u8) {
        self.change(line, |way| way.loss = percent);
    }

    pub(super) fn duplicate(&mut self, line: Line, percent: u8) {
        self.change(line, |way| way.duplicate = percent);
    }

    pub(super) fn heal_all(&mut self) {
        self.0.clear();
    }

    fn change(&mut self, line: Line, change: impl Fn(&mut Way)) {
        change(self.0.entry((line.from, line.to)).or_default());
        if line.both_ways {
            change(self.0.entry((line.to, line.from)).or_default());
        }
    }
}
