//! A text that passes by in blocks, seen through a window that never cuts an address in two.

use std::ops::Range;

use super::token::{CONTEXT, Judgement, Token, judge};

/// How much of a text is read at once: a block lies well in the processor's cache and costs few system calls.
const BLOCK: usize = 1024 * 1024;

/// How far before a dot or colon a token of which it is the first can begin: the four digits of an IPv6 group, and
/// one byte more.
const LEAD: usize = 5;

/// The part of a text that is in memory: what is still to be handed on, and enough before it to judge by.
///
/// Memory is one block and a little, whatever the text is. What is found does not depend on how the text was cut.
#[derive(Debug)]
pub struct Window {
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold text.
    filled: usize,
    /// Dots and colons before this place are judged.
    judged: usize,
    /// Bytes before this place are handed on.
    settled: usize,
    /// Where the buffer begins in the whole text.
    base: u64,
    ended: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self::with_block(BLOCK)
    }
}

impl Window {
    /// A window for blocks of at most `block` bytes.
    #[must_use]
    pub fn with_block(block: usize) -> Self {
        // Before the block stands what could not be judged yet, and as much again to look back at.
        let size = block.max(1) + 4 * CONTEXT;
        Self { buffer: vec![0; size], filled: 0, judged: 0, settled: 0, base: 0, ended: false }
    }

    /// Where the next bytes of the text are to be put; [`Window::accept`] says how many came.
    pub fn space(&mut self) -> &mut [u8] {
        let keep = self.settled.min(self.judged.saturating_sub(CONTEXT));
        self.buffer.copy_within(keep..self.filled, 0);
        self.filled -= keep;
        self.judged -= keep;
        self.settled -= keep;
        self.base += keep as u64;
        &mut self.buffer[self.filled..]
    }

    /// Takes in `bytes` bytes that were put into [`Window::space`]; 0 is the end of the text.
    pub fn accept(&mut self, bytes: usize) {
        self.ended = bytes == 0;
        self.filled = (self.filled + bytes).min(self.buffer.len());
    }

    /// The next address that can be judged from what has come.
    #[inline]
    pub fn next_token(&mut self) -> Option<Token> {
        let text = &self.buffer[..self.filled];
        let limit = if self.ended { self.filled } else { self.filled.saturating_sub(CONTEXT) };
        while self.judged < limit {
            let Some(distance) = memchr::memchr2(b'.', b':', &text[self.judged..limit]) else {
                self.judged = limit;
                return None;
            };
            match judge(text, self.judged + distance) {
                Judgement::SkipTo(place) => self.judged = place,
                Judgement::Address(token) => {
                    self.judged = token.range.end;
                    return Some(token);
                }
            }
        }
        None
    }

    /// The text in the window; token ranges point into it.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Where the window's text begins in the whole text.
    #[must_use]
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// Hands on the bytes before `place`.
    pub fn settle_before(&mut self, place: usize) -> Range<usize> {
        let from = self.settled.min(place);
        self.settled = place;
        from..place
    }

    /// Hands on all that no later token can begin in; asked for after [`Window::next_token`] has said `None`.
    pub fn settle(&mut self) -> Range<usize> {
        let place = if self.ended { self.filled } else { self.judged.saturating_sub(LEAD) };
        self.settle_before(place.max(self.settled))
    }
}
