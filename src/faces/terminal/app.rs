//! The whole terminal UI as a value: what happened goes in, effects come out.

use chrono::{DateTime, Local};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::conversation::{Asked, Reply, Said};
use super::dashboard::{self, Dashboard, Facts};
use super::draw;
use super::finder::{self, Finder};
use super::form::{self, Form, Present};
use super::history::{self, History};
use super::job::{self, Invocation, Job};
use super::look::Look;
use super::screen::SMALLEST;
use crate::faces::menu::{Item, Leads, Screen};
use crate::flows::recover::Way;

/// Why nobody leaves now.
const UNDER_WAY: &str = "a change is under way; wait for its end";

/// What reaches the screen.
#[derive(Debug)]
pub enum Happened {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size now, or time has passed.
    Passed,
    /// Both systems were read.
    Read(Box<Facts>),
    /// The running command says something.
    Said(Said),
}

/// What is to be done outside.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// A command is started.
    Start(Invocation),
    /// The running command gets an answer.
    Reply(Reply),
    /// The running command is broken off; nothing was changed yet.
    Cancel,
    /// The running copy is broken off and taken back.
    BreakOff,
    /// Both systems are read again now.
    ReadAgain,
    /// A text goes to the terminal's clipboard.
    Copy(String),
    /// The program is stopped, as Ctrl-Z does.
    Suspend,
    /// The program ends.
    Leave,
}

/// What lies over the dashboard.
#[derive(Debug)]
enum Over {
    Form(Form),
    Finder(Finder),
    Job(Box<Job>),
    History(History),
}

/// The terminal UI.
#[derive(Debug)]
pub struct App {
    facts: Facts,
    dashboard: Dashboard,
    over: Vec<Over>,
    who: String,
    zone: chrono_tz::Tz,
    look: Look,
    now: DateTime<Local>,
}

impl App {
    /// The dashboard of a person, before anything was read.
    #[must_use]
    pub fn new(who: String, zone: chrono_tz::Tz, look: Look, now: DateTime<Local>) -> Self {
        Self { facts: Facts::default(), dashboard: Dashboard::default(), over: Vec::new(), who, zone, look, now }
    }

    /// Whether a change is under way.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.job().is_some_and(Job::is_changing)
    }

    /// Takes in what happened.
    pub fn update(&mut self, happened: Happened, now: DateTime<Local>) -> Vec<Effect> {
        self.now = now;
        match happened {
            Happened::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Happened::Key(key) => self.key(key),
            Happened::Mouse(mouse) => self.mouse(mouse),
            Happened::Passed => Vec::new(),
            Happened::Read(facts) => {
                self.read(*facts);
                Vec::new()
            }
            Happened::Said(said) => self.said(said),
        }
    }

    fn read(&mut self, facts: Facts) {
        if let Some(Over::History(history)) = self.over.last_mut() {
            history.refresh(&facts.history);
        }
        self.facts = facts;
    }

    fn job(&self) -> Option<&Job> {
        self.over.iter().rev().find_map(|over| match over {
            Over::Job(job) => Some(&**job),
            Over::Form(_) | Over::Finder(_) | Over::History(_) => None,
        })
    }

    fn job_mut(&mut self) -> Option<&mut Job> {
        self.over.iter_mut().rev().find_map(|over| match over {
            Over::Job(job) => Some(&mut **job),
            Over::Form(_) | Over::Finder(_) | Over::History(_) => None,
        })
    }

    fn said(&mut self, said: Said) -> Vec<Effect> {
        let now = self.now;
        let is_over = matches!(said, Said::Over { .. });
        if let Some(job) = self.job_mut() {
            job.heard(said, now);
        }
        if is_over { vec![Effect::ReadAgain] } else { Vec::new() }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('z' | 'c') if self.is_changing() => return self.advise(UNDER_WAY),
                KeyCode::Char('z') => return vec![Effect::Suspend],
                KeyCode::Char('c') => return vec![Effect::Leave],
                _ => {}
            }
        }
        let Some(over) = self.over.last_mut() else {
            let wish = self.dashboard.on_key(key, &self.facts);
            return wish.map_or_else(Vec::new, |wish| self.dashboard_wish(&wish));
        };
        match over {
            Over::Form(form) => form.on_key(key).map_or_else(Vec::new, |wish| self.form_wish(wish)),
            Over::Finder(finder) => finder.on_key(key).map_or_else(Vec::new, |wish| self.finder_wish(&wish)),
            Over::Job(job) => job.on_key(key).map_or_else(Vec::new, |wish| self.job_wish(wish)),
            Over::History(history) => history.on_key(key).map_or_else(Vec::new, |wish| self.history_wish(wish)),
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match self.over.last_mut() {
            None => self.dashboard.on_mouse(mouse).map_or_else(Vec::new, |wish| self.dashboard_wish(&wish)),
            // The wheel does what the arrows do.
            Some(_) => match mouse.kind {
                crossterm::event::MouseEventKind::ScrollUp => self.key(KeyEvent::from(KeyCode::Up)),
                crossterm::event::MouseEventKind::ScrollDown => self.key(KeyEvent::from(KeyCode::Down)),
                _ => Vec::new(),
            },
        }
    }

    fn advise(&mut self, advice: &'static str) -> Vec<Effect> {
        if let Some(job) = self.job_mut() {
            job.advice = Some(advice);
        }
        Vec::new()
    }

    fn leave(&mut self) -> Vec<Effect> {
        if self.is_changing() { self.advise(UNDER_WAY) } else { vec![Effect::Leave] }
    }

    fn dashboard_wish(&mut self, wish: &dashboard::Wish) -> Vec<Effect> {
        match wish {
            dashboard::Wish::Open(item) => self.open(item),
            dashboard::Wish::Find => {
                self.over.push(Over::Finder(Finder::default()));
                Vec::new()
            }
            dashboard::Wish::ReadAgain => vec![Effect::ReadAgain],
            dashboard::Wish::Help(page) => self.help(page),
            dashboard::Wish::Resume => self.start(Invocation::recovering(Way::Resume)),
            dashboard::Wish::Abandon => self.start(Invocation::recovering(Way::Abandon)),
            dashboard::Wish::Leave => self.leave(),
        }
    }

    /// Opens a leaf of the menu.
    fn open(&mut self, item: &'static Item) -> Vec<Effect> {
        self.dashboard.go_to(item);
        match item.leads {
            Leads::Run(words) | Leads::Show(words, Screen::Translation) => self.start(Invocation::of(words)),
            Leads::Ask(words, asks) => {
                self.over.push(Over::Form(Form::new(words, asks, item.help, &self.present())));
                Vec::new()
            }
            Leads::Show(_, Screen::History) => {
                self.over.push(Over::History(History::new(&self.facts.history)));
                Vec::new()
            }
            Leads::Show(_, Screen::Help) => self.help("start"),
            Leads::Leave => self.leave(),
            Leads::Menu(_) => Vec::new(),
        }
    }

    fn present(&self) -> Present {
        let configuration = self.facts.configuration.as_ref();
        Present {
            mirrors: self.facts.mirrors.clone(),
            addresses: configuration
                .map_or_else(Vec::new, |c| c.network_control_address.iter().map(ToString::to_string).collect()),
            auto_copy: configuration.and_then(|c| c.auto_copy.clone()),
            zone: self.zone,
        }
    }

    fn start(&mut self, invocation: Invocation) -> Vec<Effect> {
        self.over.push(Over::Job(Box::new(Job::new(invocation.clone()))));
        vec![Effect::Start(invocation)]
    }

    fn help(&mut self, page: &'static str) -> Vec<Effect> {
        self.start(Invocation::of(&["help", page]))
    }

    fn form_wish(&mut self, wish: form::Wish) -> Vec<Effect> {
        match wish {
            form::Wish::Run(invocation) => {
                self.over.pop();
                self.start(invocation)
            }
            form::Wish::Leave => {
                self.over.pop();
                Vec::new()
            }
            form::Wish::Help(page) => self.help(page),
        }
    }

    fn finder_wish(&mut self, wish: &finder::Wish) -> Vec<Effect> {
        self.over.pop();
        match wish {
            finder::Wish::Open(item) => self.open(item),
            finder::Wish::Leave => Vec::new(),
        }
    }

    fn job_wish(&mut self, wish: job::Wish) -> Vec<Effect> {
        match wish {
            job::Wish::Reply(reply) => vec![Effect::Reply(reply)],
            job::Wish::Again(invocation) if invocation.force && invocation.reason.is_none() => {
                self.over.pop();
                self.over.push(Over::Form(Form::of_force(&invocation)));
                Vec::new()
            }
            job::Wish::Again(invocation) => {
                self.over.pop();
                let mut effects = vec![Effect::Cancel];
                effects.extend(self.start(invocation));
                effects
            }
            job::Wish::BreakOff => {
                let job = Job::new(Invocation::recovering(Way::Abandon));
                self.over.pop();
                self.over.push(Over::Job(Box::new(job)));
                vec![Effect::BreakOff]
            }
            job::Wish::Leave => {
                let was_over = self.job().is_some_and(|job| job.over.is_some());
                self.over.pop();
                if was_over { Vec::new() } else { vec![Effect::Cancel] }
            }
            job::Wish::Help(page) => self.help(page),
        }
    }

    fn history_wish(&mut self, wish: history::Wish) -> Vec<Effect> {
        match wish {
            history::Wish::Leave => {
                self.over.pop();
                Vec::new()
            }
            history::Wish::Help(page) => self.help(page),
            history::Wish::Copy(text) => vec![Effect::Copy(text)],
        }
    }

    /// Draws everything.
    pub fn view(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area);
        }
        let full = self.over.iter().rposition(|over| matches!(over, Over::Job(_) | Over::History(_)));
        if full.is_none() {
            self.dashboard.view(frame, area, &self.facts, &self.who, self.now, self.look);
        }
        for over in self.over.iter().skip(full.unwrap_or(0)) {
            match over {
                Over::Form(form) => form.view(frame, area, self.now, self.look),
                Over::Finder(finder) => finder.view(frame, area, self.look),
                Over::Job(job) => job.view(frame, area, self.now, self.look),
                Over::History(history) => history.view(frame, area, self.look),
            }
        }
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let told = format!(
        "This terminal has {} columns and {} lines; {} x {} are needed. Make it larger, or use --plain.",
        area.width, area.height, SMALLEST.0, SMALLEST.1
    );
    let lines: Vec<Line<'_>> = draw::wrapped(&told, usize::from(area.width)).into_iter().map(Line::raw).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}

/// Whether a question of the flow opens the translation editor.
#[must_use]
pub fn opens_editor(said: &Said) -> bool {
    matches!(said, Said::Asked(Asked::Translation { .. }))
}

#[cfg(test)]
mod tests;
