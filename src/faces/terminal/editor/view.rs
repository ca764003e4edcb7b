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
        .title(Line::styled(format!(" {} ", cut(&title(editor, room), room)), look.title()))
        .title(Line::styled(right, look.warning()).alignment(Alignment::Right));
    frame.render_widget(block, area);
    show_line(editor, frame, areas.show, look);
    list::draw(editor, frame, &areas, look);
    detail::draw(editor, frame, areas.line, areas.detail, look);
    frame.render_widget(Paragraph::new(packed(&editor.hints(), areas.keys, look)), areas.keys);
    popup::draw(editor, frame, area, look);
}

/// Where one is, and how much there is to mend, the worst first; as much of it as has room.
fn title(editor: &Editor, room: usize) -> String {
    let Tally { entries, own_unmapped, own_kept, chains, conflicts, warnings, unconfirmed, not_judged } =
        editor.rows.tally;
    let counts = [
        (not_judged, "not judged", "not judged"),
        (own_unmapped, "unmapped own", "unmapped own"),
        (own_kept, "kept own", "kept own"),
        (chains, "chain", "chains"),
        (conflicts, "conflict", "conflicts"),
        (warnings, "warning", "warnings"),
        (unconfirmed, "unconfirmed", "unconfirmed"),
    ];
    let there = counts.into_iter().filter(|(count, _, _)| *count > 0);
    let parts: Vec<String> = [(entries, "entry", "entries")]
        .into_iter()
        .chain(there)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    let menu = match editor.purpose {
        Purpose::Settings => "settings",
        Purpose::Wizard => "configure",
    };
    let whole = format!("{menu} › translation ── {}", parts.join(" · "));
    if whole.width() <= room {
        return whole;
    }
    let mut title = "translation ──".to_owned();
    for (place, part) in parts.iter().enumerate() {
        let next = if place == 0 { format!("{title} {part}") } else { format!("{title} · {part}") };
        if next.width() > room {
            break;
        }
        title = next;
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
    let find = if let Mode::Find(input) = &editor.mode { Some(input) } else { None };
    let mut labels = vec![(" show: ", listing.filter.text()), ("   sort: ", listing.sort.text())];
    match find {
        Some(_) => labels.push(("   find: ", "")),
        None if listing.searched().is_empty() => {}
        None => labels.push(("   find: ", listing.searched())),
    }
    let before: usize = labels.iter().map(|(label, value)| label.width() + value.width()).sum();
    let spans: Vec<Span<'_>> = labels
        .into_iter()
        .flat_map(|(label, value)| [Span::styled(label, look.quiet()), Span::styled(value, look.title())])
        .collect();
    frame.render_widget(Line::from(spans), area);
    let typed = find.map_or(0, |input| input.value().width() + 1);
    let room = usize::from(area.width).saturating_sub(before + typed + 2);
    if let Some(text) = position(editor).into_iter().find(|text| text.width() <= room) {
        frame.render_widget(Line::styled(text, look.quiet()).alignment(Alignment::Right), area);
    }
    if let Some(input) = find {
        let width = u16::try_from(typed).unwrap_or(u16::MAX);
        let field = right_of(area, before);
        input_line(frame, Rect { width: width.min(field.width), ..field }, input, look.chosen(), true);
    }
}

/// Which row is chosen of how many, and of which mirror; and the same in short.
fn position(editor: &Editor) -> [String; 2] {
    let (chosen, shown) = editor.listing.position();
    let short = format!("{chosen} of {}", counted(shown, "row", "rows"));
    let mirror = match (&editor.knowledge.mirror, editor.knowledge.scanned) {
        (Some(mirror), true) => format!(" · mirror {mirror}"),
        (None, true) => String::new(),
        (_, false) => " · no mirror was scanned".to_owned(),
    };
    [format!("{short}{mirror} "), format!("{short} ")]
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
