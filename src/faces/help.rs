//! The pages of `help/`, built into the program: read, printed, searched, and found by the command they tell of.

pub mod document;
pub mod layout;
mod search;

use std::sync::LazyLock;

use document::Document;
pub use search::{Found, search};

/// The page on which everybody begins; it leads to all others.
pub const START: &str = "start";

/// The two programs, as they may stand before the words of a command.
const PROGRAMS: [&str; 2] = ["mxone_system_redundancy", "mxone_maintenance"];

/// Name and text of every page, in the order in which they are listed.
const TEXTS: [(&str, &str); 27] = [
    (START, include_str!("../../help/start.md")),
    ("lost-primary", include_str!("../../help/lost-primary.md")),
    ("lost-alternate", include_str!("../../help/lost-alternate.md")),
    ("both-back", include_str!("../../help/both-back.md")),
    ("resume", include_str!("../../help/resume.md")),
    ("planned-switch", include_str!("../../help/planned-switch.md")),
    ("moving-a-site", include_str!("../../help/moving-a-site.md")),
    ("replacing-a-server", include_str!("../../help/replacing-a-server.md")),
    ("terminating", include_str!("../../help/terminating.md")),
    ("status", include_str!("../../help/status.md")),
    ("configure", include_str!("../../help/configure.md")),
    ("remove", include_str!("../../help/remove.md")),
    ("settings", include_str!("../../help/settings.md")),
    ("manual-takeover", include_str!("../../help/manual-takeover.md")),
    ("data", include_str!("../../help/data.md")),
    ("history", include_str!("../../help/history.md")),
    ("monitor", include_str!("../../help/monitor.md")),
    ("maintenance", include_str!("../../help/maintenance.md")),
    ("platforms", include_str!("../../help/platforms.md")),
    ("config", include_str!("../../help/config.md")),
    ("lab", include_str!("../../help/lab.md")),
    ("automatic", include_str!("../../help/automatic.md")),
    ("alarms", include_str!("../../help/alarms.md")),
    ("simulate", include_str!("../../help/simulate.md")),
    ("keys", include_str!("../../help/keys.md")),
    ("command-line", include_str!("../../help/command-line.md")),
    ("words", include_str!("../../help/words.md")),
];

/// The page of each command, by the words it begins with.
const COMMANDS: [(&[&str], &str); 26] = [
    (&["list"], "status"),
    (&["status"], "status"),
    (&["configure"], "configure"),
    (&["remove"], "remove"),
    (&["settings"], "settings"),
    (&["manual-takeover"], "manual-takeover"),
    (&["data"], "data"),
    (&["history"], "history"),
    (&["monitor"], "monitor"),
    (&["platform"], "platforms"),
    (&["config"], "config"),
    (&["demo"], "lab"),
    (&["lab"], "lab"),
    (&["witness"], "automatic"),
    (&["lease"], "automatic"),
    (&["events"], "alarms"),
    (&["notify"], "alarms"),
    (&["simulate"], "simulate"),
    (&["help"], START),
    (&["exit"], "keys"),
    (&["generate"], "command-line"),
    (&["--resume"], "resume"),
    (&["--abandon"], "resume"),
    (&["--lab"], "lab"),
    (&["more_configuration"], "maintenance"),
    (&["uninstall"], "maintenance"),
];

/// A page of the help.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name, `lost-primary`.
    pub name: &'static str,
    /// Its text as it is written.
    pub markdown: &'static str,
    /// The same as the parts it is made of.
    pub document: Document,
}

/// Every page, in the order in which they are listed.
#[must_use]
pub fn pages() -> &'static [Page] {
    static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
        let read = |(name, markdown)| Page { name, markdown, document: Document::parse(markdown) };
        TEXTS.into_iter().map(read).collect()
    });
    &PAGES
}

/// The page of this name.
#[must_use]
pub fn page_named(name: &str) -> Option<&'static Page> {
    pages().iter().find(|page| page.name == name)
}

/// The page that tells of a command, given its words as they are typed, `["settings", "takeover"]`; the name of the
/// program may stand before them. Of a command that is not known there is none.
#[must_use]
pub fn page_of_command(words: &[&str]) -> Option<&'static str> {
    match words {
        [] => Some(START),
        ["mxone_maintenance"] => Some("maintenance"),
        [program, rest @ ..] if PROGRAMS.contains(program) => page_of_command(rest),
        _ => {
            let fitting = COMMANDS.iter().filter(|(start, _)| words.starts_with(start));
            fitting.max_by_key(|(start, _)| start.len()).map(|(_, page)| *page)
        }
    }
}

/// A page as it is printed: that of the topic's name, else that of the command the topic names, else the places where
/// its words stand. Without a topic, the list of all pages.
///
/// # Errors
/// When there is nothing about it; the text names the pages there are.
pub fn page(topic: Option<&str>) -> Result<String, String> {
    let Some(topic) = topic.map(str::trim).filter(|topic| !topic.is_empty()) else { return Ok(listed()) };
    let words: Vec<&str> = topic.split_whitespace().collect();
    if let Some(page) = page_named(topic).or_else(|| page_of_command(&words).and_then(page_named)) {
        return Ok(layout::printed(&page.document));
    }
    let found = search(topic);
    if found.is_empty() {
        let names: Vec<&str> = pages().iter().map(|page| page.name).collect();
        return Err(format!(
            "there is no page \"{topic}\" and no page tells of it; the pages are {}",
            names.join(", ")
        ));
    }
    Ok(told(topic, &found))
}

/// The name and the heading of every page.
fn listed() -> String {
    let lines: Vec<String> =
        pages().iter().map(|page| format!("  {:<20}{}\n", page.name, page.document.title())).collect();
    format!(
        "{}\nRead one with `mxone_system_redundancy help PAGE`, or look for words with `help WORDS`.\n",
        lines.concat()
    )
}

/// What was found, a page after the other.
fn told(topic: &str, found: &[Found]) -> String {
    let mut text = format!("There is no page \"{topic}\". It is told of in:\n");
    let mut before = "";
    for place in found {
        if place.page.name != before {
            let heading = format!("\n  {:<20}{}\n", place.page.name, place.page.document.title());
            text.push_str(&heading);
        }
        before = place.page.name;
        let line = layout::shortened(&format!("    {}", place.told()), layout::PRINTED);
        text.extend([&line, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests;
