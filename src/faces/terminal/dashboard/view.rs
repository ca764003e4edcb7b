//! How the dashboard is drawn.

use chrono::{DateTime, Local};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::site::Panel;
use super::{Dashboard, FRESH, Facts};
use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::preflight::span;
use crate::domain::report::{Guarantee, Status, SwitchNow, Voters};
use crate::domain::site::Site;
use crate::faces::menu::{Item, Leads};
use crate::faces::print::NO_MONITOR;
use crate::faces::terminal::draw;
use crate::faces::terminal::history::newest;
use crate::faces::terminal::look::Look;
use crate::ports::host::visible;

/// Columns from which on the promise has a panel of its own.
const WIDE: u16 = 100;

/// Lines that alarms may take at most: the systems below have to be seen as well.
const ALARM_LINES: usize = 5;

impl Dashboard {
    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, facts: &Facts, who: &str, now: DateTime<Local>, look: Look) {
        let is_small = area.height < 24;
        let panel = match area.height {
            ..24 => 5,
            24..30 => 7,
            30.. => (area.height - 18).min(22),
        };
        let columns = usize::from(area.width).saturating_sub(3);
        let alarms: Vec<Line<'_>> =
            alarms(facts, now).iter().flat_map(|text| alarm_lines(text, columns, look)).take(ALARM_LINES).collect();
        let alarm_height = u16::try_from(alarms.len()).unwrap_or_default();
        let [head, alarm, sites, lines, rest, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(alarm_height),
            Constraint::Length(panel),
            Constraint::Length(if is_small { 3 } else { 4 }),
            Constraint::Min(3),
            Constraint::Length(1),
        ])
        .areas(area);
        view_head(frame, head, facts, who, now, look);
        frame.render_widget(Paragraph::new(alarms), alarm);
        view_sites(frame, sites, facts, now, look);
        frame.render_widget(Paragraph::new(middle_lines(facts, usize::from(lines.width), now, look)), lines);
        let menu_width = if rest.width < 70 { 30 } else { 42.min(rest.width / 2) };
        let [menu, events] = Layout::horizontal([Constraint::Length(menu_width), Constraint::Min(10)]).areas(rest);
        self.view_menu(frame, menu, look);
        view_events(frame, events, facts, look);
        self.view_footer(frame, footer, facts, look);
    }

    /// Draws the open menu, with the words that lead to it.
    pub fn view_menu(&self, frame: &mut Frame<'_>, area: Rect, look: Look) {
        let title = crumbs(&[vec!["Menu"], self.breadcrumbs()].concat(), usize::from(area.width).saturating_sub(4));
        let block = draw::framed(&title, look);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        self.drawn.set(inner);
        let items = self.items();
        let fit = usize::from(inner.height).max(1);
        let first = self.first_shown(fit);
        let columns = usize::from(inner.width);
        let row = |(i, item): (usize, &Item)| menu_row(item, i == self.chosen, columns, look);
        let lines: Vec<Line<'_>> = items.iter().enumerate().map(row).collect();
        draw::scrolled(frame, inner, lines, first, look);
    }

    fn view_footer(&self, frame: &mut Frame<'_>, footer: Rect, facts: &Facts, look: Look) {
        if let Some(note) = &self.note {
            return frame.render_widget(Line::styled(format!(" {}", visible(note)), look.warning()), footer);
        }
        let says = self.items().get(self.chosen).map_or("", |item| item.says);
        let mut keys = vec![
            ("Enter", "open"),
            ("Esc", "back"),
            ("/", "find"),
            ("F1", "help"),
            ("q", "leave"),
            ("F5", "read again"),
        ];
        if facts.known().is_some_and(|status| status.unfinished.is_some()) {
            keys.splice(0..0, [("F6", "finish it"), ("F7", "take it back")]);
        }
        let keys_width: usize = keys.iter().map(|(key, does)| key.len() + does.len() + 4).sum();
        draw::keys(frame, footer, &keys, look);
        let room = usize::from(footer.width).saturating_sub(keys_width + 2);
        if room > says.len() {
            let place = Rect {
                x: footer.right().saturating_sub(u16::try_from(says.len() + 1).unwrap_or(0)),
                width: u16::try_from(says.len()).unwrap_or(0),
                ..footer
            };
            frame.render_widget(Line::styled(says, look.quiet()), place);
        }
    }
}

/// The words that led here; where not all fit, the last ones, as they tell what is chosen from.
fn crumbs(words: &[&str], columns: usize) -> String {
    let whole = |from: usize| {
        let before = if from > 0 { "… › " } else { "" };
        format!("{before}{}", words.get(from..).unwrap_or_default().join(" › "))
    };
    let fits = |text: &String| unicode_width::UnicodeWidthStr::width(text.as_str()) <= columns;
    (0..words.len()).map(whole).find(fits).unwrap_or_else(|| whole(words.len().saturating_sub(1)))
}

fn menu_row<'a>(item: &Item, chosen: bool, columns: usize, look: Look) -> Line<'a> {
    let leads = if matches!(item.leads, Leads::Menu(_)) { "▸" } else { " " };
    let (sign, style) = if chosen { ("▸", look.chosen()) } else { (" ", Style::new()) };
    Line::styled(draw::padded(&format!("{sign}{:<24} {leads}", item.word), columns), style)
}

fn view_head(frame: &mut Frame<'_>, head: Rect, facts: &Facts, who: &str, now: DateTime<Local>, look: Look) {
    let told = facts.known().filter(|status| status.configured && head.width < WIDE);
    let promise = told.map(|status| {
        if facts.is_stale(now) {
            return ("promise: unknown".to_owned(), look.warning());
        }
        (promise_in_short(status), promise_style(status.guarantee, look))
    });
    let title = Span::styled(" System Redundancy", look.title());
    // A wide terminal has a panel for the promise; on a narrow one it takes the place of the title.
    let left = match promise {
        None => vec![title],
        Some((promise, style)) if head.width < 78 => vec![Span::raw(" "), Span::styled(promise, style)],
        Some((promise, style)) => vec![title, Span::raw("  "), Span::styled(promise, style)],
    };
    frame.render_widget(Line::from(left), head);
    let right = format!("{who}  {} ", now.format("%H:%M:%S %:z"));
    frame.render_widget(Line::raw(right).right_aligned(), head);
}

/// An alarm on as many lines as it takes: what to press stands at its end.
fn alarm_lines<'a>(text: &str, columns: usize, look: Look) -> Vec<Line<'a>> {
    let line = |(i, line): (usize, String)| {
        let sign = if i == 0 { " ! " } else { "   " };
        Line::styled(draw::padded(&format!("{sign}{line}"), columns + 3), look.bad())
    };
    draw::wrapped(text, columns).into_iter().enumerate().map(line).collect()
}

/// What cannot wait, above everything else.
fn alarms(facts: &Facts, now: DateTime<Local>) -> Vec<String> {
    let mut alarms = Vec::new();
    if let Some(Err(failure)) = &facts.status {
        alarms.push(visible(&failure.error));
    }
    let Some(status) = facts.known() else { return alarms };
    if status.is_dual_live() && !facts.is_stale(now) {
        let active = active(status);
        alarms.push(format!(
            "DUAL ACTIVE: both let traffic in. The order says {active}: manual-takeover › traffic-in-{active} blocks the other"
        ));
    }
    if status.guarantee == Guarantee::Lost && !status.is_dual_live() && !facts.is_stale(now) {
        alarms.push(visible(&format!("the promise is {}. F1: help", status.guarantee_told)));
    }
    if let Some(unfinished) = &status.unfinished {
        alarms.push(visible(&format!("UNFINISHED: {unfinished}; F6 finishes it, F7 takes it back")));
    }
    if let Some(lost) = facts.lost_site() {
        let told = match lost {
            Site::Primary => {
                "Is the primary lost? Ring the site. If so: manual-takeover › traffic-in-alternate, then f. F1: help"
            }
            Site::Alternate => "The alternate, which is active, does not answer. Is it lost? F1: help",
        };
        alarms.push(told.to_owned());
    }
    if status.configured && !status.monitor_running {
        alarms.push(format!("the monitor does not run: {NO_MONITOR}. Menu: monitor"));
    }
    if let Some(running) = &status.running {
        alarms.push(visible(&format!("running now: {running}")));
    }
    alarms
}

fn view_sites(frame: &mut Frame<'_>, area: Rect, facts: &Facts, now: DateTime<Local>, look: Look) {
    let status = facts.known();
    let Some((status, primary, alternate)) = status.and_then(|s| Some((s, s.primary.as_ref()?, s.alternate.as_ref()?)))
    else {
        let block = draw::framed("Systems", look);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let told = match (&facts.status, status) {
            (None, _) => "reading both systems …",
            (Some(Err(_)), _) => "what is wrong is told above; nothing can be said about the systems",
            (Some(Ok(_)), _) => {
                "Redundancy is not configured yet. Choose configure in the menu: it asks, checks, and shows a plan before it changes anything."
            }
        };
        let lines: Vec<Line<'_>> = draw::wrapped(told, usize::from(inner.width).saturating_sub(2))
            .into_iter()
            .map(|line| Line::raw(format!(" {line}")))
            .collect();
        return frame.render_widget(Paragraph::new(lines), inner);
    };
    let is_wide = area.width >= WIDE;
    let side = if is_wide { 30 } else { 0 };
    let [left, right, promise] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(side)]).areas(area);
    let age =
        facts.age(now).filter(|age| *age > FRESH).map(|age| span(chrono::Duration::from_std(age).unwrap_or_default()));
    let panel = |site, system, twin| Panel {
        site,
        system,
        twin,
        control: &status.network_control_address,
        age: age.clone(),
        stale: facts.is_stale(now),
    };
    panel(Site::Primary, primary, alternate).view(frame, left, look);
    panel(Site::Alternate, alternate, primary).view(frame, right, look);
    if is_wide {
        let block = draw::framed("Promise", look);
        let inner = block.inner(promise);
        frame.render_widget(block, promise);
        let mut lines = promise_lines(status, facts.is_stale(now), usize::from(inner.width), look);
        lines.push(Line::raw(format!(" order: {}, epoch {}", active(status), status.epoch)));
        if let Some(takeover) = &status.takeover {
            lines.push(Line::styled(" takeover", look.title()));
            lines.extend(takeover_lines(*takeover, status.voters));
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn active(status: &Status) -> String {
    let word = serde_json::to_value(status.active).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The promise in force, in a few words.
fn promise_in_short(status: &Status) -> String {
    let modes = status.takeover.map(|takeover| [takeover.alternate_from_primary, takeover.primary_from_alternate]);
    // Without voters automatic takeover is only written down, and nobody should wait for it.
    let only_written = status.voters == Voters::NotSetUp && modes.is_some_and(|modes| modes.contains(&Mode::Automatic));
    let title = status.guarantee.title();
    match (status.guarantee, status.lease.and_then(|lease| lease.right_seconds)) {
        (Guarantee::AtMostOneLive, Some(right)) => format!("{title}, {right:.1} s left"),
        (Guarantee::AtMostOneLive, None) => title.to_owned(),
        (Guarantee::Manual, _) if only_written => format!("{title}; auto NOT in force"),
        (Guarantee::Conditional | Guarantee::Manual | Guarantee::Lost, _) => format!("promise: {title}"),
    }
}

fn promise_style(guarantee: Guarantee, look: Look) -> Style {
    match guarantee {
        Guarantee::AtMostOneLive => look.good(),
        Guarantee::Conditional => look.warning(),
        Guarantee::Manual => Style::new(),
        Guarantee::Lost => look.bad(),
    }
}

/// The promise in its panel: how long the right lasts and when the witness was heard stand in it.
fn promise_lines<'a>(status: &Status, is_old: bool, columns: usize, look: Look) -> Vec<Line<'a>> {
    if is_old {
        return vec![Line::styled(" unknown: not read lately", look.warning())];
    }
    let style = promise_style(status.guarantee, look);
    let told = draw::wrapped(&visible(&status.guarantee_told), columns.saturating_sub(2));
    told.into_iter().map(|line| Line::styled(format!(" {line}"), style)).collect()
}

fn takeover_lines<'a>(takeover: TakeoverSettings, voters: Voters) -> Vec<Line<'a>> {
    vec![
        Line::raw(format!("  alternate ← primary {}", told_mode(takeover.alternate_from_primary, voters))),
        Line::raw(format!("  primary ← alternate {}", told_mode(takeover.primary_from_alternate, voters))),
    ]
}

/// A mode with what it is worth: without a voter that works, automatic takeover is only written down.
fn told_mode(mode: Mode, voters: Voters) -> &'static str {
    match (mode, voters) {
        (Mode::Manual, _) => "manual",
        (Mode::Automatic, Voters::Working) => "auto",
        (Mode::Automatic, Voters::NotSetUp | Voters::Silent) => "(auto)",
    }
}

/// What it all means, the data, and whether it is safe to switch.
fn middle_lines<'a>(facts: &Facts, columns: usize, now: DateTime<Local>, look: Look) -> Vec<Line<'a>> {
    let Some(status) = facts.known().filter(|status| status.configured) else { return Vec::new() };
    let mut lines = Vec::new();
    let usual = ["normal", "taken over"].iter().any(|word| status.verdict.starts_with(word));
    let normal = usual && status.guarantee != Guarantee::Lost;
    let style = if normal { look.good() } else { look.bad() };
    let verdict = if facts.is_stale(now) { "unknown: nothing was read for a while" } else { status.verdict.as_str() };
    lines.push(Line::styled(draw::fitted(&format!(" {verdict}"), columns), style));
    lines.push(Line::raw(draw::fitted(&format!(" Data    {}", data_text(status, now)), columns)));
    lines.extend(safe_lines(status, facts.is_stale(now), columns, look));
    lines
}

fn data_text(status: &Status, now: DateTime<Local>) -> String {
    let mirror = status.mirror.as_ref().map_or_else(
        || "nothing loaded yet".to_owned(),
        |mirror| {
            let from = mirror.backup_at.unwrap_or(mirror.taken_at);
            let age = span(now.fixed_offset() - from);
            format!("of {} ({age} old), loaded {}", from.format("%m-%d %H:%M"), mirror.loaded_at.format("%m-%d %H:%M"))
        },
    );
    match status.auto_copy.as_ref().map(|copy| copy.next) {
        None => format!("{mirror} · no daily copy"),
        Some(None) => format!("{mirror} · next copy never"),
        Some(Some(next)) => {
            let left = span(next.signed_duration_since(now));
            format!("{mirror} · next {} in {left}", next.format("%m-%d %H:%M"))
        }
    }
}

fn safe_lines<'a>(status: &Status, stale: bool, columns: usize, look: Look) -> Vec<Line<'a>> {
    let judged = SwitchNow::of(status);
    let to = judged.to.map_or_else(String::new, |site| format!(" to the {site}"));
    let (answer, emphasis, because) = if stale {
        ("UNKNOWN", look.warning(), "nothing was read for a while".to_owned())
    } else if judged.is_safe() {
        ("YES", look.live(), judged.cautions.join("; "))
    } else {
        ("NO", look.bad(), format!("because {}", judged.hindrances.join("; ")))
    };
    let question = format!(" Safe to switch{to} now?  ");
    let room = columns.saturating_sub(question.len() + answer.len() + 2);
    let mut parts = draw::wrapped(&visible(&because), room.max(10)).into_iter();
    let first = vec![
        Span::styled(question, look.title()),
        Span::styled(answer, emphasis),
        Span::raw(format!("  {}", parts.next().unwrap_or_default())),
    ];
    let mut lines = vec![Line::from(first)];
    let rest: Vec<String> = parts.collect();
    if !rest.is_empty() {
        lines.push(Line::raw(draw::fitted(&format!("   {}", rest.join(" ")), columns)));
    }
    lines
}

fn view_events(frame: &mut Frame<'_>, area: Rect, facts: &Facts, look: Look) {
    let block = draw::framed("Events", look);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width);
    let lines: Vec<Line<'_>> = newest(&facts.history, usize::from(inner.height))
        .into_iter()
        .map(|line| {
            let is_bad = line.contains("FAILED") || line.contains("put back");
            Line::styled(draw::fitted(&line, columns), if is_bad { look.warning() } else { Style::new() })
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}
