//! `monitor`: at each contact brings servers back to the order in force, and runs the daily copy when it is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, Utc};

use super::carry_out::describe;
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, data_copy, survey};
use crate::domain::boot::{Corrections, Together};
use crate::domain::configuration::WithoutPeer;
use crate::domain::journal::{Begun, Event, Line, Outcome};
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::schedule::Due;
use crate::domain::site::{ServerId, Site};
use crate::ports::dialog::Dialog;
use crate::ports::journal::{Held, JournalError};

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
    /// That both sites were live until now, with how long.
    pub both_live: Option<String>,
}

/// The monitor's memory between rounds.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Since when servers wait for somebody to confirm their order.
    waiting_since: Option<DateTime<Local>>,
    /// The corrections that failed last, and when.
    failed: Option<(Corrections, DateTime<Local>)>,
    /// When it was seen last that the passive site was blocked.
    apart: Option<DateTime<Local>>,
    /// What was said last about why nothing is done, so that it is said once.
    said: Option<String>,
}

impl Monitor {
    /// Contacts every server once and corrects what is not as ordered.
    ///
    /// `copying` says that this monitor holds the lock for a copy of its own, and goes on holding it throughout the
    /// round. That is no hindrance: a copy does not change traffic.
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
        // Looking needs no lock, and a person's command must not be refused because we look.
        let corrections = self.judged(ports, &configured).await;
        if corrections.is_empty() || self.failed_just_now(ports, &corrections) {
            self.said = None;
            return Ok(Round { corrections: Some(corrections), story: Vec::new(), both_live: None });
        }
        let held = match (copying, ports.journal.lock(Action::Monitor, &request.person)) {
            (true, _) => None,
            (false, Ok(held)) => Some(held),
            (false, Err(JournalError::Locked { .. })) => return Ok(self.idle("another action is running; looking on")),
            (false, Err(error)) => return Err(error.into()),
        };
        if !copying && let Some(begun) = ports.journal.unfinished()? {
            let action = begun.plan.action;
            return Ok(self.idle(&format!("{action} is unfinished; a person resumes or abandons it")));
        }
        // What was seen without the lock may have been the middle of somebody's action.
        let configured = match Configured::open(ports) {
            Ok(configured) => configured,
            Err(Stopped::NotConfigured) => return Ok(self.idle("redundancy is not configured; waiting")),
            Err(error) => return Err(error),
        };
        let corrections = self.judged(ports, &configured).await;
        let (story, both_live) = self.correct(ports, request, &configured, &corrections, dialog).await;
        drop(held);
        Ok(Round { corrections: Some(corrections), story, both_live })
    }

    /// Looks at every server and judges what is to be done.
    async fn judged(&mut self, ports: &Ports, configured: &Configured) -> Corrections {
        let servers = configured.configuration.membership.servers.keys().copied();
        let contacts = survey::contacts(&configured.systems, servers).await;
        let mut corrections = Corrections::judge(&contacts);
        if corrections.together == Together::No {
            self.apart = Some(ports.clock.now());
        }
        self.give_up_waiting(ports, configured, &mut corrections);
        corrections
    }

    fn idle(&mut self, because: &str) -> Round {
        let is_new = self.said.as_deref() != Some(because);
        self.said = Some(because.to_owned());
        Round { corrections: None, story: if is_new { vec![because.to_owned()] } else { Vec::new() }, both_live: None }
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
        corrections: &Corrections,
        dialog: &mut dyn Dialog,
    ) -> (Vec<String>, Option<String>) {
        self.said = None;
        let steps = steps(corrections);
        let performer = Performer::new(ports, &configured.systems, &configured.configuration);
        let begun = record_of(ports, request, steps.clone());
        let mut story = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            match correct_one(&performer, &begun, i + 1, step, dialog).await {
                Ok(()) => story.push(step.to_string()),
                Err(error) => {
                    story.push(format!("{step} failed: {}", describe(&error)));
                    self.failed = Some((corrections.clone(), ports.clock.now()));
                    return (story, None);
                }
            }
        }
        self.failed = None;
        if corrections.together == Together::Yes {
            let told = self.both_were_live(ports, corrections);
            if let Err(error) = configured::note(ports, request, Action::Monitor, told.clone()) {
                story.push(describe(&error));
            }
            story.push(told.clone());
            return (story, Some(told));
        }
        (story, None)
    }

    /// Both sites let traffic in until now: since the active one was opened, or since they were last seen apart.
    fn both_were_live(&self, ports: &Ports, corrections: &Corrections) -> String {
        let now = ports.clock.now().fixed_offset();
        let opened = corrections.order.and_then(|order| opened(ports, order.active));
        let since = self.apart.map(|at| at.fixed_offset()).into_iter().chain(opened).max();
        let since = since.map_or("an unknown time".to_owned(), |since| {
            let length = (now - since).as_seconds_f64();
            format!("at most {length:.1} s, from {}", since.format("%Y-%m-%d %H:%M:%S %:z"))
        });
        format!("BOTH SITES WERE LIVE for {since}; the passive one is blocked now")
    }

    fn failed_just_now(&self, ports: &Ports, corrections: &Corrections) -> bool {
        self.failed.as_ref().is_some_and(|(failed, at)| {
            failed == corrections && (ports.clock.now() - at).to_std().is_ok_and(|since| since < TRY_AGAIN)
        })
    }
}

/// When the last takeover to this site ended well.
fn opened(ports: &Ports, active: Site) -> Option<DateTime<FixedOffset>> {
    let history = ports.journal.history().ok()?;
    let is_end = |event: &Event| matches!(event, Event::Ended { outcome: Outcome::Done { .. }, .. });
    let of_it = |line: &&Line| line.action == Action::takeover_to(active) && is_end(&line.event);
    history.iter().rev().find(of_it).map(|line| line.at)
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
    configured::begun(ports, request, plan, None)
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

/// Takes the lock for the copy that is due. The attempt is written down first, so that a copy that fails, or kills
/// its process, is not begun again and again.
///
/// # Errors
/// When another action runs or is unfinished, or the attempt cannot be written down.
pub fn begin_copy(ports: &Ports, request: &Request) -> Result<Arc<dyn Held>, Stopped> {
    let held = configured::lock(ports, Action::DataCopy, request)?;
    let mut memory = ports.journal.memory()?;
    memory.last_attempt = Some(ports.clock.now().fixed_offset());
    ports.journal.remember(&memory)?;
    Ok(Arc::from(held))
}

/// Runs the copy that is due, under its lock.
///
/// # Errors
/// As [`data_copy::copy`].
pub async fn copy_now(
    held: &dyn Held,
    ports: &Ports,
    request: &Request,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    data_copy::copy_under(held, ports, request, dialog).await
}
