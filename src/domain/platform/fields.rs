//! Which fields of exchange data hold addresses, by name.

use super::Fields;

impl Fields {
    /// Whether the field's addresses belong to the primary, so that they must be translated.
    #[must_use]
    pub fn is_own(&self, name: &str) -> bool {
        self.own.iter().any(|pattern| name_fits(pattern, name))
    }

    /// Whether the field's addresses belong to others, so that they may be translated.
    #[must_use]
    pub fn is_foreign(&self, name: &str) -> bool {
        !self.is_own(name) && self.foreign.iter().any(|pattern| name_fits(pattern, name))
    }
}

/// Whether a name is the pattern, or has what stands beside the `*` at one or both ends of it. Upper and lower case
/// count as the same, for platforms print their own names both ways.
#[must_use]
pub fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.trim().to_ascii_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (None, None) => name == pattern,
        (Some(end), None) => name.ends_with(end),
        (None, Some(beginning)) => name.starts_with(beginning),
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_an_end_stands_for_anything() {
        for (pattern, name, fits) in [
            ("proxyip", "proxyip", true),
            ("proxyip", "proxyip2", false),
            ("uristring*", "uristring7", true),
            ("uristring*", "xuristring7", false),
            ("*address", "Gateway address", true),
            ("*address", "address book", false),
            ("*net*", "ip network", true),
            ("*", "anything", true),
            ("", "x", false),
        ] {
            assert_eq!(name_fits(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_field_named_twice_is_the_primarys_own() {
        let fields = Fields { own: vec!["localdomain".to_owned()], foreign: vec!["*".to_owned()] };
        assert!(fields.is_own("localdomain") && !fields.is_foreign("localdomain"));
        assert!(fields.is_foreign("proxyip"));
    }
}
