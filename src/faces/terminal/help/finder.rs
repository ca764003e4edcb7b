//! Finds a page: by words that are typed, or in the index of all.

use crossterm::event::{Event, KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line as Row;
use ratatui::widgets::Paragraph;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::{Key, framed, keys, text_area};
use crate::faces::help::layout::shortened;
use crate::faces::help::{Found, Page, search};
use crate::faces::terminal::look::Look;

/// Columns of the names of pages.
const NAMES: usize = 20;

/// What stands before the words that are typed.
const PROMPT: &str = "/ ";

const KEYS: [Key; 3] = [("Esc", "close"), ("Enter", "open"), ("Up Down", "choose")];

/// What is to become of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinderWish {
    /// Nothing.
    Close,
    /// It is to be read.
    Open {
        /// The page.
        page: &'static Page,
        /// The part of it.
        block: usize,
    },
}

/// Words, and what was found by them.
#[derive(Debug)]
pub(super) struct Finder {
    /// The words that are typed; none in the index.
    words: Option<Input>,
    found: Vec<Found>,
    chosen: usize,
}

impl Finder {
    /// A search that waits for words.
    pub(super) fn search() -> Self {
        Self { words: Some(Input::default()), ..Self::index() }
    }

    /// Every page.
    pub(super) fn index() -> Self {
        Self { words: None, found: search(""), chosen: 0 }
    }

    /// Takes a key; `height` is that of the text.
    pub(super) fn on_key(&mut self, key: KeyEvent, height: usize) -> Option<FinderWish> {
        let last = self.found.len().saturating_sub(1);
        match (key.code, &mut self.words) {
            (KeyCode::Esc, _) => return Some(FinderWish::Close),
            (KeyCode::Enter, _) => return self.open(self.chosen),
            (KeyCode::Up, _) => self.chosen = self.chosen.saturating_sub(1),
            (KeyCode::Down, _) => self.chosen = (self.chosen + 1).min(last),
            (KeyCode::PageUp, _) => self.chosen = self.chosen.saturating_sub(height),
            (KeyCode::PageDown, _) => self.chosen = (self.chosen + height).min(last),
            (KeyCode::Home, None) => self.chosen = 0,
            (KeyCode::End, None) => self.chosen = last,
            (KeyCode::Char('/'), None) => *self = Self::search(),
            (_, Some(words)) => {
                if words.handle_event(&Event::Key(key)).is_some_and(|changed| changed.value) {
                    self.found = search(words.value());
                    self.chosen = 0;
                }
            }
            (_, None) => {}
        }
        None
    }

    /// Takes a move of the mouse over `area`, where the text stands.
    pub(super) fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Option<FinderWish> {
        let list = self.list_area(area);
        match (mouse.kind, list.contains(Position::new(mouse.column, mouse.row))) {
            (MouseEventKind::ScrollUp, _) => self.chosen = self.chosen.saturating_sub(1),
            (MouseEventKind::ScrollDown, _) => {
                self.chosen = (self.chosen + 1).min(self.found.len().saturating_sub(1));
            }
            (MouseEventKind::Down(MouseButton::Left), true) => {
                return self.open(self.first(list) + usize::from(mouse.row - list.y));
            }
            (_, _) => {}
        }
        None
    }

    /// Draws it in the frame of the screen.
    pub(super) fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let title = if self.words.is_some() { " help: search " } else { " help: index " };
        let count = match self.found.len() {
            0 => " nothing found ".to_owned(),
            count => format!(" {} of {count} ", self.chosen + 1),
        };
        frame.render_widget(framed(title, &count, &keys(area.width, &KEYS, look), look), area);
        let text = text_area(area);
        if let Some(words) = &self.words {
            Self::view_words(words, frame, Rect { height: text.height.min(1), ..text }, look);
        }
        let list = self.list_area(text);
        let shown = self.found.iter().enumerate().skip(self.first(list)).take(usize::from(list.height));
        let rows: Vec<Row<'_>> = shown.map(|(number, found)| self.row(number, found, list, look)).collect();
        // The sign of the chosen one stands in the margin.
        let list = Rect { x: list.x.saturating_sub(super::MARGIN), width: list.width + super::MARGIN, ..list };
        frame.render_widget(Paragraph::new(rows), list);
    }

    fn view_words(words: &Input, frame: &mut Frame<'_>, line: Rect, look: Look) {
        let before = u16::try_from(PROMPT.len()).unwrap_or(0);
        frame.render_widget(Paragraph::new(Row::styled(PROMPT, look.key())), line);
        let line = Rect { x: line.x + before, width: line.width.saturating_sub(before), ..line };
        // The last column is the cursor's.
        let scrolled = words.visual_scroll(usize::from(line.width).saturating_sub(1));
        let typed = Paragraph::new(Row::styled(words.value(), look.title()));
        frame.render_widget(typed.scroll((0, u16::try_from(scrolled).unwrap_or(u16::MAX))), line);
        let column = u16::try_from(words.visual_cursor().saturating_sub(scrolled)).unwrap_or(u16::MAX);
        frame.set_cursor_position(Position::new(line.x + column.min(line.width.saturating_sub(1)), line.y));
    }

    fn row(&self, number: usize, found: &Found, list: Rect, look: Look) -> Row<'static> {
        let name = shortened(found.page.name, NAMES - 1);
        let text = shortened(&format!("{name:<NAMES$}{}", found.told()), usize::from(list.width));
        let (sign, style) = if number == self.chosen { ("▸ ", look.chosen()) } else { ("  ", Style::new()) };
        Row::styled(format!("{sign}{text}"), style)
    }

    fn open(&self, number: usize) -> Option<FinderWish> {
        self.found.get(number).map(|found| FinderWish::Open { page: found.page, block: found.block })
    }

    /// Where the list stands: below the words and a blank line.
    fn list_area(&self, text: Rect) -> Rect {
        let above = if self.words.is_some() { text.height.min(2) } else { 0 };
        Rect { y: text.y + above, height: text.height - above, ..text }
    }

    /// The first entry that is shown, so that the chosen one is always among them.
    fn first(&self, list: Rect) -> usize {
        let height = usize::from(list.height);
        self.chosen.saturating_sub(height / 2).min(self.found.len().saturating_sub(height))
    }
}
