//! What the keys act on.

use std::cell::Cell;

use tui_input::Input;

use super::form::Form;

/// What the keys act on.
pub(super) enum Mode {
    /// The list.
    Browse,
    /// What is searched for.
    Find(Input),
    /// An entry.
    Form(Box<Form>),
    /// The name of a file.
    File(FileName),
    /// Where an address occurs.
    Places(Places),
    /// What becomes of changes that were not saved.
    Leaving(Leaving),
}

/// The name of a file to read or write.
pub(super) struct FileName {
    pub(super) input: Input,
    pub(super) way: Way,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Import,
    Export,
}

/// Everything that is listed of one row.
pub(super) struct Places {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// The first line on the screen; drawing keeps it where the screen stays full.
    top: Cell<usize>,
    /// How many lines were on the screen when it was drawn last.
    height: Cell<usize>,
}

impl Places {
    pub(super) const fn new(title: String, lines: Vec<String>) -> Self {
        Self { title, lines, top: Cell::new(0), height: Cell::new(10) }
    }

    /// Goes further down, or up.
    pub(super) fn step(&mut self, down: bool, by: usize) {
        let last = self.lines.len().saturating_sub(self.height.get());
        self.top.set(if down { (self.top.get() + by).min(last) } else { self.top.get().saturating_sub(by) });
    }

    pub(super) fn page(&self) -> usize {
        self.height.get().saturating_sub(1).max(1)
    }

    /// The lines for a screen of so many.
    pub(super) fn on_screen(&self, height: usize) -> impl Iterator<Item = &str> {
        self.height.set(height);
        self.top.set(self.top.get().min(self.lines.len().saturating_sub(height)));
        self.lines.iter().skip(self.top.get()).take(height).map(String::as_str)
    }

    /// The first and the last line on the screen, from 1.
    pub(super) fn position(&self) -> (usize, usize) {
        let last = (self.top.get() + self.height.get()).min(self.lines.len());
        ((self.top.get() + 1).min(last), last)
    }
}

/// What becomes of changes that were not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    Save,
    ThrowAway,
    Stay,
}

impl Leaving {
    pub(super) const ALL: [Self; 3] = [Self::Save, Self::ThrowAway, Self::Stay];

    /// The button to the right, or to the left; they go round.
    pub(super) const fn turn(self, right: bool) -> Self {
        match (self, right) {
            (Self::Save, true) | (Self::Stay, false) => Self::ThrowAway,
            (Self::ThrowAway, true) | (Self::Save, false) => Self::Stay,
            (Self::Stay, true) | (Self::ThrowAway, false) => Self::Save,
        }
    }
}
