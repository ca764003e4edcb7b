//! Lays a page out in lines of a width, for paper and for the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::document::{Block, Document, Kind, Mark, Span};

/// Columns of a page that is printed.
pub const PRINTED: usize = 80;

/// Columns by which code stands in.
const CODE: usize = 4;

/// Where a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Printed, or in a pager: headings are underlined, links tell the page they lead to.
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
                let words = self.words(spans);
                self.fill(words, block.indent, "");
            }
            Kind::Item { mark, spans } => {
                let words = self.words(spans);
                let sign = match mark {
                    Mark::Dot => "- ".to_owned(),
                    Mark::Number(number) => format!("{number}. "),
                };
                self.fill(words, block.indent, &sign);
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
        self.fill(words, 0, "");
        let line = match (self.medium, level) {
            (Medium::Paper, 1) => "=",
            (Medium::Paper, 2) => "-",
            (Medium::Paper | Medium::Screen, _) => return,
        };
        let length = self.lines.last().map_or(0, |line| line.text().width());
        let pieces = vec![Piece { text: line.repeat(length), weight: Weight::Plain }];
        self.lines.push(Line { pieces, block: self.block });
    }

    /// Code keeps its blanks; what is too long goes on in the next line, further in.
    fn code(&mut self, line: &str, indent: usize) {
        let own = line.len() - line.trim_start().len();
        let words = line.split_whitespace().map(|word| vec![Piece { text: word.to_owned(), weight: Weight::Code }]);
        let room = self.width.saturating_sub(indent);
        if line.width() <= room {
            let pieces = vec![
                Piece { text: " ".repeat(indent), weight: Weight::Plain },
                Piece { text: line.to_owned(), weight: Weight::Code },
            ];
            self.lines.push(Line { pieces, block: self.block });
        } else {
            self.fill(words.collect(), indent + own + CODE, &" ".repeat(CODE));
        }
    }

    /// The words of running text; a word is what stands between blanks, and may have pieces of several looks.
    fn words(&mut self, spans: &[Span]) -> Vec<Vec<Piece>> {
        let mut words: Vec<Vec<Piece>> = vec![Vec::new()];
        for span in spans {
            let (text, weight) = self.shown(span);
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
                    Medium::Paper => format!("{text} (see: {page})"),
                    Medium::Screen => format!("[{text}]"),
                };
                (text, Weight::Link(self.links - 1))
            }
        }
    }

    /// Fills lines with words; the sign hangs out to the left of the first.
    fn fill(&mut self, words: Vec<Vec<Piece>>, indent: usize, sign: &str) {
        let room = self.width.saturating_sub(indent).max(1);
        let before = " ".repeat(indent.saturating_sub(sign.width()));
        let mut line = Filling::new(before + sign);
        let words =
            words.into_iter().flat_map(|word| if width_of(&word) > room { torn(&word, room) } else { vec![word] });
        for word in words {
            let wider = line.filled + usize::from(line.filled > 0) + width_of(&word);
            if line.filled > 0 && wider > room {
                self.lines.push(Line { pieces: line.pieces, block: self.block });
                line = Filling::new(" ".repeat(indent));
            }
            line.add(word);
        }
        self.lines.push(Line { pieces: line.pieces, block: self.block });
    }
}

/// A line that fills up.
struct Filling {
    pieces: Vec<Piece>,
    /// Columns behind what stands in front.
    filled: usize,
}

impl Filling {
    fn new(front: String) -> Self {
        let front = Piece { text: front, weight: Weight::Plain };
        Self { pieces: Some(front).filter(|front| !front.text.is_empty()).into_iter().collect(), filled: 0 }
    }

    fn add(&mut self, word: Vec<Piece>) {
        let is_first = self.filled == 0;
        self.filled += usize::from(!is_first) + width_of(&word);
        for (number, piece) in word.into_iter().enumerate() {
            let blank = if number == 0 && !is_first { " " } else { "" };
            match self.pieces.last_mut() {
                // The blank within a link is part of it; a plain one stands between two looks.
                Some(last) if last.weight == piece.weight => last.text.extend([blank, &piece.text]),
                Some(last) if !blank.is_empty() && last.weight == Weight::Plain => {
                    last.text.push_str(blank);
                    self.pieces.push(piece);
                }
                Some(_) if !blank.is_empty() && piece.weight == Weight::Plain => {
                    self.pieces.push(Piece { text: format!("{blank}{}", piece.text), weight: Weight::Plain });
                }
                Some(_) if !blank.is_empty() => {
                    self.pieces.push(Piece { text: blank.to_owned(), weight: Weight::Plain });
                    self.pieces.push(piece);
                }
                Some(_) | None => self.pieces.push(piece),
            }
        }
    }
}

fn width_of(word: &[Piece]) -> usize {
    word.iter().map(|piece| piece.text.width()).sum()
}

/// A word that is wider than the page, in parts that are not.
fn torn(word: &[Piece], room: usize) -> Vec<Vec<Piece>> {
    let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut filled = 0;
    for piece in word {
        for letter in piece.text.chars() {
            let text = letter.to_string();
            let wide = text.width();
            if filled + wide > room && filled > 0 {
                parts.push(Vec::new());
                filled = 0;
            }
            filled += wide;
            let Some(part) = parts.last_mut() else { continue };
            match part.last_mut() {
                Some(last) if last.weight == piece.weight => last.text.push(letter),
                Some(_) | None => part.push(Piece { text, weight: piece.weight }),
            }
        }
    }
    parts
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

        Some text that says `what to type`, and where it is told: another page (see:
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
        let lines = lay_out(&Document::parse(PAGE), 30, Medium::Screen);
        assert!(lines.iter().all(|line| line.text().width() <= 30), "{lines:#?}");
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        A page

        Some text that says `what to
        type`, and where it is told:
        [another page].

        Steps

        1. First do this, which takes
           quite a few words to say.
               mxone_system_redundancy
                   status --json --root
                   /somewhere
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
