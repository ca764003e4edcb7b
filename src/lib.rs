//! Keeps an alternate telephony system ready beside a primary one, with at most one of the two sites live.
//!
//! # Rooms
//! ```text
//! faces ──► flows ──► ports ──► domain
//! config ──► domain        adapters ──► ports, domain        lab ──► ports, domain
//! ```
//! `domain` says what is, `ports` what we need, `adapters` how it is done, `flows` what we do (a file an action),
//! `faces` who asks, `config` what a person writes into files, `lab` is the embedded two-site lab. This file wires
//! adapters to faces; nobody else names adapters. `tests/architecture.rs` keeps these arrows.

pub mod adapters;
pub mod config;
pub mod domain;
pub mod faces;
pub mod flows;
pub mod lab;
pub mod ports;

mod maintenance;

pub use maintenance::mxone_maintenance;
