//! `simulate`: plays automatic takeovers in virtual time and prints the story.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::faces::cli::Simulate;
use crate::faces::failure::{Exit, Failure};
use crate::faces::output::{self, ToReader};
use crate::faces::run::SCHEMA;
use crate::lab::simulation::{Scenario, Simulation, histories};

/// Nobody writes a scenario by hand that is longer.
const LONGEST_FILE: u64 = 1 << 20;

/// Plays a scenario, or histories by chance.
///
/// # Errors
/// When the file is not a scenario, or when two sites were live by our doing.
pub fn run(flags: &Simulate, json: bool) -> Result<(), Failure> {
    match flags.random {
        Some(how_many) => by_chance(how_many, flags.seed, json),
        None => by_schedule(flags.file.as_deref(), flags.seed, json),
    }
}

fn by_schedule(file: Option<&Path>, seed: u64, json: bool) -> Result<(), Failure> {
    let scenario = match file {
        Some(file) => Scenario::read(&text_of(file)?),
        None => Scenario::training(),
    };
    let scenario = scenario.map_err(|error| {
        let named = file.map_or_else(|| "the training scenario".to_owned(), |file| file.display().to_string());
        Failure::new(Exit::BadInput, format!("{named}, {error}")).hint("see `help simulate`")
    })?;
    let simulation = Simulation::run(&scenario, seed);
    let mut document = json!(simulation);
    add(&mut document, &[("schema", json!(SCHEMA)), ("seed", json!(seed))]);
    print(&document, &simulation.told(), json)?;
    judge(&simulation)
}

fn by_chance(how_many: u64, first: u64, json: bool) -> Result<(), Failure> {
    let histories = histories::play(first, how_many, &[]);
    let (played, takeovers) = (histories.played, histories.takeovers);
    let mut document = json!({"schema": SCHEMA, "played": played, "takeovers": takeovers, "broken": Value::Null});
    let mut text = format!("{played} histories with {takeovers} takeovers, from seed {first} on\n");
    let Some(broken) = histories.broken else {
        text += "never were two sites live by our doing\n";
        return print(&document, &text, json);
    };
    let schedule = broken.schedule.to_string();
    text += &["the shortest schedule that breaks the promise, with seed ", &broken.seed.to_string(), ":\n"].concat();
    text += &[schedule.as_str(), "\n", &broken.story.told()].concat();
    add(&mut document, &[("broken", json!({"seed": broken.seed, "schedule": schedule, "story": broken.story}))]);
    print(&document, &text, json)?;
    judge(&broken.story)
}

/// Two live sites are a failure of the command, so that a script notices.
fn judge(simulation: &Simulation) -> Result<(), Failure> {
    match simulation.violations().first() {
        None => Ok(()),
        Some(finding) => Err(Failure::new(Exit::Failed, finding.to_string())),
    }
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let unread = |error: std::io::Error| {
        let failure = Failure::new(Exit::BadInput, format!("{} cannot be read: {error}", file.display()));
        if error.kind() == ErrorKind::NotFound {
            failure.hint("without a file the training scenario is played")
        } else {
            failure
        }
    };
    let size = fs::metadata(file).map_err(unread)?.len();
    if size > LONGEST_FILE {
        return Err(Failure::new(Exit::BadInput, format!("{} is too long for a scenario", file.display())));
    }
    fs::read_to_string(file).map_err(unread)
}

fn add(document: &mut Value, members: &[(&str, Value)]) {
    if let Value::Object(map) = document {
        map.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
}

fn print(document: &Value, text: &str, json: bool) -> Result<(), Failure> {
    let text = if json { output::document(document)? } else { text.to_owned() };
    ToReader(std::io::stdout())
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(Exit::Failed, format!("the result cannot be printed: {error}")))
}
