//! In which order the gates are told what the state machine decides, and what a start leaves alone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::alarm::Register;
use crate::domain::configuration::BootPolicy;
use crate::domain::lease::node::{Told, Worry};
use crate::domain::lease::{GateSeen, Memory, Reason};
use crate::domain::service_address::{Interface, Lifetime, ServiceAddress};
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::traffic::{Origin, Traffic};
use crate::flows::herald;
use crate::ports::clock::Clock;
use crate::ports::events::Events;
use crate::ports::gate::{Change, GateError, Gates, Whole};
use crate::ports::host::HostError;
use crate::ports::messages::Dropped;
use crate::ports::notifier::{Channels, Notice, Notifier};
use crate::ports::service_address::ServiceAddresses;
use crate::ports::traffic_control::{TrafficControl, TrafficError};
use crate::ports::voter::Sight;

mod address;
mod alarms;

const FIRST: ServerId = ServerId::first_of(Site::Primary);
const ORDER: Order = Order { active: Site::Primary, epoch: Epoch(7) };

/// Gates and packet filter that take their time, and write down what they did.
#[derive(Default)]
struct Slow {
    done: Mutex<Vec<String>>,
    /// Whether other servers' gates are held.
    held: bool,
    /// How long it takes until that is known.
    known_after: Duration,
    /// Whether the service address cannot be given up.
    keeps_address: bool,
    /// Whether holding the service address never ends.
    hangs_address: bool,
    /// Whether the packet filter refuses to open.
    refuses: AtomicBool,
    /// How long a probe of the call server takes.
    probe_takes: Duration,
}

impl Slow {
    fn did(&self, what: impl Into<String>) {
        self.done.lock().unwrap().push(what.into());
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

#[async_trait]
impl Gates for Slow {
    async fn seen(&self) -> Result<GateSeen, GateError> {
        Ok(GateSeen::Unarmed)
    }

    async fn open(&self, until: Until) -> Result<Change, GateError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if self.refuses.load(Ordering::Acquire) {
            return Err(GateError::Refused("no such table".to_owned()));
        }
        self.did(if until == Until::Standing { "opened for good" } else { "opened" });
        Ok(Change { number: 1, is_own_done: true })
    }

    async fn close(&self) -> Change {
        self.did("closed");
        Change { number: 2, is_own_done: true }
    }

    async fn carried_out(&self, _: Change, _: Duration) -> bool {
        tokio::time::sleep(self.known_after).await;
        self.held
    }

    async fn whole(&self) -> Whole {
        self.did("read back");
        Whole::Yes
    }
}

#[async_trait]
impl TrafficControl for Slow {
    async fn prepare(&self, _: ServerId, _: Option<Order>) -> Result<(), TrafficError> {
        Ok(())
    }
    /// Neither open nor blocked, so that whatever is wanted is done.
    async fn read(&self, _: ServerId) -> Traffic {
        Traffic::Partial { differences: Vec::new() }
    }
    async fn block(&self, server: ServerId, _: Origin) -> Result<(), TrafficError> {
        self.did(format!("blocked {}", server.key()));
        Ok(())
    }
    async fn allow(&self, server: ServerId) -> Result<(), TrafficError> {
        self.did(format!("allowed {}", server.key()));
        Ok(())
    }
    async fn remove_gate(&self, _: ServerId) -> Result<(), TrafficError> {
        Ok(())
    }
    async fn cut_established(&self, _: ServerId) -> Result<Option<u64>, TrafficError> {
        Ok(None)
    }
    async fn install_guard(&self, _: ServerId, _: BootPolicy) -> Result<(), TrafficError> {
        Ok(())
    }
    async fn remove_guard(&self, _: ServerId) -> Result<(), TrafficError> {
        Ok(())
    }
    async fn guard_installed(&self, _: ServerId) -> Result<bool, TrafficError> {
        Ok(true)
    }
    async fn order(&self, _: ServerId) -> Result<Option<Order>, TrafficError> {
        Ok(None)
    }
    async fn write_order(&self, server: ServerId, order: Order) -> Result<(), TrafficError> {
        self.did(format!("{} told epoch {}", server.key(), order.epoch));
        Ok(())
    }
    async fn forget_order(&self, _: ServerId) -> Result<(), TrafficError> {
        Ok(())
    }
}

#[async_trait]
impl ServiceAddresses for Slow {
    async fn hold(&self, _: ServerId, _: &[ServiceAddress], lifetime: Lifetime) -> Result<(), HostError> {
        self.did(format!("address held {lifetime}"));
        if self.hangs_address {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
    async fn give_up(&self, at: ServerId, _: &[ServiceAddress]) -> Result<(), HostError> {
        if self.keeps_address {
            return Err(HostError::Lost { host: at.to_string(), command: String::new() });
        }
        self.did("address given up");
        Ok(())
    }
    async fn announce(&self, _: ServerId, _: &[ServiceAddress]) -> Result<(), HostError> {
        self.did("address announced");
        Ok(())
    }
    async fn has_interface(&self, _: ServerId, _: &Interface) -> Result<bool, HostError> {
        Ok(true)
    }
}

/// Everything else, which does nothing.
struct Nothing;

#[async_trait]
impl Messages for Nothing {
    async fn send(&self, _: Voter, _: &Message) {}
    async fn receive(&self) -> (Voter, Message) {
        std::future::pending().await
    }
    fn dropped(&self) -> Dropped {
        Dropped::default()
    }
}

#[async_trait]
impl Sight for Slow {
    async fn control(&self) -> (u8, u8) {
        (1, 1)
    }
    async fn health(&self, open: bool) -> Option<bool> {
        tokio::time::sleep(self.probe_takes).await;
        self.did(if open { "asked while open" } else { "asked while blocked" });
        Some(false)
    }
    async fn data(&self) -> Option<Duration> {
        None
    }
}

impl ReignBook for Nothing {
    fn note(&self, _: Epoch, _: crate::domain::lease::reigns::Noted, _: chrono::DateTime<chrono::FixedOffset>) {}
    fn last(&self, _: usize) -> Vec<crate::domain::lease::reigns::Reign> {
        Vec::new()
    }
}

impl Notifier for Nothing {
    fn channels(&self) -> Channels {
        Channels::default()
    }
}

impl Events for Nothing {
    fn register(&self) -> std::io::Result<Register> {
        Ok(Register::default())
    }
    fn past(&self) -> std::io::Result<Vec<Notice>> {
        Ok(Vec::new())
    }
    fn keep(&self, _: &Register, _: &[Notice]) -> std::io::Result<()> {
        Ok(())
    }
}

impl VoterMemory for Nothing {
    fn load(&self) -> Stored {
        Stored::Lost
    }
    fn keep(&self, _: &Memory) -> std::io::Result<()> {
        Ok(())
    }
}

impl RawClock for Nothing {
    fn now(&self) -> Moment {
        Moment::from_nanos(1)
    }
}

impl Clock for Nothing {
    fn now(&self) -> chrono::DateTime<chrono::Local> {
        chrono::DateTime::UNIX_EPOCH.into()
    }
}

/// A site of two servers that does what it is told; nothing was decided yet.
fn site(slow: &Arc<Slow>) -> (Work, UnboundedReceiver<String>) {
    let (say, said) = unbounded_channel();
    let traffic: Arc<dyn TrafficControl> = Arc::<Slow>::clone(slow);
    let port: Arc<dyn ServiceAddresses> = Arc::<Slow>::clone(slow);
    let interface = "eth0".parse().unwrap();
    let addresses = vec![ServiceAddress { address: "192.0.2.50/24".parse().unwrap(), interface }];
    let keeping = Keeping { port, addresses, at: FIRST, clock: Arc::new(Nothing) };
    let herald = Herald::start(herald::Tools {
        events: Arc::new(Nothing),
        notifier: Arc::new(Nothing),
        wall: Arc::new(Nothing),
        from: "primary".to_owned(),
        post: crate::domain::alarm::Post::Witness,
        say: say.clone(),
    });
    let servers = vec![FIRST, "primary/2".parse().unwrap()];
    let site = AtSite {
        gates: Arc::<Slow>::clone(slow),
        sight: Arc::<Slow>::clone(slow),
        follow: Follow::start(Arc::clone(&traffic), servers, &herald, say.clone()),
        traffic,
        first: FIRST,
        address: AddressKeeper::start(keeping, say.clone()),
        silent_after: Duration::from_secs(1),
        renewal: Duration::from_millis(250),
        arming: Arc::default(),
    };
    let (messages, memory, clock) = (Arc::new(Nothing), Arc::new(Nothing), Arc::new(Nothing));
    let (machine, _) = Witness::start(Timing::FAST, Stored::Lost, Moment::from_nanos(1));
    let (reigns, wall) = (Arc::new(Nothing), Arc::new(Nothing));
    let tools = Tools { messages, memory, clock, herald, reigns, wall };
    let machine = Machine::Witness(Box::new(machine));
    (Work::of(machine, tools, Some(site), say), said)
}

fn arm() -> Effect {
    Effect::Arm { ticket: 1, right: Duration::from_secs(1) }
}

fn close() -> Effect {
    Effect::Close { ticket: 2, because: Reason::RightEnded }
}

fn open(right: Right) -> Effect {
    Effect::Open { right, epoch: Epoch(7) }
}

async fn soon() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn gates_are_told_one_thing_after_the_other_and_a_block_has_the_last_word() {
    for effects in [vec![arm(), close()], vec![open(Right::For(Duration::from_secs(1))), close()]] {
        let slow = Arc::new(Slow::default());
        let (mut work, _said) = site(&slow);
        work.carry_out(effects, Moment::from_nanos(1)).await;
        soon().await;
        let gates: Vec<String> =
            slow.done().into_iter().filter(|did| !did.contains("primary/") && !did.contains("address")).collect();
        assert_eq!(gates, ["opened", "closed"]);
    }
}

#[tokio::test]
async fn a_monitor_that_starts_at_a_live_site_blocks_nothing_before_it_has_decided() {
    let slow = Arc::new(Slow::default());
    let (work, _said) = site(&slow);
    work.site.as_ref().unwrap().seen().await.unwrap();
    work.site.as_ref().unwrap().follow(ORDER);
    soon().await;
    assert_eq!(slow.done(), ["primary/1 told epoch 7", "primary/2 told epoch 7"]);
}

#[tokio::test]
async fn a_server_whose_gate_nobody_holds_is_not_opened() {
    for held in [false, true] {
        let slow = Arc::new(Slow { held, ..Slow::default() });
        let (mut work, _said) = site(&slow);
        work.carry_out(vec![open(Right::For(Duration::from_secs(1)))], Moment::from_nanos(1)).await;
        soon().await;
        assert!(slow.done().contains(&"allowed primary/1".to_owned()));
        assert_eq!(slow.done().contains(&"allowed primary/2".to_owned()), held, "{:?}", slow.done());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_late_of_a_timed_opening_blocks_no_server_of_a_site_that_stands_open() {
    let slow = Arc::new(Slow { known_after: Duration::from_secs(5), ..Slow::default() });
    let (mut work, _said) = site(&slow);
    let effects = vec![open(Right::For(Duration::from_secs(1))), open(Right::Standing)];
    work.carry_out(effects, Moment::from_nanos(1)).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let second = slow.done().into_iter().filter(|did| did.ends_with("primary/2")).collect::<Vec<_>>();
    assert_eq!(second.last().unwrap(), "allowed primary/2", "{second:?}");
}

#[tokio::test]
async fn gates_that_were_not_all_armed_in_time_are_told_to_the_state_machine() {
    for held in [false, true] {
        let slow = Arc::new(Slow { held, ..Slow::default() });
        let (mut work, _said) = site(&slow);
        work.carry_out(vec![arm()], Moment::from_nanos(1)).await;
        soon().await;
        let event = work.events.1.try_recv().unwrap();
        assert_eq!(event, if held { Event::Armed { ticket: 1 } } else { Event::NotArmed { ticket: 1 } });
    }
}

#[tokio::test(start_paused = true)]
async fn gates_are_read_back_once_per_renewal_however_slow_the_call_server_is() {
    let slow = Arc::new(Slow { probe_takes: Duration::from_secs(2), ..Slow::default() });
    let (mut work, _said) = site(&slow);
    work.carry_out(vec![open(Right::Standing)], Moment::from_nanos(1)).await;
    let looks = work.site.as_ref().unwrap().look_on(work.events.0.clone());
    tokio::time::sleep(Duration::from_millis(1_990)).await;
    looks.abort();
    let reads = slow.done().iter().filter(|did| *did == "read back").count();
    assert_eq!(reads, 8, "a renewal takes 0.25 s: {:?}", slow.done());
}

#[tokio::test(start_paused = true)]
async fn a_blocked_call_server_is_asked_seldom_and_what_it_says_is_told_apart() {
    let slow = Arc::new(Slow::default());
    let (mut work, _said) = site(&slow);
    work.carry_out(vec![close()], Moment::from_nanos(1)).await;
    let looks = work.site.as_ref().unwrap().look_on(work.events.0.clone());
    tokio::time::sleep(Duration::from_millis(19_500)).await;
    looks.abort();
    assert_eq!(slow.done().iter().filter(|did| *did == "asked while blocked").count(), 2);
    let mut events = std::iter::from_fn(|| work.events.1.try_recv().ok()).collect::<Vec<_>>();
    events.retain(|event| matches!(event, Event::Health { .. } | Event::HealthWhileBlocked { .. }));
    assert_eq!(events, [Event::HealthWhileBlocked { is_well: false }, Event::HealthWhileBlocked { is_well: false }]);
}
