//! Counts the lines of a text that passes by in blocks.

/// How many line ends have passed.
#[derive(Debug, Default)]
pub struct LineCounter {
    ends: u64,
    counted: u64,
}

impl LineCounter {
    /// The number of the line, from 1, in which `place` of a window's `text` lies; the text begins at `base` of the
    /// whole, and places are asked for in their order.
    pub fn line_at(&mut self, text: &[u8], base: u64, place: usize) -> u64 {
        let from = usize::try_from(self.counted.saturating_sub(base)).unwrap_or(usize::MAX).min(place);
        self.ends += memchr::memchr_iter(b'\n', &text[from..place]).count() as u64;
        self.counted = base + place as u64;
        self.ends + 1
    }
}
