//! Values of a profile that are right or wrong by themselves: they are checked while the file is read, so that all
//! that are wrong are told at once, each at its place.

use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde::Deserialize;

/// The name a profile is called by.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ProfileName(pub(super) String);

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let right = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if right {
            Ok(Self(text))
        } else {
            Err(format!("\"{text}\" is no name of a platform; write a-z, 0-9, _ and -"))
        }
    }
}

/// A program or an argument, handed over as it is.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Argument(pub(super) String);

impl TryFrom<String> for Argument {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        const SHELL: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"];
        if SHELL.contains(&word.as_str()) || word.contains('\0') {
            return Err(format!("no shell reads \"{word}\"; write one program and its arguments"));
        }
        Ok(Self(word))
    }
}

/// How long a command may take: `20 s`, `10 min`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TimeLimit(pub(super) Duration);

impl TimeLimit {
    /// What a question may take when nothing is said: as any ordinary command.
    pub(super) const fn of_query() -> Self {
        Self(Duration::from_secs(20))
    }

    /// What a command of a load may take when nothing is said: a restore and reload of a large system takes minutes.
    pub(super) const fn of_load() -> Self {
        Self(Duration::from_secs(600))
    }
}

impl TryFrom<String> for TimeLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const A_DAY: u64 = 86_400;
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "s" => Some(1),
            "min" => Some(60),
            "h" => Some(3_600),
            _ => None,
        };
        let seconds = number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        match seconds.filter(|seconds| (1..=A_DAY).contains(seconds)) {
            Some(seconds) => Ok(Self(Duration::from_secs(seconds))),
            None => Err(format!("\"{text}\" is no time limit; write 1 s to 24 h, such as 20 s or 10 min")),
        }
    }
}

/// A regular expression with at least one named group.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Expression(pub(super) Regex);

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let regex = Regex::new(&text).map_err(|error| {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the pattern \"{text}\" cannot be used: {last}; write a regular expression in single quotes")
        })?;
        if regex.capture_names().flatten().next().is_none() {
            return Err(format!(
                "the pattern \"{text}\" names no field; write (?P<NAME>...) around what is to be read"
            ));
        }
        Ok(Self(regex))
    }
}

/// Which files of a backup: `*` and `?` within a folder, `**` over folders.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FilePattern(pub(super) GlobMatcher);

impl TryFrom<String> for FilePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            return Err(format!("\"{text}\" is no path below the backup's folder; write it without a / before it"));
        }
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob =
            glob.map_err(|error| format!("\"{text}\" is no file pattern: {}; write **/NAME or *.conf", error.kind()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

/// The name of a field that holds addresses, with `*` at its ends only.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FieldPattern(pub(super) String);

impl TryFrom<String> for FieldPattern {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let middle = name.strip_prefix('*').unwrap_or(&name);
        let middle = middle.strip_suffix('*').unwrap_or(middle);
        if name.trim().is_empty() || middle.contains('*') {
            return Err(format!("\"{name}\" is no name of a field; write a name, with * only at its beginning or end"));
        }
        Ok(Self(name))
    }
}
