//! Translates one file as it passes by: one pass, by whole addresses, never chained.

use std::io::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use super::Lookup;
use crate::domain::platform::Layout;
use crate::domain::scan::{FieldFinder, Meaning, Token, Whose, Window};

/// Translates one file in blocks: fill [`Rewriter::space`], say with [`Rewriter::take`] how much came, end with 0.
#[derive(Debug)]
pub struct Rewriter<'p> {
    window: Window,
    fields: FieldFinder<'p>,
    lookup: &'p Lookup,
    replaced: u64,
    becomes: Vec<u8>,
}

impl<'p> Rewriter<'p> {
    /// A rewriter for a file with this layout; without one, the file passes as it is.
    #[must_use]
    pub fn new(layout: Option<&'p Layout>, lookup: &'p Lookup) -> Self {
        Self::with_window(layout, lookup, Window::default())
    }

    /// The same with another window.
    #[must_use]
    pub fn with_window(layout: Option<&'p Layout>, lookup: &'p Lookup, window: Window) -> Self {
        Self { window, fields: FieldFinder::new(layout), lookup, replaced: 0, becomes: Vec::new() }
    }

    /// Where the next bytes of the file are to be put.
    pub fn space(&mut self) -> &mut [u8] {
        self.window.space()
    }

    /// Takes in the bytes that were put into [`Rewriter::space`] and emits what is translated; 0 is the end.
    ///
    /// # Errors
    /// What `emit` refuses with.
    pub fn take<E>(&mut self, bytes: usize, mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.take_telling(bytes, &mut emit, &mut |_| {})
    }

    /// The same, and tells each replacement.
    pub(super) fn take_telling<E>(
        &mut self,
        bytes: usize,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
        tell: &mut impl FnMut(&Replacement<'_>),
    ) -> Result<(), E> {
        self.window.accept(bytes);
        while let Some(token) = self.window.next_token() {
            if !self.write_what_it_becomes(&token) {
                continue;
            }
            self.replaced += 1;
            let Range { start, end } = token.range;
            let before = self.window.settle_before(start);
            let text = self.window.text();
            let passed = &text[before];
            tell(&Replacement { text, passed, base: self.window.base(), range: start..end, becomes: &self.becomes });
            emit(passed)?;
            emit(&self.becomes)?;
            self.window.settle_before(end);
        }
        let settled = self.window.settle();
        let text = self.window.text();
        self.fields.follow(text, self.window.base(), settled.end);
        emit(&text[settled])
    }

    /// How many addresses became another one.
    #[must_use]
    pub const fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Writes what an address becomes; false when it stays as it is.
    fn write_what_it_becomes(&mut self, token: &Token) -> bool {
        self.fields.follow(self.window.text(), self.window.base(), token.range.start);
        // Asked for every address, also where no rule speaks of it, so that lines are read as a scan reads them.
        match self.fields.whose() {
            Whose::Unlisted => return false,
            Whose::Listed(_) | Whose::ByAddress => {}
        }
        let target = match token.meaning {
            Meaning::Host(address) => self.lookup.address(address),
            Meaning::Network(network) => self.lookup.network(network),
        };
        match target {
            Some(target) if target != token.meaning.address() => {
                write_address(&mut self.becomes, target, token.mapped);
                true
            }
            Some(_) | None => false,
        }
    }
}

/// One address that becomes another one.
pub(super) struct Replacement<'a> {
    /// The text around it.
    pub(super) text: &'a [u8],
    /// What is emitted before it, since what was emitted last.
    pub(super) passed: &'a [u8],
    /// Where `text` begins in the whole file.
    pub(super) base: u64,
    /// Where it stands in `text`.
    pub(super) range: Range<usize>,
    /// What it becomes.
    pub(super) becomes: &'a [u8],
}

fn write_address(out: &mut Vec<u8>, address: IpAddr, mapped: bool) {
    out.clear();
    let prefix = if mapped && address.is_ipv4() { "::ffff:" } else { "" };
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{prefix}{address}");
}
