//! Comma-separated values with a heading line (RFC 4180): quoted fields may hold commas, line ends and doubled quotes.

use super::super::Class;
use super::{Whose, class_of};
use crate::domain::platform::Fields;

/// A heading line longer than this is no heading line.
const HEADING_LIMIT: usize = 64 * 1024;

/// The record that a text was followed into, and its column.
///
/// A quote opens a field only where a field begins, so that a stray one does no harm beyond its line.
#[derive(Debug)]
pub(super) struct CsvRecord<'p> {
    fields: &'p Fields,
    /// The heading line, as long as it is not complete.
    heading: Option<Vec<u8>>,
    columns: Vec<(String, Option<Class>)>,
    /// Commas passed in this record.
    column: usize,
    /// Whether a quoted field is open.
    quoted: bool,
    /// The last byte before the place followed to that is no blank: a quote after a comma opens a field.
    before: u8,
}

impl<'p> CsvRecord<'p> {
    pub(super) fn new(fields: &'p Fields) -> Self {
        Self { fields, heading: Some(Vec::new()), columns: Vec::new(), column: 0, quoted: false, before: b'\n' }
    }

    pub(super) fn follow(&mut self, passed: &[u8]) {
        let mut rest = passed;
        if let Some(heading) = &mut self.heading {
            let end = memchr::memchr(b'\n', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            let room = HEADING_LIMIT - heading.len();
            heading.extend_from_slice(&part[..part.len().min(room)]);
            let Some(end) = end else { return };
            self.columns = columns(&heading.split_off(0), self.fields);
            self.heading = None;
            rest = &rest[end + 1..];
        }
        self.follow_records(rest);
    }

    fn follow_records(&mut self, mut rest: &[u8]) {
        while let Some(at) = memchr::memchr(b'"', rest) {
            if self.quoted {
                self.quoted = false;
                self.before = b'"';
            } else {
                self.follow_unquoted(&rest[..at]);
                // A quote right after a closing one is a doubled quote: the field goes on.
                self.quoted = matches!(self.before, b',' | b'\n' | b'"');
                // What matters of a stray quote is that it is not one of those three.
                self.before = b'\'';
            }
            rest = &rest[at + 1..];
        }
        if !self.quoted {
            self.follow_unquoted(rest);
        }
    }

    fn follow_unquoted(&mut self, passed: &[u8]) {
        self.before = passed.iter().rev().find(|b| **b != b' ').copied().unwrap_or(self.before);
        let record = match memchr::memrchr(b'\n', passed) {
            Some(end) => {
                self.column = 0;
                &passed[end + 1..]
            }
            None => passed,
        };
        self.column += memchr::memchr_iter(b',', record).count();
    }

    pub(super) fn whose(&self) -> Whose {
        // In the heading line there are no columns yet.
        match self.columns.get(self.column) {
            Some((_, Some(class))) => Whose::Listed(*class),
            Some((_, None)) | None => Whose::Unlisted,
        }
    }

    pub(super) fn name(&self) -> Option<String> {
        self.columns.get(self.column).map(|(name, _)| name.clone())
    }
}

/// The names in a heading line, with what the profile says about them.
fn columns(heading: &[u8], fields: &Fields) -> Vec<(String, Option<Class>)> {
    let heading = String::from_utf8_lossy(heading);
    let heading = heading.trim_start_matches('\u{feff}').trim_end();
    let mut quoted = false;
    let names = heading.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    names
        .map(|name| {
            let name = name.trim().trim_matches('"').trim().to_owned();
            let class = class_of(fields, &name);
            (name, class)
        })
        .collect()
}
