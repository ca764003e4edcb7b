//! Reads a YAML file whole and says everything that is wrong with it, with file, line, column and what to write instead.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_yaml::{Location, Spanned};

mod complaint;
mod repair;

/// Nodes a file may have: a translation table of 1,000,000 entries has 3 million, and the reader's own limit of
/// 250,001 would refuse one of 100,000.
const NODE_LIMIT: usize = 10_000_000;

/// Problems reported for one file; whoever has more begins with these.
const PROBLEM_LIMIT: usize = 100;

/// Bytes a file may have: ten times what a translation table of 1,000,000 entries needs, and few enough for any server.
pub const SIZE_LIMIT: u64 = 512 * 1024 * 1024;

/// One thing that is wrong with a file, and what to write instead. Displays as `FILE:LINE:COLUMN: message; write …`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to write instead: it is read after the word "write".
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place of a file.
    pub fn new(file: &Path, (line, column): (u64, u64), message: impl Into<String>) -> Self {
        Self { file: file.to_path_buf(), line, column, message: message.into(), hint: None }
    }

    /// A problem with a value that was read together with its place.
    pub fn at<T>(file: &Path, value: &Spanned<T>, message: impl Into<String>) -> Self {
        Self::new(file, place(value.referenced), message)
    }

    /// The same problem with what to write instead.
    #[must_use]
    pub fn write(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; write {hint}"),
            None => Ok(()),
        }
    }
}

/// What could be read of a file, and everything that is wrong with it.
pub struct Reading<T> {
    /// The document without the entries that are wrong; `None` when too little is left of it.
    pub value: Option<T>,
    /// What is wrong, in the order of the places.
    pub problems: Vec<Problem>,
    /// The keys of the outermost mapping under which something is wrong.
    troubled: BTreeSet<String>,
    first_line: u64,
}

impl<T> Reading<T> {
    /// Whether nothing is wrong with what stands under a key of the outermost mapping, so that more can be concluded
    /// from it.
    #[must_use]
    pub fn is_sound(&self, key: &str) -> bool {
        !self.troubled.contains(key) && !self.troubled.contains("")
    }

    /// Tells that a key of the outermost mapping is missing, unless its entry was told to be wrong already.
    pub fn miss(&mut self, file: &Path, key: &str) {
        let misspelt = self.problems.iter().any(|problem| problem.hint.as_deref() == Some(key));
        if self.is_sound(key) && !misspelt {
            let problem = Problem::new(file, (self.first_line, 1), format!("\"{key}\" is missing"));
            self.problems.push(problem.write(format!("{key}: …")));
        }
    }
}

/// Reads a YAML document, and goes on behind a wrong entry so that all problems are told at once.
///
/// `T` says what may stand in the file: give it `#[serde(deny_unknown_fields)]`, so that unknown keys are problems,
/// and [`Spanned`] values where their meaning is checked later. After a syntax error nothing more can be told.
///
/// # Errors
/// Every [`Problem`] found, in the order of their places.
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, Vec<Problem>> {
    let reading = read_on(file, text);
    match reading.value {
        Some(value) if reading.problems.is_empty() => Ok(value),
        Some(_) | None => Err(reading.problems),
    }
}

/// As [`parse`], and also hands out what is right, so that its meaning can be checked in the same run.
#[must_use]
pub fn read_on<T: DeserializeOwned>(file: &Path, text: &str) -> Reading<T> {
    let mut reading = Reading {
        value: None,
        problems: Vec::new(),
        troubled: BTreeSet::new(),
        first_line: entries(text).next().map_or(1, |(line, _)| line),
    };
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        let problem = Problem::new(file, (1, 1), "the file is empty").write("its keys with their values");
        reading.problems.push(problem);
        return reading;
    }
    let mut draft = repair::Draft::new(text);
    loop {
        let error = match serde_yaml::from_str_with_options::<T>(draft.text(), options()) {
            Ok(value) => {
                reading.value = Some(value);
                break;
            }
            Err(error) => error,
        };
        let error = error.without_snippet();
        let at = error.location().map_or((1, 1), place);
        if !draft.is_aftermath(error, at.0) {
            reading.problems.push(complaint::explain(file, at, error, text));
            reading.troubled.insert(outermost_key(text, at.0));
        }
        if reading.problems.len() >= PROBLEM_LIMIT || !draft.blank_entry(error, at.0) {
            if !repair::is_about_an_entry(error) {
                tell_tabs(file, text, &mut reading.problems);
            }
            break;
        }
    }
    reading.problems.sort();
    reading
}

/// A value that was not read from a file.
pub fn here<T>(value: T) -> Spanned<T> {
    Spanned::new(value, serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN)
}

/// Decodes the bytes of a file.
///
/// # Errors
/// A [`Problem`] with the place of the first byte that is no text.
pub fn decode<'b>(file: &Path, bytes: &'b [u8]) -> Result<&'b str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
        let line = before.matches('\n').count() as u64 + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
        Problem::new(file, (line, column), "this byte is no text in UTF-8").write("the file as plain text")
    })
}

/// Tabs never indent in YAML, and the reader notices them only where they confuse it; they are told instead of that.
fn tell_tabs(file: &Path, text: &str, problems: &mut Vec<Problem>) {
    let tabs: Vec<Problem> = text
        .split('\n')
        .zip(1..)
        .filter_map(|(line, number)| {
            let blanks = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
            let column = blanks.find('\t')? as u64 + 1;
            Some(Problem::new(file, (number, column), "a tab indents this line").write("blanks in its place"))
        })
        .take(PROBLEM_LIMIT)
        .collect();
    if !tabs.is_empty() {
        problems.pop();
        problems.extend(tabs);
    }
}

/// The lines that are not indented and hold something, from 1.
fn entries(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.split('\n')).filter(|(_, line)| !line.starts_with([' ', '\t', '#', '-', '\r']) && !line.is_empty())
}

/// The key of the outermost mapping under which a line stands; empty when that cannot be told.
fn outermost_key(text: &str, line: u64) -> String {
    let above = entries(text).take_while(|(number, _)| *number <= line).last();
    let key = above.and_then(|(_, entry)| entry.split_once(':')).map_or("", |(key, _)| key);
    key.trim().trim_matches(['"', '\'']).to_owned()
}

/// Line and column of a place in a file.
fn place(location: Location) -> (u64, u64) {
    (location.line().max(1), location.column().max(1))
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! { max_nodes: NODE_LIMIT, max_events: NODE_LIMIT * 2 },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        port: u16,
        name: Spanned<String>,
        #[serde(default)]
        hosts: BTreeMap<String, Card>,
        #[serde(default)]
        list: Vec<u8>,
        #[serde(default)]
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Manual,
        Automatic,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Card {
        address: IpAddr,
        #[serde(default)]
        up: bool,
    }

    #[test]
    fn a_right_file_is_read_with_the_places_of_its_values() {
        let text = "port: 5060\nname: x\nmode: manual\nhosts:\n  a: {address: 192.0.2.1, up: true}\n";
        let sample: Sample = parse(Path::new("f.yaml"), text).unwrap();
        assert_eq!((sample.port, sample.list.len(), sample.name.referenced.line()), (5060, 0, 2));
        assert!(matches!(sample.mode, Some(Mode::Manual)));
        assert!(sample.hosts["a"].up && sample.hosts["a"].address.is_ipv4());
        let problem = Problem::at(Path::new("f.yaml"), &sample.name, "\"x\" is no name").write("a name");
        assert_eq!(problem.to_string(), "f.yaml:2:7: \"x\" is no name; write a name");
    }

    #[test]
    fn all_problems_are_told_at_once_in_their_order() {
        let text = "port: 70000\nnmae: x\nhosts:\n  a:\n    address: 010.0.0.1\n  b:\n    adress: 10.0.0.1\n\
                    list:\n  - 1\n  - 999\nname: y\nname: z\nmode: auto\n";
        assert_eq!(
            told(text),
            [
                "f.yaml:1:7: \"70000\" is not a whole number from 0 to 65535; write a whole number from 0 to 65535",
                "f.yaml:2:1: \"nmae\" is not known here; write name",
                "f.yaml:5:14: \"010.0.0.1\" is not an IP address; write an address like 192.0.2.10 or 2001:db8::10",
                "f.yaml:7:5: \"adress\" is not known here; write address",
                "f.yaml:10:5: \"999\" is not a whole number from 0 to 255; write a whole number from 0 to 255",
                "f.yaml:12:1: \"name\" stands here a second time; write it once",
                "f.yaml:13:7: \"auto\" is not one of manual, automatic; write automatic",
            ]
        );
    }

    #[test]
    fn a_missing_entry_is_told_once() {
        assert_eq!(told("name: x\n"), ["f.yaml:1:1: \"port\" is missing; write port: …"]);
        assert_eq!(told(""), ["f.yaml:1:1: the file is empty; write its keys with their values"]);
        assert_eq!(
            told("port: 1\nname: x\nhosts:\n  a:\n    up: true\n  b:\n    up: 7\n    address: 192.0.2.1\n"),
            [
                "f.yaml:5:5: \"address\" is missing; write address: …",
                "f.yaml:7:9: \"7\" is not yes or no; write true or false"
            ]
        );
    }

    #[test]
    fn a_syntax_error_ends_the_reading_and_has_its_place() {
        let told = told("port: 70000\nname: \"x\nhosts: {}\n");
        assert!(told.last().unwrap().starts_with("f.yaml:"), "{told:?}");
    }

    #[test]
    fn tabs_are_told_where_they_stand() {
        assert_eq!(
            told("port: 1\nname: x\nhosts:\n\ta:\n\t  up: true\n"),
            [
                "f.yaml:4:1: a tab indents this line; write blanks in its place",
                "f.yaml:5:1: a tab indents this line; write blanks in its place",
            ]
        );
    }

    #[test]
    fn bytes_that_are_no_text_have_a_place() {
        let problem = decode(Path::new("f.yaml"), b"port: 1\nn\xc3\xa4me: \xff").unwrap_err();
        assert_eq!(problem.to_string(), "f.yaml:2:7: this byte is no text in UTF-8; write the file as plain text");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reading_panic_or_run_on(text in "[a-z:\\- \n\\[\\]{}\"'#&*0-9,]{0,120}") {
            if let Err(problems) = parse::<Sample>(Path::new("f.yaml"), &text) {
                proptest::prop_assert!(!problems.is_empty());
            }
        }
    }

    fn told(text: &str) -> Vec<String> {
        parse::<Sample>(Path::new("f.yaml"), text).unwrap_err().iter().map(ToString::to_string).collect()
    }
}
