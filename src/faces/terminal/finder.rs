//! Finds any action by what is typed, also by what people call it.

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::draw;
use super::look::Look;
use crate::faces::menu::{self, Item};

/// The line that is typed into, and what fits.
#[derive(Debug)]
pub struct Finder {
    top: &'static [Item],
    /// Words that find something, for whoever found nothing.
    tries: &'static str,
    field: Input,
    chosen: usize,
}

/// What a key leads to.
#[derive(Debug)]
pub enum Wish {
    /// This leaf is opened.
    Open(&'static Item),
    /// Back to the dashboard.
    Leave,
}

impl Default for Finder {
    fn default() -> Self {
        Self::of(menu::TOP, "failover, copy, addresses, log")
    }
}

impl Finder {
    /// Finds the leaves of a menu; `tries` are words that find something.
    #[must_use]
    pub fn of(top: &'static [Item], tries: &'static str) -> Self {
        Self { top, tries, field: Input::default(), chosen: 0 }
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let found = menu::find(self.top, self.field.value());
        match key.code {
            KeyCode::Esc => return Some(Wish::Leave),
            KeyCode::Enter => return found.get(self.chosen).map(|(_, item)| Wish::Open(item)),
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = (self.chosen + 1).min(found.len().saturating_sub(1)),
            _ => {
                self.field.handle_event(&Event::Key(key));
                self.chosen = 0;
            }
        }
        None
    }

    /// Draws it over what is there.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let place = draw::middle(area, 76, 18);
        let inner = draw::overlay(frame, place, "find an action", look);
        let [line, list, footer] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)]).areas(inner);
        frame.render_widget(
            Line::from(vec![Span::styled(" / ", look.key()), Span::styled(self.field.value(), look.title())]),
            line,
        );
        let x = line.x + 3 + u16::try_from(self.field.visual_cursor()).unwrap_or(0);
        frame.set_cursor_position(Position { x: x.min(line.right().saturating_sub(1)), y: line.y });
        let found = menu::find(self.top, self.field.value());
        let fit = usize::from(list.height).max(1);
        let first = (self.chosen + 1).saturating_sub(fit);
        let columns = usize::from(list.width);
        let row = |(i, (path, item)): (usize, &(Vec<&str>, &Item))| {
            let (sign, style) = if i == self.chosen { ("▸ ", look.chosen()) } else { ("  ", Style::new()) };
            let text = format!("{sign}{:<38} {}", path.join(" › "), item.says);
            Line::styled(draw::padded(&text, columns), style)
        };
        let lines: Vec<Line<'_>> = found.iter().enumerate().skip(first).take(fit).map(row).collect();
        if lines.is_empty() {
            frame.render_widget(Line::styled(format!("  nothing fits; try {}", self.tries), look.warning()), list);
        }
        frame.render_widget(Paragraph::new(lines), list);
        draw::keys(frame, footer, &[("↑↓", "choose"), ("Enter", "open"), ("Esc", "back")], look);
    }
}
