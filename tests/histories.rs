//! Histories by chance never have two live sites, and do have them once a rule of the core is broken on purpose.
//!
//! Ten thousand of them: `cargo test --release --test histories -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use mxone_system_redundancy::domain::site::Site;
use mxone_system_redundancy::lab::simulation::{Excuse, Finding, Mutation, Scenario, Simulation, histories};

#[test]
fn two_hundred_histories_never_have_two_live_sites() {
    play(1, 200);
}

#[test]
#[ignore = "takes a minute or two; the command is above"]
fn ten_thousand_histories_never_have_two_live_sites() {
    play(1_000, 10_000);
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    let history = histories::history(42);
    let read_back = Scenario::read(&history.to_string()).unwrap();
    assert_eq!(Simulation::run(&history, 42), Simulation::run(&read_back, 42));
}

#[test]
fn a_promise_no_longer_than_the_lease_is_caught() {
    let lost = "timing fast\nt=20 cut primary-alternate\nt=20 cut primary-witness\nuntil 30";
    caught(Mutation::GuardRemoved, lost, 40);
}

#[test]
fn a_voter_that_forgets_a_lease_with_its_disk_is_caught() {
    let forgetful =
        "t=20 cut primary-alternate\nt=40 kill witness\nt=40 lose-disk witness\nt=40.4 start witness\nuntil 50";
    caught(Mutation::QuarantineOff, forgetful, 10);
}

#[test]
fn a_voter_that_forgets_a_standing_promise_with_its_disk_is_caught() {
    // The primary is live without an end, alone, and both others lose what they promised it.
    let forgetful = "takeover manual automatic\nt=20 cut primary-alternate\nt=20 cut primary-witness\n\
                     t=30 kill witness\nt=30 lose-disk witness\nt=31 start witness\n\
                     t=40 kill alternate\nt=40 lose-disk alternate\nt=41 start alternate\n\
                     t=60 order alternate takeover automatic automatic\nuntil 100";
    caught(Mutation::QuarantineOff, forgetful, 10);
}

#[test]
fn a_release_before_the_block_is_done_is_caught() {
    caught(Mutation::ReleaseBeforeBlock, "t=20 order primary hand-over\nuntil 40", 3);
}

#[test]
fn a_gate_that_is_never_armed_is_caught() {
    // The voters hear that it is armed, and it hears nothing any more.
    let never = "takeover manual manual\nt=20 order primary takeover automatic manual\nt=20 cut alternate>primary\n\
                 t=20 cut witness>primary\nt=22 freeze primary\nuntil 60";
    caught(Mutation::NeverArmed, never, 3);
}

#[test]
fn a_promise_that_is_not_on_disk_is_caught() {
    let forgotten = "takeover manual automatic\nt=15 order primary hand-over\nt=40 cut primary-alternate\n\
                     t=60 kill witness\nt=60.4 start witness\nuntil 100";
    caught(Mutation::ForgetsToKeep, forgotten, 20);
}

#[test]
fn a_gate_that_is_opened_for_a_whole_lease_each_time_has_two_live_sites() {
    // The last requests are answered late, the gate is opened for a lease from then on, and nobody is left to block it.
    let late = "t=10 delay witness>primary 5s\nt=10 delay alternate>primary 5s\n\
                t=40 cut primary>witness\nt=40 cut primary>alternate\n\
                t=44.9 freeze monitor primary\nuntil 80";
    let finds = |finding: &Finding| matches!(finding, Finding::TwoLive { excuse: None, .. });
    assert!((0..40).any(|seed| found(Mutation::ConstantGate, late, seed, finds)));
}

#[test]
fn a_gate_that_is_opened_for_longer_than_the_right_is_found_by_working_the_right_out() {
    let finds = |finding: &Finding| matches!(finding, Finding::OpenedTooLong { .. });
    assert!(found(Mutation::ConstantGate, "until 20", 1, finds));
}

#[test]
fn a_gate_that_is_opened_without_an_end_though_nobody_promised_so_is_found() {
    assert!(found(Mutation::NeverEnds, "until 20", 1, |finding| matches!(finding, Finding::OpenedForGood { .. })));
}

#[test]
fn a_server_that_boots_open_is_found() {
    let finds = |finding: &Finding| matches!(finding, Finding::OpenAtBoot { .. });
    for boots in ["t=20 reboot alternate", "t=20 second-server alternate off\nt=30 second-server alternate on"] {
        assert!(found(Mutation::BootsOpen, boots, 1, finds), "{boots}");
    }
}

#[test]
fn an_epoch_that_falls_is_found_whichever_site_had_the_higher_one() {
    let back = "t=20 order primary hand-over\nt=40 order alternate hand-over\nuntil 60";
    let finds = |finding: &Finding| matches!(finding, Finding::EpochFell { site: Site::Primary, .. });
    assert!(found(Mutation::OpensInOldEpoch, back, 1, finds));
}

#[test]
fn an_epoch_that_both_sites_use_is_found() {
    let finds = |finding: &Finding| matches!(finding, Finding::EpochShared { .. });
    assert!(found(Mutation::SharesEpoch, "t=20 order primary hand-over\nuntil 40", 1, finds));
}

#[test]
fn rules_that_are_not_restored_are_found_and_explain_two_live_sites_no_longer() {
    let flushed = "t=20 flush-rules alternate\nuntil 60";
    assert!(found(Mutation::NeverRestored, flushed, 1, |finding| matches!(finding, Finding::LeftFlushed { .. })));
    let finds = |finding: &Finding| matches!(finding, Finding::TwoLive { excuse: None, .. });
    assert!(found(Mutation::NeverRestored, flushed, 1, finds));
}

#[test]
fn rules_that_are_gone_while_no_monitor_runs_are_told_as_that() {
    let flushed = Scenario::read("t=20 kill monitor alternate\nt=30 flush-rules alternate\nuntil 60").unwrap();
    let story = Simulation::run(&flushed, 1);
    let unwatched = |finding: &Finding| finding.excuse() == Some(Excuse::Unwatched);
    assert!(story.findings.iter().any(unwatched) && story.violations().is_empty(), "{}", story.told());
}

#[test]
fn a_change_of_role_that_nobody_explains_is_found() {
    let finds = |finding: &Finding| matches!(finding, Finding::Unexplained { is_live, .. } if *is_live);
    assert!(found(Mutation::SaysNothing, "until 20", 1, finds));
    let finds = |finding: &Finding| matches!(finding, Finding::Unexplained { is_live, .. } if !*is_live);
    assert!(found(Mutation::SaysNothing, "t=20 order primary hand-over\nuntil 40", 1, finds));
}

#[test]
fn an_alarm_that_is_not_taken_back_is_found() {
    let finds = |finding: &Finding| matches!(finding, Finding::AlarmLeft { .. });
    assert!(found(Mutation::KeepsAlarms, "t=20 flush-rules primary\nuntil 90", 1, finds));
}

#[test]
fn a_history_that_breaks_the_promise_is_shrunk_to_what_breaks_it() {
    let broken = histories::play(1, 40, &[Mutation::ReleaseBeforeBlock]).broken.unwrap();
    assert!(broken.schedule.events.len() <= 3, "{}", broken.schedule);
    assert!(!broken.story.violations().is_empty());
}

fn play(first: u64, how_many: u64) {
    let histories = histories::play(first, how_many, &[]);
    if let Some(broken) = histories.broken {
        panic!("seed {}:\n{}\n{}", broken.seed, broken.schedule, broken.story.told());
    }
    assert!(histories.takeovers as u64 > how_many / 4, "{} takeovers", histories.takeovers);
}

/// Whether a rule that is broken leads to a finding that is there by no means otherwise.
fn found(mutation: Mutation, scenario: &str, seed: u64, finds: impl Fn(&Finding) -> bool) -> bool {
    let scenario = Scenario::read(scenario).unwrap();
    let story = Simulation::run(&scenario, seed);
    assert!(!story.findings.iter().any(&finds), "{}", story.told());
    Simulation::run_with(&scenario, seed, &[mutation]).findings.iter().any(finds)
}

/// With the rule nothing is wrong whatever the seed; without it something is for one of them.
fn caught(mutation: Mutation, scenario: &str, seeds: u64) {
    let scenario = Scenario::read(scenario).unwrap();
    for seed in 0..seeds {
        let story = Simulation::run(&scenario, seed);
        assert!(story.violations().is_empty(), "{}", story.told());
    }
    let breaks = |seed| !Simulation::run_with(&scenario, seed, &[mutation]).violations().is_empty();
    let story = Simulation::run_with(&scenario, 0, &[mutation]);
    assert!((0..seeds).any(breaks), "{mutation:?} is not noticed:\n{}", story.told());
}
