//! What is told through which channel, how often, and what a channel that fails holds up: nothing.

use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Local};

use super::*;
use crate::domain::site::{Epoch, Site};
use crate::ports::notifier::Channels;

/// A disk, a clock and two channels, of which one can be broken.
struct World {
    kept: Mutex<(Register, Vec<Notice>)>,
    told: Mutex<BTreeMap<&'static str, Vec<String>>>,
    broken: Mutex<bool>,
    tries: Mutex<u32>,
}

struct Way(&'static str, Arc<World>);

#[async_trait]
impl Channel for Way {
    fn name(&self) -> &str {
        self.0
    }

    fn wants(&self, _: &Notice) -> bool {
        true
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        if self.0 == "mail" && *self.1.broken.lock().unwrap() {
            *self.1.tries.lock().unwrap() += 1;
            return Err(NotifyError::NotTaken { to: "the server".into(), because: "no route".into() });
        }
        self.1.told.lock().unwrap().entry(self.0).or_default().push(notice.line());
        Ok(())
    }
}

struct Wrapped(Arc<World>);

impl Notifier for Wrapped {
    fn channels(&self) -> Channels {
        let of = |name| Arc::new(Way(name, Arc::clone(&self.0))) as Arc<dyn Channel>;
        Channels { usable: vec![of("mail"), of("log")], problems: Vec::new() }
    }
}

impl Events for Wrapped {
    fn register(&self) -> io::Result<Register> {
        Ok(self.0.kept.lock().unwrap().0.clone())
    }

    fn past(&self) -> io::Result<Vec<Notice>> {
        Ok(self.0.kept.lock().unwrap().1.clone())
    }

    fn keep(&self, register: &Register, news: &[Notice]) -> io::Result<()> {
        let mut kept = self.0.kept.lock().unwrap();
        kept.0 = register.clone();
        kept.1.extend_from_slice(news);
        Ok(())
    }
}

impl Clock for Wrapped {
    fn now(&self) -> DateTime<Local> {
        chrono::TimeZone::with_ymd_and_hms(&Local, 2026, 11, 21, 2, 14, 0).unwrap()
    }
}

fn world() -> Arc<World> {
    Arc::new(World { kept: Mutex::default(), told: Mutex::default(), broken: Mutex::new(false), tries: Mutex::new(0) })
}

fn herald(world: &Arc<World>) -> (Herald, UnboundedReceiver<String>) {
    let (say, said) = unbounded_channel();
    let of = || Arc::new(Wrapped(Arc::clone(world)));
    let tools = Tools { events: of(), notifier: of(), wall: of(), from: "alternate".into(), say };
    (Herald::start(tools), said)
}

fn lost() -> Finding {
    Finding::of(Alarm::WitnessLost, Some("the witness is not heard"))
}

fn told(world: &World, channel: &str) -> Vec<String> {
    world.told.lock().unwrap().get(channel).cloned().unwrap_or_default()
}

/// Long enough for every retry; the clock of the tests is a paused one.
async fn later() {
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_told_once_through_every_channel_and_so_is_its_end() {
    let world = world();
    let (herald, _said) = herald(&world);
    for _ in 0..5 {
        herald.found(lost());
    }
    herald.role("is live in epoch 7, by a lease", true);
    herald.found(Finding { wrong: None, ..lost() });
    later().await;
    let lines = [
        "alarm-raised witness-lost (major): the witness is not heard",
        "role-changed: alternate: is live in epoch 7, by a lease",
        "alarm-cleared witness-lost (major): the witness is not heard",
    ];
    assert_eq!(told(&world, "mail"), lines);
    assert_eq!(told(&world, "log"), lines);
    let kept = world.kept.lock().unwrap();
    assert_eq!((kept.0.takeovers, kept.0.raised.len(), kept.1.len()), (1, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_what_is_still_wrong_is_not_told_again() {
    let world = world();
    let (first, _said) = herald(&world);
    first.found(lost());
    later().await;
    drop(first);
    let (second, _said) = herald(&world);
    second.found(lost());
    later().await;
    assert_eq!(told(&world, "log").len(), 1);
    second.found(Finding { wrong: None, ..lost() });
    later().await;
    assert_eq!(told(&world, "log").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_is_tried_again_is_told_once_and_holds_up_no_other() {
    let world = world();
    *world.broken.lock().unwrap() = true;
    let (herald, _said) = herald(&world);
    herald.found(lost());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(&world, "log").len(), 1, "the other has it at once");
    herald.role("is blocked", false);
    later().await;
    assert_eq!(*world.tries.lock().unwrap(), 8, "two notices, four tries each, and no notice about itself");
    let failed: Vec<String> = told(&world, "log").into_iter().filter(|line| line.contains("channel-failed")).collect();
    assert_eq!(
        failed,
        ["alarm-raised channel-failed of mail (warning): the server did not take it: no route"],
        "once, though it failed twice"
    );
    *world.broken.lock().unwrap() = false;
    herald.role("is live", true);
    later().await;
    assert_eq!(told(&world, "mail"), ["role-changed: alternate: is live"]);
    assert!(told(&world, "log").last().unwrap().starts_with("alarm-cleared channel-failed of mail"));
}

#[tokio::test(start_paused = true)]
async fn another_active_site_is_told_unless_the_voters_tell_it() {
    let world = world();
    let (herald, _said) = herald(&world);
    let order = |active, epoch| Order { active, epoch: Epoch(epoch) };
    herald.order(order(Site::Primary, 3), false);
    herald.order(order(Site::Alternate, 4), false);
    herald.order(order(Site::Primary, 5), true);
    herald.order(order(Site::Primary, 5), false);
    later().await;
    assert_eq!(told(&world, "log"), ["role-changed: the alternate system is active now, in epoch 4"]);
}
