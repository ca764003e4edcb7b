//! Primary addresses to alternate addresses.

use serde::Serialize;

/// Which primary address becomes which alternate address: single hosts and whole networks, the longest match counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TranslationTable {}

/// What translating a mirror did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Translated {
    /// Files written.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Addresses that became another one.
    pub replaced: u64,
}
