//! Reads the output of a command as rows of named fields.
//!
//! What a server prints is never trusted: it may be cut off, binary or meant to harm. Nothing here panics on it, and
//! control characters never get into a row.

use std::collections::BTreeMap;

use ipnet::IpNet;
use regex::Regex;
use thiserror::Error;

use super::{Pick, Reader};

mod table;

/// Named fields of one line of output.
pub type Row = BTreeMap<String, String>;

/// How MX-ONE's command shell says that it did not do what it was told (mdsh printouts).
const REJECTION: &str = "NOT ACCEPTED";

impl Reader {
    /// Reads what a command printed. Fields are trimmed; a field without a value is an empty text in a table, and
    /// absent where a pattern leaves it out.
    ///
    /// # Errors
    /// [`ReadError`] when the command was rejected, the table is not there, or not exactly one network address was
    /// printed where one is looked for. Output in which no row is found is no error.
    pub fn read(&self, text: &str) -> Result<Vec<Row>, ReadError> {
        let lines: Vec<String> = text.lines().map(cleaned).collect();
        if let Some(line) = lines.iter().find(|line| line.trim_start().starts_with(REJECTION)) {
            return Err(ReadError::Rejected(excerpt(line)));
        }
        match self {
            Self::OnlyCidr => only_cidr(&lines).map(|row| vec![row]),
            Self::Pattern { pattern, pick } => Ok(picked(matches(pattern, &lines), *pick)),
            Self::Table { after, columns, only, pick } => {
                let mut rows = table::read(&lines, after, columns)?;
                rows.retain(|row| holds(row, only));
                Ok(picked(rows, *pick))
            }
        }
    }

    /// The fields a row of this reader can have.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::OnlyCidr => vec!["address"],
            Self::Pattern { pattern, .. } => pattern.capture_names().flatten().collect(),
            Self::Table { columns, .. } => columns.iter().map(|(field, _)| field.as_str()).collect(),
        }
    }
}

/// Whether a row has these values.
#[must_use]
pub fn holds(row: &Row, values: &[(String, String)]) -> bool {
    values.iter().all(|(field, value)| row.get(field) == Some(value))
}

/// Why output cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The command was not carried out.
    #[error("the command was rejected: {0}")]
    Rejected(String),
    /// No line with the text that is to stand before the table.
    #[error("there is no line with \"{0}\"")]
    NoStart(String),
    /// No line with all the headings.
    #[error("there is no line with the headings {}", .0.join(", "))]
    NoHeadings(Vec<String>),
    /// No address with a prefix length.
    #[error("there is no address with a prefix length, such as 192.0.2.10/24")]
    NoCidr,
    /// More than one address with a prefix length.
    #[error("there is more than one address with a prefix length: {}", .0.join(", "))]
    SeveralCidrs(Vec<String>),
}

/// A line as a terminal would show it, with tabs as blanks up to the next multiple of eight and without anything that
/// acts on a terminal.
fn cleaned(line: &str) -> String {
    const TAB: usize = 8;
    let mut clean = String::with_capacity(line.len());
    let mut width = 0;
    for c in line.chars() {
        if c == '\t' {
            let blanks = TAB - width % TAB;
            clean.extend(std::iter::repeat_n(' ', blanks));
            width += blanks;
        } else if !c.is_control() {
            clean.push(c);
            width += 1;
        }
    }
    clean
}

/// The beginning of a line, short enough for a message.
fn excerpt(line: &str) -> String {
    const SHOWN: usize = 120;
    line.trim().chars().take(SHOWN).collect()
}

fn only_cidr(lines: &[String]) -> Result<Row, ReadError> {
    let mut found: Vec<IpNet> = Vec::new();
    for word in lines.iter().flat_map(|line| line.split_whitespace()) {
        // IpNet takes leading zeros, which other tools read as octal; the address parser of the language does not.
        let plain = word.split_once('/').is_some_and(|(address, _)| address.parse::<std::net::IpAddr>().is_ok());
        if let Some(network) = word.parse().ok().filter(|network| plain && !found.contains(network)) {
            found.push(network);
        }
    }
    match found.as_slice() {
        [] => Err(ReadError::NoCidr),
        [only] => Ok(Row::from([("address".to_owned(), only.to_string())])),
        several => Err(ReadError::SeveralCidrs(several.iter().take(4).map(IpNet::to_string).collect())),
    }
}

fn matches(pattern: &Regex, lines: &[String]) -> Vec<Row> {
    let names: Vec<&str> = pattern.capture_names().flatten().collect();
    lines
        .iter()
        .filter_map(|line| pattern.captures(line))
        .map(|captures| {
            let value = |name: &&str| captures.name(name).map(|found| found.as_str().trim().to_owned());
            names.iter().filter_map(|name| value(name).map(|value| ((*name).to_owned(), value))).collect()
        })
        .collect()
}

fn picked(mut rows: Vec<Row>, pick: Pick) -> Vec<Row> {
    match pick {
        Pick::All => rows,
        Pick::First => {
            rows.truncate(1);
            rows
        }
        Pick::Last => rows.pop().into_iter().collect(),
        Pick::Greatest => rows.into_iter().max_by(|a, b| sort_text(a).cmp(sort_text(b))).into_iter().collect(),
    }
}

/// What rows are sorted by: their `id`, or the first of their fields by name.
fn sort_text(row: &Row) -> &str {
    row.get("id").or_else(|| row.values().next()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_only_network_address_is_found_wherever_it_stands() {
        let row = Reader::OnlyCidr.read("Master address is\n  192.0.2.10/24 .\n192.0.2.10/24\n").unwrap();
        assert_eq!(row, [Row::from([("address".to_owned(), "192.0.2.10/24".to_owned())])]);
        let six = Reader::OnlyCidr.read("2001:db8::10/64").unwrap();
        assert_eq!(six[0]["address"], "2001:db8::10/64");
    }

    #[test]
    fn no_network_address_or_two_are_refused() {
        assert_eq!(Reader::OnlyCidr.read("192.0.2.10 and 1/2, 010.0.0.1/8"), Err(ReadError::NoCidr));
        let two = Reader::OnlyCidr.read("192.0.2.10/24\n192.0.2.11/24").unwrap_err();
        assert_eq!(
            two.to_string(),
            "there is more than one address with a prefix length: 192.0.2.10/24, 192.0.2.11/24"
        );
    }

    #[test]
    fn a_rejected_command_is_no_empty_answer() {
        let rejected = lines(Pick::All).read("  NOT ACCEPTED, ILLEGAL PARAMETER\x1b[2J\nid 5\nEND\n").unwrap_err();
        assert_eq!(rejected.to_string(), "the command was rejected: NOT ACCEPTED, ILLEGAL PARAMETER[2J");
    }

    #[test]
    fn which_matches_count_can_be_said() {
        let text = "id 3 c\nid 9 a\nnothing\nid 5\n";
        let ids =
            |pick| -> Vec<String> { lines(pick).read(text).unwrap().iter().map(|row| row["id"].clone()).collect() };
        assert_eq!(ids(Pick::All), ["3", "9", "5"]);
        assert_eq!(ids(Pick::First), ["3"]);
        assert_eq!(ids(Pick::Last), ["5"]);
        assert_eq!(ids(Pick::Greatest), ["9"]);
        assert!(!lines(Pick::Last).read(text).unwrap()[0].contains_key("rest"));
        assert_eq!(lines(Pick::All).read(""), Ok(vec![]));
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_gets_into_a_row() {
        let rows = lines(Pick::All).read("id 7 \x1b]0;evil\x07\u{9b}31m\n").unwrap();
        assert_eq!(rows[0]["rest"], "]0;evil31m");
    }

    proptest! {
        #[test]
        fn no_output_makes_a_reader_panic(text in "(?s).{0,300}", column in 0_usize..40) {
            for reader in [Reader::OnlyCidr, lines(Pick::Greatest)] {
                let _ = reader.read(&text);
            }
            let heading = format!("{}Lim  Address é  x\n{text}", " ".repeat(column));
            let columns = vec![("lim".to_owned(), "Lim".to_owned()), ("a".to_owned(), "Address é".to_owned())];
            let table = Reader::Table { after: String::new(), columns, only: vec![], pick: Pick::All };
            for row in table.read(&heading).unwrap_or_default() {
                prop_assert!(row.values().all(|value| !value.chars().any(char::is_control)));
            }
        }
    }

    fn lines(pick: Pick) -> Reader {
        Reader::Pattern { pattern: Regex::new(r"^id (?P<id>\d+)(?: (?P<rest>.+))?$").unwrap(), pick }
    }
}
