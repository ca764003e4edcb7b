//! Keeps the service address where the lease is: held while the site is live, and no longer than its right.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::domain::lease::moment::Spoken;
use crate::domain::service_address::{ANNOUNCED_AFTER, Lifetime, ServiceAddress};
use crate::domain::site::ServerId;
use crate::ports::gate::Until;
use crate::ports::service_address::ServiceAddresses;
use crate::ports::voter::RawClock;

/// What could not be done is tried again after this: the kernel's own end is not far.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Tells the keeper in the background what is to be; the last word counts.
#[derive(Clone)]
pub struct AddressKeeper {
    wanted: watch::Sender<Wanted>,
    given_up: watch::Receiver<u64>,
}

/// What is to be, and how often it was said.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    what: What,
    /// The last order to give up.
    order: u64,
    /// How often the other site was heard again.
    heals: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing was decided: it is left as it is.
    Undecided,
    Held(Until),
    GivenUp,
}

/// What the keeper works with.
pub struct Keeping {
    /// Its way to the server.
    pub port: Arc<dyn ServiceAddresses>,
    /// The addresses; may be none.
    pub addresses: Vec<ServiceAddress>,
    /// LIM 1.
    pub at: ServerId,
    /// The clock of rights.
    pub clock: Arc<dyn RawClock>,
}

impl AddressKeeper {
    /// Keeps these addresses until every handle is gone. The kernel then ends those that have an end.
    #[must_use]
    pub fn start(keeping: Keeping, say: UnboundedSender<String>) -> Self {
        let (wanted, seen) = watch::channel(Wanted { what: What::Undecided, order: 0, heals: 0 });
        let (done, given_up) = watch::channel(0);
        let work = Work { keeping, say, done, failing: false, held: Held::Not, announce: VecDeque::new() };
        tokio::spawn(work.run(seen));
        Self { wanted, given_up }
    }

    /// The site is live until then.
    pub(super) fn hold(&self, until: Until) {
        self.wanted.send_modify(|wanted| wanted.what = What::Held(until));
    }

    /// The site is not live; by this number [`AddressKeeper::is_given_up`] knows it.
    pub(super) fn give_up(&self) -> u64 {
        self.wanted.send_modify(|wanted| (wanted.what, wanted.order) = (What::GivenUp, wanted.order + 1));
        self.wanted.borrow().order
    }

    /// Waits until the addresses are read back as given up; whether they were within this time.
    pub(super) async fn is_given_up(&self, order: u64, within: Duration) -> bool {
        let mut given_up = self.given_up.clone();
        matches!(timeout(within, given_up.wait_for(|done| *done >= order)).await, Ok(Ok(_)))
    }

    /// Whether the last order to give the addresses up is carried out.
    pub(super) fn is_settled(&self) -> bool {
        *self.given_up.borrow() >= self.wanted.borrow().order
    }

    /// The other site is heard again: whoever learnt another place meanwhile is told ours, if the site is live.
    pub(super) fn healed(&self) {
        self.wanted.send_modify(|wanted| wanted.heals += 1);
    }
}

struct Work {
    keeping: Keeping,
    say: UnboundedSender<String>,
    done: watch::Sender<u64>,
    /// Whether a failure was told and is not over.
    failing: bool,
    held: Held,
    /// When they are to be announced next.
    announce: VecDeque<Instant>,
}

impl Work {
    async fn run(mut self, mut seen: watch::Receiver<Wanted>) {
        let mut heals = 0;
        loop {
            let wanted = *seen.borrow_and_update();
            let again = match wanted.what {
                What::Undecided => None,
                What::Held(until) => self.hold(until, seen.clone()).await,
                What::GivenUp => self.give_up(wanted.order).await,
            };
            if wanted.heals != heals && self.held != Held::Not {
                self.announce_from_now_on();
            }
            heals = wanted.heals;
            let next = self.announce.front().copied();
            tokio::select! {
                changed = seen.changed() => if changed.is_err() { return },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.announce_now().await,
                () = tokio::time::sleep(AGAIN_AFTER), if again.is_some() => {}
            }
        }
    }

    /// Holds the addresses as long as the right lasts. What comes too late is given up at once.
    async fn hold(&mut self, until: Until, newer: watch::Receiver<Wanted>) -> Option<Again> {
        let Keeping { port, addresses, at, clock } = &self.keeping;
        if addresses.is_empty() {
            return None;
        }
        let lifetime = match until {
            Until::Standing => Lifetime::ForEver,
            Until::Moment(end) => {
                let left = end.since(clock.now());
                let Some(lifetime) = Lifetime::of(left) else {
                    // What is there ends as it was to end.
                    self.failed(&format!(
                        "the service address is not held: the kernel keeps it for whole seconds, and the right has {} left",
                        Spoken(left)
                    ));
                    return None;
                };
                lifetime
            }
        };
        let begun = Instant::now();
        let held = tokio::select! {
            held = port.hold(*at, addresses, lifetime) => held,
            // It may be held now or not; whoever gives it up finds out.
            () = is_to_be_given_up(newer) => return None,
        };
        if let Err(error) = held {
            self.failed(&format!("the service address is not held: {error}"));
            return Some(Again);
        }
        let lasts = match lifetime {
            Lifetime::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Lifetime::ForEver => None,
        };
        let is_late = match (lasts, until) {
            (Some(lasts), Until::Moment(end)) => clock.now() + lasts > end,
            (None, _) | (_, Until::Standing) => false,
        };
        let is_new = match self.held {
            Held::Not => true,
            Held::Until(end) => end <= begun,
            Held::ForEver => false,
        };
        self.held = lasts.map_or(Held::ForEver, |lasts| Held::Until(begun + lasts));
        if is_late {
            let order = *self.done.borrow();
            return self.give_up(order).await;
        }
        if is_new {
            self.tell("the service address is held here");
            self.announce_from_now_on();
        }
        self.failing = false;
        None
    }

    async fn give_up(&mut self, order: u64) -> Option<Again> {
        let Keeping { port, addresses, at, .. } = &self.keeping;
        let is_done = *self.done.borrow() == order && self.held == Held::Not;
        if !is_done && !addresses.is_empty() {
            self.announce.clear();
            if let Err(error) = port.give_up(*at, addresses).await {
                self.failed(&format!("the service address is not given up: {error}"));
                return Some(Again);
            }
            self.failing = false;
            if std::mem::replace(&mut self.held, Held::Not) != Held::Not {
                self.tell("the service address is given up here");
            }
        }
        self.done.send_replace(order);
        None
    }

    fn announce_from_now_on(&mut self) {
        let now = Instant::now();
        self.announce = ANNOUNCED_AFTER.into_iter().map(|after| now + after).collect();
    }

    async fn announce_now(&mut self) {
        self.announce.pop_front();
        let Keeping { port, addresses, at, .. } = &self.keeping;
        if let Err(error) = port.announce(*at, addresses).await {
            self.tell(&format!("the service address is not announced: {error}"));
        }
    }

    /// What goes on failing is told once.
    fn failed(&mut self, told: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            self.tell(told);
        }
    }

    fn tell(&self, told: &str) {
        super::tell(&self.say, told.to_owned());
    }
}

/// Waits for an order to give up that came after what is being done.
async fn is_to_be_given_up(mut newer: watch::Receiver<Wanted>) {
    if newer.wait_for(|wanted| wanted.what == What::GivenUp).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether the addresses are held here, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Not,
    Until(Instant),
    ForEver,
}

/// Something failed and is to be tried again.
struct Again;
