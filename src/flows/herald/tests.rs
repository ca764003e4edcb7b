//! What is told through which channel, how often, and what a channel that fails holds up: nothing.

use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Local};

use super::*;
use crate::domain::lease::ThirdVote;
use crate::domain::site::{Epoch, Site};

/// A disk, a clock and two channels, of which one can be broken.
struct World {
    kept: Mutex<(Register, Vec<Notice>)>,
    told: Mutex<BTreeMap<&'static str, Vec<String>>>,
    broken: Mutex<bool>,
    tries: Mutex<u32>,
    problem: Mutex<Option<&'static str>>,
    ways: Mutex<Vec<&'static str>>,
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
        let of = |name: &&'static str| Arc::new(Way(name, Arc::clone(&self.0))) as Arc<dyn Channel>;
        let usable = self.0.ways.lock().unwrap().iter().map(of).collect();
        Channels { usable, problems: self.0.problem.lock().unwrap().map(str::to_owned).into_iter().collect() }
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
    let ways = Mutex::new(vec!["mail", "log"]);
    Arc::new(World {
        kept: Mutex::default(),
        told: Mutex::default(),
        broken: Mutex::default(),
        tries: Mutex::default(),
        problem: Mutex::default(),
        ways,
    })
}

fn herald(world: &Arc<World>) -> (Herald, UnboundedReceiver<String>) {
    herald_at(Post::Voter(ThirdVote::Witness), world)
}

fn herald_at(post: Post, world: &Arc<World>) -> (Herald, UnboundedReceiver<String>) {
    let (say, said) = unbounded_channel();
    let of = || Arc::new(Wrapped(Arc::clone(world)));
    let tools = Tools { events: of(), notifier: of(), wall: of(), from: "alternate".into(), post, say };
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

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_file_is_told_before_the_first_alarm_through_the_ways_that_are_left() {
    let world = world();
    *world.problem.lock().unwrap() = Some("notify.yaml:4:15: a bad word");
    *world.ways.lock().unwrap() = vec!["log"];
    let (herald, _said) = herald(&world);
    later().await;
    let raised = "alarm-raised channel-failed of notify.yaml (warning): notify.yaml:4:15: a bad word";
    assert_eq!(told(&world, "log"), [raised]);
    *world.problem.lock().unwrap() = None;
    later().await;
    assert_eq!(told(&world, "log").len(), 2, "and its end is: {:?}", told(&world, "log"));
    assert_eq!(herald.register().borrow().raised, []);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_was_taken_out_is_no_failed_one_any_more() {
    let world = world();
    *world.broken.lock().unwrap() = true;
    let (herald, _said) = herald(&world);
    herald.found(lost());
    later().await;
    assert_eq!(herald.register().borrow().raised.len(), 2);
    *world.ways.lock().unwrap() = vec!["log"];
    *world.problem.lock().unwrap() = Some("half written");
    later().await;
    let about =
        || -> Vec<String> { herald.register().borrow().raised.iter().map(|raised| raised.about.clone()).collect() };
    assert_eq!(about(), ["", "mail", "notify.yaml"], "a file that is not right tells nothing of others");
    *world.problem.lock().unwrap() = None;
    later().await;
    assert_eq!(about(), [""]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_looks_for_after_voters_were_taken_out_is_over_and_told_so() {
    let world = world();
    let (first, _said) = herald(&world);
    for alarm in [Alarm::WitnessLost, Alarm::TakeoverSuspended, Alarm::ClockDoubtful, Alarm::CopyLate] {
        first.found(Finding::of(alarm, Some("it is so")));
    }
    later().await;
    drop(first);
    let (alone, _said) = herald_at(Post::Alone, &world);
    later().await;
    let raised: Vec<Alarm> = alone.register().borrow().raised.iter().map(|raised| raised.alarm).collect();
    assert_eq!(raised, [Alarm::CopyLate]);
    assert_eq!(world.kept.lock().unwrap().0.raised.len(), 1, "and it is kept so");
    let cleared = told(&world, "log").iter().filter(|line| line.starts_with("alarm-cleared")).count();
    assert_eq!(cleared, 3, "{:?}", told(&world, "log"));
}

#[tokio::test(start_paused = true)]
async fn both_sites_were_live_is_told_once_beside_the_alarm_and_over_a_restart() {
    let world = world();
    for _ in 0..2 {
        let (herald, _said) = herald(&world);
        herald.found(Finding::of(Alarm::DualLive, Some("both systems let traffic in")));
        herald.overlap((Epoch(9), Epoch(7)), "BOTH SITES WERE LIVE for 38.0 s".to_owned());
        later().await;
    }
    let told = told(&world, "log");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "overlap: BOTH SITES WERE LIVE for 38.0 s");
}

async fn others_turn() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A disk whose first writing hangs for a while.
struct SlowDisk(Arc<World>, Mutex<Option<std::sync::mpsc::Receiver<()>>>);

impl Events for SlowDisk {
    fn register(&self) -> io::Result<Register> {
        Wrapped(Arc::clone(&self.0)).register()
    }

    fn past(&self) -> io::Result<Vec<Notice>> {
        Wrapped(Arc::clone(&self.0)).past()
    }

    fn keep(&self, register: &Register, news: &[Notice]) -> io::Result<()> {
        let hangs = self.1.lock().unwrap().take();
        if let Some(hangs) = hangs {
            hangs.recv().unwrap();
        }
        Wrapped(Arc::clone(&self.0)).keep(register, news)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_hung_disk_takes_late_replaces_nothing_newer_and_nothing_is_missing_afterwards() {
    let world = world();
    let (go_on, hangs) = std::sync::mpsc::channel();
    let events = Arc::new(SlowDisk(Arc::clone(&world), Mutex::new(Some(hangs))));
    let (say, _said) = unbounded_channel();
    let of = || Arc::new(Wrapped(Arc::clone(&world)));
    let post = Post::Voter(ThirdVote::Witness);
    let herald = Herald::start(Tools { events, notifier: of(), wall: of(), from: "alternate".into(), post, say });
    herald.found(lost());
    herald.found(Finding::of(Alarm::PeerLost, Some("the other site is not heard")));
    // Time stands still by itself while another thread works.
    for _ in 0..3 {
        others_turn().await;
        tokio::time::advance(Duration::from_secs(6)).await;
    }
    others_turn().await;
    assert_eq!(told(&world, "log").len(), 2, "nobody waited for the disk");
    go_on.send(()).unwrap();
    while world.kept.lock().unwrap().1.len() < 2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        others_turn().await;
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(world.kept.lock().unwrap().0.raised.len(), 2, "the register is the newest one");
}
