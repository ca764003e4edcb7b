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
use crate::faces::help::{Page, pages};
use crate::faces::menu::{self, Item};

/// The line that is typed into, and what fits.
#[derive(Debug)]
pub struct Finder {
    top: &'static [Item],
    /// Words that find something, for whoever found nothing.
    tries: &'static str,
    /// The pages of the help that are looked through; `None`: all.
    pages: Option<&'static [&'static str]>,
    field: Input,
    chosen: usize,
}

/// What a key leads to.
#[derive(Debug)]
pub enum Wish {
    /// This leaf is opened.
    Open(&'static Item),
    /// This page of the help is opened.
    Help(&'static str),
    /// Back to the dashboard.
    Leave,
}

/// What fits: a leaf of the menu, or a page of the help.
enum Found {
    Leaf(Vec<&'static str>, &'static Item),
    Page(&'static Page),
}

impl Found {
    fn line(&self) -> String {
        match self {
            Self::Leaf(path, item) => format!("{:<38} {}", path.join(" › "), item.says),
            Self::Page(page) => format!("{:<38} {}", format!("help › {}", page.name), page.document.title()),
        }
    }
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
        Self { top, tries, pages: None, field: Input::default(), chosen: 0 }
    }

    /// The same with no other pages of the help than these.
    #[must_use]
    pub fn with_pages(self, names: &'static [&'static str]) -> Self {
        Self { pages: Some(names), ..self }
    }

    /// Actions first, then pages of the help by name and title.
    fn found(&self) -> Vec<Found> {
        let typed = self.field.value();
        let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let fits = |page: &&Page| {
            let text = format!("{} {}", page.name, page.document.title()).to_lowercase();
            let is_ours = self.pages.is_none_or(|names| names.contains(&page.name));
            is_ours && !words.is_empty() && words.iter().all(|word| text.contains(word.as_str()))
        };
        let leaves = menu::find(self.top, typed).into_iter().map(|(path, item)| Found::Leaf(path, item));
        leaves.chain(pages().iter().filter(fits).map(Found::Page)).collect()
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        let found = self.found();
        match key.code {
            KeyCode::Esc => return Some(Wish::Leave),
            KeyCode::Enter => {
                return found.get(self.chosen).map(|found| match found {
                    Found::Leaf(_, item) => Wish::Open(item),
                    Found::Page(page) => Wish::Help(page.name),
                });
            }
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
        let found = self.found();
        let fit = usize::from(list.height).max(1);
        let first = (self.chosen + 1).saturating_sub(fit);
        let columns = usize::from(list.width);
        let row = |(i, found): (usize, &Found)| {
            let (sign, style) = if i == self.chosen { ("▸ ", look.chosen()) } else { ("  ", Style::new()) };
            Line::styled(draw::padded(&format!("{sign}{}", found.line()), columns), style)
        };
        let lines: Vec<Line<'_>> = found.iter().enumerate().skip(first).take(fit).map(row).collect();
        if lines.is_empty() {
            frame.render_widget(Line::styled(format!("  nothing fits; try {}", self.tries), look.warning()), list);
        }
        frame.render_widget(Paragraph::new(lines), list);
        draw::keys(frame, footer, &[("↑↓", "choose"), ("Enter", "open"), ("Esc", "back")], look);
    }
}
