//! Turns the YAML reader's errors into our words, with what to write instead.

use std::path::Path;

use serde_yaml::Error;

use super::Problem;

/// Says what is wrong at a place, and where it can be known, what to write there.
#[expect(clippy::wildcard_enum_match_arm, reason = "the reader's error enum is open, and most of it is told as it is")]
pub(super) fn explain(file: &Path, at: (u64, u64), error: &Error, text: &str) -> Problem {
    let written = written_at(text, at);
    let problem = |message: String| Problem::new(file, at, message);
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            problem(format!("\"{}\" is not known here", shown(field))).write(nearest(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            problem(format!("\"{}\" is not one of {}", shown(variant), expected.join(", ")))
                .write(nearest(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            problem(format!("\"{field}\" is missing")).write(format!("{field}: …"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or(&written);
            problem(format!("\"{}\" stands here a second time", shown(key))).write("it once")
        }
        Error::InvalidScalar { ty, .. } => {
            let (what, hint) = in_words(ty);
            problem(format!("\"{written}\" is not {what}")).write(hint)
        }
        Error::NullIntoString { .. } => problem("a text is missing here".to_owned()).write("a text"),
        Error::Eof { .. } => problem("the file is empty".to_owned()).write("its keys with their values"),
        Error::Unexpected { expected, .. } => {
            let (what, hint) = structure(expected);
            problem(format!("this is not {what}")).write(hint)
        }
        Error::Message { msg, .. } if msg.contains("IP address syntax") => {
            problem(format!("\"{written}\" is not an IP address")).write("an address like 192.0.2.10 or 2001:db8::10")
        }
        Error::Message { msg, .. } if msg.contains("untagged enum") => {
            problem("this is neither one value nor a list of them".to_owned())
                .write("one value, or a list: [one, another]")
        }
        Error::Message { msg, .. } => {
            let text = if written.is_empty() || msg.contains(&written) {
                msg.clone()
            } else {
                format!("{msg}: \"{written}\"")
            };
            problem(text)
        }
        other if ["budget", "alias"].iter().any(|word| other.to_string().contains(word)) => {
            problem("this grows beyond all measure when it is read".to_owned()).write("it without anchors and aliases")
        }
        other => problem(format!("this cannot be read as YAML: {}", without_place(&other.to_string())))
            .write("\"key: value\", with the quotes, brackets and indentation of the lines around it"),
    }
}

/// What somebody wrote, short enough for a message and without anything that acts on a terminal.
fn shown(written: &str) -> String {
    written.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The scalar that stands at a place of the text.
fn written_at(text: &str, (line, column): (u64, u64)) -> String {
    let line = usize::try_from(line).ok().and_then(|n| text.split('\n').nth(n.saturating_sub(1))).unwrap_or_default();
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let rest: String = line.chars().skip(column).filter(|c| !c.is_control()).take(80).collect();
    let ends = [rest.find(" #"), rest.find(": "), rest.find([',', ']', '}'])];
    let end = ends.into_iter().flatten().min().unwrap_or(rest.len());
    rest[..end].trim().trim_end_matches(':').trim_matches(['"', '\'']).to_owned()
}

/// The known name nearest to what was written; all of them when none is near.
fn nearest(written: &str, known: &[&'static str]) -> String {
    let near = known
        .iter()
        .map(|name| (distance(written, name), *name))
        .filter(|(distance, name)| *distance <= 2 || name.starts_with(written))
        .min();
    match near {
        Some((_, name)) => name.to_owned(),
        None if known.is_empty() => "nothing here".to_owned(),
        None => format!("one of {}", known.join(", ")),
    }
}

/// How many letters must be put in, taken out or changed to get from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// What a Rust type is for a person, and what to write.
fn in_words(ty: &str) -> (String, String) {
    let whole = |most: &str| {
        let what = format!("a whole number from 0 to {most}");
        (what.clone(), what)
    };
    match ty {
        "u8" => whole("255"),
        "u16" => whole("65535"),
        "u32" => whole("4294967295"),
        "bool" | "boolean" => ("yes or no".to_owned(), "true or false".to_owned()),
        ty if ty.starts_with(['u', 'i']) => ("a whole number".to_owned(), "a whole number".to_owned()),
        ty if ty.starts_with('f') => ("a number".to_owned(), "a number".to_owned()),
        ty => (format!("a valid {ty}"), "another value".to_owned()),
    }
}

/// The reader's names of structures, for a person, and what to write.
fn structure(expected: &str) -> (&str, &str) {
    match expected {
        "mapping start" => ("a mapping", "keys with values, a line each, indented"),
        "sequence start" => ("a list", "a line for each, with \"- \" before it"),
        "string scalar" => ("a single value", "a single value"),
        other => (other, other),
    }
}

/// An error's text without the place that the reader puts at its end: the problem says it in its own way.
fn without_place(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    text.lines().next().unwrap_or_default().to_owned()
}
