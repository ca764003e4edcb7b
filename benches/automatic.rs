//! How long no site answers when the live one is lost, with the profile `fast`, as a SIP client sees it; beside
//! keepalived with its defaults, which has two live machines when one is frozen. And what each costs at rest.
//! Two are live when both answer at one time, the one behind a pulled cable by a line of the auditor's own.
//! For each cause and from both sites, 200 times, without keepalived:
//! `cargo test --release --test automatic two_hundred -- --ignored --nocapture`.
//!
//! `cargo bench --bench automatic`, as root; `LAB_PROGRAMS` names a folder with a release build. `AUTOMATIC_ROUNDS` sets
//! how often each fault is measured (5), `AUTOMATIC_REST` for how many seconds the cost at rest is counted (20). The
//! part about keepalived needs its package.
//! To reach: 2.5 s after a pulled cable, never two live; at rest 25 MiB and 0.5 % of a core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints a table, and one that cannot run says why and ends"
)]
#![allow(dead_code, reason = "it uses its part of the lab, of the pair and of the trio")]

#[path = "../tests/lab/lab.rs"]
mod lab;
#[path = "../tests/end_to_end/pair.rs"]
mod pair;
#[path = "../tests/automatic/trio.rs"]
mod trio;
#[path = "automatic/vrrp.rs"]
mod vrrp;

use std::time::Duration;

use lab::story::BLIND_AT_MOST;
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use trio::Trio;
use vrrp::Vrrp;

/// What the kernel counts the time of processes in.
const TICK: Duration = Duration::from_millis(10);

/// What is done to the live site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Cable,
    Frozen,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::Cable => "cable pulled",
            Self::Frozen => "process frozen",
        }
    }
}

/// What came of a fault.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    /// How long no site served.
    none: Duration,
    /// Whether two were live.
    two: bool,
}

fn main() {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |word| word.parse().unwrap());
    let (rounds, rest) = (number("AUTOMATIC_ROUNDS", 5), number("AUTOMATIC_REST", 20));
    println!(
        "The live site is lost {rounds} times in each way: how long no site answers, and how often two are live.\n"
    );
    println!("  {:<14} {:<16} {:>9} {:>9} {:>9}", "", "", "median", "worst", "two live");
    for fault in [Fault::Cable, Fault::Frozen] {
        row("the product", fault, (0..rounds).map(|_| ours(fault)).collect());
        if Vrrp::is_there() {
            let theirs = (0..rounds).map(|number| Vrrp::started(number).suffer(fault)).collect();
            row("keepalived", fault, theirs);
        }
    }
    println!("\nAt rest for {rest} s:");
    at_rest(Duration::from_secs(rest as u64));
    if !Vrrp::is_there() {
        println!("\nkeepalived is not installed, so there is nothing beside it.");
    }
}

fn ours(fault: Fault) -> Outcome {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        match fault {
            Fault::Cable => trio.pair.lab.cut(trio.first(Primary)),
            Fault::Frozen => trio.monitor(Primary).signal("STOP"),
        }
        trio.wait_live(Alternate);
    });
    let blind = story.blind_for();
    if blind > BLIND_AT_MOST {
        println!("  the auditor was held up for {blind:.2?}: that it saw no two live sites proves nothing");
    }
    Outcome { none: story.gap().length, two: !story.dual_live().is_empty() }
}

fn row(who: &str, fault: Fault, mut outcomes: Vec<Outcome>) {
    outcomes.sort_unstable_by_key(|outcome| outcome.none);
    let shown = |outcome: Option<&Outcome>| outcome.map_or(String::new(), |o| format!("{:.2} s", o.none.as_secs_f64()));
    let two = outcomes.iter().filter(|outcome| outcome.two).count();
    let (median, worst) = (shown(outcomes.get(outcomes.len() / 2)), shown(outcomes.last()));
    println!("  {who:<14} {:<16} {median:>9} {worst:>9} {two:>6} of {}", fault.name(), outcomes.len());
}

fn at_rest(length: Duration) {
    let trio = Trio::started();
    let vrrp = Vrrp::is_there().then(|| Vrrp::started(0));
    let mut watched = vec![
        ("the live monitor", family(trio.monitor(Primary).id())),
        ("the other monitor", family(trio.monitor(Alternate).id())),
    ];
    watched.extend(vrrp.iter().map(|vrrp| ("keepalived, live", vrrp.processes(0))));
    let before: Vec<Duration> = watched.iter().map(|(_, pids)| pids.iter().map(|pid| spent(*pid)).sum()).collect();
    let (stolen, all) = machine_time();
    std::thread::sleep(length);
    let (stolen_after, all_after) = machine_time();
    for ((name, pids), before) in watched.into_iter().zip(before) {
        let after: Duration = pids.iter().map(|pid| spent(*pid)).sum();
        let share = after.saturating_sub(before).as_secs_f64() / length.as_secs_f64() * 100.0;
        let memory: u32 = pids.iter().map(|pid| resident(*pid)).sum();
        println!("  {name:<20} {share:>6.2} % of a core {:>8.1} MiB", f64::from(memory) / 1024.0);
    }
    // What a process waited for its machine's host counts as its own time.
    let taken = 100 * (stolen_after - stolen) / (all_after - all).max(1);
    println!("  the host kept this machine waiting for {taken} % of the time, which is counted in");
}

/// The time that this machine waited for its host, and all of its time, in ticks.
fn machine_time() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal: proc_stat(5).
    let ticks: Vec<u64> = stat.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    (ticks.last().copied().unwrap_or_default(), ticks.iter().sum())
}

/// A process and the children it has now, such as a standing nft.
fn family(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let children: String = children.collect();
    std::iter::once(pid).chain(children.split_whitespace().filter_map(|word| word.parse().ok())).collect()
}

/// The processor time of a process and of its children that have ended.
fn spent(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    // utime, stime, cutime and cstime are the 14th to 17th words of proc(5), counted from the process id.
    let ticks: u32 = after_name.split(' ').skip(11).take(4).filter_map(|word| word.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// Resident memory in KiB.
fn resident(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn signal(name: &str, pid: u32) {
    lab::tool::must("kill", &[&format!("-{name}"), &pid.to_string()]);
}
