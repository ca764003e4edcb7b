//! The raw monotonic clock of this machine: nobody sets it, and nothing that keeps time right speeds it up or down.

use rustix::time::{ClockId, clock_gettime};

use crate::domain::lease::Moment;
use crate::ports::voter;

/// The raw clock as a port.
pub struct RawClock;

impl voter::RawClock for RawClock {
    fn now(&self) -> Moment {
        now()
    }
}

/// The moment it is (`CLOCK_MONOTONIC_RAW`).
#[must_use]
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::MonotonicRaw);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Moment::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_moves_as_fast_as_time_does() {
        let (begun, from) = (Instant::now(), now());
        std::thread::sleep(Duration::from_millis(50));
        let (moved, passed) = (now().since(from), begun.elapsed());
        assert!(
            moved >= Duration::from_millis(49) && moved <= passed + Duration::from_millis(5),
            "{moved:?} {passed:?}"
        );
    }
}
