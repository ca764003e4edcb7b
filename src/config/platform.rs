//! Platform profiles: the YAML an engineer writes, checked as a whole and turned into a [`Platform`].

mod checked;
mod convert;
mod form;

use std::path::Path;

use super::document::{self, Problem};
use crate::domain::platform::Platform;

/// The profiles that come with the program: name and text.
const BUILT_IN: [(&str, &str); 4] = [
    ("asterisk", include_str!("platforms/asterisk.yaml")),
    ("freeswitch", include_str!("platforms/freeswitch.yaml")),
    ("kamailio", include_str!("platforms/kamailio.yaml")),
    ("mxone", include_str!("platforms/mxone.yaml")),
];

/// Reads a profile.
///
/// # Errors
/// Every [`Problem`] found, in the order of their places. What a value means beside others is told once each value by
/// itself is right.
pub fn parse(file: &Path, text: &str) -> Result<Platform, Vec<Problem>> {
    convert::platform(file, document::parse(file, text)?)
}

/// The names of the profiles that come with the program.
#[must_use]
pub fn builtin_names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// The text of a profile that comes with the program, to be shown and copied from.
#[must_use]
pub fn builtin_text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A profile that comes with the program; `None` when there is none of that name.
#[must_use]
pub fn builtin(name: &str) -> Option<Platform> {
    // A test reads every built-in profile, so what comes with the program never fails here.
    builtin_text(name).and_then(|text| parse(Path::new(name), text).ok())
}

#[cfg(test)]
mod tests;
