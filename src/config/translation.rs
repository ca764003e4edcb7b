//! The translation table as a person writes it: `translation.yaml`, and CSV for spreadsheets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_yaml::Spanned;

use super::document::{Problem, read_on};
use crate::domain::translation::{TranslationEntry, TranslationError, TranslationTable, parse_side, side_text};

/// The version of the file's layout that is read and written.
const SCHEMA: u32 = 1;

/// The heading of the CSV form.
const HEADING: &str = "primary,alternate";

/// `translation.yaml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    hosts: Pairs,
    #[serde(default)]
    networks: Pairs,
}

/// Pairs in the order of the file, with their places; the same key twice is seen here, not by the reader.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(Spanned<String>, Spanned<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("lines \"primary: alternate\"")
            }

            fn visit_none<E>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }

            fn visit_unit<E>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pairs, D::Error> {
                deserializer.deserialize_map(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        // A heading with nothing below it reads as nothing.
        deserializer.deserialize_option(Reader)
    }
}

/// Reads `translation.yaml`.
///
/// # Errors
/// Every [`Problem`] of the file.
pub fn from_yaml(file: &Path, text: &str) -> Result<TranslationTable, Vec<Problem>> {
    from_yaml_beside(file, text, &BTreeSet::new())
}

/// Reads `translation.yaml` of a pair whose primary has servers with these addresses.
///
/// # Errors
/// Every [`Problem`] of the file; among them every rule that leads to one of these servers.
pub fn from_yaml_beside(file: &Path, text: &str, primary: &BTreeSet<IpAddr>) -> Result<TranslationTable, Vec<Problem>> {
    let mut reading = read_on::<Written>(file, text);
    let Some(written) = reading.value.take() else { return Err(reading.problems) };
    let mut draft = Draft::new(file);
    match &written.schema {
        None => reading.miss(file, "schema"),
        Some(schema) if schema.value == SCHEMA => {}
        Some(schema) => {
            let message = format!("this program reads schema {SCHEMA}, not {}", schema.value);
            draft.problems.push(Problem::at(file, schema, message).write(format!("schema: {SCHEMA}")));
        }
    }
    draft.add_all(&written.hosts, Some(Kind::Host));
    draft.add_all(&written.networks, Some(Kind::Network));
    draft.problems.append(&mut reading.problems);
    draft.refuse_servers_of(primary);
    draft.finish()
}

/// Makes a table of pairs that are hosts or networks, as an answers file has them.
///
/// # Errors
/// Every [`Problem`] of the pairs.
pub(super) fn from_pairs(file: &Path, pairs: &Pairs) -> Result<TranslationTable, Vec<Problem>> {
    let mut draft = Draft::new(file);
    draft.add_all(pairs, None);
    draft.finish()
}

/// Writes `translation.yaml`: hosts, then networks, each in the order of their left sides.
#[must_use]
pub fn to_yaml(table: &TranslationTable) -> String {
    let mut text = format!("schema: {SCHEMA}\n");
    for (heading, hosts) in [("hosts", true), ("networks", false)] {
        let mut entries = table.entries().filter(|entry| entry.is_host() == hosts).peekable();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{heading}:{}", if entries.peek().is_some() { "" } else { " {}" });
        for entry in entries {
            let (primary, alternate) = (side_text(entry.primary()), side_text(entry.alternate()));
            let _ = writeln!(text, "  \"{primary}\": \"{alternate}\"");
        }
    }
    text
}

/// Reads the CSV form: `primary,alternate` a line, hosts or networks; the heading may be there or not, empty lines and
/// lines that begin with `#` are left out.
///
/// # Errors
/// Every [`Problem`] of the file.
pub fn from_csv(file: &Path, text: &str) -> Result<TranslationTable, Vec<Problem>> {
    let mut draft = Draft::new(file);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut first = true;
    for (index, line) in text.lines().enumerate() {
        let number = index as u64 + 1;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let cells: Vec<(&str, u64)> = cells(line);
        let is_heading = std::mem::take(&mut first) && cells.iter().all(|(cell, _)| cell.bytes().all(is_heading_byte));
        match cells[..] {
            _ if is_heading => {}
            [(primary, at), (alternate, alternate_at)] => {
                draft.add((primary, (number, at)), (alternate, (number, alternate_at)), None);
            }
            _ => {
                let problem = Problem::new(file, (number, 1), format!("here are {} values, not two", cells.len()));
                draft.problems.push(problem.write("192.0.2.10,198.51.100.10"));
            }
        }
    }
    draft.finish()
}

/// Writes the CSV form, with its heading, in the order of the left sides.
#[must_use]
pub fn to_csv(table: &TranslationTable) -> String {
    let mut text = format!("{HEADING}\n");
    for entry in table.entries() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{},{}", side_text(entry.primary()), side_text(entry.alternate()));
    }
    text
}

/// Which of the two lists of the YAML form a pair stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    Network,
}

/// A text with its line and column.
type Placed<'t> = (&'t str, (u64, u64));

/// The table as far as it is read, with all that is wrong.
struct Draft<'f> {
    file: &'f Path,
    table: TranslationTable,
    /// Where each left side was written first, with the place of its right side.
    places: BTreeMap<IpNet, (u64, (u64, u64))>,
    problems: Vec<Problem>,
}

impl<'f> Draft<'f> {
    fn new(file: &'f Path) -> Self {
        Self { file, table: TranslationTable::default(), places: BTreeMap::new(), problems: Vec::new() }
    }

    fn add(&mut self, primary: Placed<'_>, alternate: Placed<'_>, kind: Option<Kind>) {
        let (Some(from), Some(to)) = (self.side(primary, kind), self.side(alternate, kind)) else { return };
        if let Some((line, _)) = self.places.get(&from) {
            let message = format!("{} is already translated in line {line}", side_text(from));
            self.problems.push(Problem::new(self.file, primary.1, message).write("it once"));
            return;
        }
        self.places.insert(from, (primary.1.0, alternate.1));
        match TranslationEntry::network(from, to) {
            Ok(entry) => {
                self.table.set(entry);
            }
            Err(error) => {
                let at = if is_about(&error, from) { primary } else { alternate };
                let hint = advice(&error, from);
                self.problems.push(Problem::new(self.file, at.1, error.to_string()).write(hint));
            }
        }
    }

    fn add_all(&mut self, pairs: &Pairs, kind: Option<Kind>) {
        let place = |value: &Spanned<String>| (value.referenced.line().max(1), value.referenced.column().max(1));
        for (primary, alternate) in &pairs.0 {
            self.add((&primary.value, place(primary)), (&alternate.value, place(alternate)), kind);
        }
    }

    /// Tells every rule by which something at the alternate would have the address of a primary server.
    fn refuse_servers_of(&mut self, primary: &BTreeSet<IpAddr>) {
        let hosts = self.table.entries().filter(TranslationEntry::is_host).map(|entry| entry.primary().addr());
        let addresses: BTreeSet<IpAddr> = hosts.chain(primary.iter().copied()).collect();
        for address in addresses {
            let Some(becomes) = self.table.translate(address).filter(|becomes| primary.contains(becomes)) else {
                continue;
            };
            let rules = self.places.iter().filter(|(side, _)| side.contains(&address));
            let Some((_, (_, at))) = rules.max_by_key(|(side, _)| side.prefix_len()) else { continue };
            let message = format!("{address} would become {becomes}, a server of the primary");
            self.problems.push(Problem::new(self.file, *at, message).write("an address of the alternate"));
        }
    }

    fn side(&mut self, (text, at): Placed<'_>, kind: Option<Kind>) -> Option<IpNet> {
        let (what, hint) = match kind {
            Some(Kind::Host) => ("an IP address", "one like 192.0.2.10 or 2001:db8::10"),
            Some(Kind::Network) => ("a network", "one like 192.0.2.0/24 or 2001:db8::/64"),
            None => ("an IP address or a network", "one like 192.0.2.10 or 192.0.2.0/24"),
        };
        let fits = |side: &IpNet| match kind {
            Some(Kind::Host) => side.prefix_len() == side.max_prefix_len(),
            Some(Kind::Network) => text.contains('/'),
            None => true,
        };
        let side = parse_side(text).ok().filter(fits);
        if side.is_none() {
            let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(60).collect();
            self.problems.push(Problem::new(self.file, at, format!("\"{shown}\" is not {what}")).write(hint));
        }
        side
    }

    fn finish(mut self) -> Result<TranslationTable, Vec<Problem>> {
        self.problems.sort();
        if self.problems.is_empty() { Ok(self.table) } else { Err(self.problems) }
    }
}

/// Whether what is wrong with a pair is wrong with its left side.
fn is_about(error: &TranslationError, primary: IpNet) -> bool {
    match error {
        TranslationError::HostBits { written, .. } => *written == primary,
        TranslationError::NeverTranslated(address) => *address == primary.addr(),
        TranslationError::NotAnEntry(_)
        | TranslationError::NotAnAddress(_)
        | TranslationError::MixedFamilies(..)
        | TranslationError::LengthsDiffer(..) => false,
    }
}

/// What to write in place of a pair that is wrong.
fn advice(error: &TranslationError, primary: IpNet) -> String {
    match error {
        TranslationError::HostBits { network, .. } => network.to_string(),
        TranslationError::MixedFamilies(..) => match primary.addr() {
            IpAddr::V4(_) => "an IPv4 address on both sides".to_owned(),
            IpAddr::V6(_) => "an IPv6 address on both sides".to_owned(),
        },
        TranslationError::LengthsDiffer(..) => format!("a network of length /{} on both sides", primary.prefix_len()),
        TranslationError::NeverTranslated(_) => "the address of a host or of a network of one site".to_owned(),
        TranslationError::NotAnEntry(_) | TranslationError::NotAnAddress(_) => "an IP address or a network".to_owned(),
    }
}

/// The cells of a CSV line with their columns, without blanks and quotes around them; `;` is what spreadsheets of
/// half of Europe put between them.
fn cells(line: &str) -> Vec<(&str, u64)> {
    let separator = if line.contains(',') { ',' } else { ';' };
    let mut column = 1;
    let place = |cell: &str, column: u64| {
        let blanks = cell.chars().take_while(|c| c.is_whitespace() || *c == '"').count();
        column + blanks as u64
    };
    line.split(separator)
        .map(|cell| {
            let at = place(cell, column);
            column += cell.chars().count() as u64 + 1;
            (cell.trim().trim_matches('"').trim(), at)
        })
        .collect()
}

/// Letters, blanks and underscores: what a heading consists of and an address does not.
fn is_heading_byte(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b' ' || b == b'_'
}

#[cfg(test)]
mod tests;
