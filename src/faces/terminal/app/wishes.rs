//! What the screens wish for, and what is done about it.

use super::super::{dashboard, editor, finder, form, history, job, mirrors};
use super::{App, Effect, Over};
use crate::faces::menu::{Asks, Item, Leads, Screen};
use crate::faces::terminal::conversation::Reply;
use crate::faces::terminal::finder::Finder;
use crate::faces::terminal::form::{Form, Present};
use crate::faces::terminal::help::HelpScreen;
use crate::faces::terminal::history::History;
use crate::faces::terminal::job::{Invocation, Job};
use crate::faces::terminal::mirrors::Mirrors;
use crate::flows::recover::Way;

impl App {
    pub(super) fn editor_wish(&mut self, wish: editor::Wish) -> Vec<Effect> {
        let in_wizard = self.job().is_some_and(|job| job.over.is_none());
        match wish {
            editor::Wish::Save { table, .. } if in_wizard => {
                self.over.pop();
                if let Some(job) = self.job_mut() {
                    job.translated();
                }
                vec![Effect::Reply(Reply::Table(table))]
            }
            editor::Wish::Save { table, what, then_leave } => {
                if let Some(Over::Editor { leaves, .. }) = self.over.last_mut() {
                    *leaves = then_leave;
                }
                vec![Effect::Save(table, what)]
            }
            editor::Wish::Leave if in_wizard => {
                self.over.pop();
                self.job().map(Job::back).map_or_else(Vec::new, |wish| self.job_wish(wish))
            }
            editor::Wish::Leave => {
                self.over.pop();
                Vec::new()
            }
            editor::Wish::Import(file) => vec![Effect::Import(file)],
            editor::Wish::Export { table, file } => vec![Effect::Export(table, file)],
            editor::Wish::Preview(table) => vec![Effect::Preview(table)],
            editor::Wish::Help(page) => self.help(page),
        }
    }

    pub(super) fn dashboard_wish(&mut self, wish: &dashboard::Wish) -> Vec<Effect> {
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
    pub(super) fn open(&mut self, item: &'static Item) -> Vec<Effect> {
        self.dashboard.go_to(item);
        match item.leads {
            Leads::Run(words) => self.start(Invocation::of(words)),
            Leads::Show(_, Screen::Translation) => vec![Effect::OpenTranslation],
            // What cannot be done is refused before anything is asked.
            Leads::Ask(words, asks) if asks != Asks::Sure && self.facts.is_not_configured() => {
                self.start(Invocation::of(words))
            }
            Leads::Ask(words, asks) => {
                self.over.push(Over::Form(Form::new(words, asks, item.help, &self.present())));
                Vec::new()
            }
            Leads::Show(_, Screen::History) => {
                self.over.push(Over::History(History::new(&self.facts.history)));
                Vec::new()
            }
            Leads::Show(_, Screen::Mirrors) => {
                self.over.push(Over::Mirrors(Mirrors::default()));
                Vec::new()
            }
            Leads::Show(_, Screen::Help) => self.help("start"),
            Leads::Leave => self.leave(),
            Leads::Menu(_) => Vec::new(),
        }
    }

    pub(super) fn present(&self) -> Present {
        let configuration = self.facts.configuration.as_ref();
        Present {
            mirrors: self.facts.mirrors.iter().map(mirrors::choice).collect(),
            addresses: configuration
                .map_or_else(Vec::new, |c| c.network_control_address.iter().map(ToString::to_string).collect()),
            auto_copy: configuration.and_then(|c| c.auto_copy.clone()),
            zone: self.zone,
        }
    }

    pub(super) fn start(&mut self, invocation: Invocation) -> Vec<Effect> {
        self.over.push(Over::Job(Box::new(Job::new(invocation.clone()))));
        vec![Effect::Start(invocation)]
    }

    pub(super) fn help(&mut self, page: &str) -> Vec<Effect> {
        self.over.push(Over::Help(Box::new(HelpScreen::open(page))));
        Vec::new()
    }

    pub(super) fn form_wish(&mut self, wish: form::Wish) -> Vec<Effect> {
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

    pub(super) fn finder_wish(&mut self, wish: &finder::Wish) -> Vec<Effect> {
        self.over.pop();
        match wish {
            finder::Wish::Open(item) => self.open(item),
            finder::Wish::Help(page) => self.help(page),
            finder::Wish::Leave => Vec::new(),
        }
    }

    pub(super) fn job_wish(&mut self, wish: job::Wish) -> Vec<Effect> {
        match wish {
            job::Wish::Reply(reply) => vec![Effect::Reply(reply)],
            job::Wish::Again(invocation) if invocation.needs_reason() => {
                self.over.pop();
                self.over.push(Over::Form(Form::of_overruling(&invocation)));
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

    pub(super) fn mirrors_wish(&mut self, wish: mirrors::Wish) -> Vec<Effect> {
        match wish {
            mirrors::Wish::Leave => self.popped(),
            mirrors::Wish::Help => self.help("data"),
            mirrors::Wish::Run(invocation) => self.start(invocation),
        }
    }

    pub(super) fn history_wish(&mut self, wish: history::Wish) -> Vec<Effect> {
        match wish {
            history::Wish::Leave => {
                self.over.pop();
                Vec::new()
            }
            history::Wish::Help(page) => self.help(page),
            history::Wish::Copy(text) => vec![Effect::Copy(text)],
        }
    }
}
