//! Which rows are shown, in which order, and which of them is chosen.

use std::cell::Cell;
use std::cmp::Reverse;

use super::knowledge::Knowledge;
use super::row::{Key, Kind, Row, State};
use super::rows::Rows;
use crate::domain::translation::side_text;

/// The rows that are shown.
pub(super) struct Listing {
    pub(super) filter: Filter,
    pub(super) sort: Sort,
    /// What is searched for, in small letters.
    find: String,
    /// Places in [`Rows::all`].
    shown: Vec<usize>,
    /// Place in [`Self::shown`].
    chosen: usize,
    /// The first line on the screen; drawing moves it so that the chosen line is visible.
    top: Cell<usize>,
    /// How many lines were on the screen when it was drawn last.
    height: Cell<usize>,
}

impl Listing {
    pub(super) fn new(rows: &Rows, knowledge: &Knowledge) -> Self {
        let mut listing = Self {
            filter: Filter::All,
            sort: Sort::Address,
            find: String::new(),
            shown: Vec::new(),
            chosen: 0,
            top: Cell::new(0),
            // Until the first frame; nothing depends on it but how far a page goes.
            height: Cell::new(10),
        };
        listing.refresh(rows, knowledge, None);
        listing
    }

    /// Looks again which rows are shown; the chosen one stays chosen, or the one that took its place is.
    pub(super) fn refresh(&mut self, rows: &Rows, knowledge: &Knowledge, keep: Option<Key>) {
        let matches = |row: &Row| self.filter.lets(row) && has(row, &self.find, knowledge);
        let numbered = rows.all.iter().enumerate();
        self.shown = numbered.filter(|(_, row)| matches(row)).map(|(index, _)| index).collect();
        match self.sort {
            Sort::Address => {}
            Sort::State => self.shown.sort_by_key(|index| rows.all.get(*index).map(|row| row.state)),
            Sort::Occurrences => self.shown.sort_by_key(|index| Reverse(rows.all.get(*index).map(|row| row.count))),
        }
        if !keep.is_some_and(|key| self.choose(rows, key)) {
            self.chosen = self.chosen.min(self.last());
        }
    }

    /// Searches for something else.
    pub(super) fn find(&mut self, text: &str, rows: &Rows, knowledge: &Knowledge) {
        let keep = self.chosen_row(rows).map(Row::key);
        self.find = text.trim().to_lowercase();
        self.refresh(rows, knowledge, keep);
    }

    /// What is searched for.
    pub(super) fn searched(&self) -> &str {
        &self.find
    }

    /// The chosen row; none when none is shown.
    pub(super) fn chosen_row<'r>(&self, rows: &'r Rows) -> Option<&'r Row> {
        self.shown.get(self.chosen).and_then(|index| rows.all.get(*index))
    }

    /// Chooses a row; whether it is shown.
    pub(super) fn choose(&mut self, rows: &Rows, key: Key) -> bool {
        let is_it = |index: &usize| rows.all.get(*index).is_some_and(|row| row.key() == key);
        match self.shown.iter().position(is_it) {
            Some(place) => {
                self.chosen = place;
                true
            }
            None => false,
        }
    }

    /// Chooses the next row of some sort after the chosen one, or before it, going round at the end; whether there is
    /// one.
    pub(super) fn choose_next(&mut self, rows: &Rows, forwards: bool, wanted: impl Fn(&Row) -> bool) -> bool {
        let count = self.shown.len();
        let step = |by: usize| (self.chosen + if forwards { by } else { count - by }) % count;
        let is_wanted = |place: &usize| {
            let index = self.shown.get(*place);
            index.and_then(|index| rows.all.get(*index)).is_some_and(&wanted)
        };
        let found = (1..=count).map(step).find(is_wanted);
        self.chosen = found.unwrap_or(self.chosen);
        found.is_some()
    }

    /// Chooses the row so many lines further down, or up.
    pub(super) fn step(&mut self, down: bool, by: usize) {
        self.chosen = if down { (self.chosen + by).min(self.last()) } else { self.chosen.saturating_sub(by) };
    }

    pub(super) const fn first(&mut self) {
        self.chosen = 0;
    }

    pub(super) fn end(&mut self) {
        self.chosen = self.last();
    }

    /// How many lines a page has: one less than the screen, so that the eye finds its way.
    pub(super) fn page(&self) -> usize {
        self.height.get().saturating_sub(1).max(1)
    }

    /// Chooses the row on a line of the screen; whether there is one.
    pub(super) fn choose_line(&mut self, line: usize) -> bool {
        let place = self.top.get() + line;
        let there = place < self.shown.len();
        if there {
            self.chosen = place;
        }
        there
    }

    /// Moves what is on the screen; the chosen row moves along where it would leave it.
    pub(super) fn scroll(&mut self, down: bool, by: usize) {
        let height = self.height.get().max(1);
        let last_top = self.shown.len().saturating_sub(height);
        let top = if down { (self.top.get() + by).min(last_top) } else { self.top.get().saturating_sub(by) };
        self.top.set(top);
        self.chosen = self.chosen.clamp(top, top + height - 1).min(self.last());
    }

    /// The rows for a screen of so many lines, each with whether it is the chosen one.
    pub(super) fn on_screen<'r>(&self, rows: &'r Rows, height: usize) -> impl Iterator<Item = (&'r Row, bool)> {
        let lowest = (self.chosen + 1).saturating_sub(height);
        let top = self.top.get().min(self.chosen).max(lowest).min(self.shown.len().saturating_sub(height));
        self.top.set(top);
        self.height.set(height);
        let numbered = self.shown.iter().enumerate().skip(top).take(height);
        numbered.filter_map(|(place, index)| rows.all.get(*index).map(|row| (row, place == self.chosen)))
    }

    /// Which of the shown rows is chosen, from 1, and how many there are.
    pub(super) fn position(&self) -> (usize, usize) {
        ((self.chosen + 1).min(self.shown.len()), self.shown.len())
    }

    fn last(&self) -> usize {
        self.shown.len().saturating_sub(1)
    }
}

/// Which rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    All,
    Own,
    Foreign,
    Rules,
    UnmappedOwn,
    UnconfirmedForeign,
    Problems,
}

impl Filter {
    const ORDER: [Self; 7] =
        [Self::All, Self::Own, Self::Foreign, Self::Rules, Self::UnmappedOwn, Self::UnconfirmedForeign, Self::Problems];

    pub(super) fn next(self) -> Self {
        self.turn(1)
    }

    pub(super) fn previous(self) -> Self {
        self.turn(Self::ORDER.len() - 1)
    }

    fn turn(self, by: usize) -> Self {
        let mut round = Self::ORDER.into_iter().cycle().skip_while(|filter| *filter != self);
        round.nth(by).unwrap_or(self)
    }

    /// As it is shown.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Own => "own",
            Self::Foreign => "foreign",
            Self::Rules => "rules",
            Self::UnmappedOwn => "unmapped own",
            Self::UnconfirmedForeign => "unconfirmed foreign",
            Self::Problems => "problems",
        }
    }

    fn lets(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Own => row.kind == Kind::Own,
            Self::Foreign => row.kind == Kind::Foreign,
            Self::Rules => row.has_entry && row.is_network(),
            Self::UnmappedOwn => row.state == State::MustMap,
            Self::UnconfirmedForeign => row.state == State::Unconfirmed,
            Self::Problems => row.state.is_problem(),
        }
    }
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// The lowest address.
    Address,
    /// The worst state.
    State,
    /// The most occurrences.
    Occurrences,
}

impl Sort {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Address => Self::State,
            Self::State => Self::Occurrences,
            Self::Occurrences => Self::Address,
        }
    }

    /// As it is shown.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::State => "state",
            Self::Occurrences => "occurrences",
        }
    }
}

/// Whether one of a row's addresses, files or fields has a text.
fn has(row: &Row, find: &str, knowledge: &Knowledge) -> bool {
    if find.is_empty() {
        return true;
    }
    let place = row.place.and_then(|place| knowledge.places.get(place));
    side_text(row.primary).contains(find)
        || row.becomes.is_some_and(|becomes| side_text(becomes).contains(find))
        || place.is_some_and(|place| place.has(find))
}
