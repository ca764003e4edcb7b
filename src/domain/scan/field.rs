//! Knows in which field of a line an address stands, and whose addresses that field holds.
//!
//! It is asked only where an address was found, and then looks back no further than to the address before it or the
//! beginning of the line, so that text without addresses passes at full speed.

use super::Class;
use crate::domain::platform::{Fields, Layout};

mod csv;
mod key_value;

use csv::CsvRecord;
use key_value::KeyLine;

/// Whose addresses a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The profile says: the primary's, or others'.
    Listed(Class),
    /// The profile lists no fields: it depends on the address.
    ByAddress,
    /// The profile does not list the field: its addresses are not translated.
    Unlisted,
}

/// The field at the place that a text was followed to.
#[derive(Debug)]
pub struct FieldFinder<'p> {
    /// How far the whole text was followed.
    followed: u64,
    kind: Kind<'p>,
}

#[derive(Debug)]
enum Kind<'p> {
    KeyValue(KeyLine<'p>),
    Csv(CsvRecord<'p>),
    Text,
    NotListed,
}

impl<'p> FieldFinder<'p> {
    /// A finder for a file with this layout; `None` for a file that the profile does not list.
    #[must_use]
    pub fn new(layout: Option<&'p Layout>) -> Self {
        let kind = match layout {
            Some(Layout::KeyValue(fields)) => Kind::KeyValue(KeyLine::new(fields)),
            Some(Layout::Csv(fields)) => Kind::Csv(CsvRecord::new(fields)),
            Some(Layout::Text) => Kind::Text,
            None => Kind::NotListed,
        };
        Self { followed: 0, kind }
    }

    /// Follows the text to `place` of the window's `text`, which begins at `base` of the whole text.
    ///
    /// Called at every address and at the end of every block, before the window forgets what was settled.
    #[inline]
    pub fn follow(&mut self, text: &[u8], base: u64, place: usize) {
        let from = usize::try_from(self.followed.saturating_sub(base)).unwrap_or(usize::MAX).min(place);
        self.followed = base + place as u64;
        match &mut self.kind {
            Kind::KeyValue(line) => line.follow(&text[from..place]),
            Kind::Csv(record) => record.follow(&text[from..place]),
            Kind::Text | Kind::NotListed => {}
        }
    }

    /// Whose addresses stand at the place followed to.
    #[must_use]
    pub fn whose(&mut self) -> Whose {
        match &mut self.kind {
            Kind::KeyValue(line) => line.whose(),
            Kind::Csv(record) => record.whose(),
            Kind::Text => Whose::ByAddress,
            Kind::NotListed => Whose::Unlisted,
        }
    }

    /// The name of the field at the place followed to, where the layout has names.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match &self.kind {
            Kind::KeyValue(line) => line.name(),
            Kind::Csv(record) => record.name(),
            Kind::Text | Kind::NotListed => None,
        }
    }
}

/// Looks a field up in a profile; names are compared without regard to case.
fn class_of(fields: &Fields, name: &str) -> Option<Class> {
    let listed = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
    if listed(&fields.own) {
        Some(Class::Own)
    } else if listed(&fields.foreign) {
        Some(Class::Foreign)
    } else {
        None
    }
}

/// Whether a name fits a pattern, in which `*` at an end stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let (open_start, rest) = pattern.strip_prefix('*').map_or((false, pattern.as_str()), |rest| (true, rest));
    let (open_end, core) = rest.strip_suffix('*').map_or((false, rest), |core| (true, core));
    match (open_start, open_end) {
        (false, false) => name == core,
        (false, true) => name.starts_with(core),
        (true, false) => name.ends_with(core),
        (true, true) => name.contains(core),
    }
}
