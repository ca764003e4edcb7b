//! Where our files lie on a server.

use std::path::Path;

use crate::domain::traffic::Family;

/// The files of a server, below a root folder.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Without a slash at its end; empty for `/`.
    root: String,
}

impl Places {
    pub(super) fn below(root: &Path) -> Self {
        Self { root: root.to_string_lossy().trim_end_matches('/').to_owned() }
    }

    /// The boot guard's rules.
    pub(super) fn guard(&self, family: Family) -> String {
        self.etc(&format!("guard.{}", ending(family)))
    }

    /// The script that opens a server at boot when nobody can be asked.
    pub(super) fn open_script(&self) -> String {
        self.etc("open.sh")
    }

    /// A systemd unit.
    pub(super) fn unit(&self, name: &str) -> String {
        format!("{}/etc/systemd/system/{name}", self.root)
    }

    /// The order in force.
    pub(super) fn order(&self) -> String {
        self.var("order.json")
    }

    /// There while the order in force makes this server's site the active one.
    pub(super) fn ordered_active(&self) -> String {
        self.var("ordered-active")
    }

    /// The folder of what a restart keeps.
    pub(super) fn state(&self) -> String {
        format!("{}/var/lib/mxone_system_redundancy", self.root)
    }

    /// The folder of an order that lies ready.
    pub(super) fn next(&self) -> String {
        self.var("next")
    }

    /// The script that puts it in force.
    pub(super) fn next_script(&self) -> String {
        self.var("next/put-in-place.sh")
    }

    /// The order that lies ready, under the name it will have.
    pub(super) fn next_order(&self) -> String {
        self.var("next/order.json")
    }

    /// The marker that lies ready, under the name it will have.
    pub(super) fn next_ordered_active(&self) -> String {
        self.var("next/ordered-active")
    }

    /// Ends with the fingerprint of the rule set that was last confirmed by a new connection.
    pub(super) fn confirmed(&self) -> String {
        self.var("confirmed")
    }

    /// There while an application waits for its confirmation; beside the place of confirmed ones, because renaming it
    /// is the confirmation.
    pub(super) fn unconfirmed(&self) -> String {
        self.var("unconfirmed")
    }

    /// The script that takes an unconfirmed application back.
    pub(super) fn undo_script(&self) -> String {
        self.run("undo.sh")
    }

    /// What that script restores.
    pub(super) fn undo(&self, family: Family) -> String {
        self.run(&format!("undo.{}", ending(family)))
    }

    fn etc(&self, name: &str) -> String {
        format!("{}/etc/mxone_system_redundancy/{name}", self.root)
    }

    fn var(&self, name: &str) -> String {
        format!("{}/{name}", self.state())
    }

    fn run(&self, name: &str) -> String {
        format!("{}/run/mxone_system_redundancy/{name}", self.root)
    }
}

const fn ending(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}
