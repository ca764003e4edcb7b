//! What the next load would change, as lines before and after.

use std::cell::Cell;
use std::convert::Infallible;

use serde::Serialize;

use super::Lookup;
use super::rewriter::{Replacement, Rewriter};
use crate::domain::platform::Layout;

/// How much of a line is shown before and after its first change.
const SHOWN_BEFORE: usize = 60;
const SHOWN_AFTER: usize = 120;

/// One line that a load would change; of a long line the part around the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The file, as the manifest names it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The line as the primary has it, without control characters.
    pub before: String,
    /// The line as the alternate will have it.
    pub after: String,
}

/// What a load would change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Preview {
    /// The first changes, in the order of files and lines.
    pub changes: Vec<Change>,
    /// Addresses that would become another one, in all files.
    pub replaced: u64,
    /// Whether there are more changes than those listed.
    pub more: bool,
}

impl Preview {
    /// Adds the changes of another file, as long as there are no more than `limit`.
    pub fn add(&mut self, other: Self, limit: usize) {
        let room = limit.saturating_sub(self.changes.len());
        self.more |= other.more || other.changes.len() > room;
        self.replaced += other.replaced;
        self.changes.extend(other.changes.into_iter().take(room));
    }
}

/// Collects the changes of one file: fill [`Previewer::space`], say with [`Previewer::take`] how much came, end with 0.
#[derive(Debug)]
pub struct Previewer<'p> {
    rewriter: Rewriter<'p>,
    draft: Draft,
}

impl<'p> Previewer<'p> {
    /// A previewer for a file with this layout that lists at most `limit` lines.
    #[must_use]
    pub fn new(file: &str, layout: Option<&'p Layout>, lookup: &'p Lookup, limit: usize) -> Self {
        let draft = Draft { file: file.to_owned(), limit, ..Draft::default() };
        Self { rewriter: Rewriter::new(layout, lookup), draft }
    }

    /// Where the next bytes of the file are to be put.
    pub fn space(&mut self) -> &mut [u8] {
        self.rewriter.space()
    }

    /// Takes in the bytes that were put into [`Previewer::space`]; 0 is the end of the file.
    pub fn take(&mut self, bytes: usize) {
        let draft = &mut self.draft;
        // What a change puts in holds no line ends, so those of what is emitted are those of the file.
        let ends = Cell::new(draft.line_ends);
        let passed = self.rewriter.take_telling::<Infallible>(
            bytes,
            &mut |emitted| {
                ends.set(ends.get() + line_ends(emitted));
                Ok(())
            },
            &mut |replacement| draft.note(replacement, ends.get() + line_ends(replacement.passed) + 1),
        );
        draft.line_ends = ends.get();
        match passed {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// What was collected, after the end of the file.
    #[must_use]
    pub fn finish(mut self) -> Preview {
        self.draft.complete();
        Preview { changes: self.draft.changes, replaced: self.rewriter.replaced(), more: self.draft.more }
    }
}

/// The changes so far, the last line still open for further changes in it.
#[derive(Debug, Default)]
struct Draft {
    file: String,
    limit: usize,
    line_ends: u64,
    changes: Vec<Change>,
    open: Option<Excerpt>,
    more: bool,
}

/// A part of a line that changes are put into.
#[derive(Debug)]
struct Excerpt {
    line: u64,
    /// Where it begins in the whole file.
    begins: u64,
    before: Vec<u8>,
    after: Vec<u8>,
    /// How many bytes of `before` are in `after`, with their changes.
    done: usize,
}

impl Draft {
    fn note(&mut self, replacement: &Replacement<'_>, line: u64) {
        if self.more {
            return;
        }
        if !self.open.as_ref().is_some_and(|open| open.line == line && open.holds(replacement)) {
            self.complete();
            if self.changes.len() >= self.limit {
                self.more = true;
                return;
            }
            self.open = Some(Excerpt::around(replacement, line));
        }
        if let Some(open) = &mut self.open {
            open.change(replacement);
        }
    }

    fn complete(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.after.extend_from_slice(&open.before[open.done..]);
            self.changes.push(Change {
                file: self.file.clone(),
                line: open.line,
                before: shown(&open.before),
                after: shown(&open.after),
            });
        }
    }
}

impl Excerpt {
    fn around(replacement: &Replacement<'_>, line: u64) -> Self {
        let Replacement { text, base, range, .. } = replacement;
        let earliest = range.start.saturating_sub(SHOWN_BEFORE);
        let from = memchr::memrchr(b'\n', &text[earliest..range.start]).map_or(earliest, |end| earliest + end + 1);
        let latest = text.len().min(range.end + SHOWN_AFTER);
        let to = memchr::memchr(b'\n', &text[range.end..latest]).map_or(latest, |end| range.end + end);
        Self { line, begins: base + from as u64, before: text[from..to].to_vec(), after: Vec::new(), done: 0 }
    }

    /// Where a replacement stands in this excerpt.
    fn place(&self, replacement: &Replacement<'_>) -> Option<(usize, usize)> {
        let start = (replacement.base + replacement.range.start as u64).checked_sub(self.begins)?;
        let start = usize::try_from(start).ok()?;
        let end = start + replacement.range.len();
        (end <= self.before.len() && start >= self.done).then_some((start, end))
    }

    fn holds(&self, replacement: &Replacement<'_>) -> bool {
        self.place(replacement).is_some()
    }

    fn change(&mut self, replacement: &Replacement<'_>) {
        if let Some((start, end)) = self.place(replacement) {
            self.after.extend_from_slice(&self.before[self.done..start]);
            self.after.extend_from_slice(replacement.becomes);
            self.done = end;
        }
    }
}

/// A line for a person: nothing in it can act on a terminal.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect()
}

fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}
