//! How everything is drawn, one thing over the other.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::{App, Over};
use crate::faces::terminal::draw;
use crate::faces::terminal::screen::SMALLEST;

impl App {
    /// Draws everything.
    pub fn view(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area);
        }
        self.area.set(area);
        let full = self.over.iter().rposition(|over| !matches!(over, Over::Form(_) | Over::Finder(_)));
        if full.is_none() {
            self.dashboard.view(frame, area, &self.facts, &self.who, self.now, self.look);
        }
        if full.is_none() && !self.over.is_empty() {
            // The dashboard's keys do not act while something lies over it.
            frame.render_widget(Clear, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area });
        }
        for over in self.over.iter().skip(full.unwrap_or(0)) {
            match over {
                Over::Form(form) => form.view(frame, area, self.now, self.look),
                Over::Finder(finder) => finder.view(frame, area, self.look),
                Over::Job(job) => job.view(frame, area, self.now, self.look),
                Over::History(history) => history.view(frame, area, self.look),
                Over::Mirrors(mirrors) => mirrors.view(frame, area, &self.facts.mirrors, self.now, self.look),
                Over::Editor { editor, .. } => editor.view(frame, area, self.look),
                Over::Help(help) => help.view(frame, area, self.look),
                Over::Text(text) => text.view(frame, area, self.look),
            }
        }
    }
}

/// Says how large the terminal has to be.
pub(in crate::faces) fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let told = format!(
        "This terminal has {} columns and {} lines; {} x {} are needed. Make it larger, or use --plain.",
        area.width, area.height, SMALLEST.0, SMALLEST.1
    );
    let lines: Vec<Line<'_>> = draw::wrapped(&told, usize::from(area.width)).into_iter().map(Line::raw).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}
