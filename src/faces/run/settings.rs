//! `settings`: translation, takeover, network control address.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use serde_json::json;

use super::given::entry;
use super::{Run, SCHEMA};
use crate::domain::configuration;
use crate::domain::given::Given;
use crate::domain::lease::Limit;
use crate::domain::service_address::ServiceAddress;
use crate::domain::translation::{Severity, TranslationEntry, TranslationTable, parse_side};
use crate::faces::cli::{Direction, Mode, ServiceAddressWish, Setting, TakeoverLimitsWish, Translation};
use crate::faces::failure::{Exit, Failure};
use crate::faces::print;
use crate::flows::service_address::Change;
use crate::flows::{self, Ended, Stopped};
use crate::ports::dialog::News;
use crate::ports::documents::TableForm;
use crate::ports::host::printable;

impl Run<'_> {
    pub(super) async fn settings(&mut self, setting: Setting) -> Result<(), Failure> {
        let request = self.request(false);
        match setting {
            Setting::Translation { what } => self.translation(what),
            Setting::Takeover { direction, mode } => {
                let direction = match direction {
                    Direction::AlternateFromPrimary => configuration::Direction::AlternateFromPrimary,
                    Direction::PrimaryFromAlternate => configuration::Direction::PrimaryFromAlternate,
                };
                let mode = match mode {
                    Mode::Manual => configuration::Mode::Manual,
                    Mode::Automatic => configuration::Mode::Automatic,
                };
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::settings::takeover(self.ports, &request, direction, mode, &mut *dialog).await;
                self.ended(ended)
            }
            Setting::TakeoverLimits(TakeoverLimitsWish { limit: None, .. }) => {
                let limits = self.configuration()?.takeover.limits;
                let lines = Limit::ALL.map(|limit| format!("{limit:<22}{:<8}{}\n", limits.get(limit), limit.says()));
                self.emit(&json!({"schema": SCHEMA, "takeover_limits": limits}), &lines.concat())
            }
            Setting::TakeoverLimits(TakeoverLimitsWish { limit: Some(limit), value }) => {
                let words = value.into_iter().map(|value| ("limit".to_owned(), value)).collect();
                let mut dialog = self.dialog(Given { words, ..Given::default() }, false);
                let ended = flows::takeover_limits::change(self.ports, &request, limit, &mut *dialog).await;
                self.ended(ended)
            }
            Setting::Witness(wish) => {
                let remove = wish.remove;
                let given = self.given_of_voters(wish)?;
                let mut dialog = self.dialog(given.clone(), false);
                let ended = if remove {
                    flows::witness::take_out(self.ports, &request, &mut *dialog).await
                } else {
                    flows::witness::set_up(self.ports, &request, &given, &mut *dialog).await
                };
                self.ended(ended)
            }
            Setting::ServiceAddress(ServiceAddressWish { address: None, remove: false, .. }) => {
                let addresses = self.configuration()?.service_address;
                let lines: Vec<String> = addresses.iter().map(|address| format!("{address}\n")).collect();
                let text = if lines.is_empty() { "no service address is set\n".to_owned() } else { lines.concat() };
                self.emit(&json!({"schema": SCHEMA, "service_address": addresses}), &text)
            }
            Setting::ServiceAddress(ServiceAddressWish { address, interface, remove }) => {
                let change = match (address, interface) {
                    (address, _) if remove => Change::Remove(address.map(|address| address.addr())),
                    (Some(address), Some(interface)) => Change::Set(ServiceAddress { address, interface }),
                    (_, _) => {
                        let told = "--interface is missing: the network interface of LIM 1 that is to hold the address";
                        return Err(Failure::new(Exit::BadInput, told));
                    }
                };
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::service_address::change(self.ports, &request, change, &mut *dialog).await;
                self.ended(ended)
            }
            Setting::NetworkControlAddress { addresses } if addresses.is_empty() => {
                let configuration = self.configuration()?;
                let addresses = &configuration.network_control_address;
                let text: Vec<String> = addresses.iter().map(|address| format!("{address}\n")).collect();
                self.emit(&json!({"schema": SCHEMA, "network_control_address": addresses}), &text.concat())
            }
            Setting::NetworkControlAddress { addresses } => {
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::settings::control_addresses(self.ports, &request, &addresses, &mut *dialog).await;
                self.ended(ended)
            }
        }
    }

    fn configuration(&self) -> Result<configuration::Configuration, Failure> {
        let configuration = self.ports.settings.load().map_err(Stopped::from)?;
        Ok(configuration.ok_or(Stopped::NotConfigured)?)
    }

    fn translation(&mut self, what: Translation) -> Result<(), Failure> {
        match what {
            Translation::List => {
                let table = self.configuration()?.translation;
                let entries: Vec<String> = table.entries().map(|entry| entry.to_string()).collect();
                let text: Vec<String> = entries.iter().map(|entry| format!("{entry}\n")).collect();
                self.emit(&json!({"schema": SCHEMA, "entries": entries}), &text.concat())
            }
            Translation::Set { entries } => {
                let entries: Vec<TranslationEntry> =
                    entries.iter().map(|pair| entry("settings translation set", pair)).collect::<Result<_, _>>()?;
                self.change_table(&described("set", &entries), |table| {
                    for entry in entries {
                        table.set(entry);
                    }
                    Ok(())
                })
            }
            Translation::Remove { primary } => self.change_table(&described("remove", &primary), |table| {
                for text in &primary {
                    let side = parse_side(text).map_err(|error| Stopped::BadInput(error.to_string()))?;
                    let gone = table.remove(side);
                    gone.ok_or_else(|| Stopped::BadInput(format!("{text} has no entry of its own")))?;
                }
                Ok(())
            }),
            Translation::Confirm { addresses } => self.confirm_foreign(addresses),
            Translation::Import { file } => self.import(&file),
            Translation::Export { csv } => {
                let table = self.configuration()?.translation;
                let form = if csv { TableForm::Csv } else { TableForm::Yaml };
                let text = self.ports.documents.write_translation(&table, form);
                self.emit(&json!({"schema": SCHEMA, "text": text}), &text)
            }
            Translation::Scan => self.scan(),
            Translation::Explain { address } => self.explain(address),
            Translation::Preview => self.preview(),
        }
    }

    fn change_table(
        &mut self,
        what: &str,
        edit: impl FnOnce(&mut TranslationTable) -> Result<(), Stopped>,
    ) -> Result<(), Failure> {
        let request = self.request(false);
        let what = format!("translation {what}");
        let ended =
            flows::settings::change(self.ports, &request, &what, |configuration| edit(&mut configuration.translation));
        if matches!(ended, Ok(Ended::Done)) {
            let mut dialog = self.dialog(Given::default(), false);
            dialog.tell(News::Note("it takes effect at the next load".to_owned()));
            // Without a mirror there is nothing to judge the table by.
            let judged = flows::settings::scan(self.ports).ok();
            let problems = judged.map(|(configuration, scan)| configuration.translation.problems(&scan));
            for problem in problems.into_iter().flatten().filter(|problem| problem.severity() == Severity::Must) {
                dialog.tell(News::Note(format!("the next load will be refused: {problem}")));
            }
        }
        self.ended(ended)
    }

    /// A foreign address that stays as it is gets an entry onto itself.
    fn confirm_foreign(&mut self, addresses: Vec<IpAddr>) -> Result<(), Failure> {
        let (_, scan) = flows::settings::scan(self.ports)?;
        let foreign: Vec<IpAddr> = scan.foreign_addresses().collect();
        if let Some(own) = addresses.iter().find(|address| !foreign.contains(address)) {
            let error = format!("{own} is no foreign address of the newest mirror");
            return Err(Failure::new(Exit::BadInput, error).hint("see `settings translation scan`"));
        }
        let chosen = if addresses.is_empty() { foreign } else { addresses };
        self.change_table(&described("confirm", &chosen), |table| {
            for address in chosen.into_iter().filter(|address| table.translate(*address).is_none()).collect::<Vec<_>>()
            {
                let entry = TranslationEntry::host(address, address);
                table.set(entry.map_err(|error| Stopped::BadInput(error.to_string()))?);
            }
            Ok(())
        })
    }

    fn import(&mut self, file: &Path) -> Result<(), Failure> {
        let imported = self.ports.documents.read_translation(file).map_err(|problems| {
            Failure::new(Exit::BadInput, format!("the table is not right:\n{}", problems.join("\n")))
        })?;
        let what = format!("import {}, {} entries", file.display(), imported.len());
        self.change_table(&what, |table| {
            *table = imported;
            Ok(())
        })
    }

    fn scan(&mut self) -> Result<(), Failure> {
        let (configuration, scan) = flows::settings::scan(self.ports)?;
        let problems = configuration.translation.problems(&scan);
        let mut text = String::new();
        for (address, found) in &scan.addresses {
            let becomes = configuration.translation.translate(*address).map_or("-".to_owned(), |to| to.to_string());
            let class = found.class.to_string();
            let _ = writeln!(text, "{address:<40} {class:<8} {becomes:<40} {}", times(found.total));
            for place in found.occurrences.iter().take(3) {
                let _ = writeln!(text, "    {}", printable(&place.to_string()));
            }
        }
        for (address, found) in &scan.elsewhere {
            let place = found.occurrences.first().map_or_else(String::new, ToString::to_string);
            let _ = writeln!(text, "warn {address} also stands where the profile lists no address: {place}");
        }
        for problem in &problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        let document = json!({"schema": SCHEMA, "scan": scan, "problems": problems});
        self.emit(&document, &text)
    }

    fn explain(&mut self, address: IpAddr) -> Result<(), Failure> {
        let explanation = self.configuration()?.translation.explain(address);
        let found = flows::settings::scan(self.ports).ok().and_then(|(_, scan)| scan.addresses.get(&address).cloned());
        let mut text = format!("{explanation}\n");
        match &found {
            Some(found) => {
                let _ = writeln!(text, "{}, {} in the newest mirror", found.class, times(found.total));
                for place in &found.occurrences {
                    let _ = writeln!(text, "  {}", printable(&place.to_string()));
                }
            }
            None => text.push_str("it does not occur in the newest mirror\n"),
        }
        self.emit(&json!({"schema": SCHEMA, "explanation": explanation.to_string(), "found": found}), &text)
    }

    fn preview(&mut self) -> Result<(), Failure> {
        let (mirror, preview) = flows::settings::preview(self.ports)?;
        let text = print::preview(&mirror, &preview);
        self.emit(&json!({"schema": SCHEMA, "mirror": mirror, "preview": preview}), &text)
    }
}

/// What is done to a table, with the entries as far as a line of the history holds them.
fn described<T: std::fmt::Display>(verb: &str, entries: &[T]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = entries.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = entries.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{verb} {}{more}", shown.join(", "))
}

fn times(number: impl std::fmt::Display) -> String {
    match number.to_string().as_str() {
        "1" => "once".to_owned(),
        number => format!("{number} times"),
    }
}
