//! The dialog of the terminal UI: a flow's questions go to the screen, and answers come back from it.
//!
//! A flow runs as a task of its own, so the keys are never blocked. Going back a question starts the flow again with
//! the answers that were given so far: nothing is changed before a plan is confirmed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::domain::plan::Plan;
use crate::domain::preflight::Finding;
use crate::domain::scan::Scan;
use crate::domain::translation::TranslationTable;
use crate::faces::failure::Failure;
use crate::faces::scripted::Scripted;
use crate::ports::dialog::{Check, Confirmation, Dialog, DialogError, News, Question};

/// What a running command has to say to the screen.
#[derive(Debug)]
pub enum Said {
    /// Something happened.
    Told(Told),
    /// It waits for an answer.
    Asked(Asked),
    /// Whether what is typed would be taken.
    Judged {
        /// What was judged.
        text: String,
        /// What is wrong with it.
        verdict: Result<(), String>,
    },
    /// It is over.
    Over {
        /// What it printed.
        printed: String,
        /// How it ended.
        result: Result<(), Failure>,
    },
}

/// News of a flow, kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something worth knowing.
    Note(String),
    /// A question has its answer.
    Answered {
        /// The question, as a person reads it.
        prompt: String,
        /// The answer.
        answer: String,
    },
    /// A check came to its verdict.
    Checked(Finding),
    /// A step begins.
    StepBegins {
        /// Its number, from 1.
        number: usize,
        /// What is done.
        step: String,
        /// How long it usually takes.
        expected: Duration,
    },
    /// A step ended.
    StepEnded {
        /// Its number.
        number: usize,
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
        /// Bytes a second.
        rate: u64,
    },
}

impl From<News<'_>> for Told {
    fn from(news: News<'_>) -> Self {
        match news {
            News::Note(note) => Self::Note(note),
            News::Checked(finding) => Self::Checked(finding.clone()),
            News::StepBegins { number, step, .. } => {
                Self::StepBegins { number, step: step.to_string(), expected: step.expected() }
            }
            News::StepEnded { number, milliseconds, outcome, .. } => Self::StepEnded { number, milliseconds, outcome },
            News::GoingBack(because) => Self::GoingBack(because),
            News::Copying { bytes, of, rate } => Self::Copying { bytes, of, rate },
        }
    }
}

/// What a flow waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// An answer to a question.
    Question {
        /// The question.
        question: Question,
        /// What stands in the field at first.
        proposed: Option<String>,
        /// Where that comes from.
        from: &'static str,
    },
    /// A complete translation table.
    Translation {
        /// The addresses of the first mirror.
        scan: Box<Scan>,
        /// The table so far.
        table: TranslationTable,
    },
    /// A yes to a plan; with a word, that word.
    Plan {
        /// The plan.
        plan: Box<Plan>,
        /// The word to type, where a person vouches.
        word: Option<String>,
    },
    /// Whether a statement is right.
    Trust {
        /// The statement.
        statement: String,
    },
}

/// What the screen answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// What is in the field now; it is judged, not taken.
    Typed(String),
    /// What was entered.
    Entered(String),
    /// The completed table.
    Table(TranslationTable),
    /// Yes.
    Yes,
    /// No: the flow is cancelled.
    No,
}

/// Answers that were given, in their order: the key of the question or the statement, and the answer.
pub type Answers = Vec<(String, String)>;

/// Speaks with the screen.
pub struct Conversation {
    /// What was given beforehand (an answers file); proposed, not taken unasked.
    pub script: Scripted,
    /// Answers to give again without asking, after a step back.
    pub replay: VecDeque<(String, String)>,
    /// What was answered before, by key; proposed again.
    pub remembered: BTreeMap<String, String>,
    /// To the screen.
    pub say: UnboundedSender<Said>,
    /// From the screen.
    pub replies: UnboundedReceiver<Reply>,
}

impl Conversation {
    fn say(&self, said: Said) -> Result<(), DialogError> {
        self.say.send(said).map_err(|_| DialogError::Terminal("the screen is gone".to_owned()))
    }

    async fn reply(&mut self) -> Result<Reply, DialogError> {
        self.replies.recv().await.ok_or_else(|| DialogError::Terminal("the screen is gone".to_owned()))
    }

    fn answered(&self, question: &Question, answer: String) -> Result<String, DialogError> {
        self.say(Said::Told(Told::Answered { prompt: question.prompt.clone(), answer: answer.clone() }))?;
        Ok(answer)
    }

    /// The answer that is given again, if the next one is to this question.
    fn replayed(&mut self, key: &str) -> Option<String> {
        let is_next = self.replay.front().is_some_and(|(next, _)| next == key);
        self.replay.pop_front().filter(|_| is_next).map(|(_, answer)| answer)
    }

    /// What is proposed as the answer, and where it comes from.
    fn proposed(&self, question: &Question) -> (Option<String>, &'static str) {
        if let Some(refused) = &question.refused {
            return (Some(refused.answer.clone()), "what you entered before");
        }
        if let Some(before) = self.remembered.get(question.key) {
            return (Some(before.clone()), "what you entered before");
        }
        match self.script.given.words.get(question.key) {
            Some(given) => (Some(given.clone()), "from the answers file"),
            None => (question.default.clone(), "the usual answer"),
        }
    }
}

#[async_trait]
impl Dialog for Conversation {
    async fn ask(&mut self, question: &Question, check: Check<'_>) -> Result<String, DialogError> {
        if question.refused.is_none()
            && let Some(answer) = self.replayed(question.key)
            && check(&answer).is_ok()
        {
            return self.answered(question, answer);
        }
        self.replay.clear();
        let (proposed, from) = self.proposed(question);
        self.say(Said::Asked(Asked::Question { question: question.clone(), proposed, from }))?;
        loop {
            match self.reply().await? {
                Reply::Typed(text) => {
                    let verdict = check(&text);
                    self.say(Said::Judged { text, verdict })?;
                }
                Reply::Entered(text) => match check(&text) {
                    Ok(()) => return self.answered(question, text),
                    verdict @ Err(_) => self.say(Said::Judged { text, verdict })?,
                },
                Reply::No => return Err(DialogError::Cancelled),
                Reply::Table(_) | Reply::Yes => {}
            }
        }
    }

    fn may_ask_again(&self, _key: &str) -> bool {
        true
    }

    async fn complete_translation(
        &mut self,
        scan: &Scan,
        table: TranslationTable,
    ) -> Result<TranslationTable, DialogError> {
        self.replay.clear();
        self.say(Said::Asked(Asked::Translation { scan: Box::new(scan.clone()), table }))?;
        loop {
            match self.reply().await? {
                Reply::Table(table) => return Ok(table),
                Reply::No => return Err(DialogError::Cancelled),
                Reply::Typed(_) | Reply::Entered(_) | Reply::Yes => {}
            }
        }
    }

    async fn confirm(&mut self, confirmation: &Confirmation<'_>) -> Result<(), DialogError> {
        let (asked, word) = match confirmation {
            Confirmation::Plan(plan) => (Asked::Plan { plan: Box::new((*plan).clone()), word: None }, None),
            Confirmation::Forced { plan, word } => {
                let asked = Asked::Plan { plan: Box::new((*plan).clone()), word: Some((*word).to_owned()) };
                (asked, Some(*word))
            }
            Confirmation::Trust { statement, .. } => {
                if self.replayed(statement).is_some() {
                    return Ok(());
                }
                (Asked::Trust { statement: statement.clone() }, None)
            }
        };
        self.replay.clear();
        self.say(Said::Asked(asked))?;
        loop {
            match (self.reply().await?, word) {
                (Reply::Yes, None) => return Ok(()),
                (Reply::Entered(typed), Some(word)) if typed.trim() == word => return Ok(()),
                (Reply::No, _) => return Err(DialogError::Cancelled),
                (Reply::Yes | Reply::Typed(_) | Reply::Entered(_) | Reply::Table(_), _) => {}
            }
        }
    }

    fn tell(&mut self, news: News<'_>) {
        // A screen that is gone is noticed at the next question; a change under way goes on to its end.
        let _ = self.say.send(Said::Told(news.into()));
    }
}
