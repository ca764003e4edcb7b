//! The dialog of a script: answers from flags and an answers file, and an error that names the flag where one is missing.

use async_trait::async_trait;

use super::teller::Teller;
use crate::domain::given::Given;
use crate::domain::scan::Scan;
use crate::domain::translation::TranslationTable;
use crate::ports::dialog::{Check, Confirmation, Dialog, DialogError, News, Question};

/// Answers for a script.
pub struct Scripted {
    /// What was given.
    pub given: Given,
    /// `--yes`.
    pub yes: bool,
    /// `--force`.
    pub force: bool,
    /// Where news go.
    pub teller: Teller,
}

impl Scripted {
    /// The given answer to a question, if there is one.
    ///
    /// # Errors
    /// When it is not right.
    pub fn given_answer(&self, question: &Question, check: Check<'_>) -> Result<Option<String>, DialogError> {
        let Some(answer) = self.given.words.get(question.key) else { return Ok(None) };
        check(answer).map_err(|because| DialogError::Wrong { key: question.key.to_owned(), because })?;
        Ok(Some(answer.clone()))
    }
}

#[async_trait]
impl Dialog for Scripted {
    async fn ask(&mut self, question: &Question, check: Check<'_>) -> Result<String, DialogError> {
        if let Some(answer) = self.given_answer(question, check)? {
            return Ok(answer);
        }
        question.default.clone().ok_or_else(|| DialogError::Missing {
            prompt: question.prompt.clone(),
            flag: question.flag.to_owned(),
            key: question.key.to_owned(),
        })
    }

    fn may_ask_again(&self, _key: &str) -> bool {
        false
    }

    async fn complete_translation(
        &mut self,
        _scan: &Scan,
        table: TranslationTable,
    ) -> Result<TranslationTable, DialogError> {
        // What is missing is the flow's to refuse, with every address at once.
        Ok(table)
    }

    async fn confirm(&mut self, confirmation: &Confirmation<'_>) -> Result<(), DialogError> {
        let (plan, confirmed, flag) = match confirmation {
            Confirmation::Plan(plan) => (Some(*plan), self.yes, "--yes"),
            Confirmation::Forced { plan, .. } => (Some(*plan), self.yes && self.force, "--force --yes"),
            Confirmation::Trust { statement, flag } => {
                self.teller.line(statement);
                (None, false, *flag)
            }
        };
        if let Some(plan) = plan {
            self.teller.plan(plan);
        }
        if confirmed { Ok(()) } else { Err(DialogError::NotConfirmed { flag: flag.to_owned() }) }
    }

    fn tell(&mut self, news: News<'_>) {
        self.teller.tell(&news);
    }
}
