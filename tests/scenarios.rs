//! Each folder of `fixtures/scenarios` is played and must tell the story beside it; the auditor looks at all of them.
//!
//! A folder holds `README` (what it is for), `scenario` and `expected`, and where the story could be another and still be
//! told as expected, `must`: what the story must have, whatever the dice say, and after `not ` what it must not have.
//! `UPDATE_EXPECTED=1` writes the stories anew: read
//! the difference before it is committed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use std::fs;
use std::path::{Path, PathBuf};

use mxone_system_redundancy::lab::simulation::{Excuse, Finding, Scenario, Simulation};

/// All stories are told with one throw of the dice.
const SEED: u64 = 1;
/// What must hold whatever the dice say is looked at for so many throws, and for many more in the long form:
/// `cargo test --release --test scenarios -- --ignored`.
const SEEDS: u64 = 5;
const MANY_SEEDS: u64 = 100;

#[test]
fn every_scenario_tells_the_story_beside_it() {
    let updates = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for folder in folders() {
        let told = play(&folder, SEED).told();
        let expected = folder.join("expected");
        if updates {
            fs::write(&expected, &told).unwrap();
        } else if fs::read_to_string(&expected).unwrap() != told {
            wrong.push(format!("{} tells another story:\n{told}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_scenario_breaks_the_promise_or_its_own_claims_with_some_throws_of_the_dice() {
    hold(SEEDS);
}

#[test]
#[ignore = "takes a minute or two; the command is above"]
fn no_scenario_breaks_the_promise_or_its_own_claims_whatever_the_dice_say() {
    hold(MANY_SEEDS);
}

fn hold(seeds: u64) {
    for folder in folders() {
        let must = fs::read_to_string(folder.join("must")).unwrap_or_default();
        for seed in SEED..=seeds {
            let story = play(&folder, seed);
            let told = story.told();
            assert!(story.violations().is_empty(), "{} with seed {seed}:\n{told}", folder.display());
            for line in must.lines() {
                let is_kept = match line.strip_prefix("not ") {
                    Some(never) => !told.contains(never),
                    None => told.contains(line),
                };
                assert!(is_kept, "{} with seed {seed}, {line}:\n{told}", folder.display());
            }
        }
    }
}

#[test]
fn every_scenario_says_in_a_sentence_what_it_is_for() {
    let folders = folders();
    assert!(folders.len() >= 100, "{}", folders.len());
    for folder in folders {
        let purpose = fs::read_to_string(folder.join("README")).unwrap();
        assert!(purpose.trim_end().ends_with('.') && purpose.len() > 20, "{}: {purpose}", folder.display());
    }
}

#[test]
fn two_live_sites_that_are_excused_are_where_they_are_expected() {
    let excused = |folder: &PathBuf| {
        let story = play(folder, SEED);
        let two = longest(&story).and_then(|(_, excuse)| excuse);
        two.map(|excuse| (folder.file_name().unwrap().to_string_lossy().into_owned(), excuse))
    };
    let found: Vec<(String, Excuse)> = folders().iter().filter_map(excused).collect();
    for (name, excuse) in &found {
        let word = match excuse {
            Excuse::Paused => "paused",
            Excuse::Forced => "forced",
            Excuse::Flushed | Excuse::Unwatched => "flushed",
            Excuse::Conditional => "conditional",
            Excuse::Clock => "clock",
        };
        assert!(name.contains(word), "{name} has two live sites for another reason than its name: {excuse}");
    }
    assert!(found.len() >= 4, "{found:?}");
}

#[test]
fn a_machine_that_stood_still_is_live_beside_the_other_and_blocks_within_a_round_once_it_is_answered() {
    let stories: Vec<Simulation> = (0..20).map(|seed| play(&scenarios().join("paused-for-20-seconds"), seed)).collect();
    assert!(stories.iter().any(|story| matches!(longest(story), Some((_, Some(Excuse::Paused))))));
    for story in stories {
        // One renewal, one round trip, and the time a block takes.
        assert!(longest(&story).is_none_or(|(millis, _)| millis <= 2_100.0), "{}", story.told());
    }
}

#[test]
fn a_machine_that_stood_still_and_hears_nobody_is_live_for_what_remained_of_its_right() {
    let stories: Vec<Simulation> = (0..20).map(|seed| play(&scenarios().join("paused-and-cut-off"), seed)).collect();
    for story in &stories {
        let (millis, excuse) = longest(story).unwrap();
        // A lease of 6 s that was renewed a second before at most; the kernel may be late.
        assert!((4_900.0..=6_600.0).contains(&millis) && excuse == Some(Excuse::Paused), "{}", story.told());
    }
}

#[test]
fn a_line_that_is_not_understood_is_named_with_what_to_write() {
    for (text, told) in [
        ("t=5 cut primary", "line 1: \"primary\" is no line; write it like primary-witness or primary>witness"),
        ("\nt=5 frieze primary", "line 2: \"frieze\" is nothing that happens; write one of cut, heal"),
        ("t=5 pause-vm primary 20", "line 1: \"20\" is no length of time; write it like 250ms, 20s, 10min or 2h"),
        ("t=soon cut primary-alternate", "line 1: \"soon\" is no time; write seconds"),
        ("t=9 heal-all\nt=5 heal-all", "line 2: the lines go forward in time"),
        ("timing slow", "line 1: \"timing slow\" is not understood; write an event like t=120 cut"),
        ("t=5 order primary resign", "line 1: after order write primary hand-over, force"),
        ("t=5 clock-rate witness 3", "line 1: \"3\" is no rate"),
        ("t=5", "line 1: write what happens: one of cut"),
    ] {
        let error = Scenario::read(text).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn the_training_scenario_is_one() {
    assert!(Simulation::run(&Scenario::training().unwrap(), SEED).takeovers >= 3);
}

/// The longest time for which both sites were live, in milliseconds, and what explains it.
fn longest(story: &Simulation) -> Option<(f64, Option<Excuse>)> {
    let two = |finding: &Finding| {
        if let Finding::TwoLive { millis, excuse, .. } = finding { Some((*millis, *excuse)) } else { None }
    };
    story.findings.iter().filter_map(two).max_by(|one, other| one.0.total_cmp(&other.0))
}

fn play(folder: &Path, seed: u64) -> Simulation {
    let text = fs::read_to_string(folder.join("scenario")).unwrap();
    let scenario = Scenario::read(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    Simulation::run(&scenario, seed)
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(scenarios()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios")
}
