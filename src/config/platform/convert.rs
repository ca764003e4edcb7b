//! Turns a profile that was read into a [`Platform`], and finds what does not fit together in it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_yaml::Spanned;

use super::super::document::Problem;
use super::checked::{Argument, FieldPattern};
use super::form::{self, LayoutForm, ProbeProtocol, Profile, Read};
use crate::domain::alarm::ExpectedAlarms;
use crate::domain::platform::placeholders::{self, KNOWN};
use crate::domain::platform::{
    AddressPlace, Check, Facts, Fields, Layout, Load, LoadCommand, Platform, Proof, Query, Reader, SipProbe,
};
use crate::domain::traffic::{Protocol, TelephonyPort};

/// Converts a profile.
///
/// # Errors
/// Every [`Problem`] found, in the order of their places.
pub(super) fn platform(file: &Path, profile: Profile) -> Result<Platform, Vec<Problem>> {
    let mut draft = Draft { file, problems: Vec::new() };
    draft.path(&profile.backup_path, &["id", "version"]);
    draft.requires_id(&profile.backup_path);
    draft.path(&profile.load.place, &["id", "version"]);
    draft.ports(&profile);
    let platform = Platform {
        name: profile.platform.0,
        title: profile.title,
        facts: draft.facts(profile.facts),
        backup_path: profile.backup_path.value,
        addresses: profile.addresses.into_iter().map(|place| draft.address_place(place)).collect(),
        load: draft.load(profile.load),
        telephony: profile.telephony.value.into_iter().map(|entry| telephony_port(entry.value)).collect(),
        probe: profile.probe.map(|probe| sip_probe(&probe.value)),
        expected_alarms: ExpectedAlarms {
            while_passive: profile.expected_alarms.while_passive,
            after_load: profile.expected_alarms.after_load,
        },
    };
    if draft.problems.is_empty() {
        return Ok(platform);
    }
    draft.problems.sort();
    Err(draft.problems)
}

/// A conversion under way.
struct Draft<'a> {
    file: &'a Path,
    problems: Vec<Problem>,
}

impl Draft<'_> {
    fn complain<T>(&mut self, place: &Spanned<T>, message: String, write: impl Into<String>) {
        self.problems.push(Problem::at(self.file, place, message).write(write));
    }

    fn facts(&mut self, facts: form::Facts) -> Facts {
        let mut query = |query: Option<form::Query>, needs: &[&str]| query.map(|query| self.query(query, needs));
        let master_address = query(facts.master_address, &["address"]);
        let version = query(facts.version, &["version"]);
        let servers = query(facts.servers, &["lim", "address"]);
        let current_backup = query(facts.current_backup, &["id"]);
        let backups = query(facts.backups, &["id", "version"]);
        let calls = query(facts.calls, &["calls"]);
        let registrations = query(facts.registrations, &[]);
        let alarms = query(facts.alarms, &["text"]);
        Facts {
            master_address,
            version,
            servers,
            topology: facts.topology.into_iter().map(|(name, query)| (name, self.query(query, &[]))).collect(),
            current_backup,
            backups,
            backup_complete: facts.backup_complete.map(|check| self.check(check, &[])),
            regular_server: facts.regular_server.map(|check| self.check(check, &[])),
            automatic_fallback: facts.automatic_fallback.map(|check| self.check(check, &[])),
            healthy: facts.healthy.map(|check| self.check(check, &[])),
            calls,
            alarms,
            registrations,
        }
    }

    /// A query that must give the fields `needs`. Nothing is filled into questions.
    fn query(&mut self, query: form::Query, needs: &[&str]) -> Query {
        let run = self.arguments(query.run, &[]);
        let read = self.reader(query.read, needs);
        Query { run, as_root: query.as_root, timeout: query.timeout.0, read }
    }

    fn reader(&mut self, read: Spanned<Read>, needs: &[&str]) -> Reader {
        let place = Spanned::new((), read.referenced, read.defined);
        let reader = match read.value {
            Read::OnlyCidr => Reader::OnlyCidr,
            Read::Lines(lines) => Reader::Pattern { pattern: lines.pattern.0, pick: lines.pick.into() },
            Read::Table(table) => {
                if table.columns.value.is_empty()
                    || table.columns.value.values().any(|heading| heading.trim().is_empty())
                {
                    let message = "a table needs columns with their headings".to_owned();
                    self.complain(&table.columns, message, "columns: {FIELD: HEADING}");
                }
                let known: Vec<&str> = table.columns.value.keys().map(String::as_str).collect();
                let only = self.values(&table.only, &known);
                let columns = table.columns.value.clone().into_iter().collect();
                Reader::Table { after: table.after, columns, only, pick: table.pick.into() }
            }
        };
        let missing: Vec<&str> = needs.iter().copied().filter(|need| !reader.fields().contains(need)).collect();
        if let Some(first) = missing.first() {
            let message = format!("this must tell the field {}", missing.join(" and the field "));
            let write = match &reader {
                Reader::OnlyCidr | Reader::Pattern { .. } => format!("a pattern with (?P<{first}>...)"),
                Reader::Table { .. } => format!("columns: {{{first}: HEADING}}"),
            };
            self.complain(&place, message, write);
        }
        reader
    }

    fn check(&mut self, check: form::Check, fill: &[&str]) -> Check {
        let query = self.query(check.query, &[]);
        for value in check.expect.values() {
            self.placeholders(value, &value.value, fill);
        }
        let expect = self.values(&check.expect, &query.read.fields());
        Check { query, expect }
    }

    /// Values that fields must have; every field must be one that is read.
    fn values(&mut self, values: &BTreeMap<String, Spanned<String>>, known: &[&str]) -> Vec<(String, String)> {
        for (field, value) in values.iter().filter(|(field, _)| !known.contains(&field.as_str())) {
            self.complain(value, format!("the field {field} is not read here"), format!("one of {}", known.join(", ")));
        }
        values.iter().map(|(field, value)| (field.clone(), value.value.clone())).collect()
    }

    fn address_place(&mut self, place: form::AddressPlace) -> AddressPlace {
        let fields = Fields { own: names(place.own), foreign: names(place.foreign) };
        let named = !fields.own.is_empty() || !fields.foreign.is_empty();
        let layout = match place.layout.value {
            LayoutForm::Text => Layout::Text,
            LayoutForm::KeyValue => Layout::KeyValue(fields),
            LayoutForm::Csv => Layout::Csv(fields),
        };
        match (&layout, named) {
            (Layout::Text, true) => {
                self.complain(
                    &place.layout,
                    "free text has no fields".to_owned(),
                    "key_value or csv, or no own and foreign",
                );
            }
            (Layout::KeyValue(_) | Layout::Csv(_), false) => {
                self.complain(
                    &place.layout,
                    "no field here holds addresses".to_owned(),
                    "own: [FIELD] or foreign: [FIELD]",
                );
            }
            (Layout::Text, false) | (Layout::KeyValue(_) | Layout::Csv(_), true) => {}
        }
        AddressPlace { files: place.files.0, layout }
    }

    fn load(&mut self, load: form::Load) -> Load {
        if load.commands.value.is_empty() {
            let message = "files that no command loads are not loaded".to_owned();
            self.complain(&load.commands, message, "at least one - run: [PROGRAM, ...]");
        }
        let commands = load.commands.value.into_iter().map(|command| self.load_command(command)).collect();
        let proof = match load.proof {
            form::Proof::NewRow(check) => {
                let Check { query, expect } = self.check(check, &["id", "version"]);
                Proof::NewRow { query: Box::new(query), expect }
            }
            form::Proof::Row(check) => {
                let place = check.query.read.referenced;
                if check.expect.is_empty() {
                    let place = Spanned::new((), place, place);
                    let message = "a row that need not hold anything proves nothing".to_owned();
                    self.complain(&place, message, "expect: {FIELD: VALUE}, or new_row instead of row");
                }
                let Check { query, expect } = self.check(check, &["id", "version"]);
                Proof::Row { query: Box::new(query), expect }
            }
        };
        Load { place: load.place.value, commands, proof }
    }

    fn load_command(&mut self, command: form::LoadCommand) -> LoadCommand {
        let run = self.arguments(command.run, &KNOWN);
        for text in command.failure_texts.iter().filter(|text| text.value.trim().is_empty()) {
            self.complain(text, "an empty text is in every output".to_owned(), "a text that means failure");
        }
        LoadCommand {
            run,
            as_root: command.as_root,
            timeout: command.timeout.0,
            failure_texts: command.failure_texts.into_iter().map(|text| text.value).collect(),
            input: command.input,
        }
    }

    /// A folder of its own: an absolute path of at least two steps, for what is in it may be replaced.
    fn path(&mut self, path: &Spanned<String>, fill: &[&str]) {
        let steps: Vec<&str> = path.value.split('/').filter(|step| !step.is_empty()).collect();
        if !path.value.starts_with('/') || steps.len() < 2 || steps.iter().any(|step| matches!(*step, "." | "..")) {
            let message = format!("\"{}\" is no folder of its own", path.value);
            self.complain(path, message, "an absolute path such as /var/backups/NAME/{id}");
        }
        self.placeholders(path, &path.value, fill);
    }

    fn requires_id(&mut self, path: &Spanned<String>) {
        if !path.value.contains("{id}") {
            let message = "one path for every backup cannot tell them apart".to_owned();
            self.complain(path, message, "{id} where the backup's name stands in the path");
        }
    }

    /// A program with its arguments, into which only `fill` is filled.
    fn arguments(&mut self, run: Spanned<Vec<Argument>>, fill: &[&str]) -> Vec<String> {
        match run.value.first() {
            None => self.complain(&run, "the command is empty".to_owned(), "[PROGRAM, ARGUMENT, ...]"),
            Some(Argument(program)) if program.is_empty() || program.contains(char::is_whitespace) => {
                let apart: Vec<&str> = program.split_whitespace().collect();
                let write = format!("[{}, ...]", apart.join(", "));
                self.complain(&run, format!("\"{program}\" is no program"), write);
            }
            Some(_) => {}
        }
        for Argument(argument) in &run.value {
            self.placeholders(&run, argument, fill);
        }
        run.value.into_iter().map(|Argument(argument)| argument).collect()
    }

    /// Complains about every `{name}` that is not filled in here.
    fn placeholders<T>(&mut self, place: &Spanned<T>, text: &str, fill: &[&str]) {
        let known = KNOWN.into_iter().filter(|name| !fill.contains(name) && text.contains(&format!("{{{name}}}")));
        for name in placeholders::unknown(text).into_iter().chain(known) {
            let message = format!("{{{name}}} is not filled in here");
            let write = match fill {
                [] => "the command without it".to_owned(),
                names => names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" or "),
            };
            self.complain(place, message, write);
        }
    }

    fn ports(&mut self, profile: &Profile) {
        if profile.telephony.value.is_empty() {
            let message = "nothing would be blocked, so both sites could be live".to_owned();
            self.complain(&profile.telephony, message, "- {protocol: udp, ports: 5060, what: SIP}");
        }
        for entry in &profile.telephony.value {
            if let Some(spared) = spared_inside(&entry.value, &profile.never_block) {
                let ports = entry.value.range;
                self.complain(entry, format!("{ports} would block {spared}"), "ranges that leave it out");
            }
        }
        let Some(probe) = &profile.probe else { return };
        let asked = probe.value.port;
        let blocked = profile.telephony.value.iter().any(|entry| {
            entry.value.protocol == Protocol::Udp
                && (entry.value.range.first()..=entry.value.range.last()).contains(&asked)
        });
        if !blocked {
            let message = format!("the probe asks UDP port {asked}, which is not blocked: it would always be answered");
            self.complain(probe, message, "a UDP port that stands under telephony");
        }
    }
}

/// What must never be blocked and lies in these ports: the way in (SSH) first, then what the profile names.
fn spared_inside(entry: &form::Ports, never: &[Spanned<form::Ports>]) -> Option<String> {
    const SSH: u16 = 22;
    if entry.protocol == Protocol::Tcp && entry.range.first() <= SSH && SSH <= entry.range.last() {
        return Some(format!("SSH (tcp {SSH})"));
    }
    let inside = |spared: &&Spanned<form::Ports>| {
        let spared = &spared.value;
        spared.protocol == entry.protocol
            && spared.range.first() <= entry.range.last()
            && entry.range.first() <= spared.range.last()
    };
    never.iter().find(inside).map(|spared| {
        let spared = &spared.value;
        format!("{} ({} {})", spared.what, spared.protocol, spared.range)
    })
}

fn names(patterns: Vec<FieldPattern>) -> Vec<String> {
    patterns.into_iter().map(|FieldPattern(name)| name).collect()
}

fn telephony_port(entry: form::Ports) -> TelephonyPort {
    TelephonyPort { protocol: entry.protocol, ports: entry.range, what: entry.what }
}

fn sip_probe(probe: &form::Probe) -> SipProbe {
    let protocol = match probe.protocol {
        ProbeProtocol::Udp => Protocol::Udp,
    };
    SipProbe { protocol, port: probe.port }
}
