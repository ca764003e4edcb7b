//! Draws the list: only the rows that are visible.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::{Areas, input_line, right_of};
use crate::domain::translation::side_text;
use crate::faces::terminal::editor::Editor;
use crate::faces::terminal::editor::columns::{Columns, fit};
use crate::faces::terminal::editor::form::Form;
use crate::faces::terminal::editor::mode::Mode;
use crate::faces::terminal::editor::row::{Kind, Row, State};
use crate::faces::terminal::look::Look;
use crate::ports::host::printable;

/// Marks the chosen row.
const MARK: &str = "▸ ";

/// Stands where an own address should become something.
const MISSING: char = '─';

pub(super) fn draw(editor: &Editor, frame: &mut Frame<'_>, areas: &Areas, look: Look) {
    let columns = Columns::of(usize::from(areas.list.width), editor.rows.widest);
    let titles = ["primary", "alternate", "kind", "where it occurs", "state"].map(str::to_owned);
    let text = cells(&columns, &titles).concat();
    frame.render_widget(Line::styled(format!("  {text}"), look.title()), areas.titles);
    let form = if let Mode::Form(form) = &editor.mode { Some(form) } else { None };
    let mut there = 0;
    for (row, chosen) in editor.listing.on_screen(&editor.rows, usize::from(areas.list.height)) {
        let line = Rect { y: areas.list.y + there, height: 1, ..areas.list };
        there += 1;
        match form.filter(|form| form.row() == Some(row.key())) {
            Some(form) => draw_form(frame, line, row, form, &columns, look),
            None => draw_row(editor, frame, line, row, chosen, &columns, look),
        }
    }
    if there == 0 {
        let text = Paragraph::new(nothing(editor)).style(look.quiet()).wrap(Wrap { trim: false });
        frame.render_widget(text, areas.list);
    }
}

/// Why the list is empty.
fn nothing(editor: &Editor) -> &'static str {
    match (editor.rows.all.is_empty(), editor.listing.searched().is_empty()) {
        (true, _) => "The table is empty, and no mirror was scanned. Press a to add an entry.",
        (false, true) => "Nothing of this sort. Press f to show others.",
        (false, false) => "Nothing found. Press / and Esc to show all.",
    }
}

fn draw_row(
    editor: &Editor,
    frame: &mut Frame<'_>,
    area: Rect,
    row: &Row,
    chosen: bool,
    columns: &Columns,
    look: Look,
) {
    let texts = [
        side_text(row.primary),
        becomes(row, columns.alternate),
        row.kind.text().to_owned(),
        place(editor, row),
        row.state.text().to_owned(),
    ];
    let [primary, alternate, kind, place, state] = cells(columns, &texts);
    let line = if chosen {
        Line::styled(format!("{MARK}{primary}{alternate}{kind}{place}{state}"), look.chosen())
    } else {
        Line::from(vec![
            Span::raw(format!("  {primary}{alternate}")),
            Span::styled(format!("{kind}{place}"), look.quiet()),
            Span::styled(state, row.state.style(look)),
        ])
    };
    frame.render_widget(line, area);
}

/// The row that is edited: what is typed reaches from the alternate's column to that of the state.
fn draw_form(frame: &mut Frame<'_>, area: Rect, row: &Row, form: &Form, columns: &Columns, look: Look) {
    let primary = fit(&side_text(row.primary), columns.primary);
    frame.render_widget(Line::styled(format!("{MARK}{primary} "), look.title()), area);
    let before = Columns::MARK + columns.primary + 1;
    let field = right_of(area, before);
    let room = u16::try_from(columns.before_state().saturating_sub(before + 1)).unwrap_or(u16::MAX);
    input_line(frame, Rect { width: room.min(field.width), ..field }, &form.alternate, look.chosen(), true);
    let style = form.judged.state().map_or_else(|| look.bad(), |state| state.style(look));
    let state = Line::styled(fit(form.judged.text(), columns.state), style);
    frame.render_widget(state, right_of(area, columns.before_state()));
}

/// The texts of a row in their columns, each with the blank after it.
fn cells(columns: &Columns, texts: &[String; 5]) -> [String; 5] {
    let [primary, alternate, kind, place, state] = texts;
    let cell = |text: &str, width: usize| if width == 0 { String::new() } else { format!("{} ", fit(text, width)) };
    [
        cell(primary, columns.primary),
        cell(alternate, columns.alternate),
        cell(kind, columns.kind),
        cell(place, columns.place),
        fit(state, columns.state),
    ]
}

fn becomes(row: &Row, width: usize) -> String {
    match row.becomes.filter(|_| row.kind != Kind::Elsewhere) {
        Some(becomes) => side_text(becomes),
        None if row.state == State::MustMap => std::iter::repeat_n(MISSING, width).collect(),
        None => "stays".to_owned(),
    }
}

/// How often and where a row occurs.
fn place(editor: &Editor, row: &Row) -> String {
    match row.kind {
        Kind::Rule if row.count > 0 => format!("covers {}", row.count),
        Kind::Rule if editor.knowledge.scanned => "covers nothing".to_owned(),
        Kind::Entry if editor.knowledge.scanned => "not in the mirror".to_owned(),
        Kind::Rule | Kind::Entry => String::new(),
        Kind::Own | Kind::Foreign | Kind::Elsewhere => {
            let found = editor.knowledge.found(row.primary, row.kind);
            let first = found.and_then(|found| found.occurrences.first());
            let first = first.map(|place| printable(&place.to_string())).unwrap_or_default();
            format!("{}× {first}", row.count)
        }
    }
}
