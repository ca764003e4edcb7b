//! Runs one command of `mxone_system_redundancy` and prints what came of it.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::cli::{Command, Common, Config, Configure, Notify, TrafficIn};
use super::failure::{Exit, Failure};
use super::prompts::Prompts;
use super::scripted::Scripted;
use super::teller::{Teller, plan_text};
use super::{output, print};
use crate::domain::given::Given;
use crate::domain::journal::Person;
use crate::domain::site::Site;
use crate::flows::recover::Way;
use crate::flows::{self, Ended, Ports, Request, Stopped};
use crate::ports::dialog::Dialog;
use crate::ports::host::visible;
use crate::ports::settings::SettingsError;

mod data;
mod events;
mod generate;
mod given;
mod lease;
mod platform;
mod settings;

pub use data::own_zone;

/// The format of the documents that `--json` prints.
pub const SCHEMA: u32 = 1;

/// One run of the program.
pub struct Run<'a> {
    /// The world.
    pub ports: &'a Ports,
    /// The flags that hold for every command.
    pub common: Common,
    /// Who runs it.
    pub person: Person,
    /// Standard output.
    pub out: &'a mut (dyn Write + Send),
    /// Who answers a flow's questions.
    pub dialogs: &'a (dyn Fn(Scripted) -> Box<dyn Dialog> + Send + Sync),
}

/// At the command line a person is asked only at a terminal; everybody else gets the dialog of a script.
#[must_use]
pub fn at_hand(script: Scripted, json: bool) -> Box<dyn Dialog> {
    let is_person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !json;
    if is_person { Box::new(Prompts { script }) } else { Box::new(script) }
}

impl Run<'_> {
    /// Runs a command; what it printed is on standard output, news are on standard error.
    ///
    /// # Errors
    /// [`Failure`] with the exit code and what a person reads.
    pub async fn run(&mut self, command: Command) -> Result<(), Failure> {
        self.refuse_skipping_without_reason()?;
        match command {
            Command::List => self.list(),
            Command::Status { why } => self.status(why).await,
            Command::Configure(flags) => self.configure(&flags).await,
            Command::Remove => {
                let request = self.request(false);
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::remove::remove(self.ports, &request, &mut *dialog).await;
                self.ended(ended)
            }
            Command::Settings { setting } => self.settings(setting).await,
            Command::ManualTakeover(takeover) => {
                let site = match takeover.to {
                    TrafficIn::TrafficInAlternate => Site::Alternate,
                    TrafficIn::TrafficInPrimary => Site::Primary,
                };
                let request = self.request(takeover.force);
                let mut dialog = self.dialog(Given::default(), takeover.force);
                let ended = flows::takeover::take_over(self.ports, &request, site, &mut *dialog).await;
                self.ended(ended)
            }
            Command::Data { job } => self.data(job).await,
            Command::History { last } => self.history(last),
            Command::Monitor { install: true } => self.install_monitor(),
            Command::Lease { order } => self.lease(order).await,
            Command::Events { raised, last } => self.events(raised, last),
            Command::Notify { what: Notify::Test { channel } } => self.notify_test(channel.as_deref()).await,
            Command::Platform { what } => self.platform(what).await,
            Command::Config { what: Config::Check } => self.check_configuration(),
            Command::Help { topic } => self.help(&topic),
            Command::Generate { what } => self.generate(&what),
            Command::Demo
            | Command::Lab { .. }
            | Command::Simulate(_)
            | Command::Monitor { install: false }
            | Command::Witness { .. } => {
                Err(Failure::new(Exit::BadInput, "this command does not go with the flags given"))
            }
        }
    }

    /// Brings the unfinished action to its end.
    ///
    /// # Errors
    /// As [`Run::run`].
    pub async fn recover(&mut self, way: Way) -> Result<(), Failure> {
        let request = self.request(false);
        let mut dialog = self.dialog(Given::default(), true);
        let ended = flows::recover::recover(self.ports, &request, way, &mut *dialog).await;
        self.ended(ended)
    }

    fn refuse_skipping_without_reason(&self) -> Result<(), Failure> {
        let has_reason = self.common.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
        match self.common.skip_check.first() {
            Some(check) if !has_reason => {
                let error = format!("--skip-check {check} needs a reason, which is kept in the history");
                Err(Failure::new(Exit::BadInput, error).hint("add --reason \"...\""))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn request(&self, force: bool) -> Request {
        Request {
            person: self.person.clone(),
            reason: self.common.reason.clone(),
            dry_run: self.common.dry_run,
            skipped: self.common.skip_check.iter().copied().collect::<BTreeSet<_>>(),
            force,
        }
    }

    fn dialog(&self, given: Given, force: bool) -> Box<dyn Dialog> {
        let teller = Teller::new(Box::new(std::io::stderr()));
        (self.dialogs)(Scripted { given, yes: self.common.yes, force, teller })
    }

    fn list(&mut self) -> Result<(), Failure> {
        let configuration = self.ports.settings.load().map_err(Stopped::from)?.ok_or(Stopped::NotConfigured)?;
        let membership = &configuration.membership;
        let servers: Vec<Value> = membership
            .servers
            .iter()
            .map(|(server, card)| json!({"site": server.site, "lim": server.lim, "address": card.address}))
            .collect();
        let document = json!({
            "schema": SCHEMA,
            "platform": membership.platform.name,
            "servers": servers,
            "network_control_address": configuration.network_control_address,
            "service_address": configuration.service_address,
            "takeover": configuration.takeover,
            "boot_without_peer": configuration.boot.without_peer,
            "boot_grace_seconds": configuration.boot.grace.as_secs(),
            "auto_copy": configuration.auto_copy.as_ref().map(ToString::to_string),
            "translation_entries": configuration.translation.len(),
        });
        self.emit(&document, &print::configuration(&configuration))
    }

    async fn status(&mut self, why: bool) -> Result<(), Failure> {
        let mut status = flows::status::status(self.ports).await?;
        status.why = status.why.filter(|_| why);
        self.emit(&status, &print::status(&status))?;
        if !status.configured {
            return Err(Stopped::NotConfigured.into());
        }
        let silent: Vec<String> = [(Site::Primary, &status.primary), (Site::Alternate, &status.alternate)]
            .into_iter()
            .flat_map(|(site, system)| {
                system.iter().flat_map(move |s| s.servers.iter().map(move |server| (site, server)))
            })
            .filter(|(_, server)| !server.reachable)
            .map(|(site, server)| format!("LIM {} of the {site} system", server.lim))
            .collect();
        if silent.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Exit::Unknown, format!("the state of {} is unknown", silent.join(", "))))
    }

    async fn configure(&mut self, flags: &Configure) -> Result<(), Failure> {
        let given = self.given(flags)?;
        let request = self.request(false);
        let mut dialog = self.dialog(given.clone(), false);
        let ended = flows::configure::configure(self.ports, &request, &given, &mut *dialog).await;
        self.ended(ended)
    }

    fn history(&mut self, last: usize) -> Result<(), Failure> {
        let lines = self.ports.journal.history().map_err(Stopped::from)?;
        let lines = print::last_actions(&lines, last);
        self.emit(&json!({"schema": SCHEMA, "lines": lines}), &print::history(&lines))
    }

    fn install_monitor(&mut self) -> Result<(), Failure> {
        if self.common.dry_run {
            let told = self.ports.service.would_install();
            let document = json!({"schema": SCHEMA, "outcome": "planned", "would": told});
            return self.emit(&document, &format!("{}\nnothing was changed\n", told.join("\n")));
        }
        let installed = self.ports.service.install().map_err(|error| {
            Failure::new(Exit::Failed, format!("the monitor's unit cannot be installed: {error}"))
                .hint("run it as root, or run `mxone_system_redundancy monitor` in the foreground")
        })?;
        let outcome = if installed.complete { "done" } else { "done-in-part" };
        let document = json!({"schema": SCHEMA, "outcome": outcome, "told": installed.told});
        self.emit(&document, &format!("{}\n", installed.told.join("\n")))?;
        if installed.complete {
            return Ok(());
        }
        Err(Failure::new(Exit::Unknown, "the monitor's unit is written, but systemd does not run it")
            .hint("run `mxone_system_redundancy monitor` in the foreground, or start the unit by hand"))
    }

    fn check_configuration(&mut self) -> Result<(), Failure> {
        let loaded = self.ports.settings.load();
        let mut problems = match &loaded {
            Err(SettingsError::Problems(problems)) => problems.clone(),
            Ok(_) | Err(SettingsError::Io { .. }) => Vec::new(),
        };
        // Each machine with a monitor or a witness has these, whether a configuration is there or not.
        problems.extend(self.ports.voter_setup.problems());
        problems.extend(self.ports.notifier.channels().problems);
        if !problems.is_empty() {
            return self.tell_problems(&problems, "the configuration is not right");
        }
        if loaded.map_err(Stopped::from)?.is_none() {
            return Err(Stopped::NotConfigured.into());
        }
        self.emit(&json!({"schema": SCHEMA, "problems": []}), "the configuration is right\n")
    }

    /// What a check found: a document where one is asked for, else an error that lists it.
    fn tell_problems(&mut self, problems: &[String], error: &str) -> Result<(), Failure> {
        if self.common.json {
            self.emit(&json!({"schema": SCHEMA, "problems": problems}), "")?;
            return Err(Failure::new(Exit::BadInput, error));
        }
        Err(Failure::new(Exit::BadInput, format!("{error}:\n{}", problems.join("\n"))))
    }

    /// Prints how a changing flow ended.
    fn ended(&mut self, ended: Result<Ended, Stopped>) -> Result<(), Failure> {
        match ended? {
            Ended::Done => self.emit(&json!({"schema": SCHEMA, "outcome": "done"}), "done\n"),
            Ended::Planned(plan) => {
                let document = json!({"schema": SCHEMA, "outcome": "planned", "plan": plan});
                self.emit(&document, &format!("{}\nnothing was changed\n", plan_text(&plan)))
            }
            Ended::WouldChange(what) => {
                let document = json!({"schema": SCHEMA, "outcome": "planned", "would": what});
                self.emit(&document, &format!("would be done: {what}\nnothing was changed\n"))
            }
            Ended::NotDone(because) => {
                let document = json!({"schema": SCHEMA, "outcome": "not-done", "because": because});
                self.emit(&document, &format!("not done: {because}\n"))
            }
        }
    }

    fn emit(&mut self, document: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.common.json { self.write(&output::document(document)?) } else { self.write(&visible(text)) }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| Failure::new(Exit::Failed, format!("the result cannot be printed: {error}")))
    }
}
