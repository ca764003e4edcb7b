//! One site on the dashboard: the state in a word and a shape, its servers in groups, the odd ones first.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::domain::plan::runs;
use crate::domain::report::{ControlAddress, ServerStatus, SystemStatus};
use crate::domain::site::{LimNumber, Site};
use crate::domain::traffic::TrafficWord as Word;
use crate::faces::terminal::draw;
use crate::faces::terminal::look::Look;
use crate::ports::host::visible;

/// What one site's panel shows.
pub(super) struct Panel<'a> {
    pub site: Site,
    pub system: &'a SystemStatus,
    pub twin: &'a SystemStatus,
    pub control: &'a [ControlAddress],
    /// The age, where what was read is not fresh.
    pub age: Option<String>,
    /// What was read is too old to be relied on.
    pub stale: bool,
}

impl Panel<'_> {
    /// Draws it; the live site has a thick frame.
    pub(super) fn view(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let word = if self.stale { Word::Unknown } else { self.system.traffic };
        let told = match word {
            Word::Allowed => "LIVE",
            Word::Blocked | Word::Unknown => &word.to_string(),
            Word::Partial => "PARTIAL",
        };
        let (sign, style, border) = draw::traffic(word, look);
        let name = self.site.to_string().to_uppercase();
        let block = Block::bordered()
            .border_type(border)
            .border_style(style)
            .title(Span::styled(format!(" {name} "), look.title()))
            .title(Line::styled(format!(" {told} {sign} "), style).right_aligned());
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let lines = self.lines(usize::from(inner.width), usize::from(inner.height), look);
        frame.render_widget(Paragraph::new(lines), inner);
    }

    /// As many lines as there is room for, the ones that matter most first.
    fn lines<'a>(&self, columns: usize, room: usize, look: Look) -> Vec<Line<'a>> {
        let answer = self.system.servers.iter().filter(|server| server.reachable).count();
        let all = self.system.servers.len();
        let mut lines = Vec::new();
        let master = self.system.servers.first().map(|server| server.address.to_string()).unwrap_or_default();
        let style = if answer == all { Style::new() } else { look.warning() };
        lines.push(Line::styled(draw::padded(&format!(" {master:<15} {answer} of {all} LIM answer"), columns), style));
        lines.push(self.traffic_line(columns, look));
        if let Some(line) = self.odd_line(columns, look) {
            lines.push(line);
        }
        lines.push(self.version_line(columns, look));
        lines.extend(self.control_lines(columns, look));
        if let Some(calls) = self.system.calls {
            lines.push(Line::raw(format!(" calls    {calls}")));
        }
        if let Some(turned_away) = self.turned_away() {
            lines.push(Line::raw(draw::fitted(&turned_away, columns)));
        }
        if room > lines.len() + 1 {
            lines.push(Line::default());
            lines.extend(self.groups(columns, look).into_iter().take(room - lines.len()));
        }
        lines.truncate(room);
        lines
    }

    fn traffic_line<'a>(&self, columns: usize, look: Look) -> Line<'a> {
        let (word, style) = match (self.stale, self.system.traffic) {
            (true, _) => (Word::Unknown.to_string(), look.warning()),
            (false, word @ (Word::Allowed | Word::Blocked)) => (word.to_string(), Style::new()),
            (false, word @ (Word::Partial | Word::Unknown)) => (word.to_string().to_uppercase(), look.bad()),
        };
        let age = self.age.as_ref().map_or_else(String::new, |age| format!(", read {age} ago"));
        Line::styled(draw::fitted(&format!(" traffic  {word}{age}"), columns), style)
    }

    fn version_line<'a>(&self, columns: usize, look: Look) -> Line<'a> {
        let (text, style) = match (&self.system.version, &self.twin.version) {
            (Some(own), Some(twin)) if own != twin => (format!(" version  {own}  DIFFERS"), look.warning()),
            (Some(own), Some(_)) => (format!(" version  {own}  same"), Style::new()),
            (Some(own), None) => (format!(" version  {own}"), Style::new()),
            (None, _) => (" version  not told".to_owned(), look.quiet()),
        };
        Line::styled(draw::fitted(&visible(&text), columns), style)
    }

    fn control_lines<'a>(&self, columns: usize, look: Look) -> Vec<Line<'a>> {
        let line = |control: &ControlAddress| {
            let reached = match self.site {
                Site::Primary => control.from_primary,
                Site::Alternate => control.from_alternate,
            };
            let (told, style) = match reached.filter(|_| !self.stale) {
                Some(true) => ("reached", Style::new()),
                Some(false) => ("NOT reached", look.bad()),
                None => ("unknown", look.warning()),
            };
            Line::styled(draw::fitted(&format!(" control  {} {told}", control.address), columns), style)
        };
        self.control.iter().map(line).collect()
    }

    fn turned_away(&self) -> Option<String> {
        let packets: u64 = self.system.servers.iter().filter_map(|server| server.turned_away).sum();
        let since = self.system.servers.iter().filter_map(|server| server.blocked_since).min()?;
        Some(format!(" turned away {packets} since {}", since.format("%m-%d %H:%M")))
    }

    /// The servers that are not as most are, in a line.
    fn odd_line<'a>(&self, columns: usize, look: Look) -> Option<Line<'a>> {
        let odd: Vec<String> = self.grouped().into_iter().skip(1).map(|(word, lims)| told(word, &lims)).collect();
        (!odd.is_empty()).then(|| Line::styled(draw::fitted(&format!(" LIM {}", odd.join(", ")), columns), look.bad()))
    }

    /// Servers by their state, the state that most have first.
    fn grouped(&self) -> Vec<(Word, Vec<LimNumber>)> {
        let mut groups: BTreeMap<Word, Vec<LimNumber>> = BTreeMap::new();
        for server in &self.system.servers {
            groups.entry(server.traffic).or_default().push(server.lim);
        }
        let mut groups: Vec<(Word, Vec<LimNumber>)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, lims)| std::cmp::Reverse(lims.len()));
        groups
    }

    /// Every server: the odd ones a line each with what differs, the others together.
    fn groups<'a>(&self, columns: usize, look: Look) -> Vec<Line<'a>> {
        let grouped = self.grouped();
        let usual = grouped.first().map(|(word, _)| *word);
        let is_odd = |server: &&ServerStatus| Some(server.traffic) != usual || !server.remarks.is_empty();
        let odd = |server: &ServerStatus| {
            let remark = server.remarks.first().cloned().unwrap_or_default();
            let text = format!(" LIM {} {}: {remark}", server.lim, server.traffic);
            Line::styled(draw::fitted(&visible(&text), columns), look.warning())
        };
        let mut lines: Vec<Line<'a>> = self.system.servers.iter().filter(is_odd).map(odd).collect();
        if let Some((word, lims)) = grouped.first() {
            let text = format!("LIM {}", told(*word, lims));
            let wrapped = draw::wrapped(&text, columns.saturating_sub(2));
            lines.extend(wrapped.into_iter().map(|line| Line::raw(format!(" {line}"))));
        }
        lines
    }
}

fn told(word: Word, lims: &[LimNumber]) -> String {
    format!("{} {word}", runs(lims))
}
