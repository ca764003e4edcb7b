//! A text to read and to leave: a failure, a preview.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::draw;
use super::look::Look;
use crate::faces::failure::Failure;
use crate::ports::host::visible;

/// The screen.
#[derive(Debug)]
pub struct Text {
    title: String,
    content: String,
    scroll: usize,
    drawn: Cell<(usize, usize)>,
}

/// The text is left.
#[derive(Debug, PartialEq, Eq)]
pub struct Leave;

impl Text {
    /// A text with a title.
    #[must_use]
    pub fn new(title: String, text: String) -> Self {
        Self { title, content: text, scroll: 0, drawn: Cell::new((0, 0)) }
    }

    /// A failure: what happened, why, and what to do.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        Self::new("this cannot be done now".to_owned(), failure.to_string())
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Leave> {
        let (there, fit) = self.drawn.get();
        if matches!(key.code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q')) {
            return Some(Leave);
        }
        let by = draw::lines_of(key.code).unwrap_or(0);
        self.scroll = self.scroll.saturating_add_signed(by).min(there.saturating_sub(fit));
        None
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let [body, footer] = Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(area);
        let block = draw::framed(&self.title, look);
        let inner = block.inner(body);
        frame.render_widget(block, body);
        let lines: Vec<Line<'_>> = draw::wrapped(&visible(&self.content), usize::from(inner.width).saturating_sub(1))
            .into_iter()
            .map(Line::raw)
            .collect();
        self.drawn.set((lines.len(), usize::from(inner.height)));
        draw::scrolled(frame, inner, lines, self.scroll, look);
        draw::keys(frame, footer, &[("↑↓", "scroll"), ("Esc", "back")], look);
    }
}
