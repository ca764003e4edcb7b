//! The dialog of a person at plain line prompts.

use std::net::IpAddr;

use async_trait::async_trait;
use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Select, Text};

use super::scripted::Scripted;
use crate::domain::scan::{Class, Scan};
use crate::domain::translation::{Severity, TranslationEntry, TranslationTable};
use crate::ports::dialog::{Check, Confirmation, Dialog, DialogError, News, Question};
use crate::ports::host::printable;

/// Asks at the terminal what was not given beforehand.
pub struct Prompts {
    /// What was given beforehand, and where news go.
    pub script: Scripted,
}

#[async_trait]
impl Dialog for Prompts {
    async fn ask(&mut self, question: &Question, check: Check<'_>) -> Result<String, DialogError> {
        if let Some(answer) = self.script.given_answer(question, check)? {
            return Ok(answer);
        }
        let (page, _) = question.help.split_once('#').unwrap_or((question.help, ""));
        let help = format!("in a script: {} (help {page})", question.flag);
        if !question.choices.is_empty() {
            return chosen(question, &help);
        }
        if let Some(refused) = &question.refused {
            self.script.teller.line(&format!("not right: {}", refused.because));
        }
        loop {
            let mut text = Text::new(&question.prompt).with_help_message(&help);
            if let Some(default) = &question.default {
                text = text.with_default(default);
            }
            if let Some(refused) = &question.refused {
                text = text.with_initial_value(&refused.answer);
            }
            let answer = text.prompt().map_err(|error| ended(&error))?;
            match check(&answer) {
                Ok(()) => return Ok(answer),
                Err(because) => self.script.teller.line(&format!("not right: {because}")),
            }
        }
    }

    fn may_ask_again(&self, key: &str) -> bool {
        !self.script.given.words.contains_key(key)
    }

    async fn complete_translation(
        &mut self,
        scan: &Scan,
        mut table: TranslationTable,
    ) -> Result<TranslationTable, DialogError> {
        self.list(scan, &table);
        for address in scan.own_addresses().collect::<Vec<_>>() {
            if table.translate(address).is_none() {
                table.set(Self::ask_own(scan, address)?);
            }
        }
        for problem in table.problems(scan) {
            let mark = if problem.severity() == Severity::Must { "BAD" } else { "warn" };
            self.script.teller.line(&format!("{mark} {problem}"));
        }
        Ok(table)
    }

    async fn confirm(&mut self, confirmation: &Confirmation<'_>) -> Result<(), DialogError> {
        match confirmation {
            Confirmation::Plan(plan) => {
                self.script.teller.plan(plan);
                self.yes_or_cancel("Carry this out?")
            }
            Confirmation::Forced { plan, word } => {
                self.script.teller.plan(plan);
                let prompt =
                    format!("The other side does not answer. Type {word} to make the {word} live all the same:");
                let typed = Text::new(&prompt).prompt().map_err(|error| ended(&error))?;
                if typed.trim() == *word { Ok(()) } else { Err(DialogError::Cancelled) }
            }
            Confirmation::Trust { statement, .. } => {
                self.script.teller.line(statement);
                let right =
                    Confirm::new("Is that right?").with_default(false).prompt().map_err(|error| ended(&error))?;
                if right { Ok(()) } else { Err(DialogError::Cancelled) }
            }
        }
    }

    fn tell(&mut self, news: News<'_>) {
        self.script.tell(news);
    }
}

impl Prompts {
    fn yes_or_cancel(&mut self, prompt: &str) -> Result<(), DialogError> {
        if self.script.yes {
            return Ok(());
        }
        let yes = Confirm::new(prompt).with_default(false).prompt().map_err(|error| ended(&error))?;
        if yes { Ok(()) } else { Err(DialogError::Cancelled) }
    }

    /// Lists every address with where it occurs and what becomes of it.
    fn list(&mut self, scan: &Scan, table: &TranslationTable) {
        for (address, found) in &scan.addresses {
            let becomes = match (table.translate(*address), found.class) {
                (Some(becomes), _) => format!("becomes {becomes}"),
                (None, Class::Own) => "MUST be translated".to_owned(),
                (None, Class::Foreign) => "stays as it is".to_owned(),
            };
            let place = found.occurrences.first().map_or_else(String::new, |place| printable(&place.to_string()));
            self.script
                .teller
                .line(&format!("{address} ({}) {becomes}; {} times, first in {place}", found.class, found.total));
        }
    }

    fn ask_own(scan: &Scan, address: IpAddr) -> Result<TranslationEntry, DialogError> {
        let place = scan.addresses.get(&address).and_then(|found| found.occurrences.first());
        let place = place.map_or_else(String::new, |place| format!(" (in {})", printable(&place.to_string())));
        let prompt = format!("{address} belongs to the primary{place}; at the alternate it is");
        let entry = move |text: &str| format!("{address} -> {text}").parse::<TranslationEntry>();
        let validator = move |text: &str| {
            Ok(match entry(text) {
                Ok(_) => Validation::Valid,
                Err(error) => Validation::Invalid(error.to_string().into()),
            })
        };
        let answer = Text::new(&prompt).with_validator(validator).prompt().map_err(|error| ended(&error))?;
        entry(&answer).map_err(|error| DialogError::Wrong { key: "translation".to_owned(), because: error.to_string() })
    }
}

/// The answer chosen from a list.
fn chosen(question: &Question, help: &str) -> Result<String, DialogError> {
    let lines = question.choices.iter().map(|(word, means)| format!("{word}: {means}")).collect();
    let usual = question.choices.iter().position(|(word, _)| Some(*word) == question.default.as_deref());
    let select = Select::new(&question.prompt, lines).with_starting_cursor(usual.unwrap_or(0)).with_help_message(help);
    let index = select.raw_prompt().map_err(|error| ended(&error))?.index;
    Ok(question.choices.get(index).map(|(word, _)| (*word).to_owned()).unwrap_or_default())
}

fn ended(error: &InquireError) -> DialogError {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => DialogError::Cancelled,
        InquireError::NotTTY
        | InquireError::InvalidConfiguration(_)
        | InquireError::IO(_)
        | InquireError::Custom(_) => DialogError::Terminal(error.to_string()),
    }
}
