//! Lays a page out in lines of a width, for paper and for the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::document::{Block, Document, Kind, Mark, Span};
use filling::fill;

mod filling;

/// Columns of a page that is printed.
pub const PRINTED: usize = 80;

/// Columns by which code stands in.
const CODE: usize = 4;

/// Words to type that are no longer than this are not parted.
const WHOLE: usize = 30;

/// Where a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Printed, or in a pager: headings are underlined, links tell what to type to get there.
    Paper,
    /// On the screen: links stand in brackets, as all that can be pressed.
    Screen,
}

/// A line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands in it, from left to right.
    pub pieces: Vec<Piece>,
    /// The number of the part of the page it belongs to, from 0; a blank line belongs to the part above it.
    pub block: usize,
}

/// Some words of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// How they are to be shown.
    pub weight: Weight,
}

/// How words are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As running text.
    Plain,
    /// As a heading.
    Heading,
    /// So that the eye falls on them.
    Strong,
    /// As words to type.
    Code,
    /// As a way to another page: the number of the link on its page, from 0.
    Link(usize),
}

impl Line {
    /// Its words without their looks.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// The page as text of at most [`PRINTED`] columns.
#[must_use]
pub fn printed(document: &Document) -> String {
    let mut text = String::new();
    for line in lay_out(document, PRINTED, Medium::Paper) {
        text.extend([line.text().trim_end(), "\n"]);
    }
    text
}

/// Lays a page out in lines of at most `width` columns.
#[must_use]
pub fn lay_out(document: &Document, width: usize, medium: Medium) -> Vec<Line> {
    let mut layout = Layout { medium, width, links: 0, block: 0, lines: Vec::new() };
    for (number, block) in document.blocks.iter().enumerate() {
        layout.block = number;
        if number > 0 && (block.indent == 0 || document.blocks.get(number - 1).is_some_and(|one| one.indent == 0)) {
            layout.lines.push(Line { pieces: Vec::new(), block: number - 1 });
        }
        layout.add(block);
    }
    layout.lines
}

/// The text in at most so many columns; what is left out shows as an ellipsis.
#[must_use]
pub fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut filled = 1;
    for letter in text.chars() {
        filled += letter.width().unwrap_or(0);
        if filled > columns {
            break;
        }
        kept.push(letter);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

struct Layout {
    medium: Medium,
    width: usize,
    /// Links so far.
    links: usize,
    block: usize,
    lines: Vec<Line>,
}

impl Layout {
    fn add(&mut self, block: &Block) {
        match &block.kind {
            Kind::Heading { level, spans } => self.heading(*level, spans),
            Kind::Paragraph(spans) => {
                let front = " ".repeat(block.indent);
                let lines = fill(self.words(spans), &front, block.indent, self.width);
                self.push(lines);
            }
            Kind::Item { mark, spans } => {
                let sign = match mark {
                    Mark::Dot => "- ".to_owned(),
                    Mark::Number(number) => format!("{number}. "),
                };
                let front = " ".repeat(block.indent.saturating_sub(sign.len())) + &sign;
                let lines = fill(self.words(spans), &front, block.indent, self.width);
                self.push(lines);
            }
            Kind::Code(lines) => {
                for line in lines {
                    self.code(line, block.indent + CODE);
                }
            }
        }
    }

    fn heading(&mut self, level: usize, spans: &[Span]) {
        let mut words = self.words(spans);
        for piece in words.iter_mut().flatten() {
            if !matches!(piece.weight, Weight::Link(_)) {
                piece.weight = Weight::Heading;
            }
        }
        self.push(fill(words, "", 0, self.width));
        let line = match (self.medium, level) {
            (Medium::Paper, 1) => "=",
            (Medium::Paper, 2) => "-",
            (Medium::Paper, _) => "~",
            (Medium::Screen, _) => return,
        };
        let length = self.lines.last().map_or(0, |line| line.text().width());
        let pieces = vec![Piece { text: line.repeat(length), weight: Weight::Plain }];
        self.lines.push(Line { pieces, block: self.block });
    }

    /// Code keeps its blanks; what is too long goes on in the next line, further in. A command of ours is parted so that
    /// it can be typed as it stands there.
    fn code(&mut self, line: &str, indent: usize) {
        if indent + line.width() <= self.width {
            let front = Piece { text: " ".repeat(indent), weight: Weight::Plain };
            self.push(vec![vec![front, Piece { text: line.to_owned(), weight: Weight::Code }]]);
            return;
        }
        let body = line.trim();
        let indent = indent + line.len() - line.trim_start().len();
        let is_command = ["mxone_", "sudo ", "--"].iter().any(|start| body.starts_with(start));
        let sign = if is_command { " \\" } else { "" };
        let (body, goes_on) = body.strip_suffix(sign).filter(|_| is_command).map_or((body, false), |body| (body, true));
        let words = body.split_whitespace().map(|word| vec![Piece { text: word.to_owned(), weight: Weight::Code }]);
        let width = self.width.saturating_sub(sign.len());
        let mut lines = fill(words.collect(), &" ".repeat(indent), indent + CODE, width);
        let signed = lines.len() - usize::from(!goes_on);
        for pieces in lines.iter_mut().take(signed) {
            pieces.push(Piece { text: sign.to_owned(), weight: Weight::Code });
        }
        self.push(lines);
    }

    /// The words of running text; a word is what stands between blanks, and may have pieces of several looks.
    fn words(&mut self, spans: &[Span]) -> Vec<Vec<Piece>> {
        let mut words: Vec<Vec<Piece>> = vec![Vec::new()];
        for span in spans {
            let (text, weight) = self.shown(span);
            if let (true, Some(word)) = (weight == Weight::Code && text.width() <= WHOLE, words.last_mut()) {
                word.push(Piece { text, weight });
                continue;
            }
            for (number, part) in text.split(char::is_whitespace).enumerate() {
                if number > 0 {
                    words.push(Vec::new());
                }
                if let (false, Some(word)) = (part.is_empty(), words.last_mut()) {
                    word.push(Piece { text: part.to_owned(), weight });
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn shown(&mut self, span: &Span) -> (String, Weight) {
        match span {
            Span::Text(text) => (text.clone(), Weight::Plain),
            Span::Strong(text) => (text.clone(), Weight::Strong),
            // The marks stay: a look alone would not be seen everywhere.
            Span::Code(text) => (format!("`{text}`"), Weight::Code),
            Span::Link { text, page } => {
                self.links += 1;
                let text = match self.medium {
                    Medium::Paper => format!("{text} (help {page})"),
                    Medium::Screen => format!("[{text}]"),
                };
                (text, Weight::Link(self.links - 1))
            }
        }
    }

    fn push(&mut self, lines: Vec<Vec<Piece>>) {
        let block = self.block;
        self.lines.extend(lines.into_iter().map(|pieces| Line { pieces, block }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\nSome text that says `what to type`, and where it is told: [another \
                        page](other.md).\n\n## Steps\n1. First do this, which takes quite a few words to say.\n   \
                        ```\n   mxone_system_redundancy status --json --root /somewhere\n   ```\n2. Then that.\n\n\
                        Over.\n";

    #[test]
    fn a_page_is_printed_with_underlined_headings_and_the_names_of_pages() {
        insta::assert_snapshot!(printed(&Document::parse(PAGE)), @r"
        A page
        ======

        Some text that says `what to type`, and where it is told: another page (help
        other).

        Steps
        -----

        1. First do this, which takes quite a few words to say.
               mxone_system_redundancy status --json --root /somewhere
        2. Then that.

        Over.
        ");
    }

    #[test]
    fn on_a_narrow_screen_everything_is_there_and_nothing_is_wider() {
        let lines = lay_out(&Document::parse(PAGE), 40, Medium::Screen);
        assert!(lines.iter().all(|line| line.text().width() <= 40), "{lines:#?}");
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        A page

        Some text that says `what to type`, and
        where it is told: [another page].

        Steps

        1. First do this, which takes quite a
           few words to say.
               mxone_system_redundancy status \
                   --json --root /somewhere
        2. Then that.

        Over.
        ");
    }

    #[test]
    fn a_link_over_two_lines_is_one_link() {
        let lines = lay_out(&Document::parse("see [a way to go](x.md) and [b](y.md)"), 9, Medium::Screen);
        let found: Vec<(String, Weight)> = lines
            .iter()
            .flat_map(|line| line.pieces.clone())
            .filter(|piece| matches!(piece.weight, Weight::Link(_)))
            .map(|piece| (piece.text, piece.weight))
            .collect();
        let told =
            [("[a", 0), ("way to", 0), ("go]", 0), ("[b]", 1)].map(|(text, n)| (text.to_owned(), Weight::Link(n)));
        assert_eq!(found, told);
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        let shown = [8, 5, 4, 1, 0].map(|columns| shortened("電話ab", columns));
        assert_eq!(shown, ["電話ab", "電話…", "電…", "…", ""]);
    }

    #[test]
    fn words_wider_than_the_page_and_wide_letters_keep_within_it() {
        for width in 1..12 {
            let lines =
                lay_out(&Document::parse("- abcdefghijklmnop 電話交換機 `xxxxxxxxxxxxxxx`"), width, Medium::Screen);
            let widest = lines.iter().map(|line| line.text().width()).max().unwrap();
            assert!(widest <= width.max(4), "{width}: {lines:#?}");
        }
    }
}
