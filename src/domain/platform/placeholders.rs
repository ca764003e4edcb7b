//! Fills `{id}`, `{version}` and `{place}` into the paths and arguments of a profile.

use super::{Platform, Proof};

/// The names that may stand in braces.
pub const KNOWN: [&str; 3] = ["id", "version", "place"];

/// What stands for the placeholders of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placeholders<'a> {
    /// The backup's name.
    pub id: &'a str,
    /// The system version it was made with; empty where it is not known.
    pub version: &'a str,
    /// The folder with the translated files.
    pub place: &'a str,
}

impl Placeholders<'_> {
    /// Fills a text in one pass: what was filled in is not looked at again, and other braces stay as they are.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            filled.push_str(before);
            let known = KNOWN.iter().zip([self.id, self.version, self.place]);
            let hit = known.into_iter().find_map(|(name, value)| Some((value, after_name(from_brace, name)?)));
            if let Some((value, after)) = hit {
                filled.push_str(value);
                rest = after;
            } else {
                filled.push('{');
                rest = from_brace.get(1..).unwrap_or_default();
            }
        }
        filled.push_str(rest);
        filled
    }

    /// Fills every argument by itself, so that a value can never become two arguments.
    #[must_use]
    pub fn fill_all(&self, arguments: &[String]) -> Vec<String> {
        arguments.iter().map(|argument| self.fill(argument)).collect()
    }

    /// Fills the values of fields.
    #[must_use]
    pub fn fill_values(&self, expected: &[(String, String)]) -> Vec<(String, String)> {
        expected.iter().map(|(field, value)| (field.clone(), self.fill(value))).collect()
    }
}

impl Platform {
    /// Whether a backup's version has to be known to find, place or load it.
    #[must_use]
    pub fn needs_version(&self) -> bool {
        let expected = match &self.load.proof {
            Proof::NewRow { expect, .. } | Proof::Row { expect, .. } => expect.iter().map(|(_, value)| value),
        };
        let arguments = self.load.commands.iter().flat_map(|command| &command.run);
        [&self.backup_path, &self.load.place]
            .into_iter()
            .chain(expected)
            .chain(arguments)
            .any(|text| text.contains("{version}"))
    }
}

/// The names in braces in a text that stand for nothing.
#[must_use]
pub fn unknown(text: &str) -> Vec<&str> {
    let in_braces = text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    in_braces.filter(|name| is_name(name) && !KNOWN.contains(name)).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn after_name<'a>(from_brace: &'a str, name: &str) -> Option<&'a str> {
    from_brace.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_other_braces_stay() {
        let values = Placeholders { id: "{place}", version: "16.3", place: "/x" };
        assert_eq!(values.fill("/var/{version}/xdata_1_{id}"), "/var/16.3/xdata_1_{place}");
        assert_eq!(values.fill("{{id}} {other} { {place"), "{{place}} {other} { {place");
        assert_eq!(values.fill(""), "");
    }

    #[test]
    fn a_value_never_becomes_two_arguments() {
        let values = Placeholders { id: "a b; reboot", ..Placeholders::default() };
        assert_eq!(values.fill_all(&["load".to_owned(), "{id}".to_owned()]), ["load", "a b; reboot"]);
    }

    #[test]
    fn names_that_stand_for_nothing_are_found() {
        assert_eq!(unknown("{id}/{vresion}/{} {a b} {place"), ["vresion"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_filling_panic(text in ".*") {
            let _ = Placeholders { id: "é{", version: "", place: "{id}" }.fill(&text);
        }
    }
}
