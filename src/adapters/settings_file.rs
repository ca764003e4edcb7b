//! The configuration as files: `config.yaml` and `translation.yaml`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::durable;
use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;
use crate::ports::settings::{Settings, SettingsError};

/// Checks the texts of `config.yaml` and `translation.yaml`, named by their paths.
pub type Reading = dyn Fn([(&Path, &str); 2]) -> Result<Configuration, Vec<String>> + Send + Sync;

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
        let folder = root.join("etc/mxone_system_redundancy");
        Self { configuration: folder.join("config.yaml"), translation: folder.join("translation.yaml"), format }
    }

    fn check(&self, configuration: &str, translation: &str) -> Result<Configuration, SettingsError> {
        (self.format.read)([(&self.configuration, configuration), (&self.translation, translation)])
            .map_err(SettingsError::Problems)
    }
}

impl Settings for SettingsFile {
    fn load(&self) -> Result<Option<Configuration>, SettingsError> {
        let Some(configuration) = read(&self.configuration)? else { return Ok(None) };
        let translation = read(&self.translation)?.unwrap_or_default();
        self.check(&configuration, &translation).map(Some)
    }

    fn material(&self, configuration: &Configuration) -> Material {
        (self.format.write)(configuration)
    }

    fn read(&self, material: &Material) -> Result<Configuration, SettingsError> {
        self.check(&material.configuration, &material.translation)
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

fn read(path: &Path) -> Result<Option<String>, SettingsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
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
