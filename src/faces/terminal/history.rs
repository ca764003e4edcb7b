//! The history: what was done, by whom, why, and how it ended; with a filter, and the steps of each action.

use std::cell::Cell;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::draw;
use super::look::Look;
use crate::domain::journal::{self, Event as Happened, Outcome};
use crate::domain::plan::Action;
use crate::faces::print;
use crate::ports::host::visible;

/// One action with its lines.
#[derive(Debug, Clone)]
struct Deed {
    lines: Vec<journal::Line>,
}

/// Which outcomes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Done,
    Failed,
    NotDone,
}

/// The screen.
#[derive(Debug)]
pub struct History {
    deeds: Vec<Deed>,
    filter: Input,
    typing: bool,
    shown: Shown,
    chosen: usize,
    /// Whether the steps of the chosen action are shown.
    open: bool,
    scroll: usize,
    first: Cell<usize>,
    drawn: Cell<(usize, usize)>,
    note: Option<String>,
}

/// What a key leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Back to the dashboard.
    Leave,
    /// A page of the help.
    Help(&'static str),
    /// This text goes to the clipboard of the terminal.
    Copy(String),
}

impl History {
    /// The screen for these lines, the newest action first.
    #[must_use]
    pub fn new(lines: &[journal::Line]) -> Self {
        let mut history = Self {
            deeds: Vec::new(),
            filter: Input::default(),
            typing: false,
            shown: Shown::All,
            chosen: 0,
            open: false,
            scroll: 0,
            first: Cell::new(0),
            drawn: Cell::new((0, 0)),
            note: None,
        };
        history.refresh(lines);
        history
    }

    /// Takes in what was written meanwhile. The chosen action stays chosen.
    pub fn refresh(&mut self, lines: &[journal::Line]) {
        let id = |deed: &Deed| deed.lines.first().map(|line| line.id.clone());
        let chosen = self.fitting().get(self.chosen).and_then(|deed| id(deed));
        let mut deeds: Vec<Deed> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for line in lines {
            let place = *places.entry(line.id.as_str()).or_insert_with(|| {
                deeds.push(Deed { lines: Vec::new() });
                deeds.len() - 1
            });
            deeds[place].lines.push(line.clone());
        }
        deeds.reverse();
        self.deeds = deeds;
        let fitting = self.fitting();
        let again = chosen.and_then(|chosen| fitting.iter().position(|deed| id(deed).as_ref() == Some(&chosen)));
        self.chosen = again.unwrap_or(0);
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        self.note = None;
        if self.typing {
            self.key_in_filter(key);
            return None;
        }
        match key.code {
            KeyCode::F(1) => return Some(Wish::Help("history")),
            KeyCode::Esc | KeyCode::Char('q') if self.open => self.open = false,
            KeyCode::Esc if !self.filter.value().is_empty() || self.shown != Shown::All => {
                self.filter = Input::default();
                self.shown = Shown::All;
                self.chosen = 0;
            }
            KeyCode::Esc | KeyCode::Char('q') => return Some(Wish::Leave),
            KeyCode::Char('/') if !self.open => self.typing = true,
            KeyCode::Char('f') if !self.open => {
                self.shown = match self.shown {
                    Shown::All => Shown::Done,
                    Shown::Done => Shown::Failed,
                    Shown::Failed => Shown::NotDone,
                    Shown::NotDone => Shown::All,
                };
                self.chosen = 0;
            }
            KeyCode::Char('c') => {
                let text = self.chosen_text()?;
                self.note = Some("copied to the clipboard of your terminal, if it has one".to_owned());
                return Some(Wish::Copy(text));
            }
            KeyCode::Enter if !self.fitting().is_empty() => {
                self.open = !self.open;
                self.scroll = 0;
            }
            _ => self.moved(key),
        }
        None
    }

    fn key_in_filter(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.filter = Input::default();
                self.typing = false;
            }
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => self.typing = false,
            _ => {
                self.filter.handle_event(&Event::Key(key));
            }
        }
        self.chosen = 0;
    }

    fn moved(&mut self, key: KeyEvent) {
        let Some(by) = draw::lines_of(key.code) else { return };
        if self.open {
            let (there, fit) = self.drawn.get();
            self.scroll = self.scroll.saturating_add_signed(by).min(there.saturating_sub(fit));
        } else {
            self.chosen = self.chosen.saturating_add_signed(by).min(self.fitting().len().saturating_sub(1));
        }
    }

    fn fitting(&self) -> Vec<&Deed> {
        let words: Vec<String> = self.filter.value().to_lowercase().split_whitespace().map(str::to_owned).collect();
        self.deeds.iter().filter(|deed| self.shown.fits(deed) && deed.fits(&words)).collect()
    }

    fn chosen_text(&self) -> Option<String> {
        let lines: Vec<&journal::Line> = self.fitting().get(self.chosen)?.lines.iter().collect();
        Some(visible(&print::history(&lines)))
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let [body, footer] = Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(area);
        let shown = match self.shown {
            Shown::All => "all",
            Shown::Done => "done",
            Shown::Failed => "failed",
            Shown::NotDone => "not done",
        };
        let fitting = self.fitting();
        let title = format!("history · {} of {} actions · show: {shown}", fitting.len(), self.deeds.len());
        let block = draw::framed(&title, look);
        let inner = block.inner(body);
        frame.render_widget(block, body);
        let [search, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(inner);
        self.view_filter(frame, search, look);
        if self.open {
            let text = self.chosen_text().unwrap_or_default();
            let lines: Vec<Line<'_>> =
                draw::wrapped(&text, usize::from(list.width).saturating_sub(1)).into_iter().map(Line::raw).collect();
            self.drawn.set((lines.len(), usize::from(list.height)));
            draw::scrolled(frame, list, lines, self.scroll, look);
            return draw::keys(
                frame,
                footer,
                &[("↑↓", "scroll"), ("c", "copy out"), ("Esc", "back"), ("F1", "help")],
                look,
            );
        }
        let fit = usize::from(list.height).max(1);
        let first = self.first.get().clamp((self.chosen + 1).saturating_sub(fit), self.chosen);
        self.first.set(first);
        let columns = usize::from(list.width);
        let row = |(i, deed): (usize, &&Deed)| deed.row(i == self.chosen, columns, look);
        let lines: Vec<Line<'_>> = fitting.iter().enumerate().skip(first).take(fit).map(row).collect();
        if lines.is_empty() {
            frame.render_widget(Line::styled(" no action fits; Esc shows all", look.warning()), list);
        }
        frame.render_widget(Paragraph::new(lines), list);
        let keys =
            [("Enter", "steps"), ("/", "filter"), ("f", "outcome"), ("c", "copy out"), ("Esc", "back"), ("F1", "help")];
        draw::keys(frame, footer, &keys, look);
    }

    fn view_filter(&self, frame: &mut Frame<'_>, place: Rect, look: Look) {
        if let Some(note) = &self.note {
            return frame.render_widget(Line::styled(format!(" {note}"), look.warning()), place);
        }
        if self.typing || !self.filter.value().is_empty() {
            let line = Line::from(vec![Span::styled(" / ", look.key()), Span::raw(self.filter.value())]);
            frame.render_widget(line, place);
            if self.typing {
                let x = place.x + 3 + u16::try_from(self.filter.visual_cursor()).unwrap_or(0);
                frame.set_cursor_position(Position { x: x.min(place.right().saturating_sub(1)), y: place.y });
            }
        } else {
            let hint = " / filters by action, person, reason, outcome, day";
            frame.render_widget(Line::styled(hint, look.quiet()), place);
        }
    }
}

impl Shown {
    fn fits(self, deed: &Deed) -> bool {
        match (self, deed.outcome()) {
            (Self::All, _)
            | (Self::Done, None | Some(Outcome::Done { .. }))
            | (Self::Failed, Some(Outcome::Failed { .. } | Outcome::WentBack { .. }))
            | (Self::NotDone, Some(Outcome::NotDone { .. })) => true,
            (Self::Done | Self::Failed | Self::NotDone, _) => false,
        }
    }
}

impl Deed {
    /// How it ended; `None` for a note, or for what has not ended.
    fn outcome(&self) -> Option<&Outcome> {
        self.lines.iter().rev().find_map(|line| match &line.event {
            Happened::Ended { outcome, .. } => Some(outcome),
            _ => None,
        })
    }

    fn begun_but_not_ended(&self) -> bool {
        let begun = self.lines.iter().any(|line| matches!(line.event, Happened::Begun { .. }));
        begun && self.outcome().is_none()
    }

    /// How it ended, in a word or few.
    fn ending(&self) -> String {
        match self.outcome() {
            Some(Outcome::Done { .. }) => "✓ done".to_owned(),
            Some(Outcome::Failed { because }) => format!("✗ FAILED: {because}"),
            Some(Outcome::WentBack { because }) => format!("↩ put back: {because}"),
            Some(Outcome::NotDone { because }) => format!("- not done: {because}"),
            None if self.begun_but_not_ended() => "! not ended".to_owned(),
            None => self
                .lines
                .iter()
                .find_map(|line| match &line.event {
                    Happened::Noted { note } => Some(note.clone()),
                    Happened::After { outcome: Outcome::Failed { because }, .. } => {
                        Some(format!("✗ FAILED: {because}"))
                    }
                    Happened::Before { change, .. } => Some(change.to_string()),
                    _ => None,
                })
                .unwrap_or_default(),
        }
    }

    fn fits(&self, words: &[String]) -> bool {
        let Some(line) = self.lines.first() else { return false };
        let reason = line.reason.as_deref().unwrap_or_default();
        let at = line.at.format("%Y-%m-%d %H:%M");
        let text = format!("{at} {} {} {reason} {}", line.action, line.person, self.ending()).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }

    fn row<'a>(&self, chosen: bool, columns: usize, look: Look) -> Line<'a> {
        let Some(line) = self.lines.first() else { return Line::default() };
        let at = line.at.format("%Y-%m-%d %H:%M:%S");
        let reason = line.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let sign = if chosen { "▸" } else { " " };
        let text = format!(
            "{sign}{at}  {:<22} {:<10} {}{reason}",
            draw::fitted(&line.action.to_string(), 36),
            line.person.who,
            self.ending()
        );
        let style = match (chosen, self.outcome()) {
            (true, _) => look.chosen(),
            (false, Some(Outcome::Failed { .. } | Outcome::WentBack { .. })) => look.warning(),
            (false, _) => Style::new(),
        };
        Line::styled(draw::padded(&visible(&text), columns), style)
    }
}

/// The newest actions in a line each, for the dashboard.
#[must_use]
pub fn newest(lines: &[journal::Line], most: usize) -> Vec<String> {
    let history = History::new(lines);
    let told = |deed: &Deed| {
        let line = deed.lines.first()?;
        let action = match line.action {
            Action::TrafficInAlternate => "takeover → ALTERNATE".to_owned(),
            Action::TrafficInPrimary => "takeover → PRIMARY".to_owned(),
            action => action.to_string(),
        };
        Some(visible(&format!("{}  {action}  {}", line.at.format("%m-%d %H:%M"), deed.ending())))
    };
    history.deeds.iter().take(most).filter_map(told).collect()
}
