//! The product end to end: the real binary at LIM 1 of the alternate, real servers, packet filters, call servers and
//! phones, and an auditor outside of it all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "end_to_end/configure.rs"]
mod configure;
#[path = "lab/lab.rs"]
mod lab;
#[path = "end_to_end/pair.rs"]
mod pair;
