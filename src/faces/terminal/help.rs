//! The help screen: a page to read and to scroll, its links to follow, all pages to search.

mod finder;

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use self::finder::{Finder, FinderWish};
use super::look::Look;
use crate::faces::help::layout::{Line, Medium, Weight, lay_out};
use crate::faces::help::{Page, START, page_named, pages};

/// Lines by which the wheel of a mouse scrolls.
const WHEEL: usize = 3;

/// Columns left of the text, where a place that was searched for is marked.
const MARGIN: u16 = 2;

/// Longer lines are hard to read, however wide the terminal.
const WIDEST: u16 = 100;

/// The size of a terminal until the screen has been drawn once.
const USUAL: Rect = Rect { x: 0, y: 0, width: 80, height: 24 };

/// What the screen asks of whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelpWish {
    /// Take it away.
    Close,
}

/// The help screen.
#[derive(Debug)]
pub struct HelpScreen {
    here: Place,
    /// Where the reader was before, the last at the end.
    back: Vec<Place>,
    /// The part of the page that was searched for.
    marked: Option<usize>,
    finder: Option<Finder>,
    /// Where it was drawn last: keys scroll by what is seen, and a mouse points at it.
    seen: Cell<Rect>,
}

/// A place to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    page: &'static Page,
    /// The part of the page at the top, and how many of its lines are above it: kept so, it stays the same text when
    /// the width changes.
    top: (usize, usize),
    /// The link that Enter follows.
    link: Option<usize>,
}

impl Place {
    fn at(page: &'static Page) -> Self {
        Self { page, top: (0, 0), link: None }
    }

    fn top(&self, lines: &[Line], height: usize) -> usize {
        let (block, below) = self.top;
        let first = first_line(lines, block);
        let length = lines.iter().filter(|line| line.block == block).count();
        (first + below.min(length.saturating_sub(1))).min(last_top(lines, height))
    }

    fn scroll_to(&mut self, lines: &[Line], line: usize) {
        let block = lines.get(line).map_or(0, |line| line.block);
        self.top = (block, line.saturating_sub(first_line(lines, block)));
    }
}

impl HelpScreen {
    /// Opens a page; one that there is not opens the first. Behind a `#` may stand how the text there begins.
    #[must_use]
    pub fn open(page: &str) -> Self {
        let (name, place) = page.split_once('#').unwrap_or((page, ""));
        let page = page_named(name).or_else(|| page_named(START)).unwrap_or(&pages()[0]);
        let block = if place.is_empty() { None } else { page.document.block_that_begins(place) };
        let here = Place { top: (block.unwrap_or(0), 0), ..Place::at(page) };
        Self { here, back: Vec::new(), marked: block, finder: None, seen: Cell::new(USUAL) }
    }

    /// The name of the page that is read.
    #[must_use]
    pub fn page(&self) -> &'static str {
        self.here.page.name
    }

    /// Takes a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<HelpWish> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if let Some(finder) = &mut self.finder {
            let wish = finder.on_key(key, usize::from(text_area(self.seen.get()).height));
            self.grant(wish);
            return None;
        }
        let height = self.height();
        match (key.code, key.modifiers) {
            (KeyCode::Esc, _) | (KeyCode::Char('q'), KeyModifiers::NONE) => return Some(HelpWish::Close),
            (KeyCode::Up, _) => self.scroll_up(1),
            (KeyCode::Down, _) => self.scroll_down(1),
            (KeyCode::PageUp, _) => self.scroll_up(height.saturating_sub(1).max(1)),
            (KeyCode::PageDown | KeyCode::Char(' '), _) => self.scroll_down(height.saturating_sub(1).max(1)),
            (KeyCode::Home, _) => self.here.top = (0, 0),
            (KeyCode::End, _) => self.scroll_down(usize::MAX),
            (KeyCode::BackTab, _) | (KeyCode::Tab, KeyModifiers::SHIFT) => self.choose_link(Towards::Top),
            (KeyCode::Tab, _) => self.choose_link(Towards::End),
            (KeyCode::Enter, _) => self.follow(),
            (KeyCode::Backspace | KeyCode::Left, _) => self.go_back(),
            (KeyCode::Char('/'), _) => self.finder = Some(Finder::search()),
            (KeyCode::Char('i'), KeyModifiers::NONE) => self.finder = Some(Finder::index()),
            (_, _) => {}
        }
        None
    }

    /// Takes a move of the mouse: the wheel scrolls, a click follows a link or opens what was found.
    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Option<HelpWish> {
        let area = text_area(self.seen.get());
        if let Some(finder) = &mut self.finder {
            let wish = finder.on_mouse(mouse, area);
            self.grant(wish);
            return None;
        }
        match (mouse.kind, area.contains(Position::new(mouse.column, mouse.row))) {
            (MouseEventKind::ScrollUp, _) => self.scroll_up(WHEEL),
            (MouseEventKind::ScrollDown, _) => self.scroll_down(WHEEL),
            (MouseEventKind::Down(MouseButton::Left), true) => {
                let lines = self.lines();
                let row = self.here.top(&lines, self.height()) + usize::from(mouse.row - area.y);
                let column = usize::from(mouse.column - area.x);
                if let Some(clicked) = lines.get(row).and_then(|line| link_at(line, column)) {
                    self.here.link = Some(clicked);
                    self.follow();
                }
            }
            (_, _) => {}
        }
        None
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        self.seen.set(area);
        frame.render_widget(Clear, area);
        if let Some(finder) = &self.finder {
            finder.view(frame, area, look);
            return;
        }
        let lines = self.lines();
        let text = text_area(area);
        let height = usize::from(text.height);
        let top = self.here.top(&lines, height);
        let shown: Vec<&Line> = lines.iter().skip(top).take(height).collect();
        let position = format!(" {}-{} of {} ", top + 1, top + shown.len(), lines.len());
        frame.render_widget(framed(&self.page_title(), &position, &keys(area.width, &READING, look), look), area);
        let rows: Vec<Row<'_>> = shown.iter().map(|line| self.row(line, look)).collect();
        frame.render_widget(Paragraph::new(rows), text);
        let marks: Vec<Row<'_>> = shown.iter().map(|line| self.margin(line, look)).collect();
        frame.render_widget(Paragraph::new(marks), Rect { x: area.x.saturating_add(1), width: 1, ..text });
    }

    fn page_title(&self) -> String {
        format!(" help: {} ", self.page())
    }

    fn row<'a>(&self, line: &'a Line, look: Look) -> Row<'a> {
        let style = |weight| match weight {
            Weight::Plain => Style::new(),
            Weight::Heading | Weight::Strong => look.title(),
            Weight::Code => look.key(),
            Weight::Link(number) if self.here.link == Some(number) => look.chosen(),
            Weight::Link(_) => look.key().add_modifier(Modifier::UNDERLINED),
        };
        line.pieces.iter().map(|piece| Span::styled(piece.text.as_str(), style(piece.weight))).collect()
    }

    fn margin(&self, line: &Line, look: Look) -> Row<'static> {
        let is_marked = self.marked == Some(line.block) && !line.pieces.is_empty();
        Row::styled(if is_marked { "▌" } else { "" }, look.key())
    }

    fn lines(&self) -> Vec<Line> {
        let width = usize::from(text_area(self.seen.get()).width);
        lay_out(&self.here.page.document, width, Medium::Screen)
    }

    fn height(&self) -> usize {
        usize::from(text_area(self.seen.get()).height)
    }

    fn scroll_up(&mut self, by: usize) {
        let lines = self.lines();
        let top = self.here.top(&lines, self.height());
        self.here.scroll_to(&lines, top.saturating_sub(by));
    }

    fn scroll_down(&mut self, by: usize) {
        let lines = self.lines();
        let height = self.height();
        let top = self.here.top(&lines, height);
        self.here.scroll_to(&lines, top.saturating_add(by).min(last_top(&lines, height)));
    }

    /// Chooses the next link, or the one before; where none is chosen on the screen, the first one there.
    fn choose_link(&mut self, towards: Towards) {
        let lines = self.lines();
        // The line in which each link begins.
        let begins: Vec<usize> = (0..).map_while(|number| line_of(&lines, number)).collect();
        let Some(last) = begins.len().checked_sub(1) else { return };
        let height = self.height();
        let top = self.here.top(&lines, height);
        let number = match (self.chosen(&lines), towards) {
            (Some(number), Towards::End) => {
                if number < last {
                    number + 1
                } else {
                    0
                }
            }
            (Some(number), Towards::Top) => number.checked_sub(1).unwrap_or(last),
            (None, Towards::End) => begins.iter().position(|begin| *begin >= top).unwrap_or(0),
            (None, Towards::Top) => begins.iter().rposition(|begin| *begin < top + height).unwrap_or(last),
        };
        self.here.link = Some(number);
        let begin = begins.get(number).copied().unwrap_or(0);
        if begin < top {
            self.here.scroll_to(&lines, begin);
        } else if begin >= top + height {
            self.here.scroll_to(&lines, (begin + 1).saturating_sub(height));
        }
    }

    /// The chosen link, while it can be seen.
    fn chosen(&self, lines: &[Line]) -> Option<usize> {
        let height = self.height();
        let top = self.here.top(lines, height);
        let is_seen =
            |number: &usize| line_of(lines, *number).is_some_and(|begin| (top..top + height).contains(&begin));
        self.here.link.filter(is_seen)
    }

    fn follow(&mut self) {
        let chosen = self.chosen(&self.lines());
        let name = chosen.and_then(|number| self.here.page.document.links().nth(number));
        if let Some(page) = name.and_then(page_named) {
            self.go_to(page);
        }
    }

    fn go_to(&mut self, page: &'static Page) {
        self.back.push(self.here);
        self.here = Place::at(page);
        self.marked = None;
    }

    fn go_back(&mut self) {
        if let Some(before) = self.back.pop() {
            self.here = before;
            self.marked = None;
        }
    }

    fn grant(&mut self, wish: Option<FinderWish>) {
        match wish {
            None => {}
            Some(FinderWish::Close) => self.finder = None,
            Some(FinderWish::Open { page, block }) => {
                self.finder = None;
                self.go_to(page);
                if block > 0 {
                    self.marked = Some(block);
                    self.here.top = (block, 0);
                }
            }
        }
    }
}

/// Which way links are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    Top,
    End,
}

/// A key, and what it does.
type Key = (&'static str, &'static str);

/// The keys of a page, the ones most needed first: those that do not fit are left out.
const READING: [Key; 6] =
    [("Esc", "close"), ("Tab", "link"), ("Enter", "follow"), ("/", "search"), ("Left", "back"), ("i", "index")];

/// The keys that fit into a frame of this width.
fn keys(width: u16, keys: &[Key], look: Look) -> Row<'static> {
    let mut row = Row::default();
    for (key, does) in keys {
        let more = key.len() + does.len() + 4;
        if row.width() + more + 2 > usize::from(width) {
            break;
        }
        row.push_span(Span::raw("  "));
        row.push_span(Span::styled(*key, look.key()));
        row.push_span(Span::raw(format!(" {does}")));
    }
    row.push_span(Span::raw(" "));
    row
}

fn framed<'a>(title: &'a str, position: &'a str, keys: &Row<'a>, look: Look) -> Block<'a> {
    Block::bordered()
        .border_style(look.quiet())
        .title_top(Row::styled(title, look.title()))
        .title_top(Row::raw(position).alignment(Alignment::Right))
        .title_bottom(keys.clone())
}

/// Where the text stands within a frame.
fn text_area(area: Rect) -> Rect {
    let inner = Block::bordered().inner(area);
    let width = inner.width.saturating_sub(MARGIN + 1).min(WIDEST);
    Rect { x: inner.x.saturating_add(MARGIN), width, ..inner }
}

fn first_line(lines: &[Line], block: usize) -> usize {
    lines.iter().position(|line| line.block == block).unwrap_or(0)
}

fn last_top(lines: &[Line], height: usize) -> usize {
    lines.len().saturating_sub(height)
}

/// The line in which a link begins.
fn line_of(lines: &[Line], link: usize) -> Option<usize> {
    lines.iter().position(|line| line.pieces.iter().any(|piece| piece.weight == Weight::Link(link)))
}

/// The link at a column of a line.
fn link_at(line: &Line, column: usize) -> Option<usize> {
    let mut right = 0;
    for piece in &line.pieces {
        right += Span::raw(piece.text.as_str()).width();
        if column < right {
            return if let Weight::Link(link) = piece.weight { Some(link) } else { None };
        }
    }
    None
}

#[cfg(test)]
mod tests;
