//! Files as a person writes them: platform profiles, answers, translation tables.

use std::path::Path;

use crate::domain::given::Given;
use crate::domain::platform::Platform;
use crate::domain::translation::TranslationTable;

/// The form of a translation table as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableForm {
    /// `translation.yaml`.
    Yaml,
    /// Comma-separated values, for a spreadsheet.
    Csv,
}

/// Reads and writes such files. Problems come all at once, each with file, line, column and what to write instead.
pub trait Documents: Send + Sync {
    /// Names of the profiles there are, built in and from the platforms folder.
    fn platform_names(&self) -> Vec<String>;

    /// The text of a profile.
    ///
    /// # Errors
    /// When there is none of that name, or its file cannot be read.
    fn platform_text(&self, name: &str) -> Result<String, Vec<String>>;

    /// A profile by its name.
    ///
    /// # Errors
    /// When there is none of that name, or it is not right.
    fn platform(&self, name: &str) -> Result<Platform, Vec<String>>;

    /// Checks a profile that is a file.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_platform(&self, file: &Path) -> Result<Platform, Vec<String>>;

    /// Reads an answers file.
    ///
    /// # Errors
    /// What is wrong with it.
    fn answers(&self, file: &Path) -> Result<Given, Vec<String>>;

    /// Reads a translation table; its form is told by the file's ending.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read_translation(&self, file: &Path) -> Result<TranslationTable, Vec<String>>;

    /// Writes a translation table.
    fn write_translation(&self, table: &TranslationTable, form: TableForm) -> String;

    /// Writes a translation table into a file; its form is told by the file's ending.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn export_translation(&self, table: &TranslationTable, file: &Path) -> Result<(), String>;
}
