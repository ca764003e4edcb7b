//! Holds a stream back to so many bytes a second.

use std::time::{Duration, Instant};

/// How much may come at once before it is held back: a tenth of a second's worth keeps a line busy between two pieces.
const BURST: Duration = Duration::from_millis(100);

/// A limit of bytes a second.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When all that was let through would have come at the allowed rate.
    due: Option<Instant>,
}

impl Pace {
    /// A limit; 0 is taken as 1, so that a copy ends some day.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), due: None }
    }

    /// How long to wait after a piece of so many bytes that came `now`.
    pub(super) fn wait_after(&mut self, bytes: usize, now: Instant) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a wait need not be exact to the nanosecond")]
        let worth = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let due = self.due.map_or(now, |due| due.max(now)) + worth;
        self.due = Some(due);
        let ahead = due.saturating_duration_since(now);
        if ahead > BURST { ahead } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_held_back_to_its_limit_and_no_more() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000_000);
        let mut now = start;
        for _ in 0..100 {
            now += pace.wait_after(100_000, now);
        }
        let taken = now.duration_since(start);
        assert!(taken > Duration::from_millis(9_700) && taken <= Duration::from_secs(10), "{taken:?}");
        // What was not used in a pause is not made up for later.
        let later = now + Duration::from_secs(60);
        assert!(pace.wait_after(2_000_000, later) > Duration::from_millis(1_900));
    }
}
