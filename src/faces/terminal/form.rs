//! What a command is asked for before it runs: a reason, a schedule, a mirror, addresses.

use std::cell::Cell;

use chrono::{DateTime, Local};
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::draw;
use super::field::Field;
use super::job::Invocation;
use super::look::Look;
use crate::domain::schedule::{AutoCopy, CronSchedule};
use crate::faces::menu::Asks;

/// A form over the dashboard.
#[derive(Debug)]
pub struct Form {
    title: String,
    words: Vec<String>,
    asks: Asks,
    help: &'static str,
    /// What is overruled, and so needs a reason.
    overruling: Option<Invocation>,
    field: Field,
    mirrors: Vec<(String, String)>,
    chosen: usize,
    zone: chrono_tz::Tz,
    wrong: Option<String>,
    first: Cell<usize>,
}

/// What a form needs to know of how things are.
#[derive(Debug, Clone)]
pub struct Present {
    /// Mirrors, newest first: the name, and what a person reads about it.
    pub mirrors: Vec<(String, String)>,
    /// The network control addresses.
    pub addresses: Vec<String>,
    /// The daily copy.
    pub auto_copy: Option<AutoCopy>,
    /// This server's time zone.
    pub zone: chrono_tz::Tz,
}

/// What a key in a form leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// The command runs.
    Run(Invocation),
    /// The form is left.
    Leave,
    /// A page of the help.
    Help(&'static str),
}

impl Form {
    /// The form of a menu leaf.
    #[must_use]
    pub fn new(words: &[&str], asks: Asks, help: &'static str, present: &Present) -> Self {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let usual = match asks {
            Asks::Reason | Asks::Mirror | Asks::ServiceAddress | Asks::Sure => String::new(),
            Asks::Schedule => {
                present.auto_copy.as_ref().map_or("0 2 * * *".to_owned(), |copy| copy.schedule.to_string())
            }
            Asks::Addresses => present.addresses.join(" "),
        };
        let zone = present.auto_copy.as_ref().map_or(present.zone, |copy| copy.zone);
        Self {
            title: words.join(" › "),
            words,
            mirrors: if asks == Asks::Mirror { present.mirrors.clone() } else { Vec::new() },
            asks,
            help,
            overruling: None,
            field: Field::proposing(usual),
            chosen: 0,
            zone,
            wrong: None,
            first: Cell::new(0),
        }
    }

    /// The form that asks why something is overruled: a side that does not answer, or a check.
    #[must_use]
    pub fn of_overruling(invocation: &Invocation) -> Self {
        let what =
            if invocation.force { "forced".to_owned() } else { format!("without {}", invocation.skip.join(", ")) };
        Self {
            title: format!("{} › {what}", invocation.words.join(" › ")),
            words: invocation.words.clone(),
            asks: Asks::Reason,
            help: if invocation.force { "manual-takeover" } else { "start" },
            overruling: Some(invocation.clone()),
            field: Field::proposing(invocation.reason.clone().unwrap_or_default()),
            mirrors: Vec::new(),
            chosen: 0,
            zone: chrono_tz::UTC,
            wrong: None,
            first: Cell::new(0),
        }
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        match (key.code, self.asks) {
            (KeyCode::Esc, _) => return Some(Wish::Leave),
            (KeyCode::F(1), _) => return Some(Wish::Help(self.help)),
            (KeyCode::Enter, _) => return self.entered().map(Wish::Run),
            (KeyCode::Up, Asks::Mirror) => self.chosen = self.chosen.saturating_sub(1),
            (KeyCode::Down, Asks::Mirror) => {
                self.chosen = (self.chosen + 1).min(self.mirrors.len().saturating_sub(1));
            }
            (_, Asks::Mirror | Asks::Sure) => {}
            (_, Asks::Reason | Asks::Schedule | Asks::Addresses | Asks::ServiceAddress) => {
                self.field.on_key(key);
                self.wrong = self.judged().err();
            }
        }
        None
    }

    /// The command, if what was entered can be taken.
    fn entered(&mut self) -> Option<Invocation> {
        if let Err(wrong) = self.judged() {
            self.wrong = Some(wrong);
            return None;
        }
        let value = self.field.value().trim().to_owned();
        let command = |words: &[String]| Invocation { words: words.to_vec(), ..Invocation::default() };
        Some(match self.asks {
            Asks::Reason => {
                let begun = self.overruling.clone().unwrap_or_else(|| command(&self.words));
                Invocation { reason: (!value.is_empty()).then_some(value), ..begun }
            }
            Asks::Schedule => command(&[self.words.as_slice(), &["--schedule".to_owned(), cron_of(&value)]].concat()),
            Asks::Addresses => {
                let addresses: Vec<String> =
                    value.split([' ', ',']).filter(|a| !a.is_empty()).map(str::to_owned).collect();
                command(&[self.words.as_slice(), &addresses].concat())
            }
            Asks::ServiceAddress => {
                let more = service_address(&value).ok()?;
                command(&[self.words.as_slice(), &more].concat())
            }
            Asks::Sure => command(&self.words),
            Asks::Mirror => {
                let (name, _) = self.mirrors.get(self.chosen)?;
                command(&[self.words.as_slice(), std::slice::from_ref(name)].concat())
            }
        })
    }

    /// What is wrong with what is entered now.
    fn judged(&self) -> Result<(), String> {
        let value = self.field.value().trim();
        match self.asks {
            Asks::Reason if self.overruling.is_some() && value.is_empty() => {
                Err("this needs a reason; it is kept in the history".to_owned())
            }
            Asks::Schedule => {
                let schedule: CronSchedule = cron_of(value).parse().map_err(|error| format!("{error}"))?;
                let copy = self.copy_at(schedule);
                if copy.never_comes() { Err("this time never comes".to_owned()) } else { Ok(()) }
            }
            Asks::Addresses if value.is_empty() => Err("enter at least one address".to_owned()),
            Asks::Addresses => value.split([' ', ',']).filter(|text| !text.is_empty()).try_for_each(|text| {
                match text.parse::<std::net::IpAddr>() {
                    Ok(_) => Ok(()),
                    Err(_) => Err(format!("\"{text}\" is not an IP address")),
                }
            }),
            Asks::ServiceAddress => service_address(value).map(drop),
            Asks::Mirror if self.mirrors.is_empty() => {
                Err("there is no mirror; copy first with data › copy".to_owned())
            }
            Asks::Reason | Asks::Mirror | Asks::Sure => Ok(()),
        }
    }

    fn copy_at(&self, schedule: CronSchedule) -> AutoCopy {
        AutoCopy { schedule, zone: self.zone, random_delay: std::time::Duration::ZERO }
    }

    /// Draws it over what is there.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, now: DateTime<Local>, look: Look) {
        let place = draw::middle(area, 76, 16);
        let inner = draw::overlay(frame, place, &self.title, look);
        let [text, footer] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(inner);
        let text = Rect { x: text.x + 1, width: text.width.saturating_sub(2), ..text };
        if self.asks == Asks::Mirror {
            self.view_choices(frame, text, look);
            return draw::keys(
                frame,
                footer,
                &[("↑↓", "choose"), ("Enter", "take it"), ("Esc", "back"), ("F1", "help")],
                look,
            );
        }
        let columns = usize::from(text.width);
        let mut lines: Vec<Line<'_>> =
            draw::wrapped(self.prompt(), columns).into_iter().map(|line| Line::styled(line, look.title())).collect();
        let y = text.y + u16::try_from(lines.len()).unwrap_or(0);
        if self.asks != Asks::Sure {
            lines.push(self.field.line(columns, look));
        }
        lines.push(Line::default());
        match &self.wrong {
            Some(wrong) => lines.extend(
                draw::wrapped(&format!("not right: {wrong}"), columns)
                    .into_iter()
                    .map(|line| Line::styled(line, look.bad())),
            ),
            None => lines.extend(
                self.told(now).into_iter().map(|line| Line::styled(draw::fitted(&line, columns), Style::new())),
            ),
        }
        frame.render_widget(Paragraph::new(lines), text);
        if self.asks == Asks::Sure {
            return draw::keys(frame, footer, &[("Enter", "do it"), ("Esc", "back"), ("F1", "help")], look);
        }
        let x = text.x.saturating_add(self.field.cursor(columns)).min(text.right().saturating_sub(1));
        frame.set_cursor_position(Position { x, y });
        draw::keys(
            frame,
            footer,
            &[("Enter", "go on"), ("Esc", "back"), ("→", "change the text"), ("F1", "help")],
            look,
        );
    }

    fn prompt(&self) -> &'static str {
        match self.asks {
            Asks::Reason if self.overruling.as_ref().is_some_and(|invocation| invocation.force) => {
                "The other site does not answer. Why is it right to go on without it? (kept in the history)"
            }
            Asks::Reason if self.overruling.is_some() => {
                "Why is it right to go on although these checks say no? (kept in the history)"
            }
            Asks::Reason => "Why is it done? It is kept in the history; Enter without a reason is allowed.",
            Asks::Schedule => {
                "When? A time such as 03:30, or five fields: minute hour day month weekday (0 and 7 are Sunday)."
            }
            Asks::Addresses => {
                "Addresses that answer only when a site reaches the users' network, with commas or blanks between. \
                 Blocked servers get rules that let them through; the plan is shown first."
            }
            Asks::ServiceAddress => {
                "The address with its prefix, and LIM 1's network interface, such as 192.0.2.50/24 eth0. It belongs to no \
                 machine; LIM 1 of the live site holds it at once."
            }
            Asks::Mirror => "Which mirror?",
            Asks::Sure => {
                "A systemd unit for the monitor is written on this server, enabled and started. Enter does it, Esc goes back."
            }
        }
    }

    /// What the entry means, while it is right.
    fn told(&self, now: DateTime<Local>) -> Vec<String> {
        let (Asks::Schedule, Ok(schedule)) = (self.asks, cron_of(self.field.value().trim()).parse::<CronSchedule>())
        else {
            return Vec::new();
        };
        let copy = self.copy_at(schedule);
        let mut lines = vec![copy.to_string(), "the next runs:".to_owned()];
        lines.extend(copy.next_five(&now).iter().map(|run| format!("  {}", run.format("%a %Y-%m-%d %H:%M %Z"))));
        lines
    }

    fn view_choices(&self, frame: &mut Frame<'_>, place: Rect, look: Look) {
        if self.mirrors.is_empty() {
            return frame.render_widget("There is no mirror yet; copy first with data › copy.", place);
        }
        let fit = usize::from(place.height).max(1);
        let first = self.first.get().clamp((self.chosen + 1).saturating_sub(fit), self.chosen);
        self.first.set(first);
        let line = |(i, (_, text)): (usize, &(String, String))| {
            let (sign, style) = if i == self.chosen { ("▸ ", look.chosen()) } else { ("  ", Style::new()) };
            Line::styled(draw::padded(&format!("{sign}{text}"), usize::from(place.width)), style)
        };
        let lines: Vec<Line<'_>> = self.mirrors.iter().enumerate().skip(first).take(fit).map(line).collect();
        frame.render_widget(Paragraph::new(lines), place);
    }
}

/// The words of the command for an address and its interface.
fn service_address(value: &str) -> Result<[String; 3], String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    match words.as_slice() {
        [address, interface] if address.parse::<ipnet::IpNet>().is_ok() => {
            Ok([(*address).to_owned(), "--interface".to_owned(), (*interface).to_owned()])
        }
        [address, _] => Err(format!("\"{address}\" is not written as 192.0.2.50/24")),
        _ => Err("an address and an interface, with a blank between".to_owned()),
    }
}

/// A time of day as a cron expression; anything else as it is.
fn cron_of(value: &str) -> String {
    match chrono::NaiveTime::parse_from_str(value, "%H:%M") {
        Ok(time) => time.format("%-M %-H * * *").to_string(),
        Err(_) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
