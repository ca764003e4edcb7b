//! Tells people what the monitor finds: keeps which alarms are raised, and passes news on through every channel, aside
//! and in their order. Nobody waits for a mail server.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::domain::alarm::{Alarm, Finding, Kind, Notice, Post, Raised, Register};
use crate::domain::site::{Epoch, Order};
use crate::ports::clock::Clock;
use crate::ports::events::Events;
use crate::ports::notifier::{Channel, Channels, Notifier, NotifyError};

/// A channel that has not taken a notice by then has failed once; longer than the time-outs of the channels themselves.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(35);

/// The pauses before a notice is tried again; after the last it is given up, for news get old.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60)];

/// Notices that may wait for one channel: more than a bad night brings, and little memory.
const QUEUE: usize = 100;

/// How often the ways of telling people are looked at: what is wrong with them is to be known before it matters.
const CHECK_EVERY: Duration = Duration::from_secs(15);

/// What an alarm about the file that sets them up is about.
const FILE: &str = "notify.yaml";

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
    /// What works on this machine.
    pub post: Post,
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
    All { alarm: Alarm, place: String, texts: BTreeSet<String> },
    Overlap { epochs: (Epoch, Epoch), text: String },
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
        let desk = Desk {
            tools,
            register,
            shown,
            workers: BTreeMap::new(),
            back: to.downgrade(),
            told: Vec::new(),
            writing: None,
            unkept: Vec::new(),
            is_behind: false,
        };
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

    /// Everything that is wrong of one alarm at one place, each by its own text; what is not among it is over.
    pub fn found_all(&self, alarm: Alarm, place: String, texts: BTreeSet<String>) {
        self.tell(Item::All { alarm, place, texts });
    }

    /// Both sites were live at the same time, in these epochs; told once.
    pub fn overlap(&self, epochs: (Epoch, Epoch), text: String) {
        self.tell(Item::Overlap { epochs, text });
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
    /// A writing that the disk has not ended yet. Nothing is written beside it, so that none overtakes another.
    writing: Option<JoinHandle<io::Result<()>>>,
    /// News that wait for it.
    unkept: Vec<Notice>,
    /// The register is not kept as it is.
    is_behind: bool,
}

impl Desk {
    async fn work(mut self, mut items: UnboundedReceiver<Item>) {
        let post = self.tools.post;
        let before = self.register.clone();
        let news = self.ended(|raised| !post.looks_for(raised));
        self.tell(news, &before).await;
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let before = self.register.clone();
            let news = tokio::select! {
                item = items.recv() => match item {
                    Some(item) => self.take(item),
                    None => return,
                },
                _ = checks.tick() => self.check(),
            };
            self.tell(news, &before).await;
        }
    }

    async fn tell(&mut self, news: Vec<Notice>, before: &Register) {
        let has_changed = self.register != *before;
        if has_changed || self.is_behind || !news.is_empty() {
            self.keep(news.clone()).await;
        }
        if has_changed {
            self.shown.send_replace(self.register.clone());
        }
        for notice in news {
            if notice.alarm.is_some() {
                tell(&self.tools.say, notice.line());
            }
            self.pass_on(&notice);
        }
    }

    fn take(&mut self, item: Item) -> Vec<Notice> {
        let (at, from) = (self.tools.wall.now().fixed_offset(), self.tools.from.as_str());
        let news = match item {
            Item::Found(finding) => self.register.take(&finding, from, at),
            Item::All { alarm, place, texts } => {
                return self.register.take_all((alarm, &place), &texts, (from, at));
            }
            Item::Overlap { epochs, text } => self.register.take_overlap((epochs, &text), (from, at)),
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
        };
        news.into_iter().collect()
    }

    /// What is wrong with the file that sets the ways up, and which ways are not there any more.
    fn check(&mut self) -> Vec<Notice> {
        let Channels { usable, problems } = self.tools.notifier.channels();
        let wrong = (!problems.is_empty()).then(|| problems.join("; "));
        let is_right = wrong.is_none();
        let mut news = self.take(Item::Found(Finding::of(Alarm::ChannelFailed, wrong).about(FILE)));
        if is_right {
            let is_known = |name: &str| name == FILE || usable.iter().any(|channel| channel.name() == name);
            news.extend(self.ended(|raised| raised.alarm == Alarm::ChannelFailed && !is_known(&raised.about)));
        }
        news
    }

    fn ended(&mut self, is_over: impl Fn(&Raised) -> bool) -> Vec<Notice> {
        let at = self.tools.wall.now().fixed_offset();
        self.register.end(is_over, &self.tools.from, at)
    }

    /// Keeps the register before anybody is told, so that a restart tells nothing twice. A disk that takes nothing is
    /// told once, and holds up nothing; it is tried again.
    async fn keep(&mut self, news: Vec<Notice>) {
        self.unkept.extend(news);
        self.is_behind = true;
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            let most = self.unkept.len().saturating_sub(QUEUE);
            self.unkept.drain(..most);
            return;
        }
        let (events, register) = (Arc::clone(&self.tools.events), self.register.clone());
        let news = std::mem::take(&mut self.unkept);
        let mut writing = tokio::task::spawn_blocking(move || events.keep(&register, &news));
        let problem = match timeout(KEPT_WITHIN, &mut writing).await {
            Ok(Ok(Ok(()))) => {
                self.is_behind = false;
                None
            }
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                self.writing = Some(writing);
                Some("the disk does not answer".to_owned())
            }
        };
        if let Some(problem) = problem {
            self.tell_once(format!("the alarms cannot be kept: {problem}"));
        }
    }

    fn pass_on(&mut self, notice: &Notice) {
        let channels = self.tools.notifier.channels();
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
        if matches!(result, Ok(()) | Err(NotifyError::InPart { .. })) {
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
