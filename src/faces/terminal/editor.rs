//! The translation editor: every address of the newest mirror and every entry of the table, to be searched, judged and
//! changed. Nothing is kept until the person asks for it, and everything can be taken back.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ipnet::IpNet;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::look::Look;
use crate::domain::scan::Scan;
use crate::domain::translation::TranslationTable;
use change::History;
use knowledge::Knowledge;
use listing::Listing;
use mode::Mode;
use row::{Key, Row};
use rows::Rows;

mod browse;
mod change;
mod columns;
mod edits;
mod footer;
mod form;
mod knowledge;
mod listing;
mod mode;
mod row;
mod rows;
mod suggestion;
mod typing;
mod view;

/// The page of help that F1 asks for.
pub const HELP_PAGE: &str = "settings";

/// Lines that one notch of the mouse wheel moves, as terminals do.
const WHEEL: usize = 3;

/// A translation table while it is edited.
pub struct Editor {
    purpose: Purpose,
    knowledge: Knowledge,
    history: History,
    rows: Rows,
    listing: Listing,
    mode: Mode,
    /// What the last key did, or what the caller had to say.
    note: Option<String>,
    /// The file named last, offered the next time.
    file: String,
}

/// What the edited table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The table of a configuration that stands: saved when asked, used by the next load.
    Settings,
    /// The table of a configuration that is being made: handed back to the wizard, complete.
    Wizard,
}

/// What the editor starts from.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// What the newest mirror holds; nothing where no mirror was scanned.
    pub scan: Option<Scan>,
    /// The table as it is kept now.
    pub table: TranslationTable,
    /// The networks the alternate's servers stand in; none where they are not known.
    pub alternate: Vec<IpNet>,
    /// The name of the mirror that was scanned.
    pub mirror: Option<String>,
}

/// What the caller is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Keep the table, and call [`Editor::saved`] when it is kept. From a wizard: go on with it.
    Save {
        /// The table.
        table: TranslationTable,
        /// What changed, in one line for the history.
        what: String,
        /// Whether the person is done here.
        then_leave: bool,
    },
    /// Leave the editor; what was not saved is thrown away.
    Leave,
    /// Read a table from a file, and call [`Editor::imported`] or [`Editor::tell`].
    Import(PathBuf),
    /// Write a table into a file, and [`Editor::tell`] what came of it.
    Export {
        /// The table.
        table: TranslationTable,
        /// The file.
        file: PathBuf,
    },
    /// Show what the next load would change with this table.
    Preview(TranslationTable),
    /// Show a page of help.
    Help(&'static str),
}

impl Editor {
    /// Opens a table.
    #[must_use]
    pub fn new(given: Given, purpose: Purpose) -> Self {
        let mut given = given;
        let history = History::new(std::mem::take(&mut given.table));
        let knowledge = Knowledge::new(given);
        let rows = Rows::new(&knowledge, history.table());
        let listing = Listing::new(&rows, &knowledge);
        let file = "translation.csv".to_owned();
        Self { purpose, knowledge, history, rows, listing, mode: Mode::Browse, note: None, file }
    }

    /// Takes in a key; what the caller is asked to do.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.code == KeyCode::F(1) {
            return Some(Wish::Help(HELP_PAGE));
        }
        self.note = None;
        match self.mode {
            Mode::Browse => self.on_browse_key(key),
            Mode::Find(_) => self.on_find_key(key),
            Mode::Form(_) => self.on_form_key(key),
            Mode::File(_) => self.on_file_key(key),
            Mode::Places(_) => self.on_places_key(key),
            Mode::Leaving(_) => self.on_leaving_key(key),
        }
    }

    /// Takes in the mouse: a click chooses a row, the wheel scrolls. `area` is where the editor is drawn.
    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Option<Wish> {
        let down = mouse.kind == MouseEventKind::ScrollDown;
        let wheel = down || mouse.kind == MouseEventKind::ScrollUp;
        match &mut self.mode {
            Mode::Places(places) if wheel => places.step(down, WHEEL),
            Mode::Browse | Mode::Find(_) if wheel => self.listing.scroll(down, WHEEL),
            Mode::Browse | Mode::Find(_) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
                let list = view::Areas::of(area).list;
                if list.contains(Position::new(mouse.column, mouse.row)) {
                    self.listing.choose_line(usize::from(mouse.row - list.y));
                }
            }
            Mode::Browse | Mode::Find(_) | Mode::Form(_) | Mode::File(_) | Mode::Places(_) | Mode::Leaving(_) => {}
        }
        None
    }

    /// Draws the editor. Only what is visible is looked at; nothing is judged anew.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        view::draw(self, frame, area, look);
    }

    /// Tells the editor that the table was kept.
    pub fn saved(&mut self) {
        self.history.keep();
        self.note = Some("saved; it counts from the next load on".to_owned());
    }

    /// Puts a table that was read from a file in the place of this one; `u` takes that back as one change.
    pub fn imported(&mut self, table: TranslationTable) {
        let what = format!("import of {}", counted(table.len(), "entry", "entries"));
        let changed = self.history.replace(table, what.clone());
        self.refresh();
        self.note = Some(if changed { what } else { "the file has just the entries that are here".to_owned() });
    }

    /// Shows a line from the caller until the next key, for instance why a file cannot be read.
    pub fn tell(&mut self, note: &str) {
        self.note = Some(crate::ports::host::printable(note));
    }

    /// The table as it is now.
    #[must_use]
    pub const fn table(&self) -> &TranslationTable {
        self.history.table()
    }

    /// Whether the table differs from the one that was last kept.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        self.history.is_changed()
    }

    /// Makes the rows anew after the table changed.
    fn refresh(&mut self) {
        let keep = self.chosen().map(Row::key);
        self.rows = Rows::new(&self.knowledge, self.history.table());
        self.listing.refresh(&self.rows, &self.knowledge, keep);
    }

    /// The same, and chooses an address or network where it is shown.
    fn refresh_at(&mut self, primary: Option<IpNet>) {
        self.refresh();
        if let Some(primary) = primary {
            self.listing.choose(&self.rows, Key::of(primary));
        }
    }

    fn chosen(&self) -> Option<&Row> {
        self.listing.chosen_row(&self.rows)
    }

    fn tell_that(&mut self, note: impl Into<String>) {
        self.note = Some(note.into());
    }
}

/// Whether a key stands alone or with Shift only.
fn is_plain(key: KeyEvent) -> bool {
    key.modifiers.difference(KeyModifiers::SHIFT).is_empty()
}

/// A number of things in words: `1 entry`, `5,012 entries`.
fn counted(count: usize, one: &str, many: &str) -> String {
    let number = crate::faces::maintenance::words::grouped(u64::try_from(count).unwrap_or(u64::MAX));
    format!("{number} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
