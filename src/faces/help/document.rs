//! A help page as the parts it is made of.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

/// Columns by which the text of a list with dots, and of one with numbers, stands in.
const DOTTED: usize = 2;
const NUMBERED: usize = 3;

/// A page: its parts, one below the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The parts.
    pub blocks: Vec<Block>,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Columns by which its text stands in; those of the lists it belongs to.
    pub indent: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a part of a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A heading.
    Heading {
        /// 1 is the page's own, 2 a section, 3 a part of one.
        level: usize,
        /// Its words.
        spans: Vec<Span>,
    },
    /// Running text.
    Paragraph(Vec<Span>),
    /// The first text of an entry of a list.
    Item {
        /// What stands before it.
        mark: Mark,
        /// Its words.
        spans: Vec<Span>,
    },
    /// Lines to type, or of a file.
    Code(Vec<String>),
}

/// What stands before an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A dash.
    Dot,
    /// A number.
    Number(u64),
}

impl Mark {
    /// Columns by which the entry's text stands in behind it.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Dot => DOTTED,
            Self::Number(_) => NUMBERED,
        }
    }
}

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Plain words.
    Text(String),
    /// What the eye should fall on.
    Strong(String),
    /// Words to type, names of files.
    Code(String),
    /// A way to another page.
    Link {
        /// Its words.
        text: String,
        /// The page, `lost-primary`.
        page: String,
    },
}

impl Span {
    /// Its words.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Strong(text) | Self::Code(text) | Self::Link { text, .. } => text,
        }
    }
}

impl Document {
    /// Reads a page. What pages do not use (pictures, tables, HTML) is left out, its words are kept.
    #[must_use]
    pub fn parse(markdown: &str) -> Self {
        let mut reading = Reading::default();
        for event in Parser::new(markdown) {
            reading.take(event);
        }
        Self { blocks: reading.blocks }
    }

    /// The page's own heading.
    #[must_use]
    pub fn title(&self) -> String {
        self.blocks.first().map(Block::text).unwrap_or_default()
    }

    /// The first part of the page whose text begins so.
    #[must_use]
    pub fn block_that_begins(&self, text: &str) -> Option<usize> {
        self.blocks.iter().position(|block| block.text().starts_with(text))
    }

    /// The pages that it leads to, in the order of their links.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().flat_map(Block::spans).filter_map(|span| match span {
            Span::Link { page, .. } => Some(page.as_str()),
            Span::Text(_) | Span::Strong(_) | Span::Code(_) => None,
        })
    }
}

impl Block {
    /// Its running text; none of code.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        match &self.kind {
            Kind::Heading { spans, .. } | Kind::Paragraph(spans) | Kind::Item { spans, .. } => spans,
            Kind::Code(_) => &[],
        }
    }

    /// Its words without their looks, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.kind {
            Kind::Code(lines) => lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
            Kind::Heading { .. } | Kind::Paragraph(_) | Kind::Item { .. } => {
                self.spans().iter().map(Span::text).collect()
            }
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    blocks: Vec<Block>,
    /// The next number of each open list; none of a list with dots.
    lists: Vec<Option<u64>>,
    /// Of an entry whose first text has not come yet.
    mark: Option<Mark>,
    spans: Vec<Span>,
    strong: bool,
    in_link: bool,
    code: Option<String>,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.code_span(&code),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        if let Tag::List(first) = tag {
            self.end_text();
            self.lists.push(first);
        } else if let Tag::Item = tag {
            self.mark = Some(self.next_mark());
        } else if let Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) = tag {
            self.end_text();
            self.code = Some(String::new());
        } else if let Tag::Strong | Tag::Emphasis = tag {
            self.strong = true;
        } else if let Tag::Link { dest_url, .. } = tag
            && let Some(page) = page_of(&dest_url)
        {
            self.in_link = true;
            self.spans.push(Span::Link { text: String::new(), page: page.to_owned() });
        }
    }

    fn end(&mut self, end: TagEnd) {
        if let TagEnd::Heading(level) = end {
            let spans = std::mem::take(&mut self.spans);
            self.push(Kind::Heading { level: number(level), spans });
        } else if let TagEnd::Paragraph = end {
            self.end_text();
        } else if let TagEnd::Item = end {
            self.end_text();
            self.mark = None;
        } else if let TagEnd::List(_) = end {
            self.lists.pop();
        } else if let TagEnd::CodeBlock = end {
            let lines = self.code.take().unwrap_or_default();
            self.push(Kind::Code(lines.lines().map(str::to_owned).collect()));
        } else if let TagEnd::Strong | TagEnd::Emphasis = end {
            self.strong = false;
        } else if let TagEnd::Link = end {
            self.in_link = false;
        }
    }

    fn next_mark(&mut self) -> Mark {
        match self.lists.last_mut() {
            Some(Some(next)) => {
                *next += 1;
                Mark::Number(*next - 1)
            }
            Some(None) | None => Mark::Dot,
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
        } else if let (true, Some(Span::Link { text: words, .. })) = (self.in_link, self.spans.last_mut()) {
            words.push_str(text);
        } else if let (false, Some(Span::Text(words))) = (self.strong, self.spans.last_mut()) {
            words.push_str(text);
        } else {
            let text = text.to_owned();
            self.spans.push(if self.strong { Span::Strong(text) } else { Span::Text(text) });
        }
    }

    fn code_span(&mut self, code: &str) {
        if self.in_link { self.text(code) } else { self.spans.push(Span::Code(code.to_owned())) }
    }

    /// Ends a paragraph, or the text of an entry of a list, if one was begun.
    fn end_text(&mut self) {
        let spans = std::mem::take(&mut self.spans);
        if spans.is_empty() {
            return;
        }
        let kind = match self.mark.take() {
            Some(mark) => Kind::Item { mark, spans },
            None => Kind::Paragraph(spans),
        };
        self.push(kind);
    }

    fn push(&mut self, kind: Kind) {
        let indent = self.lists.iter().map(|numbers| if numbers.is_some() { NUMBERED } else { DOTTED }).sum();
        self.blocks.push(Block { indent, kind });
    }
}

/// The page that a link leads to; none where it leads out of the help.
fn page_of(destination: &str) -> Option<&str> {
    let file = destination.split('#').next().unwrap_or_default();
    file.strip_suffix(".md").filter(|name| !name.contains(['/', ':']))
}

const fn number(level: HeadingLevel) -> usize {
    level as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_into_its_parts() {
        let page = Document::parse(
            "# A *page*\n\nText with `code`,\n**weight** and [a `way`](other.md#there).\n\n1. one\n   more\n\n   ```\n   \
             type this\n   ```\n2. two\n   - in\n\nend <b>bold</b>, [out](https://example.org/x.md)\n",
        );
        let told: Vec<String> = page.blocks.iter().map(|block| format!("{} {:?}", block.indent, block.kind)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        0 Heading { level: 1, spans: [Text("A "), Strong("page")] }
        0 Paragraph([Text("Text with "), Code("code"), Text(", "), Strong("weight"), Text(" and "), Link { text: "a way", page: "other" }, Text(".")])
        3 Item { mark: Number(1), spans: [Text("one more")] }
        3 Code(["type this"])
        3 Item { mark: Number(2), spans: [Text("two")] }
        5 Item { mark: Dot, spans: [Text("in")] }
        0 Paragraph([Text("end bold, out")])
        "#);
        assert_eq!(page.title(), "A page");
        assert_eq!(page.links().collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn no_text_makes_it_panic() {
        for odd in ["", "#", "-", "1.", "```", "[](x.md)", "[x](", "| a |\n|---|\n| b |", "\u{0}", "- \n- \n  ```"] {
            let _parsed = Document::parse(odd);
        }
    }
}
