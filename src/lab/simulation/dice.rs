//! Chance that can be repeated: a seed gives the same throws on every machine.

use std::time::Duration;

/// A generator of throws (splitmix64, Steele, Lea and Flood 2014): small, and good enough for schedules.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Throws that begin with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 when the limit is.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.number() % limit }
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub fn happens(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// A length between two others.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_nanos()).unwrap_or(u64::MAX);
        least + Duration::from_nanos(self.below(span.saturating_add(1)))
    }

    /// A length up to `most`: a third of the time none, a third of the time all of it. Extremes that meet are what
    /// breaks a bound, and even throws hardly ever meet them.
    pub fn extreme(&mut self, most: Duration) -> Duration {
        match self.below(3) {
            0 => Duration::ZERO,
            1 => most,
            _ => self.between(Duration::ZERO, most),
        }
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let at = self.below(others.len() as u64 + 1);
        usize::try_from(at)
            .ok()
            .and_then(|at| at.checked_sub(1))
            .and_then(|at| others.get(at))
            .copied()
            .unwrap_or(first)
    }
}
