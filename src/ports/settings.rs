//! The configuration as it is kept in files.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;

/// Keeps the configuration.
pub trait Settings: Send + Sync {
    /// The configuration; `None` when redundancy is not configured.
    ///
    /// # Errors
    /// [`SettingsError`] when the files are there and are not right; all problems at once.
    fn load(&self) -> Result<Option<Configuration>, SettingsError>;

    /// The texts of the files for a configuration.
    fn material(&self, configuration: &Configuration) -> Material;

    /// Reads a configuration from the texts of its files.
    ///
    /// # Errors
    /// [`SettingsError`] when they are not right.
    fn read(&self, material: &Material) -> Result<Configuration, SettingsError>;

    /// Writes the files durably, each in one rename. A file that does not parse is never replaced.
    ///
    /// # Errors
    /// [`SettingsError`] when they cannot be written.
    fn save(&self, material: &Material) -> Result<(), SettingsError>;

    /// Takes the files away.
    ///
    /// # Errors
    /// [`SettingsError`] when they cannot be removed.
    fn remove(&self) -> Result<(), SettingsError>;
}

/// What is wrong with the configuration files.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The files are not right; one problem a line, each with its place and what to write instead.
    #[error("the configuration is not right:\n{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// A file cannot be read or written.
    #[error("{} cannot be {doing}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `written`, `removed`.
        doing: &'static str,
        /// What happened.
        #[source]
        source: io::Error,
    },
}
