//! What each key does on the screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};

use super::{App, Effect, Ended, Over, Wanted, Work};
use crate::faces::maintenance::Word;
use crate::faces::maintenance::menu::{HELP, TOP};
use crate::faces::menu::{Item, Leads};
use crate::faces::terminal::app::UNDER_WAY;
use crate::faces::terminal::dashboard::{self, Facts};
use crate::faces::terminal::draw;
use crate::faces::terminal::field::Field;
use crate::faces::terminal::finder::{self, Finder};
use crate::faces::terminal::help::{HelpScreen, HelpWish};
use crate::faces::terminal::job::keys::choice;

/// What is told where a person did not want it after all.
const CANCELLED: &str = "cancelled; nothing was changed";

impl App {
    fn popped(&mut self) -> Vec<Effect> {
        self.over.pop();
        Vec::new()
    }

    /// Acts on a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        self.menu.note = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('z' | 'c') if self.is_changing() => return self.advise(UNDER_WAY),
                KeyCode::Char('z') => return vec![Effect::Suspend],
                KeyCode::Char('c') => return vec![Effect::Leave],
                _ => {}
            }
        }
        let lies_over = self.over.last();
        if key.code == KeyCode::F(1) && lies_over.is_some_and(|over| !matches!(over, Over::Help(_))) {
            return self.help();
        }
        match self.over.last_mut() {
            None => self.menu_key(key),
            Some(Over::Help(help)) => help.on_key(key).map_or_else(Vec::new, |HelpWish::Close| self.popped()),
            Some(Over::Finder(finder)) => match finder.on_key(key) {
                Some(finder::Wish::Open(item)) => {
                    self.over.pop();
                    self.menu.go_to(item);
                    self.open(item)
                }
                Some(finder::Wish::Help(_)) => {
                    self.over.pop();
                    self.help()
                }
                Some(finder::Wish::Leave) => self.popped(),
                None => Vec::new(),
            },
            Some(Over::Works(_, Work::Changes)) => self.advise(UNDER_WAY),
            Some(Over::Works(_, Work::Looks)) if key.code == KeyCode::Esc => self.popped(),
            Some(Over::Works(..)) => Vec::new(),
            Some(Over::Confirm(_, _, doing)) => match choice(key, doing) {
                Some(yes) => self.decided(yes),
                None => self.scrolled(key),
            },
            Some(Over::Reason(_, field, is_missing)) => match key.code {
                KeyCode::Esc => self.decided(false),
                KeyCode::Enter => self.reasoned(),
                _ => {
                    field.on_key(key);
                    *is_missing = false;
                    Vec::new()
                }
            },
            Some(Over::Ended(ended)) => match (ended.may_be_overridden(), key.code) {
                (Some(_), _) => match choice(key, &mut ended.overriding) {
                    Some(yes) => self.overridden(yes),
                    None => self.scrolled(key),
                },
                (None, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q')) => self.popped(),
                (None, _) => self.scrolled(key),
            },
        }
    }

    fn scrolled(&mut self, key: KeyEvent) -> Vec<Effect> {
        let (there, fit) = self.drawn.get();
        let by = draw::lines_of(key.code).unwrap_or(0);
        self.scroll = self.scroll.saturating_add_signed(by).min(there.saturating_sub(fit));
        Vec::new()
    }

    /// Acts on the mouse.
    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match self.over.last_mut() {
            None => self.menu.on_mouse(mouse).map_or_else(Vec::new, |wish| self.menu_wish(&wish)),
            Some(Over::Help(help)) => help.on_mouse(mouse).map_or_else(Vec::new, |HelpWish::Close| self.popped()),
            // The wheel does what the arrows do.
            Some(_) => match mouse.kind {
                MouseEventKind::ScrollUp => self.key(KeyEvent::from(KeyCode::Up)),
                MouseEventKind::ScrollDown => self.key(KeyEvent::from(KeyCode::Down)),
                _ => Vec::new(),
            },
        }
    }

    fn menu_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.code == KeyCode::Esc && self.menu.breadcrumbs().is_empty() {
            return vec![Effect::Leave];
        }
        let wish = self.menu.on_key(key, &Facts::default());
        wish.map_or_else(Vec::new, |wish| self.menu_wish(&wish))
    }

    fn menu_wish(&mut self, wish: &dashboard::Wish) -> Vec<Effect> {
        match wish {
            dashboard::Wish::Open(item) => self.open(item),
            dashboard::Wish::Find => {
                self.show(Over::Finder(Finder::of(TOP, "block, allow, list").with_pages(&[HELP])));
                Vec::new()
            }
            dashboard::Wish::ReadAgain => vec![Effect::ReadAgain],
            dashboard::Wish::Help(_) => self.help(),
            // Nothing is ever unfinished here.
            dashboard::Wish::Resume | dashboard::Wish::Abandon => Vec::new(),
            dashboard::Wish::Leave => vec![Effect::Leave],
        }
    }

    fn open(&mut self, item: &Item) -> Vec<Effect> {
        match item.leads {
            Leads::Run(words) | Leads::Ask(words, _) => match Word::of(words).map(Word::action) {
                Some(Some(action)) => {
                    let (overriding, reason) = self.given.clone();
                    self.plan(Wanted { action, overriding, reason })
                }
                Some(None) => {
                    self.show(Over::Works(None, Work::Looks));
                    vec![Effect::List]
                }
                None => Vec::new(),
            },
            Leads::Show(..) => self.help(),
            Leads::Leave => vec![Effect::Leave],
            Leads::Menu(_) => Vec::new(),
        }
    }

    fn help(&mut self) -> Vec<Effect> {
        self.over.push(Over::Help(Box::new(HelpScreen::open(HELP))));
        Vec::new()
    }

    fn plan(&mut self, wanted: Wanted) -> Vec<Effect> {
        self.show(Over::Works(Some(wanted.clone()), Work::Looks));
        vec![Effect::Plan(wanted)]
    }

    fn decided(&mut self, yes: bool) -> Vec<Effect> {
        match self.over.pop() {
            Some(Over::Confirm(wanted, changes, _)) if yes => {
                self.show(Over::Works(Some(wanted.clone()), Work::Changes));
                vec![Effect::CarryOut(wanted, changes)]
            }
            _ => self.advise(CANCELLED),
        }
    }

    fn overridden(&mut self, yes: bool) -> Vec<Effect> {
        match self.over.pop() {
            Some(Over::Ended(Ended { wanted: Some(wanted), .. })) if yes => {
                let field = Field::proposing(wanted.reason.clone().unwrap_or_default());
                self.show(Over::Reason(wanted, field, false));
                Vec::new()
            }
            _ => self.advise(CANCELLED),
        }
    }

    fn reasoned(&mut self) -> Vec<Effect> {
        let Some(Over::Reason(wanted, field, is_missing)) = self.over.last_mut() else { return Vec::new() };
        let reason = field.value().trim().to_owned();
        if reason.is_empty() {
            *is_missing = true;
            return Vec::new();
        }
        let wanted = Wanted { overriding: true, reason: Some(reason), action: wanted.action };
        self.over.pop();
        self.plan(wanted)
    }

    fn advise(&mut self, advice: &str) -> Vec<Effect> {
        self.menu.note = Some(advice.to_owned());
        Vec::new()
    }
}
