//! Carries out a plan step by step, writes everything down before and after, and goes back where a step fails.

use std::collections::BTreeSet;

use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, configured};
use crate::domain::journal::{Begun, Event, Line, Material, Outcome};
use crate::domain::plan::{Plan, Servers, Step};
use crate::ports::dialog::{Confirmation, Dialog, News};
use crate::ports::journal::JournalError;

/// What is put before a person, to be carried out when it is confirmed.
pub struct Proposal<'a> {
    /// The steps, the way back and what to know before.
    pub plan: Plan,
    /// What a resumed action needs and the configuration may no longer hold.
    pub material: Option<Material>,
    /// The word to type, for a plan that a person vouches for.
    pub word: Option<&'a str>,
}

impl From<Plan> for Proposal<'_> {
    fn from(plan: Plan) -> Self {
        Self { plan, material: None, word: None }
    }
}

/// Shows what is proposed, and carries it out once it is confirmed. A dry run ends with the plan.
///
/// # Errors
/// [`Stopped::Dialog`] when it is not confirmed, else as [`carry_out`].
pub async fn propose(
    performer: &Performer<'_>,
    request: &Request,
    Proposal { plan, material, word }: Proposal<'_>,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    if request.dry_run {
        return Ok(Ended::Planned(plan));
    }
    let confirmation = match word {
        Some(word) => Confirmation::Forced { plan: &plan, word },
        None => Confirmation::Plan(&plan),
    };
    dialog.confirm(&confirmation).await?;
    let begun = configured::begun(performer.ports, request, plan, material);
    carry_out(performer, begun, dialog).await?;
    Ok(Ended::Done)
}

/// Carries out an action that was confirmed. It is kept as unfinished until it is done or taken back.
///
/// # Errors
/// [`Stopped::WentBack`], [`Stopped::LeftStanding`] when the plan has no way back, or [`Stopped::Stuck`], which
/// leaves the action unfinished.
pub async fn carry_out(performer: &Performer<'_>, begun: Begun, dialog: &mut dyn Dialog) -> Result<(), Stopped> {
    let ports = performer.ports;
    let is_new = ports.journal.unfinished()?.is_none();
    ports.journal.begin(&begun)?;
    let mut run = Run { performer, begun, started: ports.clock.now(), offset: 0 };
    if let Err(error) = run.record(Event::Begun { steps: run.begun.plan.steps.len() }) {
        // Nothing has been done yet, so nothing is unfinished.
        if is_new {
            ports.journal.finish()?;
        }
        return Err(error);
    }
    if run.begun.going_back {
        return run.go_back("abandoned".to_owned(), None, dialog).await;
    }
    let steps = run.begun.plan.steps.clone();
    match run.walk(&steps, Books::Required, dialog).await {
        Ok(()) => run.end(Outcome::Done { found: String::new() }),
        Err(failed) => run.go_back(describe(&failed.error), Some(failed), dialog).await,
    }
}

/// Whether a journal that cannot be written stops a step. On the way back it does not: a site that is live again is
/// worth more than a line about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Books {
    Required,
    BestEffort,
}

struct Run<'a, 'b> {
    performer: &'a Performer<'b>,
    begun: Begun,
    started: chrono::DateTime<chrono::Local>,
    /// Numbers of the way back go on after those of the way there.
    offset: usize,
}

/// The step that failed, and why.
struct FailedStep {
    step: Step,
    error: Stopped,
}

impl Run<'_, '_> {
    async fn walk(&mut self, steps: &[Step], books: Books, dialog: &mut dyn Dialog) -> Result<(), FailedStep> {
        let of = self.offset + steps.len();
        self.performer.prepare(steps).await;
        // A step's end and the next one's beginning are made durable at once: while no site is live, time counts.
        let mut unwritten: Vec<Event> = Vec::new();
        let (mut left, mut number) = (steps, self.offset);
        while let Some(first) = left.first() {
            let (group, rest) = left.split_at(together(left));
            let numbered: Vec<(usize, &Step)> = (number + 1..).zip(group).collect();
            left = rest;
            number += group.len();
            let begin = |(number, step): &(usize, &Step)| Event::Before { number: *number, change: (*step).clone() };
            unwritten.extend(numbered.iter().map(begin));
            let written = self.note(unwritten.drain(..), books, dialog);
            written.map_err(|error| FailedStep { step: first.clone(), error })?;
            for (number, step) in &numbered {
                dialog.tell(News::StepBegins { number: *number, of, step });
            }
            let ends = self.performer.perform_group(group, &self.begun, dialog).await;
            let mut failed = None;
            for ((number, step), (milliseconds, result)) in numbered.into_iter().zip(ends) {
                let outcome = match &result {
                    Ok(found) => Outcome::Done { found: found.clone() },
                    Err(error) => Outcome::Failed { because: describe(error) },
                };
                let told = result.as_ref().map(Clone::clone).map_err(describe);
                dialog.tell(News::StepEnded { number, of, milliseconds, outcome: told });
                unwritten.push(Event::After { number, milliseconds, outcome });
                if let (Err(error), None) = (result, &failed) {
                    failed = Some(FailedStep { step: step.clone(), error });
                }
            }
            if failed.is_some() || left.is_empty() {
                let written = self.note(unwritten.drain(..), books, dialog);
                failed.map_or(Ok(()), Err)?;
                written.map_err(|error| FailedStep { step: first.clone(), error })?;
            }
        }
        self.offset += steps.len();
        Ok(())
    }

    /// Goes the way back, or says that there is none.
    async fn go_back(
        &mut self,
        because: String,
        failed: Option<FailedStep>,
        dialog: &mut dyn Dialog,
    ) -> Result<(), Stopped> {
        let way_back = self.begun.plan.way_back.clone();
        if way_back.is_empty() {
            self.end(Outcome::Failed { because })?;
            return failed.map_or(Ok(()), |failed| {
                Err(Stopped::LeftStanding { step: failed.step.to_string(), source: Box::new(failed.error) })
            });
        }
        self.begun.going_back = true;
        dialog.tell(News::GoingBack(because.clone()));
        if let Err(error) = self.performer.ports.journal.begin(&self.begun) {
            dialog.tell(News::Note(error.to_string()));
        }
        self.note([Event::GoingBack { because: because.clone() }], Books::BestEffort, dialog)?;
        self.offset = self.begun.plan.steps.len();
        let back = self.walk(&way_back, Books::BestEffort, dialog).await;
        match (back, failed) {
            (Ok(()), None) => self.end(Outcome::WentBack { because }),
            (Ok(()), Some(failed)) => {
                // All is as it was, and nothing is unfinished, also when that line cannot be written any more.
                if let Err(error) = self.end(Outcome::WentBack { because }) {
                    dialog.tell(News::Note(describe(&error)));
                    self.performer.ports.journal.finish()?;
                }
                Err(Stopped::WentBack { step: failed.step.to_string(), source: Box::new(failed.error) })
            }
            (Err(then), failed) => {
                let then_text = format!("{}: {}", then.step, describe(&then.error));
                let (step, source) = failed.map_or_else(
                    || (then.step.to_string(), Stopped::NotProved(because)),
                    |failed| (failed.step.to_string(), failed.error),
                );
                Err(Stopped::Stuck { step, then: then_text, source: Box::new(source) })
            }
        }
    }

    fn end(&self, outcome: Outcome) -> Result<(), Stopped> {
        let milliseconds = millis(self.performer.ports.clock.now() - self.started);
        self.record(Event::Ended { milliseconds, outcome })?;
        Ok(self.performer.ports.journal.finish()?)
    }

    fn note(
        &self,
        events: impl IntoIterator<Item = Event>,
        books: Books,
        dialog: &mut dyn Dialog,
    ) -> Result<(), Stopped> {
        let lines: Vec<Line> = events.into_iter().map(|event| line(self.performer.ports, &self.begun, event)).collect();
        match (self.performer.ports.journal.record(&lines).map_err(Stopped::from), books) {
            (Err(error), Books::BestEffort) => {
                dialog.tell(News::Note(describe(&error)));
                Ok(())
            }
            (written, Books::Required | Books::BestEffort) => written,
        }
    }

    fn record(&self, event: Event) -> Result<(), Stopped> {
        Ok(record(self.performer.ports, &self.begun, event)?)
    }
}

/// How many of the steps in front are carried out at the same time: the order is written while it is proved that the old
/// side is blocked, because nothing is opened before both are done, and no site is live meanwhile.
fn together(steps: &[Step]) -> usize {
    if let [Step::ConfirmBlocked { .. }, Step::Order { .. }, ..] = steps { 2 } else { 1 }
}

/// Writes a line about an action into the history.
///
/// # Errors
/// When the history cannot be written.
pub fn record(ports: &Ports, begun: &Begun, event: Event) -> Result<(), JournalError> {
    ports.journal.record(&[line(ports, begun, event)])
}

fn line(ports: &Ports, begun: &Begun, event: Event) -> Line {
    Line {
        schema: begun.schema,
        at: ports.clock.now().fixed_offset(),
        id: begun.id.clone(),
        action: begun.plan.action,
        person: begun.person.clone(),
        reason: begun.reason.clone(),
        event,
    }
}

/// An error with all its causes in one line.
#[must_use]
pub fn describe(error: &Stopped) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The servers a plan names in any step.
#[must_use]
pub fn touched(plan: &Plan) -> String {
    let mut servers = BTreeSet::new();
    for step in &plan.steps {
        if let Step::Block { servers: named } | Step::Allow { servers: named } | Step::Order { servers: named, .. } =
            step
        {
            servers.extend(named.iter().copied());
        }
    }
    Servers(&servers).to_string()
}

pub(super) fn millis(span: chrono::Duration) -> u64 {
    u64::try_from(span.num_milliseconds()).unwrap_or(0)
}
