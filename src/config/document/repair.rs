//! A copy of a file's text from which wrong entries are blanked, so that the reader finds the next wrong one.

use std::collections::BTreeSet;

use serde_yaml::Error;

/// The text as it stands after the entries told so far were blanked. No line is taken out, so places stay right.
pub(super) struct Draft {
    lines: Vec<String>,
    text: String,
    /// Lines on which something was told.
    told: BTreeSet<usize>,
    /// Keys whose entries were blanked: that they are missing now is our doing.
    blanked: BTreeSet<String>,
    /// Whether a line with several entries was blanked, so that any key may be missing by our doing.
    blanked_several: bool,
}

impl Draft {
    pub(super) fn new(text: &str) -> Self {
        let lines = text.split('\n').map(ToOwned::to_owned).collect();
        Self { lines, text: text.to_owned(), told: BTreeSet::new(), blanked: BTreeSet::new(), blanked_several: false }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether this error only follows from what was blanked.
    pub(super) fn is_aftermath(&self, error: &Error, line: u64) -> bool {
        if let Error::SerdeMissingField { field, .. } = error {
            return self.blanked_several || self.blanked.contains(*field);
        }
        let emptied = !self.told.is_empty() && matches!(error, Error::Eof { .. });
        emptied || self.told.contains(&index(line))
    }

    /// Blanks the entry that begins on `line`; false when nothing can be gained by reading on.
    pub(super) fn blank_entry(&mut self, error: &Error, line: u64) -> bool {
        let mut at = index(line);
        if !is_about_an_entry(error) || at >= self.lines.len() {
            return false;
        }
        if matches!(error, Error::SerdeMissingField { .. }) {
            // The place is the first entry of the mapping that lacks something; the whole mapping goes.
            match self.parent(at) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        if is_blank(&self.lines[at]) {
            return false;
        }
        self.told.insert(index(line));
        self.blank(at);
        while let Some(parent) = self.parent_left_empty(at) {
            self.blank(parent);
            at = parent;
        }
        self.text = self.lines.join("\n");
        true
    }

    /// Blanks a line and what is indented below it. Of `- key: value` the dash stays the first time, because the
    /// lines below belong to it.
    fn blank(&mut self, at: usize) {
        let line = self.lines[at].clone();
        let indent = indentation(&line);
        let content = line.trim_start();
        let item = content.strip_prefix("- ").filter(|rest| rest.contains(':'));
        if content.contains(['{', '[']) {
            self.blanked_several = true;
        }
        let entry = item.unwrap_or(content);
        if let Some((key, _)) = entry.split_once(':') {
            self.blanked.insert(key.trim().trim_matches(['"', '\'']).to_owned());
        }
        let inner = if item.is_some() { line.len() - entry.trim_start().len() } else { indent };
        let keep_dash = item.is_some() && self.lines.get(at + 1).is_some_and(|next| indentation(next) == inner);
        self.lines[at] = if keep_dash { format!("{}-", " ".repeat(indent)) } else { String::new() };
        let is_item = content.starts_with('-');
        for below in &mut self.lines[at + 1..] {
            let same_level_list = !is_item && indentation(below) == indent && below.trim_start().starts_with("- ");
            if !is_blank(below) && indentation(below) <= inner && !same_level_list {
                break;
            }
            below.clear();
        }
    }

    /// The line of the key under which a line stands.
    fn parent(&self, at: usize) -> Option<usize> {
        let indent = indentation(&self.lines[at]);
        (0..at).rev().find(|&i| !is_blank(&self.lines[i]) && indentation(&self.lines[i]) < indent)
    }

    /// The line of a key that has lost all that stood under it by blanking line `at`.
    fn parent_left_empty(&self, at: usize) -> Option<usize> {
        let above = (0..at).rev().find(|&i| !is_blank(&self.lines[i]))?;
        let line = self.lines[above].trim_end();
        let below = self.lines[at..].iter().find(|line| !is_blank(line));
        let has_content = below.is_some_and(|below| {
            indentation(below) > indentation(line)
                || (indentation(below) == indentation(line) && below.trim_start().starts_with('-'))
        });
        (line.ends_with(':') && !has_content).then_some(above)
    }
}

/// Whether an error condemns one entry, so that the rest can still be read; the others are errors of syntax.
pub(super) fn is_about_an_entry(error: &Error) -> bool {
    matches!(
        error,
        Error::Message { .. }
            | Error::Unexpected { .. }
            | Error::InvalidBooleanStrict { .. }
            | Error::NullIntoString { .. }
            | Error::InvalidScalar { .. }
            | Error::SerdeInvalidType { .. }
            | Error::SerdeInvalidValue { .. }
            | Error::SerdeInvalidLength { .. }
            | Error::SerdeUnknownVariant { .. }
            | Error::SerdeUnknownField { .. }
            | Error::SerdeMissingField { .. }
            | Error::DuplicateMappingKey { .. }
    )
}

fn index(line: u64) -> usize {
    usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    let content = line.trim();
    content.is_empty() || content.starts_with('#')
}
