//! The menu with its literal words, for a person at a terminal.

use inquire::{Confirm, InquireError, Select};

use super::{Face, More, Rules, Word, exit};
use crate::flows::maintenance::Action;

/// Where a choice leads.
enum Leads {
    /// To another menu.
    Menu(&'static Menu),
    /// To an action.
    Word(Word),
    /// To the page of the help.
    Help,
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
        ("help", Leads::Help),
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

/// Runs the menu until a person leaves it; the exit code of what was done last. How this server is comes first, and
/// what was chosen in a menu is under the cursor when one is back in it.
pub(super) async fn run(face: &mut Face<'_>) -> u8 {
    face.list().await;
    let mut path = vec![(&TOP, 0)];
    let mut code = exit::DONE;
    while let Some((menu, cursor)) = path.last_mut() {
        let names = menu.choices.iter().map(|(name, _)| *name).collect();
        let chosen = match Select::new(menu.title, names).with_starting_cursor(*cursor).raw_prompt() {
            Ok(chosen) => {
                *cursor = chosen.index;
                menu.choices.get(chosen.index)
            }
            Err(InquireError::OperationCanceled) => None,
            Err(_) => return exit::CANCELLED,
        };
        match chosen.map(|(_, leads)| leads) {
            Some(Leads::Menu(menu)) => path.push((menu, 0)),
            Some(Leads::Word(word)) => code = face.word(*word).await,
            Some(Leads::Help) => face.help(),
            Some(Leads::Back) | None => {
                path.pop();
            }
        }
    }
    code
}

/// Asks whether the changes that were shown are to be made.
pub(super) fn confirmed(action: Action) -> Result<bool, InquireError> {
    let prompt = match action {
        Action::Add => "Calls in progress end; SSH to this server goes on. Do this?",
        Action::Remove => "If the other site serves users, two sites serve then. Do this?",
        Action::Uninstall => "Do this?",
    };
    Confirm::new(prompt).with_default(false).prompt()
}
