//! Tells on standard error what a flow does, in lines that a log keeps as well as a person reads.

use std::io::Write;

use crate::domain::plan::Plan;
use crate::domain::preflight::{Finding, Verdict, size};
use crate::ports::dialog::News;
use crate::ports::host::visible;

/// Writes news as lines.
pub struct Teller {
    out: Box<dyn Write + Send>,
    quiet: bool,
}

impl Teller {
    /// Tells on `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, quiet: false }
    }

    /// Tells nothing, as the monitor does, whose journal tells it.
    #[must_use]
    pub fn quiet() -> Self {
        Self { out: Box::new(std::io::sink()), quiet: true }
    }

    /// Tells a piece of news.
    pub fn tell(&mut self, news: &News<'_>) {
        match news {
            News::Note(note) => self.line(&format!("note: {note}")),
            News::Checked(finding) => self.line(&check_line(finding)),
            News::StepBegins { number, of, step } => self.line(&format!("{number}/{of} {step} ...")),
            News::StepEnded { number, of, milliseconds, outcome: Ok(found) } => {
                let found = if found.is_empty() { String::new() } else { format!(": {found}") };
                self.line(&format!("{number}/{of} done in {}{found}", seconds(*milliseconds)));
            }
            News::StepEnded { number, of, milliseconds, outcome: Err(because) } => {
                self.line(&format!("{number}/{of} FAILED after {}: {because}", seconds(*milliseconds)));
            }
            News::GoingBack(because) => self.line(&format!("going back, because {because}")),
            News::Copying { bytes, of, rate } => {
                let left = of.saturating_sub(*bytes) / (*rate).max(1);
                self.line(&format!("    {} of {}, {}/s, {left} s left", size(*bytes), size(*of), size(*rate)));
            }
        }
    }

    /// Shows a plan before it is confirmed.
    pub fn plan(&mut self, plan: &Plan) {
        self.line(&plan_text(plan));
    }

    /// Writes a line. Nothing can be done about a standard error that takes none.
    pub fn line(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        for line in text.lines() {
            // See above.
            let _ = writeln!(self.out, "{}", visible(line));
        }
        let _ = self.out.flush();
    }
}

/// A plan as numbered lines, with what to know before.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut lines = vec![format!("plan for {}:", plan.action)];
    for (i, step) in plan.steps.iter().enumerate() {
        let milliseconds = u64::try_from(step.expected().as_millis()).unwrap_or(u64::MAX);
        lines.push(format!("  {:>2}  {step}  (about {})", i + 1, seconds(milliseconds)));
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("   !  {warning}")));
    lines.join("\n")
}

fn check_line(finding: &Finding) -> String {
    let (mark, text) = match &finding.verdict {
        Verdict::Good(text) => ("ok  ", text.as_str()),
        Verdict::Warning(text) => ("warn", text.as_str()),
        Verdict::Bad(text) => ("BAD ", text.as_str()),
        Verdict::NotTold => ("-   ", "the platform does not tell"),
    };
    format!("check {mark} {}: {text}", finding.check)
}

/// Milliseconds as a person reads them.
#[must_use]
pub fn seconds(milliseconds: u64) -> String {
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    if milliseconds < 120_000 {
        return format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100);
    }
    format!("{} min", milliseconds / 60_000)
}
