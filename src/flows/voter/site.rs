//! What the monitor of a site does with its own servers: gates, and the order they are kept by.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{AddressKeeper, LOOK_EVERY};
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::lease::{Event, GateSeen, Moment};
use crate::domain::site::{LimNumber, Order, ServerId};
use crate::domain::traffic::{Origin, Traffic};
use crate::flows::herald::Herald;
use crate::ports::gate::{Change, GateError, Gates, Until, Whole};
use crate::ports::traffic_control::TrafficControl;
use crate::ports::voter::Sight;

/// A server that was restarted is open again after so long.
const BRING_EVERY: Duration = Duration::from_secs(10);

/// How often a blocked site is read back: as often as a site without voters is brought back to its order.
const LASTING_EVERY: Duration = Duration::from_secs(2);

/// Other servers that were not read back as blocked within this time are not: the kernel's own end is then waited for.
const BLOCKED_WITHIN: Duration = Duration::from_secs(1);

/// How long the gates of other servers may take to be held: a lost session is made anew meanwhile.
const HELD_WITHIN: Duration = Duration::from_secs(5);

/// How often the call server of a blocked site is asked about itself, in looks: nothing hurries then.
const BLOCKED_LOOKS: u32 = 10;

/// Reading the gates back takes no more than one in so many moments: half a millisecond with nft, and twenty with ipset,
/// which is then read once a second.
const READING_SHARE: u32 = 100;

/// What is told when the servers are blocked and no more is missing.
const STILL_HELD: &str = "every server is blocked, but the service address is still held here";

/// What is told when it was not blocked.
const OPENED: &str = "another program opened a server that is to be blocked; it is blocked again";

/// What is told of a server that a person blocked.
const LEFT_TO_PERSON: &str = "was blocked by hand: it stays blocked until a person opens it, with mxone_maintenance \
                              there or by a manual-takeover to its site";

/// What an alarm about that is about, beside one about the gates.
const BLOCKED: &str = "a blocked server";

/// A site with its servers.
#[derive(Clone)]
pub struct AtSite {
    /// The kernel gates of its servers.
    pub gates: Arc<dyn Gates>,
    /// What it sees of itself.
    pub sight: Arc<dyn Sight>,
    /// Brings its servers to the order.
    pub follow: Follow,
    /// Its packet filters.
    pub traffic: Arc<dyn TrafficControl>,
    /// Its LIM 1.
    pub first: ServerId,
    /// Keeps the service address.
    pub address: AddressKeeper,
    /// The other site was silent when it was not heard for this long.
    pub silent_after: Duration,
    /// How often rights are renewed.
    pub renewal: Duration,
    /// Whether the gates of the other servers are being armed.
    pub arming: Arc<AtomicBool>,
}

/// Keeps the orders and the lasting blocks of the own servers as the lease goes, in the background: what must be at
/// once is done by the gates.
#[derive(Clone)]
pub struct Follow {
    wanted: watch::Sender<Wanted>,
}

/// How the servers are to be in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    order: Option<Order>,
    /// Open or blocked as far as the lasting block is concerned; the gates decide from moment to moment. `None`: as it
    /// is found, for a monitor that starts anew at a live site has decided nothing yet.
    traffic: Option<bool>,
    /// The other servers beside LIM 1 as well: their gates were seen to end by themselves, or none has to.
    others: bool,
}

impl Follow {
    /// Follows for these servers, until every handle is gone.
    #[must_use]
    pub fn start(
        traffic: Arc<dyn TrafficControl>,
        servers: Vec<ServerId>,
        herald: &Herald,
        say: UnboundedSender<String>,
    ) -> Self {
        let herald = herald.clone();
        let (wanted, mut seen) = watch::channel(Wanted { order: None, traffic: None, others: false });
        tokio::spawn(async move {
            let (mut told, mut opened, mut by_person) = (None, false, BTreeSet::new());
            loop {
                let now = *seen.borrow();
                // A change does not wait for a server that is slow to answer.
                tokio::select! {
                    changed = seen.changed() => if changed.is_err() { return },
                    () = opened_by_others(&*traffic, &servers, now) => {
                        super::tell(&say, format!("ALARM: {OPENED}"));
                        herald.found(Finding::of(Alarm::RulesTampered, Some(OPENED)).about(BLOCKED));
                        opened = true;
                    }
                    () = tokio::time::sleep(BRING_EVERY), if now.traffic == Some(true) => {}
                }
                loop {
                    let now = *seen.borrow_and_update();
                    let brought = bring(&*traffic, &servers, now).await;
                    let failed = match brought {
                        Ok(left) => {
                            for server in left.difference(&by_person) {
                                super::tell(&say, format!("{server} {LEFT_TO_PERSON}"));
                            }
                            by_person = left;
                            None
                        }
                        Err(because) => Some(because),
                    };
                    // A server that stays away is told once.
                    if let Some(error) = failed.as_ref().filter(|error| told.as_ref() != Some(*error)) {
                        super::tell(&say, error.clone());
                    }
                    told = failed;
                    if told.is_none() {
                        if std::mem::take(&mut opened) {
                            herald.found(Finding::of(Alarm::RulesTampered, None::<String>).about(BLOCKED));
                        }
                        break;
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                    // The voter was taken out meanwhile.
                    if seen.has_changed().is_err() {
                        return;
                    }
                }
            }
        });
        Self { wanted }
    }

    fn is_open(&self) -> bool {
        self.wanted.borrow().traffic == Some(true)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        self.wanted.send_if_modified(|wanted| {
            let before = *wanted;
            change(wanted);
            *wanted != before
        });
    }
}

/// Waits until somebody else opened a server that is to be blocked. One that cannot be asked is asked again.
async fn opened_by_others(traffic: &dyn TrafficControl, servers: &[ServerId], wanted: Wanted) {
    loop {
        tokio::time::sleep(LASTING_EVERY).await;
        if wanted.traffic != Some(false) {
            continue;
        }
        let read = join_all(servers.iter().map(|server| traffic.read(*server))).await;
        // A closed gate beside it makes the lasting block no less missed.
        let is_missed = |found: &Traffic| !matches!(found, Traffic::Unknown { .. }) && !found.is_blocked_for_good();
        if read.iter().any(is_missed) {
            return;
        }
    }
}

/// All servers at the same time: one that does not answer holds up no other. Those that a person blocked are left alone.
async fn bring(
    traffic: &dyn TrafficControl,
    servers: &[ServerId],
    wanted: Wanted,
) -> Result<BTreeSet<ServerId>, String> {
    let one = |server: &ServerId| {
        let is_held = wanted.others || server.lim == LimNumber::FIRST;
        bring_one(traffic, *server, Wanted { traffic: wanted.traffic.map(|open| open && is_held), ..wanted })
    };
    let brought = join_all(servers.iter().map(one)).await;
    let mut left = BTreeSet::new();
    for (server, brought) in servers.iter().zip(brought) {
        if brought? == Brought::LeftToPerson {
            left.insert(*server);
        }
    }
    Ok(left)
}

/// What came of bringing a server to what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brought {
    /// It is so.
    Done,
    /// A person blocked it by hand, and only a person opens it.
    LeftToPerson,
}

/// Order first, so that a server that reboots meanwhile goes by the newer one. A block is made whatever becomes of it.
async fn bring_one(traffic: &dyn TrafficControl, server: ServerId, wanted: Wanted) -> Result<Brought, String> {
    let told = match wanted.order {
        Some(order) => traffic.write_order(server, order).await.map_err(|error| error.to_string()),
        None => Ok(()),
    };
    let Some(is_open) = wanted.traffic else { return told.map(|()| Brought::Done) };
    let found = traffic.read(server).await;
    if matches!(found, Traffic::Blocked { origin: Origin::Maintenance, .. }) {
        return told.map(|()| Brought::LeftToPerson);
    }
    let done = if is_open {
        told?;
        match found {
            // The gate decides from moment to moment.
            Traffic::Allowed | Traffic::Blocked { origin: Origin::Gate, .. } => Ok(()),
            // It may be a person's block.
            Traffic::Unknown { because } => Err(format!("{server} cannot be read: {because}")),
            Traffic::Blocked { .. } | Traffic::Partial { .. } => {
                traffic.allow(server).await.map_err(|error| error.to_string())
            }
        }
    } else {
        traffic.block(server, Origin::Order).await.map_err(|error| error.to_string()).and(told)
    };
    done.map(|()| Brought::Done)
}

impl AtSite {
    /// How the site is found at the start. A lasting block, as the boot guard's, counts as much as a closed gate.
    pub(super) async fn seen(&self) -> Result<GateSeen, GateError> {
        let (gates, traffic) = tokio::join!(self.gates.seen(), self.traffic.read(self.first));
        let seen = match gates? {
            GateSeen::Unarmed if traffic.is_blocked_for_good() => GateSeen::Closed,
            seen @ (GateSeen::Closed | GateSeen::Timed | GateSeen::Unarmed) => seen,
        };
        if seen == GateSeen::Closed {
            self.follow.change(|wanted| wanted.traffic = Some(false));
            self.address.give_up();
        }
        Ok(seen)
    }

    /// Opens the gates first: while they are timed, they alone decide.
    pub(super) async fn open(&self, until: Until) -> Result<(), GateError> {
        let change = self.gates.open(until).await?;
        self.address.hold(until);
        self.follow.change(|wanted| wanted.traffic = Some(true));
        match until {
            Until::Standing => self.follow.change(|wanted| wanted.others = true),
            Until::Moment(_) => self.open_others_once_they_end_by_themselves(change),
        }
        Ok(())
    }

    /// A server whose gate nobody holds would stay open without an end, so its lasting block stays until its gate was
    /// seen to be armed; asked again at every renewal.
    fn open_others_once_they_end_by_themselves(&self, change: Change) {
        if self.follow.wanted.borrow().others || self.arming.swap(true, Ordering::AcqRel) {
            return;
        }
        let site = self.clone();
        tokio::spawn(async move {
            let armed = site.gates.carried_out(change, HELD_WITHIN).await;
            site.arming.store(false, Ordering::Release);
            // The site may have been blocked meanwhile, or stand open: what is known late takes nothing back.
            site.follow.change(|wanted| wanted.others |= armed && wanted.traffic == Some(true));
        });
    }

    /// Makes the gates end by themselves. That has to be known before they do, or a server that nobody holds would
    /// leave the site blocked.
    pub(super) async fn arm(&self, ticket: u64, right: Duration, until: Moment, events: UnboundedSender<Event>) {
        let Ok(change) = self.gates.open(Until::Moment(until)).await else {
            let _ = events.send(Event::NotArmed { ticket });
            return;
        };
        self.address.hold(Until::Moment(until));
        let gates = Arc::clone(&self.gates);
        tokio::spawn(async move {
            let armed = gates.carried_out(change, right / 2).await;
            let _ = events.send(if armed { Event::Armed { ticket } } else { Event::NotArmed { ticket } });
        });
    }

    /// Blocks. Only the proof is waited for aside: what is opened after this returned is opened after the block.
    pub(super) async fn close(&self, ticket: u64, events: UnboundedSender<Event>, say: UnboundedSender<String>) {
        let order = self.address.give_up();
        let change = self.gates.close().await;
        self.follow.change(|wanted| (wanted.traffic, wanted.others) = (Some(false), false));
        let (gates, address) = (Arc::clone(&self.gates), self.address.clone());
        tokio::spawn(async move {
            let (closed, given_up) =
                tokio::join!(gates.carried_out(change, BLOCKED_WITHIN), address.is_given_up(order, BLOCKED_WITHIN));
            if closed && !given_up {
                super::tell(&say, STILL_HELD.to_owned());
            }
            let verified = closed && given_up;
            let _ = events.send(Event::Closed { ticket, verified });
        });
    }

    /// The servers are told which site is the active one.
    pub(super) fn follow(&self, order: Order) {
        self.follow.change(|wanted| wanted.order = Some(order));
    }

    /// Looks at everything again and again. The gates are read back aside: no probe that is slow holds that up.
    pub(super) fn look_on(&self, events: UnboundedSender<Event>) -> JoinHandle<()> {
        let site = self.clone();
        tokio::spawn(async move {
            tokio::join!(site.look(&events), site.read_back(&events));
        })
    }

    /// What the site sees of itself and around it.
    async fn look(&self, events: &UnboundedSender<Event>) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in 0_u32.. {
            ticks.tick().await;
            let is_open = self.follow.is_open();
            let is_asked = is_open || look % BLOCKED_LOOKS == 0;
            let health = async { if is_asked { self.sight.health(is_open).await } else { None } };
            let (control, health, data) = tokio::join!(self.sight.control(), health, self.sight.data());
            let (answering, of) = control;
            let mut seen = vec![Event::Control { answering, of }, Event::Data { age: data }];
            seen.extend(health.map(|is_well| {
                if is_open { Event::Health { is_well } } else { Event::HealthWhileBlocked { is_well } }
            }));
            if seen.into_iter().any(|event| events.send(event).is_err()) {
                return;
            }
        }
    }

    /// Reads the gates back, once per renewal where that is cheap.
    async fn read_back(&self, events: &UnboundedSender<Event>) {
        loop {
            let begun = Instant::now();
            let event = match self.gates.whole().await {
                // A block is whole once the service address is gone too.
                Whole::Yes if !self.follow.is_open() && !self.address.is_settled() => None,
                Whole::Yes => Some(Event::GateWhole),
                Whole::No => Some(Event::GateChanged),
                Whole::Unknown => None,
            };
            if event.is_some_and(|event| events.send(event).is_err()) || events.is_closed() {
                return;
            }
            let cheap = begun.elapsed() * READING_SHARE;
            tokio::time::sleep(cheap.min(LOOK_EVERY).max(self.renewal)).await;
        }
    }
}
