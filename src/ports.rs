//! What the flows need from the world, in the domain's words.
//!
//! Every port is a small `dyn` trait; `adapters/` says how it is done, `lab/` and the tests do it in other ways.

pub mod backup_source;
pub mod call_server;
pub mod clock;
pub mod conversation;
pub mod dialog;
pub mod documents;
pub mod echo;
pub mod events;
pub mod gate;
pub mod gauges;
pub mod host;
pub mod journal;
pub mod messages;
pub mod mirror_store;
pub mod notifier;
pub mod service;
pub mod service_address;
pub mod settings;
pub mod systems;
pub mod traffic_control;
pub mod voter;
pub mod voter_setup;
