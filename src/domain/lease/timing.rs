//! How often a lease is renewed, how long it holds, how long a voter keeps its promise, and why that is safe.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::moment::Spoken;

/// Parts in a million, the unit of the clocks' error.
const MILLION: u128 = 1_000_000;

/// The holders on other servers ask once a renewal, and a machine under load is late by some ten milliseconds.
pub const SHORTEST_RENEWAL: Duration = Duration::from_millis(100);

/// No pair wants to stand without a live site for longer than this.
pub const LONGEST_PROMISE: Duration = Duration::from_secs(300);

/// The times of a lease, which together keep two sites from being live.
///
/// Made by [`Timing::own`] only when they do: `promise ≥ (1+ρ)·((lease + lateness)/(1−ρ) + block)`, where the holder's
/// clock may be slow by ρ while the voter's is fast by ρ, and `renewal ≤ lease/5`, so that three rounds in a row may be
/// lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Timing {
    renewal: Duration,
    lease: Duration,
    promise: Duration,
    lateness: Duration,
    block: Duration,
    drift: u32,
}

impl Timing {
    /// For sites in one building or one city: renewed every 0.25 s, taken over within 2.5 s.
    pub const FAST: Self = Self::profile([250, 1_500, 2_000, 100, 300]);
    /// The default.
    pub const STANDARD: Self = Self::profile([1_000, 6_000, 8_000, 500, 1_000]);
    /// For long or poor lines, and virtual machines that stand still at times.
    pub const WAN: Self = Self::profile([3_000, 15_000, 20_000, 1_000, 2_000]);

    /// A crystal is right to 100 parts in a million, a slewed clock to 500 more; this covers both (anchors C5).
    pub const DRIFT: u32 = 1_000;

    const fn profile([renewal, lease, promise, lateness, block]: [u64; 5]) -> Self {
        Self {
            renewal: Duration::from_millis(renewal),
            lease: Duration::from_millis(lease),
            promise: Duration::from_millis(promise),
            lateness: Duration::from_millis(lateness),
            block: Duration::from_millis(block),
            drift: Self::DRIFT,
        }
    }

    /// Times of one's own.
    ///
    /// # Errors
    /// [`TimingError`] with the numbers, when two sites could be live or a single lost round would end the service.
    pub fn own(written: Written) -> Result<Self, TimingError> {
        let Written { renewal, lease, promise, lateness, block, drift_ppm: drift } = written;
        let timing = Self { renewal, lease, promise, lateness, block, drift };
        if renewal.is_zero() || u128::from(drift) * 2 >= MILLION {
            return Err(TimingError::Senseless { renewal, drift });
        }
        if renewal < SHORTEST_RENEWAL {
            return Err(TimingError::RenewedTooOften { renewal });
        }
        if promise > LONGEST_PROMISE {
            return Err(TimingError::PromiseTooLong { promise });
        }
        if renewal > lease / 5 {
            return Err(TimingError::RenewedTooSeldom { renewal, lease, limit: lease / 5 });
        }
        let needed = timing.needed();
        if promise < needed {
            return Err(TimingError::PromiseTooShort { promise, needed, lease, lateness, block, drift });
        }
        Ok(timing)
    }

    /// The shortest promise that is safe with this lease.
    #[must_use]
    pub fn needed(&self) -> Duration {
        let drift = u128::from(self.drift);
        let held = self.lease.saturating_add(self.lateness).as_nanos() * MILLION;
        let slow = held.div_ceil(MILLION - drift) + self.block.as_nanos();
        let nanos = (slow * (MILLION + drift)).div_ceil(MILLION);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whether a gate that counts whole seconds can keep these times: what is left of a lease when a round is answered,
    /// at the latest after one renewal, is rounded down, and has to last for two more renewals.
    ///
    /// `fast`: 1.5 s less 0.25 s is 1.25 s, written as 1 s, and two renewals take 0.5 s.
    ///
    /// # Errors
    /// [`TimingError::TooFineForSeconds`] with the numbers.
    pub fn in_whole_seconds(&self) -> Result<(), TimingError> {
        let left = self.lease.saturating_sub(self.renewal);
        let written = Duration::from_secs(left.as_secs());
        if written > self.renewal * 2 {
            return Ok(());
        }
        Err(TimingError::TooFineForSeconds { left, written, renewal: self.renewal })
    }

    /// How often the holder asks anew.
    #[must_use]
    pub const fn renewal(&self) -> Duration {
        self.renewal
    }

    /// How long the holder counts on a round, from the moment it asked.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a voter keeps a promise, from the moment it heard the request.
    #[must_use]
    pub const fn promise(&self) -> Duration {
        self.promise
    }

    /// How late the kernel may be with a block, and how short a standstill of the machine does no harm.
    #[must_use]
    pub const fn lateness(&self) -> Duration {
        self.lateness
    }

    /// The longest time from the end of the right until no packet passes.
    #[must_use]
    pub const fn block(&self) -> Duration {
        self.block
    }

    /// How wrong a clock may run, in parts per million.
    #[must_use]
    pub const fn drift(&self) -> u32 {
        self.drift
    }

    /// The other side is silent after three beats that did not come.
    #[must_use]
    pub fn silent_after(&self) -> Duration {
        self.renewal * 3
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// The times as they are written down, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// How often the holder asks anew.
    pub renewal: Duration,
    /// How long the holder counts on a round.
    pub lease: Duration,
    /// How long a voter keeps a promise.
    pub promise: Duration,
    /// How late the kernel may be.
    pub lateness: Duration,
    /// How long a block takes.
    pub block: Duration,
    /// How wrong a clock may run, in parts per million.
    pub drift_ppm: u32,
}

impl FromStr for Timing {
    type Err = String;

    /// A profile by its name, or `RENEWAL/LEASE/PROMISE` in seconds, such as `0.5/3/4`; how late the kernel may be and
    /// how long a block takes is then as in the profile that is renewed as often or the next more often.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is neither fast, standard, wan nor times such as 0.5/3/4 (renewal/lease/promise in seconds)"
            )
        };
        match text {
            "fast" => return Ok(Self::FAST),
            "standard" => return Ok(Self::STANDARD),
            "wan" => return Ok(Self::WAN),
            _ => {}
        }
        // Written down in milliseconds, so checked as such.
        let millis = |time: Duration| Some(Duration::from_millis(u64::try_from(time.as_millis()).ok()?));
        let seconds = |word: &str| millis(Duration::try_from_secs_f64(word.trim().parse().ok()?).ok()?);
        let times: Option<Vec<Duration>> = text.split('/').map(seconds).collect();
        let Some([renewal, lease, promise]) = times.as_deref() else { return Err(wrong()) };
        let near = [Self::WAN, Self::STANDARD].into_iter().find(|profile| profile.renewal <= *renewal);
        let Self { lateness, block, drift, .. } = near.unwrap_or(Self::FAST);
        let (renewal, lease, promise) = (*renewal, *lease, *promise);
        Self::own(Written { renewal, lease, promise, lateness, block, drift_ppm: drift })
            .map_err(|error| error.to_string())
    }
}

impl From<Timing> for Written {
    fn from(timing: Timing) -> Self {
        let Timing { renewal, lease, promise, lateness, block, drift } = timing;
        Self { renewal, lease, promise, lateness, block, drift_ppm: drift }
    }
}

impl TryFrom<Written> for Timing {
    type Error = TimingError;

    fn try_from(written: Written) -> Result<Self, TimingError> {
        Self::own(written)
    }
}

/// Why times are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimingError {
    /// A gate that counts whole seconds would close between two renewals.
    #[error(
        "nft does not work there, and ipset counts whole seconds: of a lease that has {} left it keeps {}, which must be \
         longer than two renewals of {}; use nft, or a longer lease",
        Spoken(*left), Spoken(*written), Spoken(*renewal)
    )]
    TooFineForSeconds {
        /// What is left of a lease when it is written.
        left: Duration,
        /// What is written of it.
        written: Duration,
        /// How often.
        renewal: Duration,
    },
    /// Two sites could be live.
    #[error(
        "a voter's promise of {} is too short for a lease of {}: with a block that is {} late, takes {} and clocks \
         that are wrong by {drift} parts in a million it must be at least {:.3} s",
        Spoken(*promise), Spoken(*lease), Spoken(*lateness), Spoken(*block), needed.as_secs_f64()
    )]
    PromiseTooShort {
        /// As it is.
        promise: Duration,
        /// As it must be.
        needed: Duration,
        /// The lease.
        lease: Duration,
        /// How late the kernel may be.
        lateness: Duration,
        /// How long a block takes.
        block: Duration,
        /// How wrong a clock may run.
        drift: u32,
    },
    /// One lost round would end the service.
    #[error(
        "a renewal every {} is too seldom for a lease of {}: it must be at most {}, a fifth, so that three lost rounds \
         do no harm",
        Spoken(*renewal), Spoken(*lease), Spoken(*limit)
    )]
    RenewedTooSeldom {
        /// As it is.
        renewal: Duration,
        /// The lease.
        lease: Duration,
        /// As it must be at most.
        limit: Duration,
    },
    /// No machine keeps such a pace.
    #[error("a renewal every {} is too often: {} is the least", Spoken(*renewal), Spoken(SHORTEST_RENEWAL))]
    RenewedTooOften {
        /// As it is.
        renewal: Duration,
    },
    /// Nobody would wait so long.
    #[error("a voter's promise of {} is longer than {}, and a takeover would wait for it", Spoken(*promise), Spoken(LONGEST_PROMISE))]
    PromiseTooLong {
        /// As it is.
        promise: Duration,
    },
    /// Numbers that mean nothing.
    #[error("a renewal every {} with clocks that are wrong by {drift} parts in a million makes no sense", Spoken(*renewal))]
    Senseless {
        /// How often.
        renewal: Duration,
        /// How wrong.
        drift: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_ones_own_are_typed_as_three_numbers_and_refused_with_the_numbers_that_would_do() {
        assert_eq!("fast".parse(), Ok(Timing::FAST));
        let own: Timing = "0.5/3/4".parse().unwrap();
        assert_eq!((own.renewal(), own.promise()), (Duration::from_millis(500), Duration::from_secs(4)));
        let short = "0.5/3/3".parse::<Timing>().unwrap_err();
        assert!(short.contains("3 s") && short.contains("3.4"), "{short}");
        let seldom = "1/3/5".parse::<Timing>().unwrap_err();
        assert!(seldom.contains("0.6 s"), "{seldom}");
        for text in ["quick", "1/2", "a/b/c", "-1/3/4", "nan/3/4"] {
            assert!(text.parse::<Timing>().unwrap_err().contains("renewal/lease/promise"), "{text}");
        }
    }

    #[test]
    fn times_that_no_machine_can_keep_or_write_down_are_refused_with_the_numbers_and_none_makes_it_panic() {
        for (text, told) in [
            ("1e19/1/1", "renewal/lease/promise"),
            ("1e16/1/1", "0.2 s"),
            ("1e16/1e16/1e16", "longer than"),
            ("1/1e16/10", "too short"),
            ("0.0004/1.5/2", "no sense"),
            ("0.05/1.5/2", "0.1 s"),
        ] {
            let refused = text.parse::<Timing>().unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
        }
        let odd: Timing = "0.2505/1.5009/2.1004".parse().unwrap();
        assert_eq!((odd.renewal(), odd.lease(), odd.promise()), (ms(250), ms(1_500), ms(2_100)));
        let far = Duration::from_millis(u64::MAX);
        let lengths = Written { lateness: far, block: far, lease: far, ..written(Timing::STANDARD) };
        assert!(matches!(Timing::own(lengths), Err(TimingError::PromiseTooShort { .. })));
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn written(timing: Timing) -> Written {
        timing.into()
    }

    #[test]
    fn every_profile_is_safe_by_the_rule_that_own_values_are_held_to() {
        for timing in [Timing::FAST, Timing::STANDARD, Timing::WAN] {
            assert_eq!(Timing::own(written(timing)), Ok(timing));
        }
    }

    #[test]
    fn the_bound_is_that_of_the_published_analysis() {
        let needed = |timing: Timing| timing.needed().as_millis();
        assert_eq!(needed(Timing::WAN), 18_034);
        assert_eq!(needed(Timing::STANDARD), 7_514);
    }

    #[test]
    fn a_promise_a_nanosecond_below_the_bound_is_refused_and_one_at_the_bound_is_not() {
        let needed = Timing::STANDARD.needed();
        let mut own = Written { promise: needed, ..written(Timing::STANDARD) };
        assert!(Timing::own(own).is_ok());
        own.promise = needed.checked_sub(Duration::from_nanos(1)).unwrap();
        assert!(matches!(Timing::own(own), Err(TimingError::PromiseTooShort { .. })));
    }

    #[test]
    fn a_refusal_says_the_numbers() {
        let own = Written { promise: Duration::from_secs(6), ..written(Timing::STANDARD) };
        assert_eq!(
            Timing::own(own).unwrap_err().to_string(),
            "a voter's promise of 6 s is too short for a lease of 6 s: with a block that is 0.5 s late, takes 1 s and \
             clocks that are wrong by 1000 parts in a million it must be at least 7.514 s"
        );
        let own = Written { renewal: Duration::from_secs(2), ..written(Timing::STANDARD) };
        assert_eq!(
            Timing::own(own).unwrap_err().to_string(),
            "a renewal every 2 s is too seldom for a lease of 6 s: it must be at most 1.2 s, a fifth, so that three \
             lost rounds do no harm"
        );
    }

    #[test]
    fn clocks_that_may_be_slewed_by_eight_percent_need_a_longer_promise() {
        let own = Written { drift_ppm: 83_000, ..written(Timing::STANDARD) };
        assert!(matches!(Timing::own(own), Err(TimingError::PromiseTooShort { .. })));
        assert!(Timing::own(Written { promise: Duration::from_secs(9), ..own }).is_ok());
    }

    #[test]
    fn times_that_mean_nothing_are_refused() {
        let zero = Written { renewal: Duration::ZERO, ..written(Timing::STANDARD) };
        assert!(matches!(Timing::own(zero), Err(TimingError::Senseless { .. })));
        let long = Written { promise: Duration::from_secs(301), ..written(Timing::STANDARD) };
        assert!(matches!(Timing::own(long), Err(TimingError::PromiseTooLong { .. })));
    }

    #[test]
    fn every_profile_can_be_kept_in_whole_seconds_and_what_cannot_is_refused_with_numbers() {
        for timing in [Timing::FAST, Timing::STANDARD, Timing::WAN] {
            assert_eq!(timing.in_whole_seconds(), Ok(()));
        }
        // 1.2 s less a renewal is less than the second that is the least.
        let short = Written { lease: Duration::from_millis(1_200), ..written(Timing::FAST) };
        let short = Written { renewal: Duration::from_millis(240), ..short };
        let error = Timing::own(short).unwrap().in_whole_seconds().unwrap_err().to_string();
        assert!(error.contains("0.96 s") && error.contains("0.24 s"), "{error}");
        let seldom = Written {
            renewal: Duration::from_millis(500),
            lease: Duration::from_millis(2_490),
            promise: Duration::from_secs(4),
            ..written(Timing::FAST)
        };
        assert!(Timing { renewal: seldom.renewal, lease: seldom.lease, ..Timing::FAST }.in_whole_seconds().is_err());
    }
}
