//! Draws what there is to know about the chosen row, or about what is typed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};

use super::{input_line, right_of};
use crate::domain::translation::{TranslationProblem, side_text};
use crate::faces::terminal::editor::browse::grouped_times;
use crate::faces::terminal::editor::columns::cut;
use crate::faces::terminal::editor::form::{Field, Form, Judged};
use crate::faces::terminal::editor::mode::{FileName, Mode, Way};
use crate::faces::terminal::editor::row::{Kind, Row, State};
use crate::faces::terminal::editor::rows::sign;
use crate::faces::terminal::editor::{Editor, counted};
use crate::faces::terminal::look::Look;
use crate::ports::host::printable;

pub(super) fn draw(editor: &Editor, frame: &mut Frame<'_>, line: Rect, area: Rect, look: Look) {
    let title = match &editor.mode {
        Mode::Form(form) if form.is_adding() => " a new entry ".to_owned(),
        Mode::File(name) => match name.way {
            Way::Import => " import: the entries of a file in place of these ".to_owned(),
            Way::Export => " export: these entries into a file ".to_owned(),
        },
        Mode::Browse | Mode::Find(_) | Mode::Form(_) | Mode::Places(_) | Mode::Leaving(_) => {
            editor.chosen().map(row_title).unwrap_or_default()
        }
    };
    draw_line(frame, line, &title, look);
    match &editor.mode {
        Mode::Form(form) => draw_form(frame, area, form, look),
        Mode::File(name) => draw_file(frame, area, name, look),
        Mode::Browse | Mode::Find(_) | Mode::Places(_) | Mode::Leaving(_) => {
            let lines = editor.chosen().map(|row| row_lines(editor, row, look)).unwrap_or_default();
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), inset(area));
        }
    }
    if let Some(note) = &editor.note {
        draw_note(frame, area, note, look);
    }
}

/// The line between the list and the detail, from border to border.
fn draw_line(frame: &mut Frame<'_>, line: Rect, title: &str, look: Look) {
    let width = usize::from(line.width);
    if line.is_empty() {
        return;
    }
    let whole = Rect { x: line.x.saturating_sub(1), width: line.width.saturating_add(2), ..line };
    let text = Line::styled(format!("├{}┤", "─".repeat(width)), look.quiet());
    frame.render_widget(text, whole.intersection(frame.area()));
    frame.render_widget(Line::styled(cut(title, width.saturating_sub(2)), look.title()), right_of(line, 1));
}

/// What the last key did, at the foot of the detail.
fn draw_note(frame: &mut Frame<'_>, area: Rect, note: &str, look: Look) {
    let paragraph = Paragraph::new(format!("» {note}")).style(look.warning()).wrap(Wrap { trim: true });
    let inner = inset(area);
    let lines = (1..=area.height).find(|lines| fits(note, inner.width, *lines)).unwrap_or(area.height);
    let foot = Rect { y: inner.bottom() - lines, height: lines, ..inner };
    frame.render_widget(Clear, foot);
    frame.render_widget(paragraph, foot);
}

/// Whether a text, wrapped at words, surely has room on so many lines.
fn fits(text: &str, width: u16, lines: u16) -> bool {
    let (mut taken, mut line) = (1, 1);
    for word in text.split_whitespace() {
        let word = unicode_width::UnicodeWidthStr::width(word) + 1;
        line += word;
        if line > usize::from(width) {
            taken += 1;
            line = word;
        }
    }
    taken <= usize::from(lines)
}

const fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn row_title(row: &Row) -> String {
    let primary = side_text(row.primary);
    let network = if row.is_network() { "network" } else { "address" };
    let kind = match row.kind {
        Kind::Own => format!("an {network} of the primary"),
        Kind::Foreign => format!("a foreign {network}"),
        Kind::Rule => "a rule for a whole network".to_owned(),
        Kind::Entry => "an entry that is not in the mirror".to_owned(),
        Kind::Elsewhere => "a server of the primary, elsewhere".to_owned(),
    };
    format!(" {primary}, {kind} ")
}

/// The most important first: what is wrong, what would help, what happens now, where it occurs.
fn row_lines(editor: &Editor, row: &Row, look: Look) -> Vec<Line<'static>> {
    let problems = editor.rows.problems_of_all().chain(editor.rows.problems_of(row).take(3));
    let mut lines: Vec<Line<'static>> = problems.map(|problem| problem_line(problem, look)).collect();
    let more = editor.rows.problems_of(row).count().saturating_sub(3);
    if more > 0 {
        lines.push(Line::from(format!("  and {} more", counted(more, "problem", "problems"))));
    }
    if row.state == State::Unconfirmed {
        lines.push(Line::styled("? nobody said yet that it stays as it is", look.warning()));
    }
    if let Some(suggestion) = editor.suggestion() {
        lines.push(Line::from(vec![
            Span::styled("g", look.key()),
            Span::raw(format!(" uses {}, {}", side_text(suggestion.alternate), suggestion.because())),
        ]));
    }
    if !matches!(row.state, State::MustMap | State::Unconfirmed) {
        lines.push(Line::from(what_happens(row, editor)));
    }
    lines.extend(places(editor, row).map(Line::from));
    lines
}

fn problem_line(problem: &TranslationProblem, look: Look) -> Line<'static> {
    let style = State::of(problem).unwrap_or(State::Untranslated).style(look);
    Line::from(vec![Span::styled(sign(problem), style), Span::raw(format!(" {}", printable(&problem.to_string())))])
}

fn what_happens(row: &Row, editor: &Editor) -> String {
    let primary = side_text(row.primary);
    match row.kind {
        Kind::Elsewhere => {
            "A load leaves it as it is: the platform profile lists no addresses there. List the field in the profile, or \
             change it by hand after a load."
                .to_owned()
        }
        Kind::Rule => {
            let hosts = match row.becomes {
                Some(becomes) if becomes != row.primary => format!("Every host keeps its host part in {becomes}"),
                Some(_) | None => "Every host stays as it is".to_owned(),
            };
            let count = usize::try_from(row.count).unwrap_or(usize::MAX);
            let follow = counted(count, "scanned address follows it", "scanned addresses follow it");
            if editor.knowledge.scanned { format!("{hosts}; {follow}.") } else { format!("{hosts}.") }
        }
        Kind::Own | Kind::Foreign | Kind::Entry => match (editor.table().rule_for(row.primary), row.becomes) {
            (None, _) => format!("{primary} stays: no rule covers it."),
            (Some(rule), _) if rule.primary() == row.primary && rule.keeps() => {
                format!("{primary} stays as it is, by its own entry.")
            }
            (Some(rule), Some(becomes)) if rule.primary() == row.primary => {
                format!("{primary} becomes {}, by its own entry.", side_text(becomes))
            }
            (Some(rule), _) if rule.keeps() => format!("{primary} stays by the rule {rule}."),
            (Some(rule), becomes) => {
                format!("{primary} becomes {} by the rule {rule}.", becomes.map(side_text).unwrap_or_default())
            }
        },
    }
}

/// The first places of a row in one text; it ends where there is no more room.
fn places(editor: &Editor, row: &Row) -> Option<String> {
    let found = editor.knowledge.found(row.primary, row.kind)?;
    let listed: Vec<String> = found.occurrences.iter().map(|place| printable(&place.to_string())).collect();
    Some(format!("Occurs {}: {}", grouped_times(found.total), listed.join(", ")))
}

fn draw_form(frame: &mut Frame<'_>, area: Rect, form: &Form, look: Look) {
    let mut rest = inset(area);
    if form.is_adding() {
        for (label, field, input) in
            [("primary", Field::Primary, &form.primary), ("alternate", Field::Alternate, &form.alternate)]
        {
            let line = Rect { height: rest.height.min(1), ..rest };
            let active = form.field == field;
            let (mark, style) = if active { ("▸", look.chosen()) } else { (" ", look.quiet()) };
            frame.render_widget(Line::from(format!("{mark} {label}")), line);
            input_line(
                frame,
                Rect { width: line.width.saturating_sub(12).min(45), ..right_of(line, 12) },
                input,
                style,
                active,
            );
            rest = Rect { y: rest.y + line.height, height: rest.height - line.height, ..rest };
        }
    }
    frame.render_widget(Paragraph::new(judged_lines(form, look)).wrap(Wrap { trim: true }), rest);
}

fn judged_lines(form: &Form, look: Look) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    match &form.judged {
        Judged::Unfinished if form.is_adding() => {
            lines.push(Line::from("A host, or a whole network such as 192.0.2.0/24: its hosts keep their host part."));
        }
        Judged::Unfinished => lines.push(Line::from("What is it at the alternate?")),
        Judged::Wrong(error) => lines.push(Line::styled(format!("! {}", printable(&error.to_string())), look.bad())),
        Judged::Entry { entry, problems, replaces } => {
            lines.extend(problems.iter().take(3).map(|problem| problem_line(problem, look)));
            if problems.len() > 3 {
                let more = counted(problems.len() - 3, "problem", "problems");
                lines.push(Line::from(format!("  and {more} more")));
            }
            if entry.keeps() && problems.is_empty() {
                lines.push(Line::from(format!("{} stays as it is.", side_text(entry.primary()))));
            }
            match replaces {
                Some(before) if before == entry => lines.push(Line::from("It is so now.")),
                Some(before) => lines.push(Line::from(format!("It takes the place of {before}."))),
                None => {}
            }
            if problems.is_empty() && !entry.keeps() && replaces.is_none() {
                lines.push(Line::from(format!("Enter puts in {entry}.")));
            }
        }
    }
    if let Some(suggestion) = form.suggestion {
        let text = format!(" takes {}, {}", side_text(suggestion.alternate), suggestion.because());
        lines.push(Line::from(vec![Span::styled("Tab", look.key()), Span::raw(text)]));
    }
    lines
}

fn draw_file(frame: &mut Frame<'_>, area: Rect, name: &FileName, look: Look) {
    let inner = inset(area);
    let line = Rect { height: inner.height.min(1), ..inner };
    frame.render_widget(Line::from("file"), line);
    input_line(frame, right_of(line, 6), &name.input, look.chosen(), true);
    let rest = Rect { y: inner.y + line.height, height: inner.height - line.height, ..inner };
    let text = match name.way {
        Way::Import => "CSV or YAML, by its ending. Entries that are not in the file go; u brings them back.",
        Way::Export => "CSV or YAML, by its ending.",
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), rest);
}
