//! Tells people what the monitor finds: keeps which alarms are raised, and passes news on through every channel, aside
//! and in their order. Nobody waits for a mail server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::domain::alarm::{Alarm, Finding, Kind, Notice, Register};
use crate::domain::site::Order;
use crate::ports::clock::Clock;
use crate::ports::events::Events;
use crate::ports::notifier::{Channel, Notifier, NotifyError};

/// A channel that has not taken a notice by then has failed once; longer than the time-outs of the channels themselves.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(35);

/// The pauses before a notice is tried again; after the last it is given up, for news get old.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60)];

/// Notices that may wait for one channel: more than a bad night brings, and little memory.
const QUEUE: usize = 100;

/// A disk that has not taken the register by then does not hold up the news.
const KEPT_WITHIN: Duration = Duration::from_secs(5);

/// What the herald works with.
pub struct Tools {
    /// Where alarms are kept.
    pub events: Arc<dyn Events>,
    /// The ways of telling people.
    pub notifier: Arc<dyn Notifier>,
    /// The wall clock.
    pub wall: Arc<dyn Clock>,
    /// Who tells it: the voter's name, or the site's.
    pub from: String,
    /// What goes wrong with telling is told here.
    pub say: UnboundedSender<String>,
}

/// The way to the herald; it works until the last of these is gone.
#[derive(Clone)]
pub struct Herald {
    to: UnboundedSender<Item>,
    seen: watch::Receiver<Register>,
}

/// What the herald is told.
enum Item {
    Role { text: String, went_live: bool },
    Found(Finding),
    Order { order: Order, is_told: bool },
}

impl Herald {
    /// Puts a herald to work.
    #[must_use]
    pub fn start(tools: Tools) -> Self {
        let (to, items) = unbounded_channel();
        let register = tools.events.register().unwrap_or_else(|error| {
            tell(&tools.say, format!("the alarms kept before cannot be read: {error}"));
            Register::default()
        });
        let (shown, seen) = watch::channel(register.clone());
        let desk = Desk { tools, register, shown, workers: BTreeMap::new(), back: to.downgrade(), told: Vec::new() };
        tokio::spawn(desk.work(items));
        Self { to, seen }
    }

    /// A site went live, was blocked or gave its right back.
    pub fn role(&self, text: impl Into<String>, went_live: bool) {
        self.tell(Item::Role { text: text.into(), went_live });
    }

    /// What somebody found of an alarm; only what changes something is news.
    pub fn found(&self, finding: Finding) {
        self.tell(Item::Found(finding));
    }

    /// The order both sites go by; `is_told` when somebody else tells of another active site.
    pub fn order(&self, order: Order, is_told: bool) {
        self.tell(Item::Order { order, is_told });
    }

    /// The alarms that are raised, and a sign whenever they change.
    #[must_use]
    pub fn register(&self) -> watch::Receiver<Register> {
        self.seen.clone()
    }

    fn tell(&self, item: Item) {
        // Without a herald the program is about to end.
        let _ = self.to.send(item);
    }
}

/// A notice, and the channel as it is set up now.
type Letter = (Arc<dyn Channel>, Notice);

/// The herald at work.
struct Desk {
    tools: Tools,
    register: Register,
    shown: watch::Sender<Register>,
    workers: BTreeMap<String, mpsc::Sender<Letter>>,
    /// For workers; it does not keep the herald at work.
    back: WeakUnboundedSender<Item>,
    /// The problems that were told, so that each is told once.
    told: Vec<String>,
}

impl Desk {
    async fn work(mut self, mut items: UnboundedReceiver<Item>) {
        while let Some(item) = items.recv().await {
            let before = self.register.clone();
            let Some(notice) = self.take(item) else {
                if self.register != before {
                    self.keep(Vec::new()).await;
                    self.shown.send_replace(self.register.clone());
                }
                continue;
            };
            self.keep(vec![notice.clone()]).await;
            self.shown.send_replace(self.register.clone());
            if notice.alarm.is_some() {
                tell(&self.tools.say, notice.line());
            }
            self.pass_on(&notice);
        }
    }

    fn take(&mut self, item: Item) -> Option<Notice> {
        let (at, from) = (self.tools.wall.now().fixed_offset(), self.tools.from.as_str());
        match item {
            Item::Found(finding) => self.register.take(&finding, from, at),
            Item::Role { text, went_live } => {
                self.register.takeovers += u64::from(went_live);
                Some(Notice::of(Kind::RoleChanged, from, at, format!("{from}: {text}")))
            }
            Item::Order { order, is_told } => {
                let is_new = self.register.follow(order) && !is_told;
                self.register.takeovers += u64::from(is_new);
                let text = format!("the {} system is active now, in epoch {}", order.active, order.epoch);
                is_new.then(|| Notice::of(Kind::RoleChanged, from, at, text))
            }
        }
    }

    /// Keeps the register before anybody is told, so that a restart tells nothing twice. A disk that takes nothing is
    /// told once, and holds up nothing.
    async fn keep(&mut self, news: Vec<Notice>) {
        let (events, register) = (Arc::clone(&self.tools.events), self.register.clone());
        let writing = tokio::task::spawn_blocking(move || events.keep(&register, &news));
        let problem = match timeout(KEPT_WITHIN, writing).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the disk does not answer".to_owned()),
        };
        if let Some(problem) = problem {
            self.tell_once(format!("the alarms cannot be kept: {problem}"));
        }
    }

    fn pass_on(&mut self, notice: &Notice) {
        let channels = self.tools.notifier.channels();
        for problem in channels.problems {
            self.tell_once(problem);
        }
        self.workers.retain(|name, _| channels.usable.iter().any(|channel| channel.name() == name));
        for channel in channels.usable {
            // That a channel fails is not told through it.
            let is_its_own = notice.alarm == Some(Alarm::ChannelFailed) && notice.about == channel.name();
            if channel.wants(notice) && !is_its_own {
                self.enqueue(channel, notice.clone());
            }
        }
    }

    fn enqueue(&mut self, channel: Arc<dyn Channel>, notice: Notice) {
        let name = channel.name().to_owned();
        let worker = self.workers.entry(name.clone()).or_insert_with(|| {
            let (to, queue) = mpsc::channel(QUEUE);
            tokio::spawn(deliver(queue, self.back.clone()));
            to
        });
        if let Err(TrySendError::Full(_)) = worker.try_send((channel, notice)) {
            self.tell_once(format!("channel {name}: {QUEUE} notices wait already; what comes now is left out"));
        }
    }

    fn tell_once(&mut self, problem: String) {
        if !self.told.contains(&problem) {
            tell(&self.tools.say, problem.clone());
            self.told.push(problem);
        }
    }
}

/// Delivers the notices of one channel, one after the other.
async fn deliver(mut queue: mpsc::Receiver<Letter>, back: WeakUnboundedSender<Item>) {
    while let Some((channel, notice)) = queue.recv().await {
        let failed = deliver_one(&*channel, &notice).await.err().map(|error| describe(&error));
        if let Some(back) = back.upgrade() {
            let finding = Finding::of(Alarm::ChannelFailed, failed).about(channel.name());
            // Without a herald the program is about to end.
            let _ = back.send(Item::Found(finding));
        }
    }
}

async fn deliver_one(channel: &dyn Channel, notice: &Notice) -> Result<(), NotifyError> {
    let mut result = send(channel, notice).await;
    for pause in PAUSES {
        if result.is_ok() {
            break;
        }
        tokio::time::sleep(pause).await;
        result = send(channel, notice).await;
    }
    result
}

/// Sends a notice once, and waits no longer than [`TAKEN_WITHIN`].
///
/// # Errors
/// When it was not taken.
pub async fn send(channel: &dyn Channel, notice: &Notice) -> Result<(), NotifyError> {
    timeout(TAKEN_WITHIN, channel.send(notice)).await.map_err(|_| NotifyError::Slow(TAKEN_WITHIN))?
}

/// An error with what it is because of, in a line.
#[must_use]
pub fn describe(error: &NotifyError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |because| format!("{error}: {because}"))
}

fn tell(say: &UnboundedSender<String>, line: String) {
    // When nobody listens any more, the program is about to end.
    let _ = say.send(line);
}

#[cfg(test)]
mod tests;
