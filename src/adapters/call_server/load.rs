//! Loads translated exchange data into the alternate and proves that it was loaded.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ProfiledCallServer, command, machine, placeholders};
use crate::domain::backup::Backup;
use crate::domain::platform::placeholders::Placeholders;
use crate::domain::platform::reader::{Row, holds};
use crate::domain::platform::{LoadCommand, Proof, Query};
use crate::domain::site::{ServerId, Site};
use crate::ports::call_server::{CallServerError, Proved};
use crate::ports::host::{HostError, printable};

/// How often the proof is looked for: short beside any reload, long beside what the question costs.
const PROOF_POLL: Duration = Duration::from_millis(500);

/// The least time the proof is waited for after the last command: a service that is back may answer a little later.
const PROOF_WAIT: Duration = Duration::from_secs(10);

/// A new row that does not say what it should, and says the same for this long, is the verdict: the load failed.
const SETTLED: Duration = Duration::from_secs(10);

const WHAT: &str = "the result of the load";

impl ProfiledCallServer {
    pub(super) async fn load_and_prove(&self, backup: &Backup, place: &Path) -> Result<Proved, CallServerError> {
        let place = place.to_string_lossy();
        let values = placeholders(backup, &place);
        let before = self.row_before().await?;
        let mut deadline = Instant::now();
        for step in &self.platform.load.commands {
            deadline = Instant::now() + step.timeout;
            self.load_step(step, &values).await?;
        }
        let by = self.prove(&values, before.as_ref(), deadline.max(Instant::now() + PROOF_WAIT)).await?;
        Ok(Proved { by, at: self.clock.now().fixed_offset() })
    }

    /// The row that must be another one afterwards; none where the software does not run yet.
    async fn row_before(&self) -> Result<Option<Row>, CallServerError> {
        let query = match &self.platform.load.proof {
            Proof::NewRow { query, .. } => query,
            Proof::Row { .. } => return Ok(None),
        };
        match self.ask(Site::Alternate, WHAT, query).await {
            Ok(rows) => Ok(rows.into_iter().next()),
            Err(CallServerError::Host { source: HostError::Failed { .. }, .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Runs one command of the load. Its exit status and what it says must both be right.
    async fn load_step(&self, step: &LoadCommand, values: &Placeholders<'_>) -> Result<(), CallServerError> {
        let server = ServerId::first_of(Site::Alternate);
        let command = command(&values.fill_all(&step.run), step.as_root, step.timeout).with_input(step.input.as_str());
        let line = command.quoted();
        let output = self.host(server).run(command).await.map_err(|source| CallServerError::Host {
            server,
            what: WHAT,
            source,
        })?;
        if !output.success() {
            let because = format!("it ends with status {}: {}", output.status, machine::reason(&output));
            return Err(CallServerError::LoadFailed { command: line, because });
        }
        let said = [output.text(), String::from_utf8_lossy(&output.stderr).into_owned()];
        match said.iter().flat_map(|text| text.lines()).find(|line| means_failure(line, &step.failure_texts)) {
            Some(said) => Err(CallServerError::LoadFailed { command: line, because: printable(said.trim()) }),
            None => Ok(()),
        }
    }

    /// Looks for the proof until it is there, a failure has settled, or the time is up. While a system reloads, it may
    /// not answer at all.
    async fn prove(
        &self,
        values: &Placeholders<'_>,
        before: Option<&Row>,
        deadline: Instant,
    ) -> Result<String, CallServerError> {
        let mut wrong: Option<(Row, Instant)> = None;
        loop {
            let missing = match self.look_for_proof(values, before).await {
                Found::Proof(row) => return Ok(in_a_line(&row)),
                Found::Nothing(because) => {
                    wrong = None;
                    because
                }
                Found::Wrong(row) => {
                    let because = format!("it says {}", in_a_line(&row));
                    let since = match wrong.take() {
                        Some((seen, since)) if seen == row => since,
                        Some(_) | None => Instant::now(),
                    };
                    if since.elapsed() >= SETTLED {
                        return Err(CallServerError::NotProved(because));
                    }
                    wrong = Some((row, since));
                    because
                }
            };
            if Instant::now() >= deadline {
                return Err(CallServerError::NotProved(missing));
            }
            sleep(PROOF_POLL).await;
        }
    }

    async fn look_for_proof(&self, values: &Placeholders<'_>, before: Option<&Row>) -> Found {
        let (query, expect): (&Query, _) = match &self.platform.load.proof {
            Proof::NewRow { query, expect } | Proof::Row { query, expect } => (query, values.fill_values(expect)),
        };
        let rows = match self.ask(Site::Alternate, WHAT, query).await {
            Ok(rows) => rows,
            Err(error) => return Found::Nothing(with_sources(&error)),
        };
        match &self.platform.load.proof {
            Proof::Row { .. } => match rows.into_iter().find(|row| holds(row, &expect)) {
                Some(row) => Found::Proof(row),
                None => Found::Nothing(format!("no row with {}", in_a_line(&expect.into_iter().collect()))),
            },
            Proof::NewRow { .. } => match rows.into_iter().next() {
                Some(row) if Some(&row) == before => Found::Nothing(format!("it still says {}", in_a_line(&row))),
                Some(row) if holds(&row, &expect) => Found::Proof(row),
                Some(row) => Found::Wrong(row),
                None => Found::Nothing("the command that would prove it names nothing".to_owned()),
            },
        }
    }
}

/// What looking for the proof found.
enum Found {
    /// The proof.
    Proof(Row),
    /// A new row that does not say what it should (yet).
    Wrong(Row),
    /// Nothing new, and why.
    Nothing(String),
}

/// Whether a line of output has one of the texts that mean failure; upper and lower case count as the same.
fn means_failure(line: &str, failure_texts: &[String]) -> bool {
    let line = line.to_lowercase();
    failure_texts.iter().any(|text| line.contains(&text.to_lowercase()))
}

fn in_a_line(row: &Row) -> String {
    row.iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>().join(", ")
}

/// An error with what caused it, for a reason that is kept as text.
fn with_sources(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
