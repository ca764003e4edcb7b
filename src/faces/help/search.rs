//! Finds words in all pages.

use super::document::{Block, Kind};
use super::{Page, pages};

/// Letters before the words that still leave them in view.
const NEAR: usize = 24;

/// A place where the words stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The page.
    pub page: &'static Page,
    /// The heading above the place; the page's own at its beginning.
    pub heading: String,
    /// The text there, in one line; from a little before the words on.
    pub line: String,
    /// The number of the part of the page, from 0.
    pub block: usize,
}

impl Found {
    /// The text there with the heading above it, if that is not the page's own.
    #[must_use]
    pub fn told(&self) -> String {
        if self.heading == self.line || self.heading == self.page.document.title() {
            return self.line.clone();
        }
        format!("{}: {}", self.heading, self.line)
    }
}

/// The places where all these words stand, upper or lower case; pages whose name or title has them come first, then
/// headings, then texts. Where no place has them all, the pages that have. Without words: every page.
#[must_use]
pub fn search(words: &str) -> Vec<Found> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(Rank, Found)> = pages().iter().flat_map(|page| in_page(page, &words)).collect();
    if found.is_empty() {
        found = pages().iter().filter_map(|page| scattered(page, &words)).collect();
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, found)| found).collect()
}

/// How near a place is to what was meant, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Name,
    Title,
    Heading,
    Text,
}

fn in_page(page: &'static Page, words: &[String]) -> Vec<(Rank, Found)> {
    let has_all = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    if words.is_empty() {
        return vec![(Rank::Name, at(page, 0, words))];
    }
    let rank = |(number, block): (usize, &Block)| match &block.kind {
        _ if number == 0 && has_all(page.name) => Some(Rank::Name),
        _ if !has_all(&block.text()) => None,
        Kind::Heading { .. } if number == 0 => Some(Rank::Title),
        Kind::Heading { .. } => Some(Rank::Heading),
        Kind::Paragraph(_) | Kind::Item { .. } | Kind::Code(_) => Some(Rank::Text),
    };
    let blocks = page.document.blocks.iter().enumerate();
    blocks.filter_map(|(number, block)| Some((rank((number, block))?, at(page, number, words)))).collect()
}

/// A page that has all the words, though not in one place; the place of the first.
fn scattered(page: &'static Page, words: &[String]) -> Option<(Rank, Found)> {
    let text = page.markdown.to_lowercase();
    if !words.iter().all(|word| text.contains(word)) {
        return None;
    }
    let has_first = |text: &str| words.first().is_some_and(|first| text.to_lowercase().contains(first));
    let number = page.document.blocks.iter().position(|block| has_first(&block.text()));
    Some((Rank::Text, at(page, number.unwrap_or(0), words)))
}

fn at(page: &'static Page, block: usize, words: &[String]) -> Found {
    let blocks = &page.document.blocks;
    let above = blocks.iter().take(block + 1).rev();
    let heading = above.filter(|one| matches!(one.kind, Kind::Heading { .. })).map(Block::text).next();
    let line = blocks.get(block).map(Block::text).unwrap_or_default();
    Found { page, heading: heading.unwrap_or_default(), line: around(&line, words), block }
}

/// The text from shortly before the first of the words on, where they do not stand near its beginning.
fn around(text: &str, words: &[String]) -> String {
    let lower = text.to_lowercase();
    let before = words.iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
    let before = lower.get(..before).map_or(0, |before| before.chars().count());
    if before <= NEAR {
        return text.to_owned();
    }
    let from: String = text.chars().skip(before - NEAR / 2).collect();
    let whole_words = from.split_once(' ').map_or(from.as_str(), |(_, rest)| rest);
    format!("… {whole_words}")
}
