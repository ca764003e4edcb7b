//! The dashboard: which site is live, whether it is safe to switch now, the menu, the last events.

use std::cell::Cell;
use std::time::Duration;

use chrono::{DateTime, Local};
use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::domain::configuration::Configuration;
use crate::domain::journal;
use crate::domain::report::{Active, Status};
use crate::domain::site::Site;
use crate::faces::failure::Failure;
use crate::faces::menu::{self, Item, Leads};
use crate::flows::mirrors::Listed;

mod site;
mod view;

/// What is read afresh, again and again.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Both systems, or why they cannot be read.
    pub status: Option<Result<Status, Failure>>,
    /// The configuration, where there is one.
    pub configuration: Option<Configuration>,
    /// The history.
    pub history: Vec<journal::Line>,
    /// Mirrors, newest first.
    pub mirrors: Vec<Listed>,
    /// When it was read.
    pub read_at: Option<DateTime<Local>>,
}

/// What was read longer ago than this is not known any more.
pub const STALE: Duration = Duration::from_secs(15);

/// Older than this, a value shows its age.
pub(in crate::faces) const FRESH: Duration = Duration::from_secs(4);

impl Facts {
    /// Whether it was read that redundancy is not configured.
    #[must_use]
    pub fn is_not_configured(&self) -> bool {
        matches!(&self.status, Some(Ok(status)) if !status.configured)
    }

    /// How old what was read is; `None` when nothing was read yet.
    #[must_use]
    pub fn age(&self, now: DateTime<Local>) -> Option<Duration> {
        self.read_at.map(|read_at| (now - read_at).to_std().unwrap_or_default())
    }

    /// Whether it is too old to be relied on.
    #[must_use]
    pub fn is_stale(&self, now: DateTime<Local>) -> bool {
        self.age(now).is_none_or(|age| age > STALE)
    }

    /// The site that is meant to be active, when none of its servers answers.
    #[must_use]
    pub fn lost_site(&self) -> Option<Site> {
        let status = self.known()?;
        let (site, system) = match status.active {
            Active::Primary => (Site::Primary, status.primary.as_ref()?),
            Active::Alternate => (Site::Alternate, status.alternate.as_ref()?),
            Active::None => return None,
        };
        system.servers.iter().all(|server| !server.reachable).then_some(site)
    }

    /// The status, where it was read and could be.
    #[must_use]
    pub fn known(&self) -> Option<&Status> {
        self.status.as_ref().and_then(|status| status.as_ref().ok())
    }
}

/// The menu with the place in it.
#[derive(Debug)]
pub struct Dashboard {
    /// The first menu.
    top: &'static [Item],
    /// The numbers of the chosen words, from the first menu on.
    path: Vec<usize>,
    /// The number of the chosen word in the menu that is open.
    chosen: usize,
    /// A line for the person, until the next key.
    pub note: Option<String>,
    /// Where the menu's lines were drawn last.
    drawn: Cell<Rect>,
}

/// What a key on the dashboard leads to.
#[derive(Debug)]
pub enum Wish {
    /// A leaf of the menu was opened.
    Open(&'static Item),
    /// An action is looked for.
    Find,
    /// Everything is read again now.
    ReadAgain,
    /// A page of the help.
    Help(&'static str),
    /// The unfinished action is finished.
    Resume,
    /// The unfinished action is taken back.
    Abandon,
    /// The program ends.
    Leave,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self::of(menu::TOP)
    }
}

impl Dashboard {
    /// A menu of which nothing is open yet.
    #[must_use]
    pub fn of(top: &'static [Item]) -> Self {
        Self { top, path: Vec::new(), chosen: 0, note: None, drawn: Cell::default() }
    }

    /// The menu that is open.
    #[must_use]
    pub fn items(&self) -> &'static [Item] {
        self.path.iter().fold(self.top, |items, chosen| match items.get(*chosen).map(|item| &item.leads) {
            Some(Leads::Menu(items)) => items,
            _ => items,
        })
    }

    /// The word of the open menu that is chosen.
    #[must_use]
    pub fn chosen_item(&self) -> Option<&'static Item> {
        self.items().get(self.chosen)
    }

    /// The words that lead to the open menu.
    #[must_use]
    pub fn breadcrumbs(&self) -> Vec<&'static str> {
        let mut items = self.top;
        let mut words = Vec::new();
        for chosen in &self.path {
            let Some(item) = items.get(*chosen) else { break };
            words.push(item.word);
            if let Leads::Menu(inner) = item.leads {
                items = inner;
            }
        }
        words
    }

    /// Goes to the place of a leaf in the menu, so that Esc leads back to where it stands.
    pub fn go_to(&mut self, leaf: &Item) {
        fn way(items: &[Item], leaf: &Item) -> Option<Vec<usize>> {
            items.iter().enumerate().find_map(|(i, item)| match &item.leads {
                _ if std::ptr::eq(item, leaf) => Some(vec![i]),
                Leads::Menu(items) => way(items, leaf).map(|rest| [vec![i], rest].concat()),
                _ => None,
            })
        }
        if let Some(mut way) = way(self.top, leaf) {
            self.chosen = way.pop().unwrap_or(0);
            self.path = way;
        }
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent, facts: &Facts) -> Option<Wish> {
        self.note = None;
        let items = self.items();
        let unfinished = facts.known().is_some_and(|status| status.unfinished.is_some());
        match key.code {
            KeyCode::Up => self.chosen = self.chosen.checked_sub(1).unwrap_or(items.len() - 1),
            KeyCode::Down => self.chosen = (self.chosen + 1) % items.len(),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = items.len() - 1,
            KeyCode::Enter | KeyCode::Right => return self.open(),
            KeyCode::Esc | KeyCode::Left | KeyCode::Backspace => self.back(),
            KeyCode::F(1) | KeyCode::Char('?') => {
                return match facts.lost_site() {
                    Some(Site::Primary) => Some(Wish::Help("lost-primary")),
                    Some(Site::Alternate) => Some(Wish::Help("lost-alternate")),
                    None => items.get(self.chosen).map(|item| Wish::Help(item.help)),
                };
            }
            KeyCode::F(5) => return Some(Wish::ReadAgain),
            KeyCode::Char('/' | ':') => return Some(Wish::Find),
            KeyCode::Char('q') => return Some(Wish::Leave),
            KeyCode::F(6) if unfinished => return Some(Wish::Resume),
            KeyCode::F(7) if unfinished => return Some(Wish::Abandon),
            KeyCode::Char(letter) => self.next_with(letter),
            _ => {}
        }
        None
    }

    /// Acts on the mouse: a click chooses a word, a click on the chosen one opens it, the wheel moves.
    pub fn on_mouse(&mut self, mouse: MouseEvent) -> Option<Wish> {
        let drawn = self.drawn.get();
        let last = self.items().len() - 1;
        match mouse.kind {
            MouseEventKind::ScrollUp => self.chosen = self.chosen.saturating_sub(1),
            MouseEventKind::ScrollDown => self.chosen = (self.chosen + 1).min(last),
            MouseEventKind::Down(MouseButton::Left) if drawn.contains(Position { x: mouse.column, y: mouse.row }) => {
                let fit = usize::from(drawn.height);
                let clicked = self.first_shown(fit) + usize::from(mouse.row - drawn.y);
                if clicked == self.chosen {
                    return self.open();
                }
                self.chosen = clicked.min(last);
            }
            _ => {}
        }
        None
    }

    /// The number of the first word shown where so many lines fit.
    fn first_shown(&self, fit: usize) -> usize {
        (self.chosen + 1).saturating_sub(fit)
    }

    fn open(&mut self) -> Option<Wish> {
        let item = self.items().get(self.chosen)?;
        match item.leads {
            Leads::Menu(_) => {
                self.path.push(self.chosen);
                self.chosen = 0;
                None
            }
            Leads::Leave => Some(Wish::Leave),
            Leads::Run(_) | Leads::Ask(..) | Leads::Show(..) => Some(Wish::Open(item)),
        }
    }

    fn back(&mut self) {
        match self.path.pop() {
            Some(chosen) => self.chosen = chosen,
            None => self.note = Some("this is the first menu; q leaves the program".to_owned()),
        }
    }

    /// The next word that begins with a letter.
    fn next_with(&mut self, letter: char) {
        let items = self.items();
        let places = (1..=items.len()).map(|n| (self.chosen + n) % items.len());
        let letter = letter.to_ascii_lowercase();
        if let Some(place) = places.into_iter().find(|place| items[*place].word.starts_with(letter)) {
            self.chosen = place;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
