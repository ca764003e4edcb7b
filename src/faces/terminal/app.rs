//! The whole terminal UI as a value: what happened goes in, effects come out.

use std::cell::Cell;
use std::path::PathBuf;

use chrono::{DateTime, Local};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::conversation::{Asked, Reply, Said};
use super::dashboard::{Dashboard, Facts};
use super::editor::{self, Editor, Purpose};
use super::finder::Finder;
use super::form::Form;
use super::help::{HelpScreen, HelpWish};
use super::history::History;
use super::job::{Invocation, Job};
use super::look::Look;
use super::mirrors::Mirrors;
use super::text::{self, Text};
use crate::domain::translation::TranslationTable;
use crate::faces::failure::Failure;

pub(in crate::faces) mod view;
mod wishes;

/// Why nobody leaves now.
pub(in crate::faces) const UNDER_WAY: &str = "a change is under way; wait for its end";

/// What reaches the screen.
#[derive(Debug)]
pub enum Happened {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size now, or time has passed.
    Passed,
    /// Both systems were read.
    Read(Box<Facts>),
    /// The running command says something.
    Said(Said),
    /// What the translation editor begins with was read.
    Opened(Result<Box<editor::Given>, Failure>),
    /// The editor's table was kept, or not.
    Saved(Result<(), Failure>),
    /// A table was read from a file, or not.
    Imported(Result<TranslationTable, String>),
    /// A line for the editor.
    Told(String),
    /// A text to read: its title, and itself.
    Text(String, String),
}

/// What is to be done outside.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// A command is started.
    Start(Invocation),
    /// The running command gets an answer.
    Reply(Reply),
    /// The running command is broken off; nothing was changed yet.
    Cancel,
    /// The running copy is broken off and taken back.
    BreakOff,
    /// Both systems are read again now.
    ReadAgain,
    /// The table and the newest mirror's addresses are read for the editor.
    OpenTranslation,
    /// The editor's table is kept.
    Save(TranslationTable, String),
    /// A table is read from a file.
    Import(PathBuf),
    /// A table is written into a file.
    Export(TranslationTable, PathBuf),
    /// What the next load would change with a table is looked up.
    Preview(TranslationTable),
    /// A text goes to the terminal's clipboard.
    Copy(String),
    /// The program is stopped, as Ctrl-Z does.
    Suspend,
    /// The program ends.
    Leave,
}

/// What lies over the dashboard.
enum Over {
    Form(Form),
    Finder(Finder),
    Job(Box<Job>),
    History(History),
    Mirrors(Mirrors),
    Editor { editor: Box<Editor>, leaves: bool },
    Help(Box<HelpScreen>),
    Text(Text),
}

/// The terminal UI.
pub struct App {
    facts: Facts,
    dashboard: Dashboard,
    over: Vec<Over>,
    who: String,
    zone: chrono_tz::Tz,
    look: Look,
    now: DateTime<Local>,
    /// The size of the terminal, as drawn last.
    area: Cell<Rect>,
}

impl App {
    /// The dashboard of a person, before anything was read.
    #[must_use]
    pub fn new(who: String, zone: chrono_tz::Tz, look: Look, now: DateTime<Local>) -> Self {
        Self {
            facts: Facts::default(),
            dashboard: Dashboard::default(),
            over: Vec::new(),
            who,
            zone,
            look,
            now,
            area: Cell::default(),
        }
    }

    /// Whether a change is under way.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.job().is_some_and(Job::is_changing)
    }

    /// Takes in what happened.
    pub fn update(&mut self, happened: Happened, now: DateTime<Local>) -> Vec<Effect> {
        self.now = now;
        match happened {
            Happened::Key(key) if key.kind == KeyEventKind::Release => {}
            Happened::Key(key) => return self.key(key),
            Happened::Mouse(mouse) => return self.mouse(mouse),
            Happened::Said(said) => return self.said(said),
            Happened::Saved(result) => return self.saved(result),
            Happened::Passed => {}
            Happened::Read(facts) => self.read(*facts),
            Happened::Opened(Ok(given)) => {
                let editor = Box::new(Editor::new(*given, Purpose::Settings));
                self.over.push(Over::Editor { editor, leaves: false });
            }
            Happened::Opened(Err(failure)) => self.over.push(Over::Text(Text::of(&failure))),
            Happened::Imported(Ok(table)) => {
                if let Some(editor) = self.editor_mut() {
                    editor.imported(table);
                }
            }
            Happened::Imported(Err(told)) | Happened::Told(told) => {
                if let Some(editor) = self.editor_mut() {
                    editor.tell(&told);
                }
            }
            Happened::Text(title, text) => self.over.push(Over::Text(Text::new(title, text))),
        }
        Vec::new()
    }

    fn read(&mut self, facts: Facts) {
        if let Some(Over::History(history)) = self.over.last_mut() {
            history.refresh(&facts.history);
        }
        self.facts = facts;
    }

    fn job(&self) -> Option<&Job> {
        self.over.iter().rev().find_map(|over| match over {
            Over::Job(job) => Some(&**job),
            _ => None,
        })
    }

    fn job_mut(&mut self) -> Option<&mut Job> {
        self.over.iter_mut().rev().find_map(|over| match over {
            Over::Job(job) => Some(&mut **job),
            _ => None,
        })
    }

    fn editor_mut(&mut self) -> Option<&mut Editor> {
        self.over.iter_mut().rev().find_map(|over| match over {
            Over::Editor { editor, .. } => Some(&mut **editor),
            _ => None,
        })
    }

    fn said(&mut self, said: Said) -> Vec<Effect> {
        let now = self.now;
        let is_over = matches!(said, Said::Over { .. });
        let given = match &said {
            Said::Asked(Asked::Translation { scan, table }) => {
                let (scan, table) = (Some((**scan).clone()), table.clone());
                Some(editor::Given { scan, table, alternate: Vec::new(), mirror: None })
            }
            _ => None,
        };
        if let Some(job) = self.job_mut() {
            job.heard(said, now);
        }
        if let Some(given) = given {
            let editor = Box::new(Editor::new(given, Purpose::Wizard));
            self.over.push(Over::Editor { editor, leaves: false });
        }
        if is_over { vec![Effect::ReadAgain] } else { Vec::new() }
    }

    fn saved(&mut self, result: Result<(), Failure>) -> Vec<Effect> {
        let leaves = matches!(self.over.last(), Some(Over::Editor { leaves: true, .. }));
        let Some(editor) = self.editor_mut() else { return Vec::new() };
        match result {
            Ok(()) => {
                editor.saved();
                if leaves {
                    self.over.pop();
                }
                vec![Effect::ReadAgain]
            }
            Err(failure) => {
                let hint = failure.hint.map_or_else(String::new, |hint| format!("; {hint}"));
                editor.tell(&format!("not saved: {}{hint}", failure.error));
                Vec::new()
            }
        }
    }

    fn popped(&mut self) -> Vec<Effect> {
        self.over.pop();
        Vec::new()
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('z' | 'c') if self.is_changing() => return self.advise(UNDER_WAY),
                KeyCode::Char('z') => return vec![Effect::Suspend],
                KeyCode::Char('c') => return vec![Effect::Leave],
                _ => {}
            }
        }
        let Some(over) = self.over.last_mut() else {
            let wish = self.dashboard.on_key(key, &self.facts);
            return wish.map_or_else(Vec::new, |wish| self.dashboard_wish(&wish));
        };
        match over {
            Over::Form(form) => form.on_key(key).map_or_else(Vec::new, |wish| self.form_wish(wish)),
            Over::Finder(finder) => finder.on_key(key).map_or_else(Vec::new, |wish| self.finder_wish(&wish)),
            Over::Job(job) => job.on_key(key).map_or_else(Vec::new, |wish| self.job_wish(wish)),
            Over::History(history) => history.on_key(key).map_or_else(Vec::new, |wish| self.history_wish(wish)),
            Over::Mirrors(mirrors) => {
                mirrors.on_key(key, &self.facts.mirrors).map_or_else(Vec::new, |wish| self.mirrors_wish(wish))
            }
            Over::Editor { editor, .. } => editor.on_key(key).map_or_else(Vec::new, |wish| self.editor_wish(wish)),
            Over::Help(help) => help.on_key(key).map_or_else(Vec::new, |HelpWish::Close| self.popped()),
            Over::Text(text) => text.on_key(key).map_or_else(Vec::new, |text::Leave| self.popped()),
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match self.over.last_mut() {
            None => self.dashboard.on_mouse(mouse).map_or_else(Vec::new, |wish| self.dashboard_wish(&wish)),
            Some(Over::Editor { editor, .. }) => {
                editor.on_mouse(mouse, self.area.get()).map_or_else(Vec::new, |wish| self.editor_wish(wish))
            }
            Some(Over::Help(help)) => help.on_mouse(mouse).map_or_else(Vec::new, |HelpWish::Close| self.popped()),
            // The wheel does what the arrows do.
            Some(_) => match mouse.kind {
                MouseEventKind::ScrollUp => self.key(KeyEvent::from(KeyCode::Up)),
                MouseEventKind::ScrollDown => self.key(KeyEvent::from(KeyCode::Down)),
                _ => Vec::new(),
            },
        }
    }

    fn advise(&mut self, advice: &'static str) -> Vec<Effect> {
        if let Some(job) = self.job_mut() {
            job.advice = Some(advice);
        }
        Vec::new()
    }

    fn leave(&mut self) -> Vec<Effect> {
        if self.is_changing() { self.advise(UNDER_WAY) } else { vec![Effect::Leave] }
    }
}

#[cfg(test)]
mod tests;
