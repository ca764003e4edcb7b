//! Histories by chance: faults of every kind at any time, and the shortest schedule that still shows a violation.

use std::time::Duration;

use super::Simulation;
use super::dice::Dice;
use super::fault::{Disk, Fault, Health, Line, Order, Power};
use super::scenario::Scenario;
use super::world::Mutation;
use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::lease::{ThirdVote, Timing, Voter};
use crate::domain::site::Site;

/// How long a history is: some twenty promises.
const LENGTH: Duration = Duration::from_secs(200);
/// The last fault ends well before the end, so that its effects are seen.
const LAST: Duration = Duration::from_secs(120);

/// A history that broke the promise.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Its seed.
    pub seed: u64,
    /// The fewest faults that still break it.
    pub schedule: Scenario,
    /// How it goes.
    pub story: Simulation,
}

/// What many histories came to.
#[derive(Debug, Clone, Default)]
pub struct Histories {
    /// How many were played.
    pub played: u64,
    /// How many takeovers there were.
    pub takeovers: usize,
    /// The first that broke the promise.
    pub broken: Option<Broken>,
}

/// Plays histories from a seed on, until one breaks the promise.
#[must_use]
pub fn play(first: u64, how_many: u64, mutations: &[Mutation]) -> Histories {
    let mut histories = Histories::default();
    for seed in first..first.saturating_add(how_many) {
        let scenario = history(seed);
        let story = Simulation::run_with(&scenario, seed, mutations);
        histories.played += 1;
        histories.takeovers += story.takeovers;
        if !story.violations().is_empty() {
            let schedule = shrunk(scenario, seed, mutations);
            let story = Simulation::run_with(&schedule, seed, mutations);
            histories.broken = Some(Broken { seed, schedule, story });
            break;
        }
    }
    histories
}

/// The history of a seed.
#[must_use]
pub fn history(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed ^ 0xa5a5_5a5a);
    let timing = dice.one_of(Timing::STANDARD, &[Timing::FAST, Timing::STANDARD, Timing::WAN]);
    let mut scenario = Scenario { timing, takeover: takeover(&mut dice), until: LENGTH, ..Scenario::default() };
    scenario.takeover.limits.guard = dice.one_of(Duration::ZERO, &[Duration::from_secs(3600)]);
    scenario.takeover.limits.return_after = dice.one_of(None, &[Some(Duration::from_secs(20))]);
    scenario.takeover.limits.degrade_after = dice.one_of(None, &[Some(Duration::from_secs(15)), None]);
    scenario.takeover.limits.hold_off = dice.one_of(Duration::ZERO, &[Duration::from_secs(5)]);
    scenario.takeover.limits.control_needed = dice.one_of(1, &[2]);
    if dice.happens(15) {
        scenario.third = ThirdVote::ControlAddress;
    }
    let drift = f64::from(timing.drift()) / 1_000_000.0;
    for voter in Voter::ALL {
        let rate = dice.one_of(drift, &[-drift, 0.0]);
        scenario.events.push((Duration::ZERO, Fault::ClockRate(voter, rate)));
    }
    for _ in 0..3 + dice.below(8) {
        let at = dice.between(Duration::from_secs(5), LAST);
        let lasts = dice.between(Duration::from_millis(200), Duration::from_secs(30));
        for (after, fault) in misfortune(&mut dice, lasts) {
            scenario.events.push((at + after, fault));
        }
    }
    scenario.events.sort_by_key(|(at, _)| *at);
    scenario
}

/// A fault and, as a rule, its end.
fn misfortune(dice: &mut Dice, lasts: Duration) -> Vec<(Duration, Fault)> {
    let who = dice.one_of(Voter::Witness, &[Voter::Monitor(Site::Primary), Voter::Monitor(Site::Alternate)]);
    let site = dice.one_of(Site::Primary, &[Site::Alternate]);
    let now = Duration::ZERO;
    let line = line(dice);
    let old = Some(Duration::from_secs(50 * 3600));
    match dice.below(20) {
        0 | 1 => vec![(now, Fault::Cut(line)), (lasts, Fault::Heal(line))],
        2 => {
            let cuts = who.others().map(|to| (now, Fault::Cut(Line { from: who, to, both_ways: true })));
            cuts.chain([(lasts, Fault::HealAll)]).collect()
        }
        3 => vec![(now, Fault::Delay(line, Duration::from_secs(8))), (lasts, Fault::Delay(line, now))],
        4 => vec![(now, Fault::Loss(line, 40)), (now, Fault::Duplicate(line, 30)), (lasts, Fault::Loss(line, 0))],
        5 => vec![(now, Fault::Freeze(who)), (lasts, Fault::Thaw(who))],
        6 => vec![(now, Fault::Kill(who)), (lasts / 4, Fault::Start(who))],
        7 => vec![(now, Fault::PowerOff(who)), (lasts, Fault::PowerOn(who))],
        8 => vec![(now, Fault::Reboot(who, dice.one_of(Disk::Kept, &[Disk::Lost])))],
        9 => vec![(now, Fault::DiskFull(who)), (lasts, Fault::DiskFree(who))],
        10 => {
            let answering = dice.one_of(0, &[1]);
            vec![(now, Fault::ControlAddress(site, answering)), (lasts, Fault::ControlAddress(site, 2))]
        }
        11 => vec![(now, Fault::CallServer(site, Health::Ill)), (lasts, Fault::CallServer(site, Health::Well))],
        12 | 13 => vec![(now, Fault::Order(site, order(dice)))],
        14 => vec![(now, Fault::FlushRules(site))],
        15 => vec![(now, Fault::SecondServer(site, Power::Off)), (lasts, Fault::SecondServer(site, Power::On))],
        16 => {
            let age = dice.one_of(None, &[old]);
            vec![(now, Fault::DataAge(age)), (lasts, Fault::DataAge(Some(Duration::from_secs(3600))))]
        }
        // A running process does not notice; the next one finds nothing.
        17 => vec![(now, Fault::LoseDisk(who)), (now, Fault::Kill(who)), (lasts / 4, Fault::Start(who))],
        18 => vec![(now, Fault::LoseDisk(who))],
        _ => vec![(now, Fault::Pause(who, lasts))],
    }
}

fn line(dice: &mut Dice) -> Line {
    let from = dice.one_of(Voter::Witness, &[Voter::Monitor(Site::Primary), Voter::Monitor(Site::Alternate)]);
    let mut others = from.others();
    let (one, other) = (others.next().unwrap_or(from), others.next().unwrap_or(from));
    Line { from, to: dice.one_of(one, &[other]), both_ways: dice.happens(50) }
}

fn order(dice: &mut Dice) -> Order {
    match dice.below(7) {
        0 | 1 => Order::HandOver,
        2 => Order::Hold(Duration::from_secs(30)),
        3 => Order::Acknowledge,
        4 => Order::Force,
        5 => Order::EndHold,
        _ => Order::Takeover(takeover(dice)),
    }
}

fn takeover(dice: &mut Dice) -> TakeoverSettings {
    TakeoverSettings {
        alternate_from_primary: dice.one_of(Mode::Automatic, &[Mode::Automatic, Mode::Manual]),
        primary_from_alternate: dice.one_of(Mode::Manual, &[Mode::Automatic]),
        ..TakeoverSettings::default()
    }
}

/// Leaves out every fault without which the promise is still broken.
fn shrunk(mut scenario: Scenario, seed: u64, mutations: &[Mutation]) -> Scenario {
    let mut at = 0;
    while at < scenario.events.len() {
        let mut shorter = scenario.clone();
        shorter.events.remove(at);
        if Simulation::run_with(&shorter, seed, mutations).violations().is_empty() {
            at += 1;
        } else {
            scenario = shorter;
            at = 0;
        }
    }
    scenario
}
