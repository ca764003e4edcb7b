//! Changes of the table that can be taken back and made again, and what differs from the table that was kept.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::domain::translation::{TranslationEntry, TranslationTable, side_text};

/// The table, how it came to be, and how it was when it was last kept.
pub(super) struct History {
    table: TranslationTable,
    kept: TranslationTable,
    done: Vec<Change>,
    undone: Vec<Change>,
    is_changed: bool,
}

/// What one key did: one entry or thousands.
struct Change {
    what: String,
    pieces: Vec<Piece>,
}

/// One entry before and after.
#[derive(Debug, Clone, Copy)]
struct Piece {
    primary: IpNet,
    before: Option<TranslationEntry>,
    after: Option<TranslationEntry>,
}

/// What was taken back or made again.
pub(super) struct Moved {
    pub(super) what: String,
    /// The first entry that changed, to be looked at.
    pub(super) at: Option<IpNet>,
}

impl History {
    pub(super) fn new(table: TranslationTable) -> Self {
        Self { kept: table.clone(), table, done: Vec::new(), undone: Vec::new(), is_changed: false }
    }

    pub(super) const fn table(&self) -> &TranslationTable {
        &self.table
    }

    /// Whether the table differs from the one that was last kept.
    pub(super) const fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub(super) fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    pub(super) fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Puts entries in; whether that changed anything.
    pub(super) fn set(&mut self, entries: &[TranslationEntry], what: String) -> bool {
        let piece = |entry: &TranslationEntry| {
            let primary = entry.primary();
            Piece { primary, before: self.table.entry(primary), after: Some(*entry) }
        };
        let pieces = entries.iter().map(piece).collect();
        self.make(Change { what, pieces })
    }

    /// Takes an entry out; whether there was one.
    pub(super) fn remove(&mut self, primary: IpNet, what: String) -> bool {
        let before = self.table.entry(primary);
        self.make(Change { what, pieces: vec![Piece { primary, before, after: None }] })
    }

    /// Puts another table in the place of this one; whether they differ.
    pub(super) fn replace(&mut self, table: TranslationTable, what: String) -> bool {
        let pieces = difference(&self.table, &table);
        let differs = self.make(Change { what, pieces });
        self.table = table;
        differs
    }

    /// Takes the last change back.
    pub(super) fn undo(&mut self) -> Option<Moved> {
        let change = self.done.pop()?;
        // Backwards, in case one change speaks of an entry twice.
        for piece in change.pieces.iter().rev() {
            put(&mut self.table, piece.primary, piece.before);
        }
        let moved = change.moved();
        self.undone.push(change);
        self.is_changed = self.table != self.kept;
        Some(moved)
    }

    /// Makes the change again that was taken back last.
    pub(super) fn redo(&mut self) -> Option<Moved> {
        let change = self.undone.pop()?;
        let moved = change.moved();
        self.carry_out(change);
        Some(moved)
    }

    /// Remembers that the table was kept as it is.
    pub(super) fn keep(&mut self) {
        self.kept = self.table.clone();
        self.is_changed = false;
    }

    /// What changed since the table was last kept, in one line; nothing where nothing did.
    pub(super) fn summary(&self) -> Option<String> {
        let pieces = difference(&self.kept, &self.table);
        let first = pieces.first()?.text();
        Some(if pieces.len() > 1 { format!("{first}, {} more", pieces.len() - 1) } else { first })
    }

    fn make(&mut self, mut change: Change) -> bool {
        change.pieces.retain(|piece| piece.before != piece.after);
        if change.pieces.is_empty() {
            return false;
        }
        self.undone.clear();
        self.carry_out(change);
        true
    }

    fn carry_out(&mut self, change: Change) {
        for piece in &change.pieces {
            put(&mut self.table, piece.primary, piece.after);
        }
        self.done.push(change);
        self.is_changed = self.table != self.kept;
    }
}

impl Change {
    fn moved(&self) -> Moved {
        Moved { what: self.what.clone(), at: self.pieces.first().map(|piece| piece.primary) }
    }
}

impl Piece {
    fn text(&self) -> String {
        match self.after {
            Some(entry) => set_text(&entry),
            None => format!("remove {}", side_text(self.primary)),
        }
    }
}

/// What putting an entry in does, in words.
pub(super) fn set_text(entry: &TranslationEntry) -> String {
    if entry.keeps() { format!("keep {}", side_text(entry.primary())) } else { format!("set {entry}") }
}

fn put(table: &mut TranslationTable, primary: IpNet, entry: Option<TranslationEntry>) {
    match entry {
        Some(entry) => table.set(entry),
        None => table.remove(primary),
    };
}

fn difference(before: &TranslationTable, after: &TranslationTable) -> Vec<Piece> {
    let primaries: BTreeSet<IpNet> = before.entries().chain(after.entries()).map(|entry| entry.primary()).collect();
    let pieces = primaries.into_iter().map(|primary| Piece {
        primary,
        before: before.entry(primary),
        after: after.entry(primary),
    });
    pieces.filter(|piece| piece.before != piece.after).collect()
}
