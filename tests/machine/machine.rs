//! What the machine below does to a test. Where a host keeps its guests waiting, a guest stands still for a second or
//! two, and a measurement of milliseconds says nothing: it is made again, and where that does not help it is told.

use std::any::Any;
use std::fmt::Display;
use std::fs::{OpenOptions, create_dir_all};
use std::io::Write;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Where remarks stand; `packaging/test` shows them at its end.
const REMARKS: &str = "remarks";
/// A measurement is made so often at most.
const TRIES: usize = 8;
/// How often the meter looks at the clock.
const LOOKS: Duration = Duration::from_millis(5);

/// Has it told at the end of the run that a test proved less than it is there for, and why.
pub fn remark(text: &dyn Display) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let told = thread::current().name().unwrap_or("a test").to_owned();
    create_dir_all(folder).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join(REMARKS)).unwrap();
    file.write_all(format!("{told}: {text}\n").as_bytes()).unwrap();
}

/// Tries something that a machine standing still for `unfair` would spoil. What fails is tried again if the machine did
/// that meanwhile, but not without end; what fails without it has failed.
pub async fn undisturbed(unfair: Duration, tried: impl AsyncFn()) {
    if let Some(failure) = spoiled(unfair, tried).await {
        resume_unwind(failure);
    }
}

/// The same for a measurement of milliseconds: one that was spoiled each time was skipped, and that is told.
pub async fn measured(unfair: Duration, measure: impl AsyncFn()) {
    if let Some(failure) = spoiled(unfair, measure).await {
        let text = failure.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| failure.downcast_ref::<&str>().copied()).unwrap_or_default();
        remark(&format!("skipped, because this machine stood still in each of {TRIES} tries; the last: {text}"));
    }
}

/// Tries it until it succeeds; the last failure where each try was spoiled.
async fn spoiled(unfair: Duration, tried: impl AsyncFn()) -> Option<Box<dyn Any + Send>> {
    let mut last = None;
    for _ in 0..TRIES {
        let meter = Meter::start();
        let Err(failure) = AssertUnwindSafe(tried()).catch_unwind().await else { return None };
        let stood_still = meter.stop();
        if stood_still < unfair {
            resume_unwind(failure);
        }
        eprintln!("this machine stood still for {stood_still:?}: tried again");
        last = Some(failure);
    }
    last
}

/// Looks at the clock all the time, on every processor: a host may keep one of them waiting and not the other.
struct Meter {
    going: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Duration>>,
}

impl Meter {
    fn start() -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let processors = thread::available_parallelism().unwrap().get();
        let looks_from = |processor: usize| {
            let still = Arc::clone(&going);
            thread::spawn(move || {
                let mut only_there = CpuSet::new();
                only_there.set(processor);
                // Where that is not allowed it looks from wherever it is.
                let _ = sched_setaffinity(None, &only_there);
                let mut longest = Duration::ZERO;
                while still.load(Ordering::Relaxed) {
                    let before = Instant::now();
                    thread::sleep(LOOKS);
                    longest = longest.max(before.elapsed());
                }
                longest
            })
        };
        let threads = (0..processors).map(looks_from).collect();
        Self { going, threads }
    }

    /// The longest time between two looks.
    fn stop(mut self) -> Duration {
        self.going.store(false, Ordering::Relaxed);
        self.threads.drain(..).map(|thread| thread.join().unwrap()).max().unwrap_or_default()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.going.store(false, Ordering::Relaxed);
    }
}
