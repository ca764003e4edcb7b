//! This server on the screen: its traffic in a word and a shape, and all that bears on it.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::domain::preflight::span;
use crate::domain::traffic::{Traffic, TrafficWord};
use crate::faces::failure::Failure;
use crate::faces::maintenance::screen::{App, Seen};
use crate::faces::maintenance::words;
use crate::faces::terminal::dashboard::{FRESH, STALE};
use crate::faces::terminal::draw;
use crate::faces::terminal::job::view::{ending, hanging, texts};
use crate::faces::terminal::look::Look;

impl App {
    /// The traffic state in a word; what was read too long ago is not known any more.
    fn word(&self) -> TrafficWord {
        match self.known() {
            Some(seen) if !self.is_stale() => seen.reading.traffic.word(),
            Some(_) | None => TrafficWord::Unknown,
        }
    }

    fn known(&self) -> Option<&Seen> {
        self.looked.as_ref().and_then(|looked| looked.seen.as_ref().ok())
    }

    fn age(&self) -> Option<Duration> {
        self.looked.as_ref().map(|looked| (self.now - looked.at).to_std().unwrap_or_default())
    }

    fn is_stale(&self) -> bool {
        self.age().is_none_or(|age| age > STALE)
    }

    /// Draws it.
    pub(super) fn view_server(&self, frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
        let word = self.word();
        let (sign, style, border) = draw::traffic(word, self.look);
        let told = match word {
            TrafficWord::Allowed | TrafficWord::Unknown => word.to_string(),
            TrafficWord::Blocked | TrafficWord::Partial => word.to_string().to_uppercase(),
        };
        let block = Block::bordered()
            .border_type(border)
            .border_style(style)
            .title(Span::styled(" THIS SERVER ", self.look.title()))
            .title(Line::styled(format!(" {told} {sign} "), style).right_aligned());
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        frame.render_widget(Paragraph::new(lines), inner);
    }

    /// What was read, the lines that matter most first: a small terminal shows no more than fit.
    pub(super) fn server_lines<'a>(&self, columns: usize) -> Vec<Line<'a>> {
        let look = self.look;
        let mut lines = match self.looked.as_ref().map(|looked| &looked.seen) {
            None => return texts("reading this server …", look.quiet(), columns),
            Some(Err(failure)) => return failed(failure, columns, look),
            Some(Ok(seen)) if self.is_stale() => {
                let last = seen.reading.traffic.word();
                let told = format!("unknown: nothing could be read for a while; the last that was read is \"{last}\"");
                texts(&told, look.warning(), columns)
            }
            Some(Ok(seen)) => texts(&words::state(&seen.reading.traffic), look.title(), columns),
        };
        let Some(seen) = self.known() else { return lines };
        if let (Traffic::Partial { differences }, false) = (&seen.reading.traffic, self.is_stale()) {
            lines.extend(differences.iter().flat_map(|what| hanging("! ", look.bad(), what, columns)));
        }
        lines.extend(self.age_line(columns));
        lines.extend(self.redundancy_lines(seen, columns));
        if let Some(running) = &seen.reading.running {
            lines.extend(hanging("running now: ", look.warning(), running, columns));
        }
        lines.extend(seen.notes.iter().flat_map(|note| hanging("note: ", look.warning(), note, columns)));
        lines
    }

    fn age_line<'a>(&self, columns: usize) -> Vec<Line<'a>> {
        let age = self.age().unwrap_or_default();
        let style = if age > FRESH { self.look.warning() } else { self.look.quiet() };
        let told = format!(
            "read back from the packet filter {} ago",
            span(chrono::Duration::from_std(age).unwrap_or_default())
        );
        texts(&told, style, columns)
    }

    fn redundancy_lines<'a>(&self, seen: &Seen, columns: usize) -> Vec<Line<'a>> {
        let monitor = if seen.reading.monitored { "; the monitor runs here" } else { "" };
        let (told, style) = match (seen.reading.configured, &self.given) {
            (false, _) => ("not configured on this server, so what is chosen here counts".to_owned(), Style::new()),
            (true, (true, reason)) => {
                let reason = reason.as_deref().unwrap_or_default();
                (format!("configured on this server, and overridden: {reason}"), self.look.warning())
            }
            (true, (false, _)) => {
                let told = "configured on this server: add, remove and uninstall are refused unless you override it";
                (told.to_owned(), self.look.warning())
            }
        };
        hanging("redundancy: ", style, &format!("{told}{monitor}"), columns)
    }
}

/// A failure as error, because and hint.
pub(super) fn failed<'a>(failure: &Failure, columns: usize, look: Look) -> Vec<Line<'a>> {
    let mut lines = ending("", &Err(failure.clone()), failure.hint.clone(), columns, look);
    // Its last line is empty, and here something else stands below.
    lines.pop();
    lines
}
