//! The pages of `help/`, built into the program.

/// Name and text of every page.
const PAGES: [(&str, &str); 8] = [
    ("configure", include_str!("../../help/configure.md")),
    ("data", include_str!("../../help/data.md")),
    ("lost-alternate", include_str!("../../help/lost-alternate.md")),
    ("lost-primary", include_str!("../../help/lost-primary.md")),
    ("manual-takeover", include_str!("../../help/manual-takeover.md")),
    ("monitor", include_str!("../../help/monitor.md")),
    ("platforms", include_str!("../../help/platforms.md")),
    ("terminating", include_str!("../../help/terminating.md")),
];

/// A page, or the list of pages.
///
/// # Errors
/// When there is no such page; the text names those there are.
pub fn page(topic: Option<&str>) -> Result<String, String> {
    let names = || PAGES.map(|(name, _)| name).join(", ");
    match topic {
        None => Ok(format!("pages: {}\nread one with `mxone_system_redundancy help PAGE`\n", names())),
        Some(topic) => PAGES
            .iter()
            .find(|(name, _)| *name == topic)
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| format!("there is no page \"{topic}\"; the pages are {}", names())),
    }
}
