//! The configuration as files: `config.yaml` and `translation.yaml`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::durable;
use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;
use crate::ports::settings::{Settings, SettingsError};

/// A file as it was found.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// Where.
    pub path: &'a Path,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Checks `config.yaml` and, where it is there, `translation.yaml`.
pub type Reading = dyn Fn(Written<'_>, Option<Written<'_>>) -> Result<Configuration, Vec<String>> + Send + Sync;

/// How a configuration becomes text and text a configuration; problems carry their places.
#[derive(Clone)]
pub struct Format {
    /// Checks the texts.
    pub read: std::sync::Arc<Reading>,
    /// Writes them.
    pub write: fn(&Configuration) -> Material,
}

/// Keeps the configuration below a root folder.
pub struct SettingsFile {
    configuration: PathBuf,
    translation: PathBuf,
    format: Format,
}

impl SettingsFile {
    /// The configuration below `root` (`/` on a real server).
    #[must_use]
    pub fn new(root: &Path, format: Format) -> Self {
        Self::in_folder(&root.join("etc/mxone_system_redundancy"), format)
    }

    /// The configuration in a folder of its own, as the primary has it for its monitor.
    #[must_use]
    pub fn in_folder(folder: &Path, format: Format) -> Self {
        Self { configuration: folder.join("config.yaml"), translation: folder.join("translation.yaml"), format }
    }

    fn check(&self, configuration: &[u8], translation: Option<&[u8]>) -> Result<Configuration, SettingsError> {
        let configuration = Written { path: &self.configuration, bytes: configuration };
        let translation = translation.map(|bytes| Written { path: &self.translation, bytes });
        (self.format.read)(configuration, translation).map_err(SettingsError::Problems)
    }
}

impl Settings for SettingsFile {
    fn load(&self) -> Result<Option<Configuration>, SettingsError> {
        let Some(configuration) = read(&self.configuration)? else { return Ok(None) };
        let translation = read(&self.translation)?;
        self.check(&configuration, translation.as_deref()).map(Some)
    }

    fn material(&self, configuration: &Configuration) -> Material {
        (self.format.write)(configuration)
    }

    fn read(&self, material: &Material) -> Result<Configuration, SettingsError> {
        self.check(material.configuration.as_bytes(), Some(material.translation.as_bytes()))
    }

    fn save(&self, material: &Material) -> Result<(), SettingsError> {
        self.load()?;
        self.read(material)?;
        // The translation goes first: a configuration without its translation must never be there.
        write(&self.translation, &material.translation)?;
        write(&self.configuration, &material.configuration)
    }

    fn remove(&self) -> Result<(), SettingsError> {
        for path in [&self.configuration, &self.translation] {
            durable::remove(path).map_err(io_error(path, "removed"))?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, SettingsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error(path, "read")(source)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), SettingsError> {
    durable::write(path, text.as_bytes()).map_err(io_error(path, "written"))
}

fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> SettingsError {
    let path = path.to_owned();
    move |source| SettingsError::Io { path, doing, source }
}
