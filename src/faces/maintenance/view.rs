//! How the screen is drawn: this server on top, the menu below, one box over it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::menu::means;
use super::screen::{App, Ended, Over, Wanted, Work};
use crate::faces::terminal::app::view::too_small;
use crate::faces::terminal::draw;
use crate::faces::terminal::field::Field;
use crate::faces::terminal::job::view::{hanging, texts};
use crate::faces::terminal::look::Look;
use crate::faces::terminal::screen::SMALLEST;
use crate::flows::maintenance::{Action, Change};
use crate::ports::host::visible;

mod server;

use server::failed;

/// Lines of the longest menu with its frame, the head and the foot.
const BELOW: u16 = 8;

/// Columns from which on a line is hard to read.
const WIDEST: u16 = 76;

impl App {
    /// Draws everything.
    pub(super) fn view(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area);
        }
        if let Some(Over::Help(help)) = self.over.last() {
            return help.view(frame, area, self.look);
        }
        let columns = usize::from(area.width).saturating_sub(4);
        let server = self.server_lines(columns);
        let height = u16::try_from(server.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(BELOW));
        let [head, top, rest, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(height),
            Constraint::Min(BELOW - 2),
            Constraint::Length(1),
        ])
        .areas(area);
        frame.render_widget(Line::styled(" mxone_maintenance", self.look.title()), head);
        let right = format!("{}  {} ", visible(&self.place), self.now.format("%H:%M:%S %:z"));
        frame.render_widget(Line::raw(right).right_aligned(), head);
        self.view_server(frame, top, server);
        let menu_width = if rest.width < 70 { 30 } else { 42.min(rest.width / 2) };
        let [menu, said] = Layout::horizontal([Constraint::Length(menu_width), Constraint::Min(10)]).areas(rest);
        self.menu.view_menu(frame, menu, self.look);
        self.view_said(frame, said);
        self.view_over(frame, area);
        self.view_footer(frame, footer);
    }

    /// What the chosen word is for.
    fn view_said(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(item) = self.menu.chosen_item() else { return };
        let block = draw::framed(item.word, self.look);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let columns = usize::from(inner.width).saturating_sub(2);
        let mut lines = texts(item.says, Style::new(), columns);
        if let Some(action) = super::action_of(item) {
            lines.push(Line::default());
            lines.extend(texts(means(action), self.look.warning(), columns));
        }
        frame.render_widget(
            Paragraph::new(lines),
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner },
        );
    }

    fn view_over(&self, frame: &mut Frame<'_>, area: Rect) {
        let columns = usize::from(WIDEST.min(area.width)).saturating_sub(4);
        let (title, story, asks) = match self.over.last() {
            None | Some(Over::Help(_)) => return,
            Some(Over::Finder(finder)) => return finder.view(frame, area, self.look),
            Some(Over::Works(wanted, _)) => {
                (title(wanted.as_ref()), vec![Line::styled("working …", self.look.quiet())], Vec::new())
            }
            Some(Over::Confirm(wanted, changes, doing)) => {
                let asks = self.confirm_lines(wanted, *doing, columns);
                (title(Some(wanted)), self.plan_lines(changes, columns), asks)
            }
            Some(Over::Reason(wanted, field, is_missing)) => {
                let place = boxed(frame, area, (title(Some(wanted)), 4), self.look);
                return self.view_reason(frame, place, field, *is_missing);
            }
            Some(Over::Ended(ended)) => {
                let texts = ["Leave it", "Override, with a reason"];
                let button = || [Line::default(), draw::buttons(&texts, usize::from(ended.overriding), self.look)];
                let asks = ended.may_be_overridden().map(|_| button()).into_iter().flatten().collect();
                (title(ended.wanted.as_ref()), self.end_lines(ended, columns), asks)
            }
        };
        let inner = boxed(frame, area, (title, story.len() + asks.len()), self.look);
        let asked = u16::try_from(asks.len()).unwrap_or(u16::MAX);
        let [told, asking] = Layout::vertical([Constraint::Min(1), Constraint::Length(asked)]).areas(inner);
        self.drawn.set((story.len(), usize::from(told.height)));
        draw::scrolled(frame, told, story, self.scroll, self.look);
        frame.render_widget(Paragraph::new(asks), asking);
    }

    fn plan_lines<'a>(&self, changes: &[Change], columns: usize) -> Vec<Line<'a>> {
        let mut lines = vec![Line::styled("What will be done, in this order", self.look.title())];
        for (i, change) in changes.iter().enumerate() {
            lines.extend(hanging(&format!("· {:>2}  ", i + 1), self.look.quiet(), &change.to_string(), columns));
        }
        lines
    }

    /// What a yes means stands beside the buttons, so that it is seen however long the list is.
    fn confirm_lines<'a>(&self, wanted: &Wanted, doing: bool, columns: usize) -> Vec<Line<'a>> {
        let mut lines = vec![Line::default()];
        lines.extend(hanging("! ", self.look.warning(), means(wanted.action), columns));
        if let (true, Some(reason)) = (wanted.overriding, &wanted.reason) {
            lines.extend(hanging("! overridden: ", self.look.warning(), reason, columns).into_iter().take(2));
        }
        lines.extend([Line::default(), draw::buttons(&["Cancel", "Do it"], usize::from(doing), self.look)]);
        lines
    }

    fn end_lines<'a>(&self, ended: &Ended, columns: usize) -> Vec<Line<'a>> {
        match &ended.result {
            Err(failure) => failed(failure, columns, self.look),
            Ok(told) => {
                let done =
                    ended.wanted.as_ref().map(|_| Line::styled("✓ done; this is what was read back", self.look.live()));
                let told = told.lines().flat_map(|line| texts(line, Style::new(), columns));
                done.into_iter().chain(told).collect()
            }
        }
    }

    fn view_reason(&self, frame: &mut Frame<'_>, place: Rect, field: &Field, is_missing: bool) {
        let columns = usize::from(place.width);
        let told = "Why is it right to do this although system redundancy is configured here? (kept in the history)";
        let mut lines = texts(told, self.look.title(), columns);
        let x = place.x + field.cursor(columns);
        let y = place.y + u16::try_from(lines.len()).unwrap_or(0);
        lines.push(field.line(columns, self.look));
        if is_missing {
            lines.extend(hanging("not right: ", self.look.bad(), "this needs a reason", columns));
        }
        frame.render_widget(Paragraph::new(lines), place);
        frame.set_cursor_position(Position { x: x.min(place.right().saturating_sub(1)), y });
    }

    fn view_footer(&self, frame: &mut Frame<'_>, footer: Rect) {
        frame.render_widget(Clear, footer);
        if let Some(note) = &self.menu.note {
            return frame.render_widget(Line::styled(format!(" {}", visible(note)), self.look.warning()), footer);
        }
        let buttons: &[_] = &[("←→", "choose"), ("Enter", "press"), ("Esc", "cancel"), ("F1", "help")];
        let keys: &[_] = match self.over.last() {
            None if self.menu.breadcrumbs().is_empty() => {
                &[("Enter", "open"), ("/", "find"), ("F1", "help"), ("Esc", "leave"), ("F5", "read again")]
            }
            None => &[
                ("Enter", "open"),
                ("Esc", "back"),
                ("/", "find"),
                ("F1", "help"),
                ("q", "leave"),
                ("F5", "read again"),
            ],
            // They have a line of keys of their own.
            Some(Over::Finder(_) | Over::Help(_)) => &[],
            Some(Over::Works(_, Work::Looks)) => &[("Esc", "back"), ("F1", "help")],
            Some(Over::Works(_, Work::Changes)) => &[("F1", "help")],
            Some(Over::Confirm(..)) => {
                &[("←→", "choose"), ("Enter", "press"), ("↑↓", "scroll"), ("Esc", "cancel"), ("F1", "help")]
            }
            Some(Over::Reason(..)) => &[("Enter", "go on"), ("Esc", "cancel"), ("Ctrl-U", "clear"), ("F1", "help")],
            Some(Over::Ended(ended)) if ended.may_be_overridden().is_some() => buttons,
            Some(Over::Ended(_)) => &[("Enter", "back"), ("↑↓", "scroll"), ("F1", "help")],
        };
        draw::keys(frame, footer, keys, self.look);
    }
}

/// The words of an action.
fn title(wanted: Option<&Wanted>) -> &'static str {
    match wanted.map(|wanted| wanted.action) {
        Some(Action::Add) => "iptables › add (block)",
        Some(Action::Remove) => "iptables › remove (allow)",
        Some(Action::Uninstall) => "uninstall",
        None => "iptables › list",
    }
}

/// A box in the middle with a title, for so many lines; the place inside it.
fn boxed(frame: &mut Frame<'_>, area: Rect, (title, lines): (&str, usize), look: Look) -> Rect {
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let inner = draw::overlay(frame, draw::middle(area, WIDEST, height), title, look);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
