//! The keys that work now, the ones needed most often first.

use super::form::Judged;
use super::knowledge::is_host;
use super::mode::{Mode, Way};
use super::row::{Kind, State};
use super::{Editor, Purpose};

/// A key and what it does.
pub(super) type Hint = (&'static str, &'static str);

impl Editor {
    /// The keys that work now.
    pub(super) fn hints(&self) -> Vec<Hint> {
        match &self.mode {
            Mode::Browse => self.browse_hints(),
            Mode::Find(_) => {
                vec![
                    ("type", "an address, file or field"),
                    ("↑↓", "move"),
                    ("Enter", "to the list"),
                    ("Esc", "show all"),
                ]
            }
            Mode::Form(form) => {
                let is_entry = matches!(form.judged, Judged::Entry { .. });
                let mut hints = vec![("Enter", if form.is_adding() && !is_entry { "next" } else { "put in" })];
                if form.is_adding() {
                    hints.push(("Tab", "other side"));
                } else if form.suggestion.is_some() {
                    hints.push(("Tab", "use the suggestion"));
                }
                hints.extend([("Ctrl-U", "empty the line"), ("Esc", "leave as it was"), ("F1", "help")]);
                hints
            }
            Mode::File(name) => {
                let word = match name.way {
                    Way::Import => "read the file",
                    Way::Export => "write the file",
                };
                vec![("Enter", word), ("Ctrl-U", "empty the line"), ("Esc", "cancel"), ("F1", "help")]
            }
            Mode::Places(_) => vec![("↑↓", "scroll"), ("Esc", "close"), ("F1", "help")],
            Mode::Leaving(_) => {
                let first = if self.purpose == Purpose::Wizard { "use it" } else { "save" };
                vec![("s", first), ("t", "throw away"), ("Esc", "stay"), ("←→ Enter", "choose"), ("F1", "help")]
            }
        }
    }

    fn browse_hints(&self) -> Vec<Hint> {
        let mut hints = self.row_hints();
        let is_wizard = self.purpose == Purpose::Wizard;
        let has_problem = self.rows.all.iter().any(|row| row.state.is_problem());
        let way: [(bool, Hint); 14] = [
            (true, ("a", "add")),
            (has_problem, ("n/N", "problem")),
            (true, ("/", "find")),
            (true, ("f", "show")),
            (self.is_changed() && !is_wizard, ("s", "save")),
            (is_wizard, ("s", "done")),
            (true, ("Esc", "leave")),
            (true, ("F1", "help")),
            (self.history.can_undo(), ("u", "undo")),
            (self.history.can_redo(), ("U", "redo")),
            (self.rows.tally.unconfirmed > 0, ("K", "keep all foreign")),
            (true, ("o", "sort")),
            (true, ("p", "preview")),
            (true, ("i/x", "import, export")),
        ];
        hints.extend(way.into_iter().filter(|(works, _)| *works).map(|(_, hint)| hint));
        hints
    }

    /// What can be done with the chosen row.
    fn row_hints(&self) -> Vec<Hint> {
        let Some(row) = self.chosen() else {
            return Vec::new();
        };
        let unconfirmed = row.kind == Kind::Foreign && !(row.has_entry && row.state == State::Kept);
        let listed = match row.kind {
            Kind::Own | Kind::Foreign | Kind::Elsewhere => true,
            Kind::Rule => row.count > 0,
            Kind::Entry => false,
        };
        let follows = self.suggestion().is_some();
        let way: [(bool, Hint); 5] = [
            (row.kind != Kind::Elsewhere, ("e", "edit")),
            (row.has_entry, ("d", "remove")),
            (unconfirmed, ("k", "keep")),
            (follows, ("g", "suggestion")),
            (listed, ("w", if is_host(row.primary) || row.place.is_some() { "where" } else { "who follows" })),
        ];
        way.into_iter().filter(|(works, _)| *works).map(|(_, hint)| hint).collect()
    }
}
