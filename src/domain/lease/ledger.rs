//! A voter without a life of its own: what it remembers lies in a store, and whoever asks also writes the answer down.
//!
//! The rules are those of [`Promises`]; here they are one function from what the store holds and a message to what the
//! store has to hold before the reply counts. The store sees to it that nobody wrote in between.

use std::time::Duration;

use super::memory::{Kind, Memory, Promise};
use super::message::{Clock, Message};
use super::moment::Moment;
use super::promises::Promises;
use super::witness::{Heard, judge};
use crate::domain::site::Site;

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// What must not be forgotten.
    pub memory: Memory,
    /// How long a promise that ends lasts still, at most; the store counts it.
    pub left: Duration,
}

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the store must hold before the reply counts.
    pub memory: Memory,
    /// The reply, if the message gets one.
    pub reply: Option<Message>,
}

impl Ledger {
    /// What a voter with this memory does with a message of a site.
    #[must_use]
    pub fn hear(&self, site: Site, message: Message) -> Entry {
        let length = self.memory.promise.map_or(Duration::ZERO, |promise| promise.length);
        let heard = Moment::default();
        let now = heard + length.saturating_sub(self.left);
        let mut promises = Promises::remembered(self.memory.clone(), heard);
        let Heard { reply, .. } = judge(&mut promises, site, message, (Clock::NONE, now));
        Entry { memory: promises.memory().clone(), reply }
    }

    /// Whether an entry must be written before its reply counts; a plain renewal need not.
    ///
    /// The first request of every start of a monitor is written, so that what an earlier start of it still has under
    /// way fails.
    #[must_use]
    pub fn must_keep(&self, entry: &Entry) -> bool {
        let start = |memory: &Memory| memory.promise.map(|promise| promise.stamp.start);
        !entry.memory.is_kept_as(&self.memory) || start(&entry.memory) != start(&self.memory)
    }

    /// Whether its promise is the same as another memory's, but for the request it answers.
    #[must_use]
    pub fn has_promise_of(&self, other: &Memory) -> bool {
        let essence = |memory: &Memory| memory.promise.map(|p| (p.to, p.epoch, p.kind, p.length));
        essence(&self.memory) == essence(other)
    }

    /// The promise to a site that ends by time, if that is the last one made.
    #[must_use]
    pub fn lease_of(&self, site: Site) -> Option<Promise> {
        self.memory.promise.filter(|promise| promise.to == site && promise.kind == Kind::Lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::TakeoverSettings;
    use crate::domain::lease::agreed::Agreed;
    use crate::domain::lease::memory::Stamp;
    use crate::domain::lease::message::{Ask, Beat, Force, Refused, Release, Standing};
    use crate::domain::site::{Epoch, Order};
    use Site::{Alternate, Primary};

    const PROMISE: Duration = Duration::from_secs(8);

    #[test]
    fn a_promise_that_lasts_still_is_refused_to_the_other_site_with_what_is_left() {
        let ledger = Ledger { left: Duration::from_secs(3), ..leased() };
        let entry = ledger.hear(Alternate, ask(3, Kind::Lease, (1, 9)));
        let Some(Message::Refuse(refuse)) = entry.reply else { panic!("{entry:?}") };
        let left = Some(Duration::from_secs(3));
        assert_eq!(refuse.because, Refused::Promised { to: Primary, epoch: Epoch(2), left });
        assert_eq!(refuse.stamp, Stamp { start: 1, sent: 9 }, "it answers this very request");
        assert_eq!(entry.memory.promise, ledger.memory.promise);
    }

    #[test]
    fn a_promise_that_is_over_goes_to_whoever_asks_in_a_higher_epoch() {
        let ledger = leased();
        let refused = ledger.hear(Alternate, ask(2, Kind::Lease, (1, 9)));
        assert!(matches!(refused.reply, Some(Message::Refuse(_))), "{refused:?}");
        let entry = ledger.hear(Alternate, ask(3, Kind::Lease, (1, 9)));
        let Some(Message::Grant(grant)) = entry.reply else { panic!("{entry:?}") };
        assert_eq!((grant.epoch, grant.clock), (Epoch(3), Clock::NONE));
        assert!(ledger.must_keep(&entry) && entry.memory.highest == Epoch(3));
    }

    #[test]
    fn a_standing_promise_is_refused_to_the_other_site_whatever_is_left() {
        let entry = first().hear(Alternate, ask(9, Kind::Lease, (1, 1)));
        let Some(Message::Refuse(refuse)) = entry.reply else { panic!("{entry:?}") };
        assert_eq!(refuse.because, Refused::Promised { to: Primary, epoch: Epoch(1), left: None });
    }

    #[test]
    fn a_renewal_is_not_written_and_the_first_request_of_a_start_is() {
        let ledger = leased();
        let renewed = ledger.hear(Primary, ask(2, Kind::Lease, (1, 9)));
        assert!(matches!(renewed.reply, Some(Message::Grant(_))) && !ledger.must_keep(&renewed), "{renewed:?}");
        assert!(ledger.must_keep(&ledger.hear(Primary, ask(2, Kind::Lease, (2, 1)))));
        assert!(ledger.must_keep(&ledger.hear(Primary, ask(2, Kind::Standing, (1, 9)))));
    }

    #[test]
    fn a_release_ends_a_promise_and_force_overrides_it() {
        let ledger = leased();
        let released = ledger.hear(Primary, Message::Release(Release { epoch: Epoch(2), by_person: false }));
        assert!(released.memory.promise.is_none() && released.reply.is_none() && ledger.must_keep(&released));
        let ledger = Ledger { left: PROMISE, ..leased() };
        let force = Force { epoch: Epoch(1002), stamp: Stamp { start: 1, sent: 1 } };
        let forced = ledger.hear(Alternate, Message::Force(force));
        assert_eq!(forced.memory.promise.unwrap().to, Alternate);
        assert_eq!(forced.memory.order, Order { active: Alternate, epoch: Epoch(1002) });
    }

    #[test]
    fn a_beat_is_echoed_and_only_news_of_who_is_live_is_written() {
        let ledger = leased();
        let echoed = ledger.hear(Alternate, beat(1));
        let Some(Message::Echo(echo)) = echoed.reply else { panic!("{echoed:?}") };
        assert_eq!((echo.highest, echo.order.epoch), (Epoch(2), Epoch(1)));
        assert!(!ledger.must_keep(&ledger.hear(Alternate, beat(1))));
        assert!(ledger.must_keep(&ledger.hear(Alternate, beat(2))));
    }

    fn first() -> Ledger {
        let memory = Memory::first(Primary, Agreed::first(TakeoverSettings::default()));
        Ledger { memory, left: Duration::ZERO }
    }

    /// The primary's promise in epoch 2, which is over by now.
    fn leased() -> Ledger {
        Ledger { memory: first().hear(Primary, ask(2, Kind::Lease, (1, 5))).memory, left: Duration::ZERO }
    }

    fn ask(epoch: u64, kind: Kind, (start, sent): (u64, u64)) -> Message {
        let order = Order { active: Primary, epoch: Epoch(1) };
        Message::Ask(Ask { epoch: Epoch(epoch), kind, length: PROMISE, stamp: Stamp { start, sent }, order })
    }

    fn beat(epoch: u64) -> Message {
        let order = Order { active: Primary, epoch: Epoch(epoch) };
        let standing = Standing { live: None, asks: false, control: true, healthy: true, data: true, doubted: false };
        let agreed = Agreed::first(TakeoverSettings::default());
        Message::Beat(Box::new(Beat { stamp: Stamp::default(), order, standing, agreed }))
    }
}
