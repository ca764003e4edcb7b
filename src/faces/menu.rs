//! The menu of `mxone_system_redundancy`: the product's literal words, each leaf with the command it stands for.
//!
//! The terminal UI and the plain prompts walk the same tree, and `tests` below hold it against the command line.

use Leads::{Ask, Leave, Menu, Run, Show};

use crate::domain::lease::Limit;

/// A word of the menu.
#[derive(Debug)]
pub struct Item {
    /// The word as it is shown and typed.
    pub word: &'static str,
    /// What it is for, in a few words.
    pub says: &'static str,
    /// What people may call it as well.
    pub also: &'static [&'static str],
    /// The page of the help about it.
    pub help: &'static str,
    /// What is behind it.
    pub leads: Leads,
}

/// What is behind a word of the menu.
#[derive(Debug)]
pub enum Leads {
    /// Another menu.
    Menu(&'static [Item]),
    /// A command that needs nothing more than its words.
    Run(&'static [&'static str]),
    /// A command that something is asked for first.
    Ask(&'static [&'static str], Asks),
    /// A screen of its own in the terminal UI; the plain prompts run the command.
    Show(&'static [&'static str], Screen),
    /// The way out.
    Leave,
}

/// What a command is asked for before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Why it is done.
    Reason,
    /// When the daily copy runs.
    Schedule,
    /// Which mirror.
    Mirror,
    /// The network control addresses.
    Addresses,
    /// An address with its prefix, and the network interface that holds it.
    ServiceAddress,
    /// Whether it is meant: the command shows no plan.
    Sure,
}

/// A screen of the terminal UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The history with its filters.
    History,
    /// The translation editor.
    Translation,
    /// The pages of the help.
    Help,
    /// The mirrors.
    Mirrors,
}

/// A word that nobody calls otherwise.
pub(in crate::faces) const fn item(word: &'static str, says: &'static str, help: &'static str, leads: Leads) -> Item {
    Item { word, says, also: &[], help, leads }
}

impl Item {
    /// The same, with what people may call it as well.
    pub(in crate::faces) const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
}

/// The first menu.
pub static TOP: &[Item] = &[
    item("status", "read both systems now", "status", Run(&["status"])).also(&["state", "which site is live", "read"]),
    item("list", "the configuration", "status", Run(&["list"])).also(&["show configuration"]),
    item("configure", "set the pair up", "configure", Run(&["configure"])).also(&["setup", "install", "new"]),
    item("remove", "take redundancy apart", "remove", Ask(&["remove"], Asks::Reason)).also(&[
        "delete",
        "unconfigure",
        "terminate",
    ]),
    item("settings", "translation, takeover, control address", "settings", Menu(SETTINGS)),
    item("manual-takeover", "make the other site live", "manual-takeover", Menu(MANUAL_TAKEOVER)),
    item("data", "copy, daily copy, mirrors", "data", Menu(DATA)),
    item("lease", "automatic takeover: who may be live, and holds", "automatic", Menu(LEASE)),
    item("history", "what was done, by whom, how it ended", "history", Show(&["history"], Screen::History))
        .also(&["log", "journal"]),
    item("events", "alarms that are raised, and the last events", "alarms", Run(&["events"])).also(&["alarm", "alert"]),
    item("monitor", "install the monitor as a service", "monitor", Ask(&["monitor", "--install"], Asks::Sure))
        .also(&["service", "systemd"]),
    item("notify", "a test to those who are told of alarms", "alarms", Run(&["notify", "test"])),
    item("platform", "the profiles of telephony software", "platforms", Run(&["platform", "list"])).also(&[
        "profile",
        "kamailio",
        "asterisk",
        "freeswitch",
    ]),
    item("check", "check the configuration files", "settings", Run(&["config", "check"])).also(&["config", "verify"]),
    item("help", "the pages of the help", "start", Show(&["help"], Screen::Help)).also(&["manual", "docs"]),
    item("exit", "leave; nothing is changed", "start", Leave).also(&["quit", "leave", "bye"]),
];

static SETTINGS: &[Item] = &[
    item(
        "translation",
        "primary addresses to alternate addresses",
        "settings",
        Show(&["settings", "translation", "list"], Screen::Translation),
    )
    .also(&["ip addresses", "table", "mapping"]),
    item("takeover", "whether a takeover waits for a person", "settings", Menu(TAKEOVER)),
    item("takeover-limits", "what automatic takeover goes by", "automatic", Menu(TAKEOVER_LIMITS)),
    item(
        "network-control-address",
        "what proves that a site reaches the users",
        "settings",
        Ask(&["settings", "network-control-address"], Asks::Addresses),
    )
    .also(&["gateway", "router", "ping"]),
    item("service-address", "an address that moves with the live site", "settings", Menu(SERVICE_ADDRESS)),
    item("witness", "the third vote, for takeovers without a person", "automatic", Menu(WITNESS)),
];

static SERVICE_ADDRESS: &[Item] = &[
    item("show", "the ones there are", "settings", Run(&["settings", "service-address"])),
    item(
        "set",
        "one more, or another interface for one",
        "settings",
        Ask(&["settings", "service-address"], Asks::ServiceAddress),
    )
    .also(&["virtual ip", "vip", "floating", "cluster ip"]),
    item("remove", "all of them", "settings", Run(&["settings", "service-address", "--remove"])),
];

static WITNESS: &[Item] = &[
    item(
        "set-up",
        "monitors and a witness, so that a takeover needs nobody",
        "automatic",
        Run(&["settings", "witness"]),
    )
    .also(&["automatic takeover", "quorum", "etcd", "arbiter", "tie breaker"]),
    item("remove", "people switch again", "automatic", Run(&["settings", "witness", "--remove"])),
];

static LEASE: &[Item] = &[
    item("show", "what is promised and decided now, and why", "automatic", Run(&["lease"])).also(&["why", "guarantee"]),
    item("hold", "nothing moves by itself for a while", "automatic", Run(&["lease", "hold"])).also(&[
        "maintenance",
        "pause",
        "suspend",
        "freeze",
    ]),
    item("end-hold", "it may move by itself again", "automatic", Run(&["lease", "hold", "0"])).also(&["resume"]),
    item("acknowledge", "the last automatic takeover was seen", "automatic", Run(&["lease", "acknowledge"]))
        .also(&["confirm", "seen"]),
];

static TAKEOVER: &[Item] = &[
    item("alternate-from-primary", "at a failure of the primary", "settings", Menu(ALTERNATE_FROM_PRIMARY)),
    item("primary-from-alternate", "at the recovery of the primary", "settings", Menu(PRIMARY_FROM_ALTERNATE)),
];

static TAKEOVER_LIMITS: &[Item] = &[
    item("show", "all of them", "automatic", Run(&["settings", "takeover-limits"])),
    limit(Limit::ControlAddresses, &["settings", "takeover-limits", Limit::ControlAddresses.word()]),
    limit(Limit::ControlMisses, &["settings", "takeover-limits", Limit::ControlMisses.word()]),
    limit(Limit::CallServerMisses, &["settings", "takeover-limits", Limit::CallServerMisses.word()]).also(&["health"]),
    limit(Limit::DataAge, &["settings", "takeover-limits", Limit::DataAge.word()]).also(&["stale"]),
    limit(Limit::FlapGuard, &["settings", "takeover-limits", Limit::FlapGuard.word()]),
    limit(Limit::ReturnAfter, &["settings", "takeover-limits", Limit::ReturnAfter.word()]),
    limit(Limit::DegradeAfter, &["settings", "takeover-limits", Limit::DegradeAfter.word()]),
    limit(Limit::HoldOff, &["settings", "takeover-limits", Limit::HoldOff.word()]),
];

const fn limit(limit: Limit, words: &'static [&'static str]) -> Item {
    item(limit.word(), limit.says(), "automatic", Run(words))
}

static ALTERNATE_FROM_PRIMARY: &[Item] = &[
    item("manual", "a person decides", "settings", Run(&["settings", "takeover", "alternate-from-primary", "manual"])),
    item(
        "automatic",
        "by itself, once a witness is set up",
        "settings",
        Run(&["settings", "takeover", "alternate-from-primary", "automatic"]),
    ),
];

static PRIMARY_FROM_ALTERNATE: &[Item] = &[
    item("manual", "a person decides", "settings", Run(&["settings", "takeover", "primary-from-alternate", "manual"])),
    item(
        "automatic",
        "by itself, once a witness is set up",
        "settings",
        Run(&["settings", "takeover", "primary-from-alternate", "automatic"]),
    ),
];

static MANUAL_TAKEOVER: &[Item] = &[
    item(
        "traffic-in-alternate",
        "block the primary, then allow the alternate",
        "manual-takeover",
        Ask(&["manual-takeover", "traffic-in-alternate"], Asks::Reason),
    )
    .also(&["failover", "switchover", "disaster", "take over", "lost", "dead", "down", "fire", "emergency"]),
    item(
        "traffic-in-primary",
        "block the alternate, then allow the primary",
        "manual-takeover",
        Ask(&["manual-takeover", "traffic-in-primary"], Asks::Reason),
    )
    .also(&["failback", "switchback", "return", "give back"]),
];

static DATA: &[Item] = &[
    item("copy", "the primary's backup, now", "data", Run(&["data", "copy"])).also(&["sync", "replicate", "update"]),
    item("auto", "the daily copy", "data", Menu(AUTO)),
    item("mirrors", "verified copies on this server", "data", Menu(MIRRORS)),
];

static AUTO: &[Item] = &[
    item("create", "set the daily copy up", "data", Ask(&["data", "auto", "create"], Asks::Schedule))
        .also(&["schedule", "cron", "nightly"]),
    item("list", "when it runs next", "data", Run(&["data", "auto", "list"])),
    item("change", "another time", "data", Ask(&["data", "auto", "change"], Asks::Schedule)),
    item("remove", "no daily copy any more", "data", Run(&["data", "auto", "remove"])),
];

static MIRRORS: &[Item] = &[
    item("list", "age, size, which is loaded", "data", Show(&["data", "mirrors", "list"], Screen::Mirrors))
        .also(&["backups", "generations"]),
    item("verify", "compare every checksum again", "data", Ask(&["data", "mirrors", "verify"], Asks::Mirror)),
    item("load", "one into the alternate", "data", Ask(&["data", "mirrors", "load"], Asks::Mirror)).also(&["restore"]),
    item("roll-back", "the one that was loaded before", "data", Run(&["data", "mirrors", "roll-back"]))
        .also(&["undo load"]),
];

/// The words that lead to a leaf, and the leaf.
pub type Leaf = (Vec<&'static str>, &'static Item);

/// Every leaf with the words that lead to it, in the order of the menu.
#[must_use]
pub fn leaves() -> Vec<Leaf> {
    leaves_below(TOP)
}

/// Every leaf of a menu with the words that lead to it.
#[must_use]
pub fn leaves_below(top: &'static [Item]) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(top, &[], &mut found);
    found
}

fn collect(items: &'static [Item], path: &[&'static str], found: &mut Vec<Leaf>) {
    for item in items {
        let path = [path, &[item.word]].concat();
        match &item.leads {
            Menu(items) => collect(items, &path, found),
            Run(_) | Ask(..) | Show(..) | Leave => found.push((path, item)),
        }
    }
}

/// The leaves of a menu that fit typed words, the best first: in a word of the menu, in what people call it, in what it is for.
#[must_use]
pub fn find(top: &'static [Item], typed: &str) -> Vec<Leaf> {
    let typed = typed.trim().to_lowercase();
    let typed: Vec<&str> = typed.split_whitespace().collect();
    let mut fits: Vec<(usize, Leaf)> =
        leaves_below(top).into_iter().filter_map(|leaf| Some((fit(&typed, &leaf.0, leaf.1)?, leaf))).collect();
    // A leaf typed out in full comes first, whatever else begins with its words.
    fits.sort_by_key(|(fit, (path, _))| (path.join(" ") != typed.join(" "), *fit));
    fits.into_iter().map(|(_, leaf)| leaf).collect()
}

/// How well a leaf fits, 0 best; `None` when a typed word is nowhere in it.
fn fit(typed: &[&str], path: &[&str], item: &Item) -> Option<usize> {
    let (path, also, says) = (path.join(" "), item.also.join(" "), item.says.to_lowercase());
    let of = |word: &&str| {
        if path.split([' ', '-', '(']).any(|part| part.starts_with(word)) {
            Some(0)
        } else if also.contains(word) {
            Some(1)
        } else if path.contains(word) {
            Some(2)
        } else {
            says.contains(word).then_some(3)
        }
    };
    typed.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::faces::cli::Cli;

    fn command_of(item: &Item) -> Option<&'static [&'static str]> {
        match item.leads {
            Run(words) | Ask(words, _) | Show(words, _) => Some(words),
            Menu(_) | Leave => None,
        }
    }

    #[test]
    fn every_leaf_is_a_command_that_parses() {
        for (path, item) in leaves() {
            if let Some(words) = command_of(item) {
                let line = [&["mxone_system_redundancy"], words].concat();
                assert!(Cli::try_parse_from(&line).is_ok(), "{path:?}: {line:?}");
            }
        }
    }

    #[test]
    fn every_command_for_an_engineer_is_in_the_menu() {
        // Not in the menu: what only makes sense in a shell or before there are systems, or is about a file.
        let elsewhere = [
            "demo",
            "lab",
            "simulate",
            "witness",
            // A manual takeover uses both.
            "lease hand-over",
            "lease force",
            "platform show",
            "platform check",
            "generate",
            "settings translation",
        ];
        let known: BTreeSet<String> = leaves()
            .iter()
            .filter_map(|(_, item)| command_of(item))
            .flat_map(|words| (1..=words.len()).map(|n| words[..n].join(" ")))
            .collect();
        let mut left = vec![(Cli::command(), String::new())];
        while let Some((command, path)) = left.pop() {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name()).trim().to_owned();
                if elsewhere.contains(&path.as_str()) {
                    continue;
                }
                assert!(known.contains(&path), "{path} is not in the menu");
                left.push((sub.clone(), path));
            }
        }
    }

    #[test]
    fn every_word_of_the_menu_has_its_page_of_help() {
        fn check(items: &[Item]) {
            for item in items {
                assert!(crate::faces::help::page_named(item.help).is_some(), "{}: {}", item.word, item.help);
                if let Menu(inner) = item.leads {
                    check(inner);
                }
            }
        }
        check(TOP);
    }

    #[test]
    fn an_action_is_found_by_what_people_call_it() {
        let first = |typed: &str| find(TOP, typed).first().map(|(path, _)| path.join(" ")).unwrap_or_default();
        assert_eq!(first("failover"), "manual-takeover traffic-in-alternate");
        assert_eq!(first("switchover"), "manual-takeover traffic-in-alternate");
        assert_eq!(first("failback"), "manual-takeover traffic-in-primary");
        assert_eq!(first("Traffic-in-A"), "manual-takeover traffic-in-alternate");
        assert_eq!(first("nightly"), "data auto create");
        assert_eq!(first("mir ver"), "data mirrors verify");
        assert_eq!(first("log"), "history");
        assert_eq!(first("settings service-address set"), "settings service-address set");
        assert!(find(TOP, "xyzzy").is_empty());
        assert_eq!(find(TOP, "").len(), leaves().len());
    }
}
