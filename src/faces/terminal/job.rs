//! A command under way: its checks, its questions, its plan, its steps, its end.

use chrono::{DateTime, Local};

use super::conversation::{Answers, Asked, Reply, Said, Told};
use super::field::{Choices, Field};
use crate::domain::plan::Plan;
use crate::domain::preflight::Finding;
use crate::faces::failure::Failure;
use crate::ports::dialog::Question;

mod invocation;
pub(in crate::faces) mod keys;
pub(in crate::faces) mod view;

pub use invocation::Invocation;

/// A step of the plan on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    /// Its number, from 1.
    pub number: usize,
    /// What is done.
    pub text: String,
    /// How it stands.
    pub state: StepState,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// Not begun; it usually takes so many milliseconds.
    Waits(u64),
    /// Since when it runs.
    Runs(DateTime<Local>),
    /// It is done, after so many milliseconds, with what it found.
    Done(u64, String),
    /// It failed, after so many milliseconds, and why.
    Failed(u64, String),
}

/// What the keys act on.
#[derive(Debug)]
pub enum Pending {
    /// Nothing: the flow works.
    Nothing,
    /// A question that is answered by one of a list.
    Choice {
        /// The question.
        question: Box<Question>,
        /// The list.
        choices: Choices,
    },
    /// A question and the field for its answer.
    Question {
        /// The question.
        question: Box<Question>,
        /// The field.
        field: Field,
        /// Where its first text comes from.
        from: &'static str,
        /// What is wrong with it; nothing while it is right or not judged yet.
        wrong: Option<String>,
    },
    /// A translation table; the editor lies over this screen.
    Translation,
    /// A plan, to be confirmed by a word or by choosing.
    Plan {
        /// The field for the word, and the word.
        word: Option<(Field, String)>,
        /// Whether "Do it" is chosen, not "Cancel".
        doing: bool,
    },
    /// A statement that is right or not.
    Trust {
        /// The statement.
        statement: String,
        /// Whether "It is right" is chosen.
        right: bool,
    },
    /// A running copy is to be cancelled or not.
    CancelCopy {
        /// Whether "Cancel the copy" is chosen.
        doing: bool,
    },
}

/// A command under way.
#[derive(Debug)]
pub struct Job {
    /// The command.
    pub invocation: Invocation,
    /// Questions with their answers, in their order.
    pub answered: Vec<(String, String)>,
    /// Verdicts of the checks.
    pub checks: Vec<Finding>,
    /// Notes, in their order.
    pub notes: Vec<String>,
    /// The plan, once it is there.
    pub plan: Option<Plan>,
    /// The steps, once the plan runs.
    pub steps: Vec<StepRow>,
    /// Why the plan is taken back, if it is.
    pub going_back: Option<String>,
    /// Bytes here, bytes there will be, bytes a second.
    pub copying: Option<(u64, u64, u64)>,
    /// What the keys act on.
    pub pending: Pending,
    /// What was answered so far.
    pub answers: Answers,
    /// How it ended, and what it printed.
    pub over: Option<(String, Result<(), Failure>)>,
    /// A line of advice at the bottom.
    pub advice: Option<&'static str>,
    /// Whether the plan was confirmed, or a step has begun: from then on something changes.
    pub confirmed: bool,
    /// The first line shown.
    pub scroll: usize,
    /// Lines there are and lines that fit, as drawn last.
    pub drawn: std::cell::Cell<(usize, usize)>,
}

/// What a key on this screen leads to.
#[derive(Debug, PartialEq)]
pub enum Wish {
    /// An answer goes to the flow.
    Reply(Reply),
    /// The command is started again, with these answers.
    Again(Invocation),
    /// A running copy is broken off and taken back.
    BreakOff,
    /// The screen is left.
    Leave,
    /// A page of the help.
    Help(&'static str),
}

impl Job {
    /// A command that was just started.
    #[must_use]
    pub fn new(invocation: Invocation) -> Self {
        let answers = invocation.answers.clone();
        Self {
            invocation,
            answered: Vec::new(),
            checks: Vec::new(),
            notes: Vec::new(),
            plan: None,
            steps: Vec::new(),
            going_back: None,
            copying: None,
            pending: Pending::Nothing,
            answers,
            over: None,
            advice: None,
            confirmed: false,
            scroll: 0,
            drawn: std::cell::Cell::new((0, 0)),
        }
    }

    /// Whether something changes at this moment.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.confirmed && self.over.is_none()
    }

    /// Takes in what the flow says.
    pub fn heard(&mut self, said: Said, now: DateTime<Local>) {
        self.scroll = usize::MAX;
        match said {
            Said::Told(told) => self.told(told, now),
            Said::Asked(asked) => self.asked(asked),
            Said::Judged { text, verdict } => {
                if let Pending::Question { field, wrong, .. } = &mut self.pending
                    && field.value() == text
                {
                    *wrong = verdict.err();
                }
            }
            Said::Over { printed, result } => {
                self.pending = Pending::Nothing;
                self.advice = None;
                self.over = Some((printed, result));
                self.scroll = 0;
            }
        }
    }

    fn told(&mut self, told: Told, now: DateTime<Local>) {
        match told {
            Told::Note(note) => self.notes.push(note),
            Told::Answered { prompt, answer } => {
                self.pending = Pending::Nothing;
                self.answered.push((prompt, answer));
            }
            Told::Checked(finding) => self.checks.push(finding),
            Told::StepBegins { number, step, .. } => {
                // Some settings are changed without a question; from here on something changes all the same.
                self.confirmed = true;
                self.copying = None;
                let state = StepState::Runs(now);
                match self.steps.iter_mut().find(|row| row.number == number) {
                    Some(row) => row.state = state,
                    None => self.steps.push(StepRow { number, text: step, state }),
                }
            }
            Told::StepEnded { number, milliseconds, outcome } => {
                self.copying = None;
                if let Some(row) = self.steps.iter_mut().find(|row| row.number == number) {
                    row.state = match outcome {
                        Ok(found) => StepState::Done(milliseconds, found),
                        Err(because) => StepState::Failed(milliseconds, because),
                    };
                }
            }
            Told::GoingBack(because) => {
                self.steps.retain(|row| !matches!(row.state, StepState::Waits(_)));
                self.going_back = Some(because);
            }
            Told::Copying { bytes, of, rate } => self.copying = Some((bytes, of, rate)),
        }
    }

    fn asked(&mut self, asked: Asked) {
        self.copying = None;
        self.pending = match asked {
            Asked::Question { question, proposed, .. } if !question.choices.is_empty() => {
                let choices = Choices::proposing(question.choices, &proposed.unwrap_or_default());
                Pending::Choice { question: Box::new(question), choices }
            }
            Asked::Question { question, proposed, from } => {
                // What turned out to be wrong was no answer.
                if question.refused.is_some() {
                    self.answered.retain(|(prompt, _)| *prompt != question.prompt);
                }
                let field = Field::proposing(proposed.unwrap_or_default());
                let wrong = question.refused.as_ref().map(|refused| refused.because.clone());
                Pending::Question { question: Box::new(question), field, from, wrong }
            }
            Asked::Translation { .. } => Pending::Translation,
            Asked::Plan { plan, word } => {
                // What was done before goes by a plan of its own, and this one changes nothing yet.
                if let Some(done) = self.plan.take().filter(|_| self.confirmed) {
                    self.notes.push(format!("{} is done; this comes next", done.action));
                    self.confirmed = false;
                }
                self.steps = plan.steps.iter().enumerate().map(|(i, step)| waiting(i + 1, step)).collect();
                self.plan = Some(*plan);
                Pending::Plan { word: word.map(|word| (Field::default(), word)), doing: false }
            }
            Asked::Trust { statement } => Pending::Trust { statement, right: false },
        };
    }

    /// The answer of the editor: the table, or none.
    pub fn translated(&mut self) {
        self.pending = Pending::Nothing;
    }
}

fn waiting(number: usize, step: &crate::domain::plan::Step) -> StepRow {
    let milliseconds = u64::try_from(step.expected().as_millis()).unwrap_or(u64::MAX);
    StepRow { number, text: step.to_string(), state: StepState::Waits(milliseconds) }
}

#[cfg(test)]
mod tests;
