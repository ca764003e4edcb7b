//! Every change that needs no typing, and taking changes back.

use ipnet::IpNet;

use super::change::set_text;
use super::form::Form;
use super::mode::Mode;
use super::row::{Kind, Row, State};
use super::suggestion::{Source, Suggestion};
use super::{Editor, counted};
use crate::domain::translation::{TranslationEntry, side_text};

/// Why a row of what occurs elsewhere cannot be changed.
const ELSEWHERE: &str = "a load leaves it as it is, so there is no entry to change";

impl Editor {
    pub(super) fn edit(&mut self) {
        let Some(row) = self.chosen().copied() else {
            self.tell_that("no row is chosen; a adds an entry");
            return;
        };
        if row.kind == Kind::Elsewhere {
            self.tell_that(ELSEWHERE);
            return;
        }
        let suggestion = self.suggestion();
        let mut form = Form::edit(row.primary, row.becomes, suggestion);
        form.judge(self.history.table(), &self.knowledge);
        self.mode = Mode::Form(Box::new(form));
    }

    pub(super) fn remove(&mut self) {
        let Some(row) = self.chosen().copied() else {
            return;
        };
        let primary = side_text(row.primary);
        match self.table().entry(row.primary).filter(|_| row.has_entry) {
            Some(entry) => {
                self.history.remove(row.primary, format!("remove {entry}"));
                self.refresh();
                self.tell_that(format!("removed {entry}; u brings it back"));
            }
            None => match self.table().rule_for(row.primary) {
                Some(rule) => self.tell_that(format!("{primary} has no entry of its own; it follows {rule}")),
                None => self.tell_that(format!("{primary} has no entry")),
            },
        }
    }

    pub(super) fn keep(&mut self) {
        let Some(row) = self.chosen().copied() else {
            return;
        };
        let primary = side_text(row.primary);
        match row.kind {
            Kind::Foreign => {}
            Kind::Own => {
                self.tell_that(format!("{primary} belongs to the primary, so it must not be kept; e gives it another"));
                return;
            }
            Kind::Rule | Kind::Entry => {
                self.tell_that(format!("{primary} is no foreign address of the mirror; e edits its entry"));
                return;
            }
            Kind::Elsewhere => {
                self.tell_that(ELSEWHERE);
                return;
            }
        }
        match TranslationEntry::network(row.primary, row.primary) {
            Err(error) => self.tell_that(error.to_string()),
            Ok(entry) if row.state == State::Kept && !row.has_entry => {
                let by = self.table().rule_for(row.primary).map(|rule| rule.to_string()).unwrap_or_default();
                self.tell_that(format!("{entry} is not needed: {by} keeps it"));
            }
            Ok(entry) => self.put(entry, &format!("{primary} is kept as it is")),
        }
    }

    pub(super) fn keep_all(&mut self) {
        let unconfirmed = self.rows.all.iter().filter(|row| row.state == State::Unconfirmed);
        // A network that is kept would keep the primary's addresses in it.
        let (left, kept): (Vec<&Row>, Vec<&Row>) = unconfirmed.partition(|row| self.knowledge.has_own_in(row.primary));
        let left = match left.len() {
            0 => String::new(),
            left => format!("; {} left, addresses of the primary stand there", counted(left, "network", "networks")),
        };
        let entries: Vec<TranslationEntry> =
            kept.into_iter().filter_map(|row| TranslationEntry::network(row.primary, row.primary).ok()).collect();
        if entries.is_empty() {
            self.tell_that(format!("no foreign address is unconfirmed{left}"));
            return;
        }
        let many = counted(entries.len(), "foreign address", "foreign addresses");
        self.history.set(&entries, format!("keep {many}"));
        self.refresh();
        self.tell_that(format!("{many} kept, u takes that back{left}"));
    }

    pub(super) fn use_suggestion(&mut self) {
        let (Some(row), Some(suggestion)) = (self.chosen().copied(), self.suggestion()) else {
            self.tell_that("there is no suggestion for this row");
            return;
        };
        match suggestion.source {
            Source::Rule(rule) => {
                let primary = side_text(row.primary);
                self.history.remove(row.primary, format!("{primary} follows {rule}"));
                self.refresh();
                self.tell_that(format!("{primary} follows {rule} now; u takes that back"));
            }
            Source::Network(_) => match TranslationEntry::network(row.primary, suggestion.alternate) {
                Ok(entry) => self.put(entry, &set_text(&entry)),
                Err(error) => self.tell_that(error.to_string()),
            },
        }
    }

    /// What is suggested for the chosen row.
    pub(super) fn suggestion(&self) -> Option<Suggestion> {
        self.chosen().and_then(|row| Suggestion::of(row, self.table(), &self.knowledge))
    }

    /// Puts one entry in, chooses its row and says so.
    pub(super) fn put(&mut self, entry: TranslationEntry, note: &str) {
        if !self.history.set(&[entry], set_text(&entry)) {
            self.tell_that(format!("{entry} is there already"));
            return;
        }
        self.refresh_at(self.staying(&entry));
        let left = match self.rows.tally.must() {
            0 => String::new(),
            must => format!("; {} to mend", counted(must, "problem", "problems")),
        };
        self.tell_that(format!("{note}{left}"));
    }

    /// A new row is gone to. One that was chosen already leaves the choice to the list: where a filter takes it away,
    /// the next one to mend takes its place.
    fn staying(&self, entry: &TranslationEntry) -> Option<IpNet> {
        let chosen = self.chosen().map(|row| row.primary);
        (chosen != Some(entry.primary())).then_some(entry.primary())
    }

    pub(super) fn undo(&mut self) {
        match self.history.undo() {
            None => self.tell_that("there is nothing to take back"),
            Some(moved) => {
                self.refresh_at(moved.at);
                self.tell_that(format!("taken back: {}", moved.what));
            }
        }
    }

    pub(super) fn redo(&mut self) {
        match self.history.redo() {
            None => self.tell_that("there is nothing to make again"),
            Some(moved) => {
                self.refresh_at(moved.at);
                self.tell_that(format!("made again: {}", moved.what));
            }
        }
    }
}
