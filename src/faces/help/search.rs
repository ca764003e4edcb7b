//! Finds words in all pages.

use super::document::{Document, Kind};
use super::{Page, pages};

/// A place where the words stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The page.
    pub page: &'static Page,
    /// The heading above the place; the page's own at its beginning.
    pub heading: String,
    /// The text there, in one line.
    pub line: String,
    /// The number of the part of the page, from 0.
    pub block: usize,
}

/// The places where all these words stand, upper or lower case; pages whose name or title has them come first, then
/// other headings, then texts. Where no place has them all, the pages that have. Without words: every page.
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
    Page,
    Heading,
    Text,
}

fn in_page(page: &'static Page, words: &[String]) -> Vec<(Rank, Found)> {
    let has_all = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    if words.is_empty() || has_all(page.name) || has_all(&page.document.title()) {
        return vec![(Rank::Page, at(page, 0))];
    }
    let blocks = page.document.blocks.iter().enumerate();
    let hits = blocks.filter(|(_, block)| has_all(&block.text()));
    hits.map(|(number, block)| {
        let rank = if let Kind::Heading { .. } = block.kind { Rank::Heading } else { Rank::Text };
        (rank, at(page, number))
    })
    .collect()
}

/// A page that has all the words, though not in one place; the place of the first.
fn scattered(page: &'static Page, words: &[String]) -> Option<(Rank, Found)> {
    let text = page.markdown.to_lowercase();
    if !words.iter().all(|word| text.contains(word)) {
        return None;
    }
    let has_first = |text: &str| words.first().is_some_and(|first| text.to_lowercase().contains(first));
    let number = page.document.blocks.iter().position(|block| has_first(&block.text()));
    Some((Rank::Text, at(page, number.unwrap_or(0))))
}

fn at(page: &'static Page, block: usize) -> Found {
    let Document { blocks } = &page.document;
    let above = blocks.iter().take(block + 1).rev();
    let heading = above.filter(|one| matches!(one.kind, Kind::Heading { .. })).map(super::document::Block::text).next();
    let line = blocks.get(block).map(super::document::Block::text);
    Found { page, heading: heading.unwrap_or_default(), line: line.unwrap_or_default(), block }
}
