//! The terminal UI: a dashboard, menus with the product's literal words, wizards, the translation editor.
//!
//! [`App`] is a value: what happened goes in through its pure `update`, effects come out, `view` draws it.
//! [`session`] carries the effects out. A flow runs as a task of its own and speaks with the screen through a
//! [`Conversation`](conversation::Conversation), so that nothing blocks the keys.

#![allow(clippy::wildcard_enum_match_arm, reason = "of the many keys and events of a terminal most mean nothing here")]

pub mod app;
pub mod conversation;
pub mod dashboard;
pub mod draw;
pub mod editor;
pub mod events;
pub mod field;
pub mod files;
pub mod finder;
pub mod form;
pub mod help;
pub mod history;
pub mod job;
pub mod look;
pub mod mirrors;
pub mod screen;
pub mod session;
pub mod text;

use app::App;
use look::Look;
use session::World;

use crate::faces::failure::Failure;

/// Opens the terminal UI.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn open(world: World, zone: chrono_tz::Tz, colour: bool) -> Result<(), Failure> {
    let who = world.person.who.clone();
    let now = world.ports.clock.now();
    session::run(world, App::new(who, zone, Look::new(colour), now)).await
}
