//! The menu with its literal words, and how it is walked at line prompts.

use inquire::{Confirm, InquireError, Select};

use super::{Face, Word};
use crate::faces::failure::Exit;
use crate::faces::menu::{Item, Leads, Screen, item};
use crate::flows::maintenance::Action;

/// The page of the help about all of it.
pub(super) const HELP: &str = "maintenance";

/// The first menu.
pub(super) static TOP: &[Item] = &[
    item("more_configuration", "more configuration: iptables", HELP, Leads::Menu(MORE)),
    item("uninstall", "take everything of ours off this server", HELP, Leads::Run(&["uninstall"]))
        .also(&["deinstall", "delete"]),
    item("help", "how this program is used", HELP, Leads::Show(&[], Screen::Help)).also(&["manual"]),
    item("exit", "leave the program", HELP, Leads::Leave).also(&["quit"]),
];

static MORE: &[Item] = &[item("iptables", "block, allow or look", HELP, Leads::Menu(IPTABLES))];

static IPTABLES: &[Item] = &[
    item("add (block)", "turn telephony away", HELP, Leads::Run(&["more_configuration", "iptables", "add"]))
        .also(&["close", "isolate"]),
    item("remove (allow)", "let telephony in again", HELP, Leads::Run(&["more_configuration", "iptables", "remove"]))
        .also(&["open", "unblock"]),
    item("list", "whether it is blocked", HELP, Leads::Run(&["more_configuration", "iptables", "list"]))
        .also(&["status", "state"]),
];

/// The way back out of a menu, at line prompts.
const BACK: &str = "back";

/// A menu that is open: its title, its words, the number of the word under the cursor.
type Open = (&'static str, &'static [Item], usize);

/// Runs the menu until a person leaves it; the exit code of what was done last. How this server is comes first, and
/// what was chosen in a menu is under the cursor when one is back in it.
pub(super) async fn run(face: &mut Face<'_>) -> Exit {
    face.word(Word::LIST).await;
    let mut path: Vec<Open> = vec![("mxone_maintenance", TOP, 0)];
    let mut code = Exit::Done;
    while let Some((title, items, cursor)) = path.last_mut() {
        let back = (*title != "mxone_maintenance").then_some(BACK);
        let names = items.iter().map(|item| item.word).chain(back).collect();
        let chosen = match Select::new(title, names).with_starting_cursor(*cursor).raw_prompt() {
            Ok(chosen) => {
                *cursor = chosen.index;
                items.get(chosen.index)
            }
            Err(InquireError::OperationCanceled) => None,
            Err(_) => return Exit::Cancelled,
        };
        match chosen.map(|item| (item.word, &item.leads)) {
            Some((word, Leads::Menu(items))) => path.push((word, items, 0)),
            Some((_, Leads::Run(words) | Leads::Ask(words, _))) => {
                if let Some(word) = Word::of(words) {
                    code = face.word(word).await;
                }
            }
            Some((_, Leads::Show(..))) => face.help(),
            Some((_, Leads::Leave)) | None => {
                path.pop();
            }
        }
    }
    code
}

/// What it means to say yes to an action.
pub(super) fn means(action: Action) -> &'static str {
    match action {
        Action::Add => "Calls in progress end; SSH to this server goes on.",
        Action::Remove => "If the other site serves users, two sites serve then.",
        Action::Uninstall => "Telephony is let in then: stop that of a passive server first.",
    }
}

/// Asks whether the changes that were shown are to be made.
pub(super) fn confirmed(action: Action) -> Result<bool, InquireError> {
    Confirm::new(&format!("{} Do this?", means(action))).with_default(false).prompt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::menu::{find, leaves_below};

    #[test]
    fn whoever_looks_for_block_finds_the_one_that_blocks() {
        let first = |typed: &str| find(TOP, typed).first().map(|(_, item)| item.word);
        assert_eq!(
            (first("block"), first("allow"), first("unblock")),
            (Some("add (block)"), Some("remove (allow)"), Some("remove (allow)"))
        );
    }

    #[test]
    fn every_leaf_is_a_command_or_a_way_out_and_every_command_is_a_leaf() {
        let mut commands = Vec::new();
        for (path, item) in leaves_below(TOP) {
            match item.leads {
                Leads::Run(words) => commands.push(Word::of(words).unwrap_or_else(|| panic!("{path:?}"))),
                Leads::Show(..) | Leads::Leave => assert!(["help", "exit"].contains(&item.word)),
                Leads::Menu(_) | Leads::Ask(..) => panic!("{path:?}"),
            }
        }
        let actions: Vec<_> = commands.into_iter().map(Word::action).collect();
        assert_eq!(actions, [Some(Action::Add), Some(Action::Remove), None, Some(Action::Uninstall)]);
    }
}
