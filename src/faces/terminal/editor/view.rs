//! Draws the editor: title, list, what there is to know about the chosen row, and the keys that work.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::columns::cut;
use super::footer::Hint;
use super::mode::Mode;
use super::rows::Tally;
use super::{Editor, Purpose, counted};
use crate::faces::terminal::look::Look;

mod detail;
mod list;
mod popup;

/// From this width on, the keys have room on one line.
const WIDE: u16 = 120;

/// Below this height there is only the list and one line of keys.
const LOW: u16 = 12;

/// Where each part is drawn.
pub(super) struct Areas {
    show: Rect,
    titles: Rect,
    pub(super) list: Rect,
    /// The line between list and detail.
    line: Rect,
    detail: Rect,
    keys: Rect,
}

impl Areas {
    pub(super) fn of(area: Rect) -> Self {
        let low = area.height < LOW;
        let keys = if low || area.width >= WIDE { 1 } else { 2 };
        let detail = if low { 0 } else { (area.height / 5 + 1).min(DETAIL_LINES) };
        let parts = [1, 1, 0, u16::from(!low), detail, keys];
        let constraint =
            |(part, lines): (usize, u16)| if part == 2 { Constraint::Min(0) } else { Constraint::Length(lines) };
        let inner = area.inner(Margin::new(1, 1));
        let [show, titles, list, line, detail, keys] =
            Layout::vertical(parts.into_iter().enumerate().map(constraint)).areas(inner);
        Self { show, titles, list, line, detail, keys }
    }
}

/// Enough for a row's problems and the first places; more is behind `w`.
const DETAIL_LINES: u16 = 10;

pub(super) fn draw(editor: &Editor, frame: &mut Frame<'_>, area: Rect, look: Look) {
    let areas = Areas::of(area);
    let right = unsaved(editor);
    let room = usize::from(area.width).saturating_sub(right.width() + 6);
    let block = Block::bordered()
        .border_style(look.quiet())
        .title(Line::styled(format!(" {} ", cut(&title(editor), room)), look.title()))
        .title(Line::styled(right, look.warning()).alignment(Alignment::Right));
    frame.render_widget(block, area);
    show_line(editor, frame, areas.show, look);
    list::draw(editor, frame, &areas, look);
    detail::draw(editor, frame, areas.line, areas.detail, look);
    frame.render_widget(Paragraph::new(packed(&editor.hints(), areas.keys, look)), areas.keys);
    popup::draw(editor, frame, area, look);
}

/// Where one is, and how much there is to mend.
fn title(editor: &Editor) -> String {
    let Tally { entries, own_unmapped, own_kept, chains, conflicts, warnings, unconfirmed } = editor.rows.tally;
    let mut title = match editor.purpose {
        Purpose::Settings => "settings › translation".to_owned(),
        Purpose::Wizard => "configure › translation".to_owned(),
    };
    title += &format!(" ── {}", counted(entries, "entry", "entries"));
    for (count, one, many) in [
        (own_unmapped, "unmapped own", "unmapped own"),
        (own_kept, "kept own", "kept own"),
        (chains, "chain", "chains"),
        (conflicts, "conflict", "conflicts"),
        (warnings, "warning", "warnings"),
        (unconfirmed, "unconfirmed", "unconfirmed"),
    ] {
        if count > 0 {
            title += &format!(" · {}", counted(count, one, many));
        }
    }
    title
}

fn unsaved(editor: &Editor) -> String {
    match (editor.is_changed(), editor.purpose) {
        (false, _) => String::new(),
        (true, Purpose::Settings) => " * not saved ".to_owned(),
        (true, Purpose::Wizard) => " * changed ".to_owned(),
    }
}

/// What is shown, in which order, and what is searched for.
fn show_line(editor: &Editor, frame: &mut Frame<'_>, area: Rect, look: Look) {
    let listing = &editor.listing;
    let find = if let Mode::Find(input) = &editor.mode { input.value() } else { listing.searched() };
    let labels = [(" show: ", listing.filter.text()), ("   sort: ", listing.sort.text()), ("   find: ", find)];
    let before: usize = labels.iter().map(|(label, value)| label.width() + value.width()).sum();
    let spans = labels.map(|(label, value)| [Span::styled(label, look.quiet()), Span::raw(value)]).concat();
    frame.render_widget(Line::from(spans), area);
    if let Mode::Find(input) = &editor.mode {
        let typed = input.value().width();
        let field = right_of(area, before - typed);
        input_line(frame, field, input, Style::new(), true);
    }
    let right = position(editor);
    let room = usize::from(area.width).saturating_sub(before + 2);
    if room > right.width() {
        frame.render_widget(Line::styled(right, look.quiet()).alignment(Alignment::Right), area);
    }
}

/// Which row is chosen of how many, and of which mirror.
fn position(editor: &Editor) -> String {
    let (chosen, shown) = editor.listing.position();
    let mirror = match (&editor.knowledge.mirror, editor.knowledge.scanned) {
        (Some(mirror), true) => format!(" · mirror {mirror}"),
        (None, true) => String::new(),
        (_, false) => " · no mirror was scanned".to_owned(),
    };
    format!("{chosen} of {}{mirror} ", counted(shown, "row", "rows"))
}

/// Draws a line that is typed, with its end or the cursor visible.
fn input_line(frame: &mut Frame<'_>, area: Rect, input: &Input, style: Style, has_cursor: bool) {
    let width = usize::from(area.width.saturating_sub(1));
    let scroll = input.visual_scroll(width);
    let columns = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(input.value()).style(style).scroll((0, columns(scroll))), area);
    if has_cursor && area.area() > 0 {
        let column = area.x + columns(input.visual_cursor().saturating_sub(scroll)).min(area.width - 1);
        frame.set_cursor_position((column, area.y));
    }
}

/// What is left of a line after so many columns.
fn right_of(area: Rect, columns: usize) -> Rect {
    let taken = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width);
    Rect { x: area.x + taken, width: area.width - taken, ..area }
}

/// As many keys as have room, key by key on as many lines as there are.
fn packed(hints: &[Hint], area: Rect, look: Look) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut line = Line::default();
    for (key, word) in hints {
        let spans = [Span::raw(" "), Span::styled(*key, look.key()), Span::raw(format!(" {word} "))];
        let width: usize = spans.iter().map(Span::width).sum();
        if line.width() + width > usize::from(area.width) {
            lines.push(std::mem::take(&mut line));
        }
        line.spans.extend(spans);
    }
    lines.push(line);
    lines.truncate(usize::from(area.height));
    lines
}
