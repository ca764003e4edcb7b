//! How a flow speaks with whoever runs it: a person at prompts, a terminal UI, or a script with answers.

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::plan::{Plan, Step};
use crate::domain::preflight::Finding;
use crate::domain::scan::Scan;
use crate::domain::translation::TranslationTable;

/// A question of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The answer's name in an answers file, `primary_master_address`.
    pub key: &'static str,
    /// The flag that answers it, `--primary-master-address`.
    pub flag: &'static str,
    /// What is asked, as a person reads it.
    pub prompt: String,
    /// What is taken when nothing is typed; `None` where a person has to decide.
    pub default: Option<String>,
    /// The only answers there are, each with what it means; none where anything may be typed.
    pub choices: &'static [(&'static str, &'static str)],
    /// The answer that was taken before, and why it turned out to be wrong.
    pub refused: Option<Refused>,
    /// The page of `help/` about it; behind a `#`, how the place begins there.
    pub help: &'static str,
}

/// An answer that had the right form, and turned out to be wrong when it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The answer.
    pub answer: String,
    /// What is wrong with it.
    pub because: String,
}

/// Checks what was typed: nothing, or what is wrong with it.
pub type Check<'a> = &'a (dyn Fn(&str) -> Result<(), String> + Send + Sync);

/// What is to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation<'a> {
    /// A plan, by yes.
    Plan(&'a Plan),
    /// A plan that a person vouches for, by typing `word`; a script passes `--force` and a reason instead.
    Forced {
        /// The plan.
        plan: &'a Plan,
        /// The word to type: the name of the site that is made active.
        word: &'a str,
    },
    /// A statement that is right or not, such as a host key. `--yes` does not confirm it: a script gives the answer
    /// named by `flag`.
    Trust {
        /// What is to be right.
        statement: String,
        /// The flag by which a script says so.
        flag: &'static str,
    },
}

/// What a flow tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum News<'a> {
    /// Something worth knowing: an input that was mended, a setting that waits.
    Note(String),
    /// A preflight check came to its verdict.
    Checked(&'a Finding),
    /// A step begins.
    StepBegins {
        /// Its number, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// The step.
        step: &'a Step,
    },
    /// A step ended.
    StepEnded {
        /// Its number, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// How long it took.
        milliseconds: u64,
        /// What it found, or why it failed.
        outcome: Result<String, String>,
    },
    /// The plan failed and is taken back.
    GoingBack(String),
    /// A copy goes on.
    Copying {
        /// Bytes here.
        bytes: u64,
        /// Bytes there will be.
        of: u64,
        /// Bytes a second since the copy began.
        rate: u64,
    },
}

/// Speaks with whoever runs a flow. A face decides nothing: it brings questions there and answers back.
#[async_trait]
pub trait Dialog: Send {
    /// Asks a question until an answer passes `check`.
    ///
    /// # Errors
    /// [`DialogError`] when nobody can answer, the answer of a script is not right, or the person gives up.
    async fn ask(&mut self, question: &Question, check: Check<'_>) -> Result<String, DialogError>;

    /// Whether the question with this key can be asked once more, because a person typed its answer.
    fn may_ask_again(&self, key: &str) -> bool;

    /// Has the translation table completed: every own address of `scan` mapped.
    ///
    /// # Errors
    /// As [`Dialog::ask`]; a script's missing entries are one error that lists them all.
    async fn complete_translation(
        &mut self,
        scan: &Scan,
        table: TranslationTable,
    ) -> Result<TranslationTable, DialogError>;

    /// Shows what is to be confirmed and has it confirmed.
    ///
    /// # Errors
    /// [`DialogError::Cancelled`] when it is not.
    async fn confirm(&mut self, confirmation: &Confirmation<'_>) -> Result<(), DialogError>;

    /// Tells what happens.
    fn tell(&mut self, news: News<'_>);
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialogError {
    /// Nobody is there to be asked.
    #[error("nobody is there to answer \"{prompt}\"; give {flag}, or {key} in the answers file")]
    Missing {
        /// What was asked.
        prompt: String,
        /// The flag that answers it.
        flag: String,
        /// Its name in the answers file.
        key: String,
    },
    /// The answer is not right.
    #[error("{key}: {because}")]
    Wrong {
        /// The answer's name.
        key: String,
        /// What is wrong.
        because: String,
    },
    /// A confirmation is needed and nobody is there to give it.
    #[error("nobody is there to confirm; add {flag}")]
    NotConfirmed {
        /// The flag that confirms.
        flag: String,
    },
    /// The person gave up.
    #[error("cancelled; nothing was changed")]
    Cancelled,
    /// The terminal is not usable.
    #[error("the terminal cannot be used: {0}")]
    Terminal(String),
}
