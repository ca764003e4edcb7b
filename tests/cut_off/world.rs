//! A world to be cut off in: the embedded lab at some stage, a journal that dies at a line, an auditor, and a look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tempfile::TempDir;

use mxone_system_redundancy::domain::given::Given;
use mxone_system_redundancy::domain::journal::{Event, Person};
use mxone_system_redundancy::domain::site::{ServerId, Site};
use mxone_system_redundancy::faces::scripted::Scripted;
use mxone_system_redundancy::faces::teller::Teller;
use mxone_system_redundancy::flows::monitor::Monitor;
use mxone_system_redundancy::flows::recover::{Way, recover};
use mxone_system_redundancy::flows::{self, Ended, Ports, Request, Stopped};
use mxone_system_redundancy::lab::machine::Machine;
use mxone_system_redundancy::lab::pair::TwoSiteLab;
use mxone_system_redundancy::lab::system;
use mxone_system_redundancy::wiring::{self, Place, standing_lab};

use super::dying::{Dying, Killed, Kind, Meddling};

/// An action that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Configure,
    Copy,
    Load,
    RollBack,
    ToAlternate,
    ToPrimary,
    Forced,
    Remove,
}

/// Where it is cut off; lines are counted from 1, over the record, the history and the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The line is not written any more.
    Before(usize),
    /// It is the last one that is written.
    After(usize),
    /// So long after the beginning.
    At(Duration),
}

/// A lab folder in the state in which an action begins, to be copied for each case.
pub struct Prepared {
    folder: TempDir,
    deed: Deed,
    /// What an undisturbed run writes down, line by line.
    kinds: Vec<Kind>,
}

impl Prepared {
    pub async fn new(deed: Deed) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut prepared = Self { folder, deed, kinds: Vec::new() };
        if deed != Deed::Configure {
            let world = prepared.world_of(Deed::Configure).await;
            world.act(Deed::Configure).await.unwrap();
            match deed {
                Deed::Load | Deed::RollBack => {
                    world.add_extension();
                    world.act(Deed::Copy).await.unwrap();
                }
                Deed::ToPrimary => drop(world.act(Deed::ToAlternate).await.unwrap()),
                Deed::Configure | Deed::Copy | Deed::ToAlternate | Deed::Forced | Deed::Remove => {}
            }
            let kept = tempfile::tempdir().unwrap();
            copy(world.folder.path(), kept.path());
            prepared.folder = kept;
        }
        let world = prepared.world().await;
        prepared.kinds = world.kinds(deed).await;
        prepared
    }

    /// A fresh world in that state.
    pub async fn world(&self) -> World {
        self.world_of(self.deed).await
    }

    async fn world_of(&self, deed: Deed) -> World {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        use_own_identity(folder.path());
        let (lab, card) = standing_lab::start_in(folder.path(), 2).await.unwrap();
        let lab = Arc::new(lab);
        let place = card.place();
        let auditor = Auditor::start(&lab);
        let world = World { folder, lab, place, auditor };
        if deed != Deed::Configure {
            // All booted blocked, and are opened as ordered.
            world.monitor_round().await;
        }
        match deed {
            Deed::Copy => world.add_extension(),
            Deed::Forced => world.lose_the_primary(),
            Deed::Configure | Deed::Load | Deed::RollBack | Deed::ToAlternate | Deed::ToPrimary | Deed::Remove => {}
        }
        world
    }

    /// The lines between which the action is kept as unfinished: the record, and its end.
    pub fn record_and_end(&self) -> (usize, usize) {
        let line = |kind| self.kinds.iter().position(|it| *it == kind).unwrap() + 1;
        (line(Kind::Begin), line(Kind::Finish))
    }

    pub fn lines(&self) -> usize {
        self.kinds.len()
    }

    /// The line that tells the end of a step, counted from 1.
    pub fn end_of_step(&self, step: usize) -> usize {
        let after = self.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::After);
        after.map(|(line, _)| line + 1).nth(step - 1).unwrap()
    }
}

pub struct World {
    folder: TempDir,
    pub lab: Arc<TwoSiteLab>,
    place: Place,
    auditor: Auditor,
}

impl World {
    /// New ports, with connections of their own, as a new process has them.
    pub fn ports(&self) -> Ports {
        wiring::ports(&self.place)
    }

    pub fn server(&self, id: &str) -> Arc<Machine> {
        Arc::clone(self.lab.machine(id.parse().unwrap()).unwrap())
    }

    /// Acts undisturbed.
    pub async fn act(&self, deed: Deed) -> Result<Ended, Stopped> {
        self.act_with(deed, &self.ports()).await
    }

    /// Acts until it is cut off; `None` when it was.
    pub async fn act_until(&self, deed: Deed, cut: Cut) -> Option<Result<Ended, Stopped>> {
        let (ports, _) = self.dying(cut);
        killed_or_ended(self.act_with(deed, &ports), cut).await
    }

    /// Acts while somebody does something at certain lines of the history.
    pub async fn act_while(
        &self,
        deed: Deed,
        meddle: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Ended, Stopped> {
        let ports = self.ports();
        let journal = Arc::new(Meddling { inner: Arc::clone(&ports.journal), meddle: Box::new(meddle) });
        self.act_with(deed, &Ports { journal, ..ports }).await
    }

    pub async fn recover(&self, way: Way) -> Result<Ended, Stopped> {
        recover(&self.ports(), &request(false), way, &mut dialog()).await
    }

    /// Goes on until it is cut off again; `None` when it was.
    pub async fn recover_until(&self, way: Way, cut: Cut) -> Option<Result<Ended, Stopped>> {
        let (ports, _) = self.dying(cut);
        killed_or_ended(async { recover(&ports, &request(false), way, &mut dialog()).await }, cut).await
    }

    async fn kinds(&self, deed: Deed) -> Vec<Kind> {
        let (ports, journal) = self.dying(Cut::Before(usize::MAX));
        self.act_with(deed, &ports).await.unwrap();
        journal.written()
    }

    fn dying(&self, cut: Cut) -> (Ports, Arc<Dying>) {
        let ports = self.ports();
        let journal = Arc::new(Dying::new(Arc::clone(&ports.journal), cut));
        (Ports { journal: Arc::clone(&journal) as _, ..ports }, journal)
    }

    async fn act_with(&self, deed: Deed, ports: &Ports) -> Result<Ended, Stopped> {
        let (plain, mut asked) = (request(false), dialog());
        match deed {
            Deed::Configure => {
                let given = ports.documents.answers(&self.folder.path().join("answers.yaml")).unwrap();
                asked.given = given.clone();
                flows::configure::configure(ports, &plain, &given, &mut asked).await
            }
            Deed::Copy => flows::data_copy::copy(ports, &plain, &mut asked).await,
            Deed::Load => {
                let generations = ports.mirrors.generations().unwrap();
                let oldest = generations.last().unwrap().name.to_string();
                flows::mirrors::load(ports, &plain, Some(&oldest), &mut asked).await
            }
            Deed::RollBack => flows::mirrors::roll_back(ports, &plain, &mut asked).await,
            Deed::ToAlternate => flows::takeover::take_over(ports, &plain, Site::Alternate, &mut asked).await,
            Deed::ToPrimary => flows::takeover::take_over(ports, &plain, Site::Primary, &mut asked).await,
            Deed::Forced => flows::takeover::take_over(ports, &request(true), Site::Alternate, &mut asked).await,
            Deed::Remove => flows::remove::remove(ports, &plain, &mut asked).await,
        }
    }

    pub async fn monitor_round(&self) -> Vec<String> {
        let round = Monitor::default().round(&self.ports(), &request(false), false, &mut dialog()).await;
        round.unwrap().story
    }

    /// Power and cable of the primary are gone.
    pub fn lose_the_primary(&self) {
        self.lab.cut(Site::Primary);
        for lim in ["primary/1", "primary/2"] {
            self.lab.power_off(lim.parse().unwrap()).unwrap();
        }
    }

    /// Somebody is added at the primary, and a backup made.
    fn add_extension(&self) {
        let primary = self.server("primary/1");
        let file = primary.root().folder().join("var/opt/lab/data/extensions.csv");
        let line = format!("1002,Carla,{}\n", system::gateway(Site::Primary));
        fs::write(&file, fs::read_to_string(&file).unwrap() + &line).unwrap();
        system::back_up(&primary).unwrap();
    }

    pub fn is_unfinished(&self) -> bool {
        self.ports().journal.unfinished().unwrap().is_some()
    }

    /// What was cut off is shown, and others are refused.
    pub async fn check_that_it_is_told(&self, story: &str) {
        let ports = self.ports();
        self.wait_for_the_lock(story);
        let status = flows::status::status(&ports).await.unwrap();
        assert!(status.unfinished.is_some(), "{story}: status tells it");
        for other in [Deed::Copy, Deed::Remove] {
            let refused = self.act_with(other, &ports).await;
            assert!(matches!(refused, Err(Stopped::Unfinished(_))), "{story}: {other:?} is refused: {refused:?}");
        }
    }

    /// Nobody holds the lock, or soon nobody does: a process that a test was just starting has every open file until it
    /// has become another program, the lock as well.
    fn wait_for_the_lock(&self, story: &str) {
        let ports = self.ports();
        let begun = Instant::now();
        while let Some(holder) = ports.journal.holder() {
            assert!(begun.elapsed() < Duration::from_secs(5), "{story}: {holder} holds the lock");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// No lock, no way back that a server still would go, nothing half copied.
    pub fn check_that_nothing_is_left(&self, was_begun: bool, story: &str) {
        self.wait_for_the_lock(story);
        assert!(!self.is_unfinished(), "{story}: nothing is unfinished");
        for machine in self.lab.machines().filter(|machine| machine.is_up()) {
            let waiting = machine.root().folder().join("run/mxone_system_redundancy/unconfirmed");
            assert!(!waiting.exists() || !was_begun, "{story}: {} waits for a confirmation", machine.id());
        }
        if was_begun {
            let state = self.place.root.join("var/lib/mxone_system_redundancy");
            assert_eq!(names(&state.join("scratch/mirrors")), BTreeSet::new(), "{story}: the scratch folder is empty");
        }
    }

    /// The traffic, the orders and everything else that an action changes, as the machines themselves show it.
    pub fn look(&self) -> Seen {
        let ports = self.ports();
        let backups: Vec<String> = names(&self.root("primary/1").join("var/opt/lab/backups")).into_iter().collect();
        // Names of backups are times; their places in the row are not.
        let rank = |id: &str| backups.iter().position(|backup| backup == id).unwrap();
        let memory = ports.journal.memory().unwrap();
        let mirrors = ports.mirrors.generations().unwrap();
        for mirror in &mirrors {
            assert_eq!(ports.mirrors.verify(&mirror.name).unwrap(), Vec::<String>::new(), "{} is whole", mirror.name);
        }
        let (mut live, mut ordered, mut guarded) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for machine in self.lab.machines() {
            let (id, root) = (machine.id(), machine.root().folder());
            live.insert(id, is_live(machine));
            if !machine.is_up() {
                continue;
            }
            let order = fs::read_to_string(root.join("var/lib/mxone_system_redundancy/order.json")).ok();
            ordered.insert(id, order.map(|text| active_of(&text)));
            let link = root.join("etc/systemd/system/sysinit.target.wants/mxone-redundancy-guard.service");
            let rules = ["v4", "v6"].map(|end| root.join(format!("etc/mxone_system_redundancy/guard.{end}")).exists());
            guarded.insert(id, (link.is_symlink(), rules));
        }
        Seen {
            live,
            ordered,
            guarded,
            configured: ports.settings.load().unwrap().is_some(),
            loaded: memory.loaded.map(|loaded| rank(&loaded.generation.backup.id)),
            loading: memory.loading.is_some(),
            mirrors: mirrors.iter().map(|mirror| rank(&mirror.backup.id)).collect(),
            data: files(&self.root("alternate/1").join("var/opt/lab/data")),
        }
    }

    fn root(&self, id: &str) -> PathBuf {
        self.server(id).root().folder().to_owned()
    }

    /// A configure that is taken back opens an alternate that was open before, beside the primary.
    pub fn stop_counting_if_both_were_open(&mut self, deed: Deed) {
        if deed == Deed::Configure {
            self.auditor.count();
        }
    }

    /// Two sites were never live.
    pub fn end(mut self, story: &str) {
        let (looks, dual) = self.auditor.count();
        assert!(looks > 0, "{story}: the auditor looked");
        assert_eq!(dual, 0, "{story}: both sites were live in {dual} of {looks} looks");
    }
}

/// What an action can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    live: BTreeMap<ServerId, bool>,
    ordered: BTreeMap<ServerId, Option<String>>,
    guarded: BTreeMap<ServerId, (bool, [bool; 2])>,
    pub configured: bool,
    loaded: Option<usize>,
    loading: bool,
    pub mirrors: Vec<usize>,
    data: BTreeMap<String, String>,
}

impl Seen {
    pub fn lives(&self, site: Site) -> bool {
        self.live.iter().any(|(id, live)| id.site == site && *live)
    }

    pub fn traffic(&self) -> (&BTreeMap<ServerId, bool>, &BTreeMap<ServerId, Option<String>>) {
        (&self.live, &self.ordered)
    }

    /// A mirror that had come whole is kept by an abandoned copy. The alternate's own exchange data, that a first load
    /// replaced, is nobody's backup: it does not come back, and configure says so before.
    pub fn assert_as_before(&self, deed: Deed, before: &Self, story: &str) {
        let mut expected = before.clone();
        match deed {
            Deed::Configure => expected.data.clone_from(&self.data),
            Deed::Copy => {
                let kept = &self.mirrors[self.mirrors.len() - before.mirrors.len()..];
                assert_eq!(kept, before.mirrors, "{story}: the older mirrors are there");
                expected.mirrors.clone_from(&self.mirrors);
            }
            Deed::Load | Deed::RollBack | Deed::ToAlternate | Deed::ToPrimary | Deed::Forced | Deed::Remove => {}
        }
        assert_eq!(*self, expected, "{story}: is as before");
    }
}

/// Looks at all packet filters from outside the program, from the first moment at which one site is blocked.
struct Auditor {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    dual: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Auditor {
    fn start(lab: &Arc<TwoSiteLab>) -> Self {
        let (stop, looks, dual) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let seen = (Arc::clone(&stop), Arc::clone(&looks), Arc::clone(&dual));
        let machines: Vec<Arc<Machine>> = lab.machines().map(Arc::clone).collect();
        let thread = std::thread::spawn(move || {
            let (stop, looks, dual) = seen;
            let mut guarded = false;
            while !stop.load(Ordering::Relaxed) {
                // The one that is asked first must not be opened while the other is asked: asked twice.
                let of = |site| machines.iter().any(|machine| machine.id().site == site && is_live(machine));
                let (primary, alternate, again) = (of(Site::Primary), of(Site::Alternate), of(Site::Primary));
                guarded |= !primary || !alternate;
                looks.fetch_add(1, Ordering::Relaxed);
                if guarded && primary && alternate && again {
                    dual.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::park_timeout(Duration::from_micros(500));
            }
        });
        Self { stop, looks, dual, thread: Some(thread) }
    }

    /// Stops looking, and tells what was seen.
    fn count(&mut self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        (self.looks.load(Ordering::Relaxed), self.dual.load(Ordering::Relaxed))
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Whether a phone gets at a server.
fn is_live(machine: &Machine) -> bool {
    machine.is_up() && machine.lets_probe_in(std::net::IpAddr::from([203, 0, 113, 50]))
}

/// Runs to its end or until it is cut off. What is cut off is dropped on the spot.
async fn killed_or_ended(
    work: impl Future<Output = Result<Ended, Stopped>>,
    cut: Cut,
) -> Option<Result<Ended, Stopped>> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let outcome = match cut {
        Cut::At(moment) => tokio::time::timeout(moment, work).await.ok()?,
        Cut::Before(_) | Cut::After(_) => work.await,
    };
    match outcome {
        Ok(ended) => Some(ended),
        Err(panic) if panic.is::<Killed>() => None,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Moments spread over the time an action takes, the same in every run.
pub fn moments(took: Duration, count: u32) -> impl Iterator<Item = Duration> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        took.mul_f64(f64::from(u16::try_from(state & 0xffff).unwrap()) / 65536.0)
    })
}

/// An error with its causes.
pub fn told(error: &Stopped) -> String {
    flows::carry_out::describe(error)
}

fn active_of(order: &str) -> String {
    let order: serde_json::Value = serde_json::from_str(order).unwrap();
    order["active"].as_str().unwrap().to_owned()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read_to_string(folder.join(name)).unwrap())).collect()
}

/// With links and times as they are.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// The configuration names the key file by its path, which is another one in a copy of the folder.
fn use_own_identity(folder: &Path) {
    let file = folder.join("alternate-1/root/etc/mxone_system_redundancy/config.yaml");
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let key = folder.join("client_key");
    let own = |line: &str| {
        let is_identity = line.trim_start().starts_with("identity:");
        if is_identity { format!("  identity: \"{}\"\n", key.display()) } else { format!("{line}\n") }
    };
    std::fs::write(&file, text.lines().map(own).collect::<Vec<_>>().concat()).unwrap();
}

fn request(force: bool) -> Request {
    Request {
        person: Person { who: "tester".into(), from: "a test".into() },
        reason: force.then(|| "fire at the primary site".to_owned()),
        dry_run: false,
        skipped: BTreeSet::new(),
        force,
    }
}

fn dialog() -> Scripted {
    Scripted { given: Given::default(), yes: true, force: true, teller: Teller::quiet() }
}
