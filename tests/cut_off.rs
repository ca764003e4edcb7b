//! Every action on the embedded lab, cut off before and after every line it writes down, and at any moment between:
//! resumed or abandoned in turn it ends as it must, and two sites are never live.
//!
//! Being cut off is a flow that is dropped on the spot, with its connections, as a `kill -9` does it; what servers had
//! been told already goes on there. `tests/killed.rs` does the same to the real program, with fewer moments.
//!
//! # Which test fails when a safety rule of DESIGN §5 is broken
//! | rule | broken by | test that fails |
//! | --- | --- | --- |
//! | 1 break before make | `Allow` before `Block` in a plan | here: each takeover (the auditor) |
//! | 1 proved, not believed | `ConfirmBlocked` does nothing | here: `a_block_that_vanishes…` |
//! | 1 the way back breaks first | `Allow` before `Block` in the way back | here: each takeover, abandoned |
//! | 2 killed anywhere | `journal.begin` left out | here: every action ("is kept as unfinished") |
//! | 2 two at once | no lock | `tests/concurrent.rs` |
//! | 3 boots blocked, opened by a confirmation | the monitor opens without asking | `domain::boot`, here: `a_primary_that_comes_back…` |
//! | 3 a newer order wins | the epoch is not raised | here: each takeover (the order is refused) |
//! | 4 nobody is locked out | a block whose confirmation was cut off is not made up for | here: takeovers ("waits for a confirmation") |
//! | 7 no load touches a live system | the check is left out | `tests/call_server.rs` and the end-to-end tests |
#![allow(
    clippy::large_futures,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

#[path = "cut_off/dying.rs"]
mod dying;
#[path = "cut_off/world.rs"]
mod world;

use std::time::Instant;

use mxone_system_redundancy::domain::journal::Event;
use mxone_system_redundancy::domain::plan::Step;
use mxone_system_redundancy::domain::site::Site;
use mxone_system_redundancy::domain::traffic::Family;
use mxone_system_redundancy::flows::Stopped;
use mxone_system_redundancy::flows::recover::Way;
use mxone_system_redundancy::lab::packet_filter::PacketFilter;
use mxone_system_redundancy::lab::system;

use world::{Cut, Deed, Prepared, Seen, moments, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configure_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::Configure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::Copy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_of_a_mirror_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::Load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_back_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::RollBack).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_by_the_alternate_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::ToAlternate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_by_the_primary_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::ToPrimary).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_takeover_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::Forced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_cut_off_anywhere_is_finished_or_taken_back() {
    cut_off_everywhere(Deed::Remove).await;
}

/// A way back that is cut off as well, at each of its lines, is gone to its end by either word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_takeover_cut_off_again_still_goes_back() {
    let deed = Deed::ToAlternate;
    let prepared = Prepared::new(deed).await;
    let before = prepared.world().await.look();
    for second in 1.. {
        let world = prepared.world().await;
        // The alternate is open and not yet proved: the way back has the most to do.
        let opened = prepared.end_of_step(4);
        assert!(world.act_until(deed, Cut::After(opened)).await.is_none(), "cut off");
        let ended = world.recover_until(Way::Abandon, Cut::After(second)).await;
        if ended.is_some() {
            assert!(second > 10, "the way back writes down each step");
            break;
        }
        let way = if second % 2 == 0 { Way::Resume } else { Way::Abandon };
        match world.recover(way).await {
            Ok(_) | Err(Stopped::NothingUnfinished) => {}
            Err(error) => panic!("cut off again after line {second}: {}", told(&error)),
        }
        assert_eq!(world.look().traffic(), before.traffic(), "cut off again after line {second}, then {way:?}");
        world.end(&format!("{second}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_vanishes_before_it_is_proved_opens_no_other_site() {
    let deed = Deed::ToAlternate;
    let world = Prepared::new(deed).await.world().await;
    let before = world.look();
    let thief = world.server("primary/2");
    let ended = world
        .act_while(deed, move |event| {
            if matches!(event, Event::Before { change: Step::ConfirmBlocked { .. }, number: 2 }) {
                for family in Family::BOTH {
                    thief.filter(family, |filter| *filter = PacketFilter::new(family));
                }
            }
        })
        .await;
    assert!(matches!(ended, Err(Stopped::WentBack { .. })), "{ended:?}");
    assert_eq!(world.look().traffic(), before.traffic());
    world.end("vanished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_comes_back_after_a_forced_takeover_stays_blocked() {
    let world = Prepared::new(Deed::Forced).await.world().await;
    world.act(Deed::Forced).await.unwrap();
    for lim in ["primary/1", "primary/2"] {
        world.lab.boot(lim.parse().unwrap()).unwrap();
    }
    world.monitor_round().await;
    assert!(!world.look().lives(Site::Primary), "while its cable is still out");
    world.lab.heal(Site::Primary);
    for _ in 0..3 {
        world.monitor_round().await;
    }
    assert!(!world.look().lives(Site::Primary), "it has learned the newer order");
    assert!(world.look().lives(Site::Alternate));
    world.end("came back");
}

/// The fire breaks out in the middle of a planned takeover: it can be neither finished nor taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_takeover_takes_the_place_of_one_that_lost_its_other_side() {
    let prepared = Prepared::new(Deed::ToAlternate).await;
    for step in 1..=4 {
        let line = prepared.end_of_step(step);
        let world = prepared.world().await;
        assert!(world.act_until(Deed::ToAlternate, Cut::After(line)).await.is_none(), "cut off");
        world.lose_the_primary();
        let resumed = world.recover(Way::Resume).await;
        assert!(matches!(resumed, Err(Stopped::Stuck { .. })), "{resumed:?}");
        assert!(matches!(world.recover(Way::Abandon).await, Err(Stopped::Stuck { .. })));
        assert!(matches!(world.act(Deed::ToAlternate).await, Err(Stopped::Unfinished(_))));
        world.act(Deed::Forced).await.unwrap();
        assert!(world.look().lives(Site::Alternate), "line {line}");
        world.end(&format!("line {line}"));
    }
}

/// `remove` works with the primary gone, also when it goes in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_loses_the_primary_is_finished_or_taken_back() {
    let prepared = Prepared::new(Deed::Remove).await;
    for (way, configured) in [(Way::Resume, false), (Way::Abandon, true)] {
        let world = prepared.world().await;
        assert!(world.act_until(Deed::Remove, Cut::After(prepared.end_of_step(1))).await.is_none(), "cut off");
        world.lose_the_primary();
        world.recover(way).await.unwrap();
        assert_eq!(world.look().configured, configured, "{way:?}");
        world.end("lost");
    }
}

/// What an earlier configuration left is not thrown away by a configure that is taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_of_an_earlier_configuration_outlive_an_abandoned_configure() {
    let world = Prepared::new(Deed::Remove).await.world().await;
    world.act(Deed::Remove).await.unwrap();
    let before = world.look();
    assert!(!before.mirrors.is_empty(), "a removal leaves the mirrors");
    system::back_up(&world.server("primary/1")).unwrap();
    let proved = Prepared::new(Deed::Configure).await.end_of_step(4);
    assert!(world.act_until(Deed::Configure, Cut::After(proved)).await.is_none(), "cut off");
    world.recover(Way::Abandon).await.unwrap();
    assert_eq!(world.look().mirrors, before.mirrors);
    world.end("mirrors");
}

async fn cut_off_everywhere(deed: Deed) {
    let prepared = Prepared::new(deed).await;
    let untouched = prepared.world().await;
    let before = untouched.look();
    let begun = Instant::now();
    untouched.act(deed).await.unwrap();
    let took = begun.elapsed();
    let done = untouched.look();
    assert_ne!(before, done, "{deed:?} changes something");
    untouched.end("undisturbed");
    let case = Case { prepared, deed, before, done };
    // Each step is cut off before and after its deed. Which of both goes on, and which goes back, takes turns from step
    // to step.
    for line in 1..=case.prepared.lines() {
        let way = if line / 2 % 2 == 0 { Way::Resume } else { Way::Abandon };
        for cut in [Cut::Before(line), Cut::After(line)] {
            case.try_out(cut, way).await;
        }
    }
    for (i, moment) in moments(took, MOMENTS).enumerate() {
        case.try_out(Cut::At(moment), if i % 2 == 0 { Way::Resume } else { Way::Abandon }).await;
    }
}

/// How many moments within an action are tried, beside all its lines.
const MOMENTS: u32 = 12;

/// An action, and how the world looks before it and after it.
struct Case {
    prepared: Prepared,
    deed: Deed,
    before: Seen,
    done: Seen,
}

impl Case {
    async fn try_out(&self, cut: Cut, way: Way) {
        let story = format!("{:?} cut off {cut:?}, then {way:?}", self.deed);
        let mut world = self.prepared.world().await;
        world.act_until(self.deed, cut).await;
        let was_begun = world.is_unfinished();
        let (record, end) = self.prepared.record_and_end();
        match cut {
            Cut::Before(line) => assert_eq!(was_begun, record < line && line <= end, "{story}: kept as unfinished"),
            Cut::After(line) => assert_eq!(was_begun, record <= line && line < end, "{story}: kept as unfinished"),
            Cut::At(_) => {}
        }
        if was_begun {
            world.check_that_it_is_told(&story).await;
            if way == Way::Abandon {
                world.stop_counting_if_both_were_open(self.deed);
            }
            world.recover(way).await.unwrap_or_else(|error| panic!("{story}: {}", told(&error)));
        } else if way == Way::Resume && world.look() != self.done {
            assert_eq!(world.look(), self.before, "{story}: nothing was begun");
            world.act(self.deed).await.unwrap_or_else(|error| panic!("{story}: {}", told(&error)));
        }
        let seen = world.look();
        match (way, was_begun) {
            (Way::Resume, _) => assert_eq!(seen, self.done, "{story}: is done"),
            (Way::Abandon, true) => seen.assert_as_before(self.deed, &self.before, &story),
            (Way::Abandon, false) => assert!(seen == self.before || seen == self.done, "{story}: {seen:?}"),
        }
        world.check_that_nothing_is_left(was_begun, &story);
        world.end(&story);
    }
}
