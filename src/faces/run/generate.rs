//! `help` and `generate`: what can be read about the programs.

use serde_json::json;

use super::{Run, SCHEMA};
use crate::faces::cli::Generate;
use crate::faces::failure::{Exit, Failure};
use crate::faces::{generated, help};

impl Run<'_> {
    pub(super) fn help(&mut self, topic: &[String]) -> Result<(), Failure> {
        let topic = Some(topic.join(" ")).filter(|topic| !topic.is_empty());
        let text = help::page(topic.as_deref()).map_err(|error| Failure::new(Exit::BadInput, error))?;
        self.emit(&json!({"schema": SCHEMA, "page": topic, "text": text}), &text)
    }

    pub(super) fn generate(&mut self, what: &Generate) -> Result<(), Failure> {
        let text = match what {
            Generate::Man { words } => generated::man(words).map_err(|error| Failure::new(Exit::BadInput, error))?,
            Generate::Completions { shell, program } => generated::completions(*shell, *program),
        };
        self.emit(&json!({"schema": SCHEMA, "text": text}), &text)
    }
}
