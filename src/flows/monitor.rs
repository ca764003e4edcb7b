//! `monitor`: at each contact brings servers back to the order in force, and runs the daily copy when it is due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Local, Utc};

use super::carry_out::describe;
use super::configured::Configured;
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, data_copy, survey};
use crate::domain::boot::{Contact, Corrections};
use crate::domain::configuration::WithoutPeer;
use crate::domain::journal::{Begun, Event, Outcome};
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::schedule::Due;
use crate::domain::site::ServerId;
use crate::ports::dialog::Dialog;
use crate::ports::journal::JournalError;

/// Time between two rounds of contacts: a rebooted primary is open again within seconds (DESIGN §5.3).
pub const ROUND: Duration = Duration::from_secs(2);

/// A correction that failed is tried again after this time, so that a broken server does not fill the history.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What one round found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What was to be done.
    pub corrections: Option<Corrections>,
    /// What was done, or why not, a line each.
    pub story: Vec<String>,
}

/// The monitor's memory between rounds.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Since when servers wait for somebody to confirm their order.
    waiting_since: Option<DateTime<Local>>,
    /// The corrections that failed last, and when.
    failed: Option<(Corrections, DateTime<Local>)>,
    /// What was said last about why nothing is done, so that it is said once.
    said: Option<String>,
}

impl Monitor {
    /// Contacts every server once and corrects what is not as ordered.
    ///
    /// `copying` says that the lock is held by this monitor's own copy, which is no hindrance: a copy does not
    /// change traffic.
    ///
    /// # Errors
    /// When the configuration or the journal cannot be read.
    pub async fn round(
        &mut self,
        ports: &Ports,
        request: &Request,
        copying: bool,
        dialog: &mut dyn Dialog,
    ) -> Result<Round, Stopped> {
        let configured = match Configured::open(ports) {
            Ok(configured) => configured,
            Err(Stopped::NotConfigured) => return Ok(self.idle("redundancy is not configured; waiting")),
            Err(error) => return Err(error),
        };
        if !copying && let Some(because) = hindrance(ports)? {
            return Ok(self.idle(&because));
        }
        // Looking on needs no lock: with a server that does not answer it takes seconds, and a person who wants to
        // switch just then must not be turned away.
        let servers = configured.configuration.membership.servers.keys().copied();
        let mut contacts = survey::contacts(&configured.systems, servers).await;
        let corrections = self.judge(ports, &configured, &contacts);
        self.said = None;
        if corrections.is_empty() || self.failed_just_now(ports, &corrections) {
            return Ok(Round { corrections: Some(corrections), story: Vec::new() });
        }
        if copying {
            return Ok(self.correct(ports, request, &configured, corrections, dialog).await);
        }
        let held = match ports.journal.lock(Action::Monitor, &request.person) {
            Ok(held) => held,
            Err(JournalError::Locked { .. }) => return Ok(self.idle(RUNNING)),
            Err(error) => return Err(error.into()),
        };
        if let Some(begun) = ports.journal.unfinished()? {
            return Ok(self.idle(&left_unfinished(&begun)));
        }
        // Since then somebody may have switched, so what answered is read again now that nobody can. What did not
        // answer is left out: it can only be a reason to do less.
        let answered: Vec<ServerId> =
            contacts.iter().filter(|(_, contact)| contact.answered()).map(|(id, _)| *id).collect();
        contacts.extend(survey::contacts(&configured.systems, answered.into_iter()).await);
        let corrections = self.judge(ports, &configured, &contacts);
        let round = self.correct(ports, request, &configured, corrections, dialog).await;
        drop(held);
        Ok(round)
    }

    fn judge(&mut self, ports: &Ports, configured: &Configured, contacts: &BTreeMap<ServerId, Contact>) -> Corrections {
        let mut corrections = Corrections::judge(contacts);
        self.give_up_waiting(ports, configured, &mut corrections);
        corrections
    }

    fn idle(&mut self, because: &str) -> Round {
        let is_new = self.said.as_deref() != Some(because);
        self.said = Some(because.to_owned());
        Round { corrections: None, story: if is_new { vec![because.to_owned()] } else { Vec::new() } }
    }

    /// Where the operator chose `open`, servers that nobody could confirm are opened after the grace.
    fn give_up_waiting(&mut self, ports: &Ports, configured: &Configured, corrections: &mut Corrections) {
        if corrections.waiting.is_empty() {
            self.waiting_since = None;
            return;
        }
        let now = ports.clock.now();
        let since = *self.waiting_since.get_or_insert(now);
        let boot = configured.configuration.boot;
        let grace_is_over = (now - since).to_std().is_ok_and(|waited| waited >= boot.grace);
        if boot.without_peer == WithoutPeer::Open && grace_is_over && corrections.block.is_empty() {
            corrections.open.append(&mut corrections.waiting);
        }
    }

    async fn correct(
        &mut self,
        ports: &Ports,
        request: &Request,
        configured: &Configured,
        corrections: Corrections,
        dialog: &mut dyn Dialog,
    ) -> Round {
        let steps = steps(&corrections);
        let performer = Performer { ports, systems: &configured.systems, configuration: &configured.configuration };
        let begun = record_of(ports, request, steps.clone());
        let mut story = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            match correct_one(&performer, &begun, i + 1, step, dialog).await {
                Ok(()) => story.push(step.to_string()),
                Err(error) => {
                    story.push(format!("{step} failed: {}", describe(&error)));
                    self.failed = Some((corrections.clone(), ports.clock.now()));
                    return Round { corrections: Some(corrections), story };
                }
            }
        }
        self.failed = None;
        Round { corrections: Some(corrections), story }
    }

    fn failed_just_now(&self, ports: &Ports, corrections: &Corrections) -> bool {
        self.failed.as_ref().is_some_and(|(failed, at)| {
            failed == corrections && (ports.clock.now() - at).to_std().is_ok_and(|since| since < TRY_AGAIN)
        })
    }
}

/// Said while a person's action runs.
const RUNNING: &str = "another action is running; looking on";

/// Why nothing is corrected now, if so.
fn hindrance(ports: &Ports) -> Result<Option<String>, Stopped> {
    if ports.journal.holder().is_some() {
        return Ok(Some(RUNNING.to_owned()));
    }
    Ok(ports.journal.unfinished()?.map(|begun| left_unfinished(&begun)))
}

fn left_unfinished(begun: &Begun) -> String {
    format!("{} is unfinished; a person resumes or abandons it", begun.plan.action)
}

/// Blocks first, tells second, opens last; each step on as many servers as there are.
fn steps(corrections: &Corrections) -> Vec<Step> {
    let some = |servers: &BTreeSet<ServerId>| (!servers.is_empty()).then(|| servers.clone());
    let block = some(&corrections.block).map(|servers| Step::Block { servers });
    let tell = some(&corrections.tell).zip(corrections.order).map(|(servers, order)| Step::Order { servers, order });
    let open = some(&corrections.open).map(|servers| Step::Allow { servers });
    [block, tell, open].into_iter().flatten().collect()
}

/// Corrections are judged anew in every round, so they are never kept as unfinished.
fn record_of(ports: &Ports, request: &Request, steps: Vec<Step>) -> Begun {
    let plan = Plan { action: Action::Monitor, steps, way_back: Vec::new(), warnings: Vec::new() };
    super::configured::begun(ports, request, plan, None)
}

async fn correct_one(
    performer: &Performer<'_>,
    begun: &Begun,
    number: usize,
    step: &Step,
    dialog: &mut dyn Dialog,
) -> Result<(), Stopped> {
    let ports = performer.ports;
    super::carry_out::record(ports, begun, Event::Before { number, change: step.clone() })?;
    let before = ports.clock.now();
    let result = performer.perform(step, begun, dialog).await;
    let milliseconds = u64::try_from((ports.clock.now() - before).num_milliseconds()).unwrap_or(0);
    let outcome = match &result {
        Ok(found) => Outcome::Done { found: found.clone() },
        Err(error) => Outcome::Failed { because: describe(error) },
    };
    super::carry_out::record(ports, begun, Event::After { number, milliseconds, outcome })?;
    result.map(drop)
}

/// Whether the daily copy is due; `None` when none is set up.
///
/// # Errors
/// When the configuration or the journal cannot be read.
pub fn copy_due(ports: &Ports, started: DateTime<Utc>) -> Result<Option<Due>, Stopped> {
    let Some(configuration) = ports.settings.load()? else { return Ok(None) };
    let Some(auto_copy) = configuration.auto_copy else { return Ok(None) };
    let memory = ports.journal.memory()?;
    let created = memory.auto_copy_since.map_or(started, |since| since.to_utc());
    let last = memory.last_attempt.map(|slot| slot.to_utc());
    Ok(Some(auto_copy.due(last, created, ports.clock.now().to_utc(), seed(&configuration.membership.servers))))
}

/// Tells installations apart, so that not all of them copy in the same second.
fn seed<V>(servers: &std::collections::BTreeMap<ServerId, V>) -> u64
where
    V: std::fmt::Debug,
{
    let text = format!("{servers:?}");
    text.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// Runs the copy that is due. The attempt is written down first, so that a copy that fails, or kills its process, is
/// not begun again and again.
///
/// # Errors
/// As [`data_copy::copy`].
pub async fn copy_now(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let mut memory = ports.journal.memory()?;
    memory.last_attempt = Some(ports.clock.now().fixed_offset());
    ports.journal.remember(&memory)?;
    data_copy::copy(ports, request, dialog).await
}
