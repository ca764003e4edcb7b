//! The screen of `mxone_maintenance` as a value: what happened goes in, effects come out.

#![allow(clippy::wildcard_enum_match_arm, reason = "of the many keys of a terminal most mean nothing here")]

use std::cell::Cell;

use chrono::{DateTime, Local};
use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent};

use super::menu::TOP;
use super::words;
use crate::faces::failure::{Exit, Failure};
use crate::faces::terminal::dashboard::Dashboard;
use crate::faces::terminal::field::Field;
use crate::faces::terminal::finder::Finder;
use crate::faces::terminal::help::HelpScreen;
use crate::faces::terminal::look::Look;
use crate::flows::maintenance::{Action, Change, Done, Reading};

mod keys;

/// What reaches the screen.
#[derive(Debug)]
pub(super) enum Happened {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size now, or time has passed.
    Passed,
    /// This server was read, or could not be.
    Read(Box<Looked>),
    /// This server was read because a person chose `list`.
    Listed(Box<Looked>),
    /// The changes of an action, or why it is not done.
    Planned(Wanted, Result<Vec<Change>, Failure>),
    /// An action was carried out, or not.
    Ended(Wanted, Result<Box<Done>, Failure>),
}

/// What is to be done outside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The changes of an action are planned; nothing is changed.
    Plan(Wanted),
    /// The changes that were confirmed are made.
    CarryOut(Wanted, Vec<Change>),
    /// This server is read for `list`.
    List,
    /// This server is read again now.
    ReadAgain,
    /// The program is stopped, as Ctrl-Z does.
    Suspend,
    /// The program ends.
    Leave,
}

/// A look at this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looked {
    /// When it began: what was read is as old as that.
    pub at: DateTime<Local>,
    /// What was read, or why nothing could be.
    pub seen: Result<Seen, Failure>,
}

/// What was read of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// How it is.
    pub reading: Reading,
    /// What is to be said about it.
    pub notes: Vec<String>,
}

/// An action as a person wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The action.
    pub action: Action,
    /// Whether it is done although system redundancy is configured here.
    pub overriding: bool,
    /// Why.
    pub reason: Option<String>,
}

/// What lies over the menu.
#[derive(Debug)]
pub(super) enum Over {
    Finder(Finder),
    Help(Box<HelpScreen>),
    /// Something is read or planned, which can be left, or changed, which cannot.
    Works(Option<Wanted>, Work),
    /// Changes to be confirmed; whether "Do it" is chosen, not "Cancel".
    Confirm(Wanted, Vec<Change>, bool),
    /// Why it is done all the same is asked for; whether it was entered empty.
    Reason(Wanted, Field, bool),
    /// How something ended; whether the override is chosen, where there is one.
    Ended(Ended),
}

/// What works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing is changed.
    Looks,
    /// Something is changed.
    Changes,
}

/// How something ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What was wanted; nothing where a person only looked.
    pub wanted: Option<Wanted>,
    /// What is told.
    pub result: Result<String, Failure>,
    /// Whether the override is chosen.
    pub overriding: bool,
}

impl Ended {
    /// What was refused and may be done all the same, with a reason.
    pub(super) fn may_be_overridden(&self) -> Option<&Wanted> {
        let is_refused = self.result.as_ref().is_err_and(|failure| failure.exit == Exit::Refused);
        self.wanted.as_ref().filter(|wanted| is_refused && !wanted.overriding)
    }
}

/// The screen.
pub(super) struct App {
    pub(super) looked: Option<Looked>,
    pub(super) menu: Dashboard,
    pub(super) over: Vec<Over>,
    /// What the command line says of every action: whether it overrides, and why.
    pub(super) given: (bool, Option<String>),
    pub(super) place: String,
    pub(super) look: Look,
    pub(super) now: DateTime<Local>,
    pub(super) scroll: usize,
    /// Lines there are and lines that fit, as drawn last.
    pub(super) drawn: Cell<(usize, usize)>,
}

impl App {
    /// The menu, before anything was read. `place` says who sits where.
    pub(super) fn new(place: String, given: (bool, Option<String>), look: Look, now: DateTime<Local>) -> Self {
        let menu = Dashboard::of(TOP);
        let (over, drawn) = (Vec::new(), Cell::default());
        Self { looked: None, menu, over, given, place, look, now, scroll: 0, drawn }
    }

    /// Whether something is changed at this moment.
    pub(super) fn is_changing(&self) -> bool {
        self.over.iter().any(|over| matches!(over, Over::Works(_, Work::Changes)))
    }

    /// Takes in what happened.
    pub(super) fn update(&mut self, happened: Happened, now: DateTime<Local>) -> Vec<Effect> {
        self.now = now;
        match happened {
            Happened::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Happened::Key(key) => self.key(key),
            Happened::Mouse(mouse) => self.mouse(mouse),
            Happened::Passed => Vec::new(),
            Happened::Read(looked) => self.read(*looked),
            Happened::Listed(looked) => {
                if self.awaited(None, Work::Looks) {
                    let result = looked.seen.clone().map(|seen| words::report(&seen.reading, &[], false));
                    self.show(Over::Ended(Ended { wanted: None, result, overriding: false }));
                }
                self.read(*looked)
            }
            Happened::Planned(wanted, planned) => {
                if self.awaited(Some(&wanted), Work::Looks) {
                    self.show(match planned {
                        Ok(changes) => Over::Confirm(wanted, changes, false),
                        Err(failure) => {
                            Over::Ended(Ended { wanted: Some(wanted), result: Err(failure), overriding: false })
                        }
                    });
                }
                Vec::new()
            }
            Happened::Ended(wanted, result) => self.ended(wanted, result),
        }
    }

    fn read(&mut self, looked: Looked) -> Vec<Effect> {
        self.looked = Some(looked);
        Vec::new()
    }

    /// Whether somebody still waits for this; the waiting is over then.
    fn awaited(&mut self, wanted: Option<&Wanted>, work: Work) -> bool {
        let waits = |over: &Over| matches!(over, Over::Works(w, k) if w.as_ref() == wanted && *k == work);
        let place = self.over.iter().position(waits);
        place.map(|place| self.over.remove(place)).is_some()
    }

    fn ended(&mut self, wanted: Wanted, result: Result<Box<Done>, Failure>) -> Vec<Effect> {
        self.awaited(Some(&wanted), Work::Changes);
        let told =
            |done: &Done| [vec![words::report(&done.reading, &[], false)], words::remarks(done)].concat().join("\n");
        let result = result.map(|done| {
            let told = told(&done);
            let seen = Ok(Seen { reading: done.reading, notes: Vec::new() });
            self.read(Looked { at: self.now, seen });
            told
        });
        self.show(Over::Ended(Ended { wanted: Some(wanted), result, overriding: false }));
        vec![Effect::ReadAgain]
    }

    fn show(&mut self, over: Over) {
        self.scroll = 0;
        // The help that a person reads stays above what comes meanwhile.
        let place = self.over.iter().position(|over| matches!(over, Over::Help(_))).unwrap_or(self.over.len());
        self.over.insert(place, over);
    }
}

#[cfg(test)]
mod tests;
