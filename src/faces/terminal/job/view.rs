//! How a command under way is drawn.

use chrono::{DateTime, Local};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Gauge, Paragraph};

use super::{Job, Pending, StepState};
use crate::domain::preflight::{Finding, Verdict, size};
use crate::faces::failure::{Exit, Failure};
use crate::faces::teller::seconds;
use crate::faces::terminal::draw::{self, wrapped};
use crate::faces::terminal::look::Look;
use crate::ports::host::visible;

impl Job {
    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, now: DateTime<Local>, look: Look) {
        let [body, footer] = Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(area);
        let title = self.invocation.title();
        let block = draw::framed(&title, look);
        let inner = block.inner(body);
        frame.render_widget(block, body);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let asks = self.asks(inner.width, look);
        let height = u16::try_from(asks.len()).unwrap_or(u16::MAX).min(inner.height.saturating_sub(3));
        let gauge = u16::from(self.copying.is_some());
        let lines = self.story(usize::from(inner.width), now, look);
        let room = inner.height.saturating_sub(gauge + height);
        let told = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(room);
        // What is asked stands right below what was told.
        let [story, progress, place, _] = Layout::vertical([
            Constraint::Length(told),
            Constraint::Length(gauge),
            Constraint::Length(height),
            Constraint::Min(0),
        ])
        .areas(inner);
        self.drawn.set((lines.len(), usize::from(story.height)));
        draw::scrolled(frame, story, lines, self.scroll, look);
        self.view_progress(frame, progress, look);
        frame.render_widget(Paragraph::new(asks), place);
        self.place_cursor(frame, place);
        draw::keys(frame, footer, &self.keys(), look);
    }

    fn view_progress(&self, frame: &mut Frame<'_>, place: Rect, look: Look) {
        let Some((bytes, of, rate)) = self.copying else { return };
        let left = of.saturating_sub(bytes) / rate.max(1);
        let label = format!("{} of {}, {}/s, {left} s left", size(bytes), size(of), size(rate));
        #[expect(clippy::cast_precision_loss, reason = "a bar of some dozen columns")]
        let ratio = if of == 0 { 1.0 } else { (bytes as f64 / of as f64).clamp(0.0, 1.0) };
        frame.render_widget(Gauge::default().ratio(ratio).label(label).gauge_style(look.good()), place);
    }

    /// Everything that happened, from the first check to the end.
    fn story<'a>(&self, columns: usize, now: DateTime<Local>, look: Look) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        if let Some((printed, result)) = &self.over {
            lines.extend(ending(printed, result, self.hint(), columns, look));
            // What was to be known before is worth remembering after it was done.
            if result.is_ok() {
                lines.extend(self.warnings(columns, look));
            }
        }
        for (prompt, answer) in &self.answered {
            lines.extend(hanging("✓ ", look.good(), &format!("{prompt}: {answer}"), columns));
        }
        if !self.checks.is_empty() {
            lines.push(heading("Checks", look));
            lines.extend(self.checks.iter().flat_map(|finding| check(finding, columns, look)));
            lines.push(Line::default());
        }
        for note in &self.notes {
            lines.extend(hanging("note: ", Style::new(), note, columns));
        }
        if !self.steps.is_empty() {
            lines.push(heading(if self.confirmed { "Steps" } else { "Plan: what will be done, in this order" }, look));
            lines.extend(self.steps.iter().flat_map(|row| step(row.number, &row.text, &row.state, now, columns, look)));
        }
        if let Some(because) = &self.going_back {
            lines.extend(hanging("going back: ", look.warning(), because, columns));
        }
        if self.over.is_none() && !self.confirmed && self.plan.is_some() {
            lines.push(Line::default());
            lines.extend(self.warnings(columns, look));
        }
        if self.is_silent() {
            lines.push(Line::styled("working …", look.quiet()));
        }
        lines
    }

    /// What the plan says a person should know.
    fn warnings<'a>(&self, columns: usize, look: Look) -> Vec<Line<'a>> {
        let warnings = self.plan.iter().flat_map(|plan| &plan.warnings);
        warnings.flat_map(|warning| hanging("! ", look.warning(), warning, columns)).collect()
    }

    /// Nothing was said yet, and nothing is asked.
    fn is_silent(&self) -> bool {
        self.over.is_none() && matches!(self.pending, Pending::Nothing) && !self.confirmed
    }

    /// What stands at the bottom and is answered there.
    fn asks<'a>(&self, width: u16, look: Look) -> Vec<Line<'a>> {
        let columns = usize::from(width);
        let mut lines = match &self.pending {
            Pending::Nothing | Pending::Translation => Vec::new(),
            Pending::Question { question, field, from, wrong } => {
                let mut lines = texts(&question.prompt, look.title(), columns);
                lines.push(field.line(columns, look));
                let state = match wrong {
                    Some(wrong) => hanging("not right: ", look.bad(), wrong, columns),
                    None if question.default.is_some() || *from != "the usual answer" => {
                        texts(&format!("({from}; in a script: {})", question.flag), look.quiet(), columns)
                    }
                    None => texts(&format!("(in a script: {})", question.flag), look.quiet(), columns),
                };
                lines.extend(state);
                lines
            }
            Pending::Choice { question, choices } => {
                let mut lines = texts(&question.prompt, look.title(), columns);
                lines.extend(choices.lines(columns, look));
                lines.extend(texts(&format!("(in a script: {})", question.flag), look.quiet(), columns));
                lines
            }
            Pending::Plan { word: None, doing } => {
                let mut lines = self.script_line(columns, look);
                lines.push(Line::default());
                lines.push(draw::buttons(&["Cancel", "Do it"], usize::from(*doing), look));
                lines
            }
            Pending::Plan { word: Some((field, word)), .. } => {
                let mut lines = self.script_line(columns, look);
                let told = format!(
                    "The other site does not answer, so nobody can prove that it is blocked. If it still serves users, two \
                     sites serve. Type {word} to make the {word} live all the same:"
                );
                lines.extend(texts(&told, look.bad(), columns));
                lines.push(field.line(columns, look));
                lines
            }
            Pending::Trust { statement, right } => {
                let mut lines = texts(statement, look.title(), columns);
                lines.push(draw::buttons(&["It is not right", "It is right"], usize::from(*right), look));
                lines
            }
            Pending::CancelCopy { doing } => {
                let told = "Break the copy off? What has come stays for the next copy, and the mirrors are as before.";
                let mut lines = texts(told, look.title(), columns);
                lines.push(draw::buttons(&["Go on copying", "Break it off"], usize::from(*doing), look));
                lines
            }
        };
        if let Some(advice) = self.advice {
            lines.push(Line::styled(advice, look.warning()));
        }
        if !lines.is_empty() {
            lines.insert(0, Line::default());
        }
        lines
    }

    fn script_line<'a>(&self, columns: usize, look: Look) -> Vec<Line<'a>> {
        // Its answers are more than a line holds.
        let is_configure = self.invocation.words.first().is_some_and(|word| word == "configure");
        let answers = if is_configure { " --answers FILE" } else { "" };
        let line = format!("in a script: {}{answers} --yes", self.invocation.in_a_script());
        texts(&line, look.quiet(), columns)
    }

    /// The cursor stands where the next letter goes.
    fn place_cursor(&self, frame: &mut Frame<'_>, place: Rect) {
        let (field, before) = match &self.pending {
            Pending::Question { question, field, .. } => {
                (field, wrapped(&question.prompt, usize::from(place.width)).len() + 1)
            }
            Pending::Plan { word: Some((field, _)), .. } => {
                (field, usize::from(place.height).saturating_sub(1 + usize::from(self.advice.is_some())))
            }
            _ => return,
        };
        let column = field.cursor(usize::from(place.width));
        let x = place.x.saturating_add(column).min(place.right().saturating_sub(1));
        let y = place.y.saturating_add(u16::try_from(before).unwrap_or(u16::MAX));
        if y < place.bottom() {
            frame.set_cursor_position(Position { x, y });
        }
    }

    fn keys(&self) -> Vec<(&'static str, &'static str)> {
        let mut keys = match (&self.pending, &self.over) {
            (_, Some(_)) => {
                let mut keys = vec![("Enter", "back"), ("↑↓", "scroll")];
                if self.may_be_forced() {
                    keys.push(("f", "force it, with a reason"));
                }
                if !self.hindering().is_empty() {
                    keys.push(("s", "skip these checks, with a reason"));
                }
                if self.may_be_tried_again() {
                    keys.push(("a", "again"));
                }
                keys
            }
            (Pending::Nothing | Pending::Translation, None) if self.copying.is_some() => {
                vec![("Esc", "break the copy off")]
            }
            (Pending::Nothing | Pending::Translation, None) if self.confirmed => vec![("↑↓", "scroll")],
            (Pending::Nothing | Pending::Translation, None) => vec![("Esc", "cancel")],
            (Pending::Question { .. }, None) => {
                vec![("Enter", "next"), ("Esc", "back one question"), ("→", "change the text")]
            }
            (Pending::Choice { .. }, None) => {
                vec![("↑↓", "choose"), ("Enter", "next"), ("Esc", "back one question")]
            }
            (Pending::Plan { word: Some(_), .. }, None) => vec![("Enter", "do it"), ("Esc", "cancel")],
            (Pending::Plan { .. }, None) => {
                vec![("←→", "choose"), ("Enter", "press"), ("PgUp PgDn", "scroll"), ("Esc", "cancel")]
            }
            (Pending::Trust { .. } | Pending::CancelCopy { .. }, None) => {
                vec![("←→", "choose"), ("Enter", "press"), ("Esc", "no")]
            }
        };
        keys.push(("F1", "help"));
        keys
    }
}

fn heading<'a>(text: &'static str, look: Look) -> Line<'a> {
    Line::styled(text, look.title())
}

pub(in crate::faces) fn texts<'a>(text: &str, style: Style, columns: usize) -> Vec<Line<'a>> {
    wrapped(&visible(text), columns).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// A text behind a mark; its further lines begin under its first letter.
pub(in crate::faces) fn hanging<'a>(mark: &str, style: Style, text: &str, columns: usize) -> Vec<Line<'a>> {
    let indent = unicode_width::UnicodeWidthStr::width(mark);
    let lines = wrapped(&visible(text), columns.saturating_sub(indent));
    let line = |(i, line): (usize, String)| {
        let before = if i == 0 { Span::styled(mark.to_owned(), style) } else { Span::raw(" ".repeat(indent)) };
        Line::from(vec![before, Span::raw(line)])
    };
    lines.into_iter().enumerate().map(line).collect()
}

fn check<'a>(finding: &Finding, columns: usize, look: Look) -> Vec<Line<'a>> {
    let (mark, style, text) = match &finding.verdict {
        Verdict::Good(text) => ("✓ ok   ", look.good(), text.as_str()),
        Verdict::Warning(text) => ("! warn ", look.warning(), text.as_str()),
        Verdict::Bad(text) => ("✗ BAD  ", look.bad(), text.as_str()),
        Verdict::NotTold => ("- ", look.quiet(), "the platform does not tell"),
    };
    let mark = draw::padded(mark, 7);
    hanging(&mark, style, &format!("{}: {text}", finding.check), columns)
}

fn step<'a>(
    number: usize,
    text: &str,
    state: &StepState,
    now: DateTime<Local>,
    columns: usize,
    look: Look,
) -> Vec<Line<'a>> {
    let (sign, style, more) = match state {
        StepState::Waits(expected) => ("·", look.quiet(), format!(" (about {})", seconds(*expected))),
        StepState::Runs(since) => {
            let milliseconds = u64::try_from((now - since).num_milliseconds()).unwrap_or(0);
            ("▸", look.key(), format!(" … {}", seconds(milliseconds)))
        }
        StepState::Done(milliseconds, found) if found.is_empty() => {
            ("✓", look.good(), format!("  done in {}", seconds(*milliseconds)))
        }
        StepState::Done(milliseconds, found) => {
            ("✓", look.good(), format!("  done in {}: {found}", seconds(*milliseconds)))
        }
        StepState::Failed(milliseconds, because) => {
            ("✗", look.bad(), format!("  FAILED after {}: {because}", seconds(*milliseconds)))
        }
    };
    hanging(&format!("{sign} {number:>2}  "), style, &format!("{text}{more}"), columns)
}

pub(in crate::faces) fn ending<'a>(
    printed: &str,
    result: &Result<(), Failure>,
    hint: Option<String>,
    columns: usize,
    look: Look,
) -> Vec<Line<'a>> {
    let mut lines = texts(printed.trim_end(), Style::new(), columns);
    if printed.trim().is_empty() {
        lines.clear();
    }
    if printed.lines().next() == Some("done")
        && let Some(first) = lines.first_mut()
    {
        *first = Line::styled("✓ done", look.live());
    }
    if let Err(failure) = result {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        if failure.exit == Exit::Cancelled {
            lines.extend(texts(&failure.error, look.title(), columns));
            return lines;
        }
        lines.extend(hanging("✗ error: ", look.bad(), &failure.error, columns));
        for because in &failure.because {
            lines.extend(hanging("  because: ", look.warning(), because, columns));
        }
        if let Some(hint) = hint {
            lines.extend(hanging("  hint: ", look.key(), &hint, columns));
        }
    }
    lines.push(Line::default());
    lines
}
