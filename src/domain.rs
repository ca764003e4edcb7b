//! What is: sites, servers, addresses, traffic rules, mirrors, plans and verdicts.
//!
//! Nothing here reads a clock, a file or a network, waits, or rolls dice: all of that is handed in.

pub mod address;
pub mod alarm;
pub mod backup;
pub mod boot;
pub mod configuration;
pub mod given;
pub mod journal;
pub mod lease;
pub mod length;
pub mod plan;
pub mod platform;
pub mod preflight;
pub mod report;
pub mod scan;
pub mod schedule;
pub mod service_address;
pub mod site;
pub mod takeover;
pub mod traffic;
pub mod translation;
