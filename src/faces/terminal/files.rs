//! What the translation editor has read and written.

use std::collections::BTreeSet;

use super::app::{Effect, Happened};
use super::editor::Given;
use super::session::World;
use crate::domain::configuration::Configuration;
use crate::domain::site::Site;
use crate::domain::translation::TranslationTable;
use crate::faces::failure::Failure;
use crate::faces::print;
use crate::flows::perform::exchange_data::networks_of;
use crate::flows::{Ended, Request, Stopped, settings};

/// Carries one of the editor's effects out; nothing for all others.
#[must_use]
pub fn done(world: &World, effect: Effect) -> Option<Happened> {
    let documents = &world.ports.documents;
    Some(match effect {
        Effect::OpenTranslation => Happened::Opened(given(world).map(Box::new).map_err(Failure::from)),
        Effect::Save(table, what) => Happened::Saved(saved(world, table, &what).map_err(Failure::from)),
        Effect::Import(file) => {
            Happened::Imported(documents.read_translation(&file).map_err(|problems| problems.join("; ")))
        }
        Effect::Export(table, file) => Happened::Told(match documents.export_translation(&table, &file) {
            Ok(()) => format!("{} entries written into {}", table.len(), file.display()),
            Err(because) => because,
        }),
        Effect::Preview(table) => match preview(world, &table) {
            Ok(text) => Happened::Text("what the next load would change".to_owned(), text),
            Err(stopped) => Happened::Told(Failure::from(stopped).error),
        },
        _ => return None,
    })
}

/// The table; with the addresses of the newest mirror, where there is one.
fn given(world: &World) -> Result<Given, Stopped> {
    let configuration = configuration(world)?;
    let scan = settings::scan(&world.ports).ok().map(|(_, scan)| scan);
    let newest = world.ports.mirrors.generations()?.into_iter().next();
    Ok(Given {
        scan,
        alternate: networks_of(&configuration, Site::Alternate),
        table: configuration.translation,
        mirror: newest.map(|generation| generation.name.to_string()),
    })
}

fn configuration(world: &World) -> Result<Configuration, Stopped> {
    world.ports.settings.load()?.ok_or(Stopped::NotConfigured)
}

fn saved(world: &World, table: TranslationTable, what: &str) -> Result<(), Stopped> {
    let request =
        Request { person: world.person.clone(), reason: None, dry_run: false, skipped: BTreeSet::new(), force: false };
    let changed = settings::change(&world.ports, &request, &format!("translation {what}"), |configuration| {
        configuration.translation = table;
        Ok(())
    });
    changed.map(|_: Ended| ())
}

fn preview(world: &World, table: &TranslationTable) -> Result<String, Stopped> {
    let (mirror, preview) = settings::preview_of(&world.ports, &configuration(world)?, table)?;
    Ok(print::preview(&mirror, &preview))
}
