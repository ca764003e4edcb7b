//! The menu with its literal words, for a person at a terminal.

use inquire::{Confirm, InquireError, Select};

use super::{Face, More, Rules, Word, exit};

/// Where a choice leads.
enum Leads {
    /// To another menu.
    Menu(&'static Menu),
    /// To an action.
    Word(Word),
    /// Back, or out.
    Back,
}

/// A menu: its title and its choices as shown.
struct Menu {
    title: &'static str,
    choices: &'static [(&'static str, Leads)],
}

const TOP: Menu = Menu {
    title: "mxone_maintenance",
    choices: &[
        ("more_configuration", Leads::Menu(&MORE)),
        ("uninstall", Leads::Word(Word::Uninstall)),
        ("exit", Leads::Back),
    ],
};

const MORE: Menu =
    Menu { title: "more_configuration", choices: &[("iptables", Leads::Menu(&IPTABLES)), ("back", Leads::Back)] };

const IPTABLES: Menu = Menu {
    title: "iptables",
    choices: &[
        ("add (block)", Leads::Word(Word::MoreConfiguration(More::Iptables(Rules::Add)))),
        ("remove (allow)", Leads::Word(Word::MoreConfiguration(More::Iptables(Rules::Remove)))),
        ("list", Leads::Word(Word::MoreConfiguration(More::Iptables(Rules::List)))),
        ("back", Leads::Back),
    ],
};

/// Runs the menu until a person leaves it; the exit code of what was done last.
pub(super) async fn run(face: &mut Face<'_>) -> u8 {
    let mut path = vec![&TOP];
    let mut code = exit::DONE;
    while let Some(menu) = path.last() {
        let names = menu.choices.iter().map(|(name, _)| *name).collect();
        let chosen = match Select::new(menu.title, names).raw_prompt() {
            Ok(chosen) => menu.choices.get(chosen.index),
            Err(InquireError::OperationCanceled) => None,
            Err(_) => return exit::CANCELLED,
        };
        match chosen.map(|(_, leads)| leads) {
            Some(Leads::Menu(menu)) => path.push(menu),
            Some(Leads::Word(word)) => code = face.word(*word).await,
            Some(Leads::Back) | None => {
                path.pop();
            }
        }
    }
    code
}

/// Asks whether the changes that were shown are to be made.
pub(super) fn confirmed() -> Result<bool, InquireError> {
    Confirm::new("Do this?").with_default(false).prompt()
}
