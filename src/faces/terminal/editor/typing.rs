//! The keys where something is typed or answered: the search, an entry, a file, the list of places, and leaving.

use std::path::PathBuf;

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use super::form::{Field, Judged};
use super::mode::{Leaving, Mode, Way};
use super::{Editor, Wish, is_plain};

impl Editor {
    /// Searches at every key; the arrows move in what is found meanwhile.
    pub(super) fn on_find_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let Mode::Find(input) = &mut self.mode else {
            return None;
        };
        match Some(key.code) {
            Some(KeyCode::Enter) => self.mode = Mode::Browse,
            Some(KeyCode::Esc) => {
                self.mode = Mode::Browse;
                self.listing.find("", &self.rows, &self.knowledge);
            }
            Some(KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown) => self.go(key.code),
            _ => {
                if input.handle_event(&Event::Key(key)).is_some_and(|changed| changed.value) {
                    let text = input.value().to_owned();
                    self.listing.find(&text, &self.rows, &self.knowledge);
                }
            }
        }
        None
    }

    pub(super) fn on_form_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let Mode::Form(form) = &mut self.mode else {
            return None;
        };
        let adding = form.is_adding();
        match Some(key.code) {
            Some(KeyCode::Esc) => self.mode = Mode::Browse,
            Some(KeyCode::Enter) => self.finish_field(),
            Some(KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down) if adding => form.turn(),
            Some(KeyCode::Tab) => {
                if !form.take_suggestion(self.history.table(), &self.knowledge) {
                    self.tell_that("there is no suggestion for this row");
                }
            }
            _ => form.type_key(key, self.history.table(), &self.knowledge),
        }
        None
    }

    /// Enter: on to the other side while that is empty, else the entry is put in.
    fn finish_field(&mut self) {
        let Mode::Form(form) = &mut self.mode else {
            return;
        };
        match &form.judged {
            Judged::Entry { entry, .. } => {
                let entry = *entry;
                let note = super::change::set_text(&entry);
                self.mode = Mode::Browse;
                self.put(entry, &note);
            }
            Judged::Wrong(error) => {
                let error = error.to_string();
                self.tell_that(error);
            }
            Judged::Unfinished if form.is_adding() => {
                let primary_first = form.primary.value().trim().is_empty();
                form.field = if primary_first { Field::Primary } else { Field::Alternate };
            }
            Judged::Unfinished => self.tell_that("type what it becomes at the alternate, or Esc"),
        }
    }

    pub(super) fn on_file_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let Mode::File(name) = &mut self.mode else {
            return None;
        };
        match Some(key.code) {
            Some(KeyCode::Esc) => self.mode = Mode::Browse,
            Some(KeyCode::Enter) => return self.finish_file(),
            _ => {
                // What changed is read when Enter comes.
                name.input.handle_event(&Event::Key(key));
            }
        }
        None
    }

    fn finish_file(&mut self) -> Option<Wish> {
        let Mode::File(name) = &self.mode else {
            return None;
        };
        let (file, way) = (name.input.value().trim().to_owned(), name.way);
        if file.is_empty() {
            self.tell_that("type the name of a file, or Esc");
            return None;
        }
        self.mode = Mode::Browse;
        self.file.clone_from(&file);
        let file = PathBuf::from(file);
        Some(match way {
            Way::Import => Wish::Import(file),
            Way::Export => Wish::Export { table: self.table().clone(), file },
        })
    }

    pub(super) fn on_places_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let Mode::Places(places) = &mut self.mode else {
            return None;
        };
        let (page, all) = (places.page(), places.lines.len());
        match Some(key.code) {
            Some(KeyCode::Up) => places.step(false, 1),
            Some(KeyCode::Down) => places.step(true, 1),
            Some(KeyCode::PageUp) => places.step(false, page),
            Some(KeyCode::PageDown) => places.step(true, page),
            Some(KeyCode::Home) => places.step(false, all),
            Some(KeyCode::End) => places.step(true, all),
            Some(KeyCode::Esc | KeyCode::Enter | KeyCode::Char('w')) => self.mode = Mode::Browse,
            _ => {}
        }
        None
    }

    pub(super) fn on_leaving_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let Mode::Leaving(button) = self.mode else {
            return None;
        };
        match Some(key.code).filter(|_| is_plain(key)) {
            Some(KeyCode::Left | KeyCode::Up | KeyCode::BackTab) => self.mode = Mode::Leaving(button.turn(false)),
            Some(KeyCode::Right | KeyCode::Down | KeyCode::Tab) => self.mode = Mode::Leaving(button.turn(true)),
            Some(KeyCode::Enter) => return self.answer(button),
            Some(KeyCode::Char('s')) => return self.answer(Leaving::Save),
            Some(KeyCode::Char('t')) => return self.answer(Leaving::ThrowAway),
            Some(KeyCode::Esc) => return self.answer(Leaving::Stay),
            _ => {}
        }
        None
    }

    fn answer(&mut self, answer: Leaving) -> Option<Wish> {
        self.mode = Mode::Browse;
        match answer {
            Leaving::Save => self.save(true),
            Leaving::ThrowAway => Some(Wish::Leave),
            Leaving::Stay => None,
        }
    }
}
