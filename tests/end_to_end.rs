//! The product end to end: the real binary at LIM 1 of the alternate, real servers, packet filters, call servers and
//! phones, and an auditor outside of it all.
#![allow(
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "end_to_end/by_keys.rs"]
mod by_keys;
#[path = "end_to_end/configure.rs"]
mod configure;
#[path = "end_to_end/data.rs"]
mod data;
#[path = "end_to_end/ending.rs"]
mod ending;
#[path = "end_to_end/every_leaf.rs"]
mod every_leaf;
#[path = "journal/journal.rs"]
mod journal;
#[path = "end_to_end/keys.rs"]
mod keys;
#[path = "lab/lab.rs"]
mod lab;
#[path = "end_to_end/loss.rs"]
mod loss;
#[path = "end_to_end/pair.rs"]
mod pair;
#[path = "terminal/seat.rs"]
#[allow(dead_code, reason = "it is made for the tests of the terminal UI")]
mod seat;
#[path = "end_to_end/takeover.rs"]
mod takeover;
