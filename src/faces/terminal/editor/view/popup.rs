//! Draws what lies over the list: all places of a row, and the question before leaving.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use unicode_width::UnicodeWidthStr;

use crate::faces::terminal::editor::columns::cut;
use crate::faces::terminal::editor::mode::{Leaving, Mode, Places};
use crate::faces::terminal::editor::{Editor, Purpose};
use crate::faces::terminal::look::Look;

/// Wide enough for three buttons.
const QUESTION: (u16, u16) = (54, 6);

pub(super) fn draw(editor: &Editor, frame: &mut Frame<'_>, area: Rect, look: Look) {
    match &editor.mode {
        Mode::Places(places) => draw_places(frame, area, places, look),
        Mode::Leaving(button) => draw_leaving(editor, frame, area, *button, look),
        Mode::Browse | Mode::Find(_) | Mode::Form(_) | Mode::File(_) => {}
    }
}

fn draw_places(frame: &mut Frame<'_>, area: Rect, places: &Places, look: Look) {
    let columns = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let widest = places.lines.iter().chain([&places.title]).map(|line| line.width()).max().unwrap_or_default();
    let (wide, high) = (columns(widest).saturating_add(6), columns(places.lines.len()).saturating_add(2));
    let popup = middle(area, wide.min(area.width.saturating_sub(6)), high.min(area.height.saturating_sub(6)));
    let width = usize::from(popup.width.saturating_sub(4));
    let inner = usize::from(popup.height.saturating_sub(2));
    let lines: Vec<Line<'_>> =
        places.on_screen(inner).map(|line| Line::from(format!(" {}", cut(line, width)))).collect();
    let (first, last) = places.position();
    let mut block = Block::bordered().title(Line::styled(format!(" {} ", cut(&places.title, width)), look.title()));
    if places.lines.len() > inner {
        let position = format!(" {first}–{last} of {} ", places.lines.len());
        block = block.title_bottom(Line::from(position).alignment(Alignment::Right));
    }
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}

fn draw_leaving(editor: &Editor, frame: &mut Frame<'_>, area: Rect, chosen: Leaving, look: Look) {
    let popup = middle(area, QUESTION.0, QUESTION.1);
    let what = editor.history.summary().unwrap_or_default();
    let mut buttons = Vec::new();
    for button in Leaving::ALL {
        let (mark, style) = if button == chosen { ("▸", look.chosen()) } else { (" ", look.key()) };
        let label = format!("[ {} ]", word(button, editor.purpose));
        buttons.extend([Span::raw(mark), Span::styled(label, style), Span::raw(" ")]);
    }
    let question = match editor.purpose {
        Purpose::Settings => "The table has changes that are not saved:",
        Purpose::Wizard => "The table has changes:",
    };
    let width = usize::from(popup.width.saturating_sub(4));
    let lines = vec![
        Line::from(question),
        Line::from(cut(&what, width)),
        Line::default(),
        Line::from(buttons).alignment(Alignment::Center),
    ];
    let title = Line::styled(" leave the editor? ", look.title());
    let block = Block::bordered().title(title).padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), popup);
}

const fn word(button: Leaving, purpose: Purpose) -> &'static str {
    match (button, purpose) {
        (Leaving::Save, Purpose::Settings) => "Save",
        (Leaving::Save, Purpose::Wizard) => "Use it",
        (Leaving::ThrowAway, _) => "Throw away",
        (Leaving::Stay, _) => "Stay",
    }
}

/// A place in the middle, no larger than what is there.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
