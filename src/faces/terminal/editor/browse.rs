//! The keys of the list: what each does, moving, showing, saving and leaving.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::form::Form;
use super::knowledge::is_host;
use super::mode::{FileName, Leaving, Mode, Places, Way};
use super::row::{Kind, Row};
use super::{Editor, Purpose, Wish, counted, is_plain};
use crate::domain::translation::side_text;
use crate::ports::host::printable;

impl Editor {
    pub(super) fn on_browse_key(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.code == KeyCode::Char('r') && key.modifiers == KeyModifiers::CONTROL {
            self.redo();
            return None;
        }
        if !is_plain(key) {
            return None;
        }
        match Some(key.code) {
            Some(KeyCode::Char(letter)) => return self.on_letter(letter),
            Some(KeyCode::F(10)) => return self.save(false),
            Some(KeyCode::Esc) => return self.leave(),
            Some(KeyCode::Enter) => self.edit(),
            Some(KeyCode::Delete) => self.remove(),
            Some(KeyCode::Tab) => self.show(true),
            Some(KeyCode::BackTab) => self.show(false),
            _ => self.go(key.code),
        }
        None
    }

    fn on_letter(&mut self, letter: char) -> Option<Wish> {
        match letter {
            '/' => self.mode = Mode::Find(Input::new(self.listing.searched().to_owned())),
            'f' => self.show(true),
            'F' => self.show(false),
            'o' => self.sort(),
            'e' => self.edit(),
            'a' => self.mode = Mode::Form(Box::new(Form::add())),
            'd' => self.remove(),
            'k' => self.keep(),
            'K' => self.keep_all(),
            'g' => self.use_suggestion(),
            'u' => self.undo(),
            'U' => self.redo(),
            'n' => self.next_problem(true),
            'N' => self.next_problem(false),
            'w' => self.show_places(),
            'i' => self.ask_file(Way::Import),
            'x' => self.ask_file(Way::Export),
            'p' => return Some(Wish::Preview(self.table().clone())),
            's' => return self.save(false),
            _ => {}
        }
        None
    }

    /// Moves in the list.
    pub(super) fn go(&mut self, code: KeyCode) {
        let page = self.listing.page();
        match Some(code) {
            Some(KeyCode::Up) => self.listing.step(false, 1),
            Some(KeyCode::Down) => self.listing.step(true, 1),
            Some(KeyCode::PageUp) => self.listing.step(false, page),
            Some(KeyCode::PageDown) => self.listing.step(true, page),
            Some(KeyCode::Home) => self.listing.first(),
            Some(KeyCode::End) => self.listing.end(),
            _ => {}
        }
    }

    /// Asks the caller to keep the table; a wizard only gets one that can be used.
    pub(super) fn save(&mut self, then_leave: bool) -> Option<Wish> {
        self.mode = Mode::Browse;
        let summary = self.history.summary();
        let wizard = self.purpose == Purpose::Wizard;
        if wizard && self.rows.tally.must() > 0 {
            self.refuse_incomplete();
            return None;
        }
        if summary.is_none() && !wizard {
            self.tell_that("nothing has changed, so there is nothing to save");
            return None;
        }
        let what = summary.unwrap_or_else(|| "no change".to_owned());
        Some(Wish::Save { table: self.table().clone(), what, then_leave: then_leave || wizard })
    }

    fn refuse_incomplete(&mut self) {
        let shown = self.listing.choose_next(&self.rows, true, |row| row.state.is_must());
        let must = counted(self.rows.tally.must(), "problem", "problems");
        let way = if shown { "here is the next" } else { "f shows them" };
        self.tell_that(format!("{must} marked ! must be mended first; {way}"));
    }

    fn leave(&mut self) -> Option<Wish> {
        if !self.is_changed() {
            return Some(Wish::Leave);
        }
        self.mode = Mode::Leaving(Leaving::Stay);
        None
    }

    fn show(&mut self, forwards: bool) {
        let filter = self.listing.filter;
        self.listing.filter = if forwards { filter.next() } else { filter.previous() };
        let keep = self.chosen().map(Row::key);
        self.listing.refresh(&self.rows, &self.knowledge, keep);
    }

    fn sort(&mut self) {
        self.listing.sort = self.listing.sort.next();
        self.listing.refresh(&self.rows, &self.knowledge, None);
        self.listing.first();
    }

    fn next_problem(&mut self, forwards: bool) {
        if self.listing.choose_next(&self.rows, forwards, |row| row.state.is_problem()) {
            return;
        }
        let any = self.rows.all.iter().any(|row| row.state.is_problem());
        self.tell_that(if any {
            "none of the rows shown has a problem; f shows others"
        } else {
            "no row has a problem"
        });
    }

    fn ask_file(&mut self, way: Way) {
        self.mode = Mode::File(FileName { input: Input::new(self.file.clone()), way });
    }

    fn show_places(&mut self) {
        let Some(row) = self.chosen() else {
            return;
        };
        let primary = side_text(row.primary);
        let places = match row.kind {
            Kind::Own | Kind::Foreign | Kind::Elsewhere => {
                let total = grouped_times(row.count);
                Places::new(format!("{primary} occurs {total}"), self.places_of(row))
            }
            Kind::Rule => {
                let lines = self.followers(row);
                let count = counted(lines.len(), "address", "addresses");
                let follow = if lines.len() == 1 { "follows" } else { "follow" };
                Places::new(format!("{count} of the mirror {follow} {primary}"), lines)
            }
            Kind::Entry => {
                self.tell_that(format!("{primary} does not occur in the mirror"));
                return;
            }
        };
        self.mode = Mode::Places(places);
    }

    fn places_of(&self, row: &Row) -> Vec<String> {
        let Some(found) = self.knowledge.found(row.primary, row.kind) else {
            return Vec::new();
        };
        let mut lines: Vec<String> = found.occurrences.iter().map(|place| printable(&place.to_string())).collect();
        let more = found.total.saturating_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        if more > 0 {
            lines.push(format!("and {more} more that the scan does not list"));
        }
        lines
    }

    /// The scanned addresses that follow a rule, with what they become.
    fn followers(&self, rule: &Row) -> Vec<String> {
        let follows = |row: &&Row| {
            row.place.is_some()
                && row.kind != Kind::Elsewhere
                && is_host(row.primary)
                && rule.primary.contains(&row.primary)
                && self.table().rule_for(row.primary).is_some_and(|by| by.primary() == rule.primary)
        };
        let text = |row: &Row| {
            let becomes = row.becomes.map(side_text).unwrap_or_default();
            format!("{} -> {becomes}  {}", side_text(row.primary), row.state.text())
        };
        self.rows.all.iter().filter(follows).map(text).collect()
    }
}

/// How often, in words.
pub(super) fn grouped_times(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "time", "times")
}
