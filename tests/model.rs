//! Every order of events of the lease protocol, in a small world: never two live sites, and sometimes the alternate is.
//!
//! The votes and promises are the real ones; what a site asks for and when is left to chance, so that the proof does not
//! hang on its decisions. Messages are lost (which makes room for others), repeated and overtaken, one voter restarts with
//! its disk, one without, one clock runs slow and one fast. The long form: `cargo test --release --test model -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "model/world.rs"]
mod world;

use world::World;

#[test]
fn a_lease_never_has_two_live_sites_when_the_holders_clock_is_slow() {
    World { slow: 1, ..World::SMALL }.holds();
}

#[test]
fn a_lease_never_has_two_live_sites_when_a_voters_clock_is_fast() {
    World { fast: 1, ..World::SMALL }.holds();
}

#[test]
fn a_voter_that_loses_its_disk_gives_nobody_a_second_live_site() {
    World { lost_disks: 1, letters: 2, ..World::SMALL }.holds();
}

#[test]
fn a_voter_that_restarts_gives_nobody_a_second_live_site() {
    World { restarts: 1, ..World::SMALL }.holds();
}

#[test]
fn standing_promises_arming_and_disarming_never_have_two_live_sites() {
    World { standing: true, repeats: 1, ..World::SMALL }.holds();
}

#[test]
fn handing_over_never_has_two_live_sites() {
    World { releases: 1, asks: 1, standing: true, losses: true, repeats: 1, ..World::SMALL }.holds();
}

#[test]
fn loss_a_slow_clock_and_a_restart_together_never_have_two_live_sites() {
    World { slow: 1, restarts: 1, losses: true, asks: 1, letters: 2, ..World::SMALL }.holds();
}

#[test]
#[ignore = "takes many minutes; the command is above"]
fn more_of_everything_never_has_two_live_sites() {
    World { until: 5, promise: 3, slow: 1, fast: 1, ..World::SMALL }.holds();
    World { letters: 4, slow: 1, restarts: 1, losses: true, repeats: 1, ..World::SMALL }.holds();
    World { letters: 4, standing: true, releases: 1, asks: 1, losses: true, repeats: 1, ..World::SMALL }.holds();
    World { until: 5, restarts: 1, lost_disks: 1, ..World::SMALL }.holds();
    World { until: 5, standing: true, releases: 1, restarts: 1, ..World::SMALL }.holds();
}

#[test]
fn a_promise_that_is_one_unit_too_short_is_caught() {
    World { slow: 1, promise: 1, ..World::SMALL }.fails();
}

#[test]
fn a_voter_that_votes_at_once_without_its_disk_is_caught() {
    World { lost_disks: 1, quarantine: false, ..World::SMALL }.fails();
}

#[test]
fn a_release_without_a_block_is_caught() {
    World { releases: 1, asks: 1, standing: true, blocks: false, ..World::SMALL }.fails();
}
