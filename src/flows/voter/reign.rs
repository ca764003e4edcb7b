//! Writes down when this site let telephony in, as its gates are told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};

use crate::domain::lease::Moment;
use crate::domain::lease::reigns::Noted;
use crate::domain::site::Epoch;
use crate::ports::clock::Clock;
use crate::ports::gate::Until;
use crate::ports::voter::ReignBook;

/// How often a site is noted that is open without an end: a lease is, whenever it is renewed.
const NOTED_EVERY: Duration = Duration::from_secs(5);

/// What is let in now, and the book it is noted in.
pub(super) struct Reigning {
    book: Arc<dyn ReignBook>,
    wall: Arc<dyn Clock>,
    open: Option<Open>,
}

/// What was noted last.
#[derive(Debug, Clone, Copy)]
struct Open {
    epoch: Epoch,
    /// Without an end.
    stands: bool,
    /// When, by both clocks of this machine.
    noted: (Moment, DateTime<FixedOffset>),
}

impl Reigning {
    /// Nothing is let in.
    pub(super) fn none(book: Arc<dyn ReignBook>, wall: Arc<dyn Clock>) -> Self {
        Self { book, wall, open: None }
    }

    /// The gates were opened or prolonged.
    pub(super) fn opened(&mut self, epoch: Epoch, until: Until, now: Moment) {
        let at = self.now();
        // What was open without an end was open until this moment.
        if let Some(open) = self.open.filter(|open| open.stands) {
            self.book.note(open.epoch, Noted::Standing, at);
        }
        let noted = match until {
            Until::Standing => Noted::Standing,
            Until::Moment(end) => Noted::Until(at + TimeDelta::from_std(end.since(now)).unwrap_or_default()),
        };
        self.open = Some(Open { epoch, stands: until == Until::Standing, noted: (now, at) });
        self.book.note(epoch, noted, at);
    }

    /// The site is open without an end, whoever opened it; noted from time to time.
    pub(super) fn stands(&mut self, epoch: Epoch, now: Moment) {
        let is_noted = |open: &Open| open.stands && now.since(open.noted.0) < NOTED_EVERY;
        if !self.open.as_ref().is_some_and(is_noted) {
            self.opened(epoch, Until::Standing, now);
        }
    }

    /// The gates were closed.
    ///
    /// A machine that `stood_still` let telephony in after that as well, for no longer than `noticed_within`. Its clock
    /// stood still too, so by the clock of the others that was later.
    pub(super) fn closed(&mut self, stood_still: Option<Duration>, noticed_within: Duration, now: Moment) {
        let Some(open) = self.open.take() else { return };
        let at = self.now();
        if open.stands {
            self.book.note(open.epoch, Noted::Standing, at);
        }
        self.book.note(open.epoch, Noted::Closed, at);
        let Some(stood_still) = stood_still else { return };
        let span = |time: Duration| TimeDelta::from_std(time).unwrap_or_default();
        let (then, noted) = open.noted;
        // What the wall clock was put forward by since.
        let caught_up = (at - noted) - span(now.since(then));
        let behind = (span(stood_still) - caught_up).max(TimeDelta::zero());
        let ended = at + behind;
        self.book.note(open.epoch, Noted::Until(ended), (ended - span(noticed_within)).max(noted));
    }

    fn now(&self) -> DateTime<FixedOffset> {
        self.wall.now().fixed_offset()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::lease::reigns::{Reign, Reigns};

    const EPOCH: Epoch = Epoch(1007);

    #[derive(Default)]
    struct Desk {
        reigns: Mutex<Reigns>,
        wall: Mutex<i64>,
    }

    impl ReignBook for Desk {
        fn note(&self, epoch: Epoch, noted: Noted, now: DateTime<FixedOffset>) {
            self.reigns.lock().unwrap().note(epoch, noted, now);
        }
        fn last(&self, number: usize) -> Vec<Reign> {
            self.reigns.lock().unwrap().last(number).to_vec()
        }
    }

    impl Clock for Desk {
        fn now(&self) -> DateTime<chrono::Local> {
            at(*self.wall.lock().unwrap()).into()
        }
    }

    fn desk() -> (Arc<Desk>, Reigning) {
        let desk = Arc::new(Desk::default());
        let reigning = Reigning::none(Arc::<Desk>::clone(&desk), Arc::<Desk>::clone(&desk));
        (desk, reigning)
    }

    impl Desk {
        /// Both clocks show this many seconds.
        fn at(&self, seconds: u64) -> Moment {
            *self.wall.lock().unwrap() = i64::try_from(seconds).unwrap();
            Moment::from_nanos(seconds * 1_000_000_000)
        }
    }

    #[test]
    fn a_site_that_is_live_by_a_persons_word_is_noted_until_the_moment_of_its_block() {
        let (desk, mut reigning) = desk();
        reigning.opened(EPOCH, Until::Standing, desk.at(100));
        for second in 101..=148 {
            reigning.stands(EPOCH, desk.at(second));
        }
        reigning.closed(None, Duration::from_secs(1), desk.at(149));
        assert_eq!(desk.last(9), [reign(100, 149)]);
    }

    #[test]
    fn a_site_that_is_armed_was_live_without_a_break() {
        let (desk, mut reigning) = desk();
        reigning.stands(EPOCH, desk.at(100));
        let now = desk.at(103);
        reigning.opened(EPOCH, Until::Moment(now + Duration::from_secs(6)), now);
        assert_eq!(desk.last(9), [reign(100, 109)]);
    }

    #[test]
    fn what_a_machine_let_in_after_it_stood_still_is_noted_by_the_clock_of_the_others() {
        // Paused for 20 s at second 103; by its own clock it closes at 103.
        for set_right in [false, true] {
            let (desk, mut reigning) = desk();
            let now = desk.at(102);
            reigning.opened(EPOCH, Until::Moment(now + Duration::from_secs(6)), now);
            let now = desk.at(103);
            if set_right {
                desk.at(123);
            }
            reigning.closed(Some(Duration::from_secs(20)), Duration::from_secs(1), now);
            assert_eq!(desk.last(1), [reign(122, 123)], "it served nobody while it stood still; {set_right}");
        }
    }

    fn reign(from: i64, until: i64) -> Reign {
        Reign { epoch: EPOCH, from: at(from), until: at(until) }
    }

    fn at(seconds: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp(seconds, 0).unwrap().fixed_offset()
    }
}
