//! Lines `key = value`, `key: value` or `key value`.

use super::{Whose, class_of};
use crate::domain::platform::Fields;

/// How much of a line's beginning is kept to find its key.
const HEAD_LIMIT: usize = 256;

/// The line that a text was followed into.
#[derive(Debug)]
pub(super) struct KeyLine<'p> {
    fields: &'p Fields,
    /// The line's beginning, as far as it was followed.
    head: Vec<u8>,
    /// What was found out about the line at its first address.
    whose: Option<Whose>,
}

impl<'p> KeyLine<'p> {
    pub(super) fn new(fields: &'p Fields) -> Self {
        Self { fields, head: Vec::with_capacity(HEAD_LIMIT), whose: None }
    }

    pub(super) fn follow(&mut self, passed: &[u8]) {
        let line = match memchr::memrchr(b'\n', passed) {
            Some(end) => {
                self.head.clear();
                self.whose = None;
                &passed[end + 1..]
            }
            None => passed,
        };
        let room = HEAD_LIMIT - self.head.len();
        self.head.extend_from_slice(&line[..line.len().min(room)]);
    }

    pub(super) fn whose(&mut self) -> Whose {
        if let Some(whose) = self.whose {
            return whose;
        }
        let head = String::from_utf8_lossy(&self.head);
        let class = keys(&head).find_map(|key| class_of(self.fields, &key));
        let whose = class.map_or(Whose::Unlisted, Whose::Listed);
        self.whose = Some(whose);
        whose
    }

    pub(super) fn name(&self) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head);
        let listed = keys(&head).find(|key| class_of(self.fields, key).is_some());
        listed.or_else(|| keys(&head).next())
    }
}

/// What may be the key of a line, the likeliest first: all before `=` or `:`, and the first word.
///
/// `Default gateway: 192.0.2.1` has a key of two words; in `listen 192.0.2.1:5060` the colon is none of the line's,
/// which the dot before it tells.
fn keys(head: &str) -> impl Iterator<Item = String> + '_ {
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let phrase = head
        .find(['=', ':'])
        .map(|end| head[..end].split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|phrase| !(phrase.is_empty() || phrase.contains(' ') && phrase.contains('.')));
    let word = head.split(|c: char| c.is_whitespace() || c == '=' || c == ':').next().unwrap_or_default();
    let word = Some(word.to_owned()).filter(|word| !word.is_empty() && phrase.as_ref() != Some(word));
    phrase.into_iter().chain(word)
}
