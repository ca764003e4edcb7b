//! A command under way: its checks, its questions, its plan, its steps, its end.

use chrono::{DateTime, Local};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::conversation::{Answers, Asked, Reply, Said, Told};
use crate::domain::plan::{Action, Plan};
use crate::domain::preflight::Finding;
use crate::faces::failure::{Exit, Failure};
use crate::ports::dialog::Question;

mod view;

/// A command as it is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Its words.
    pub words: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// A person vouches for a side that does not answer.
    pub force: bool,
    /// The unfinished action is finished or taken back instead.
    pub recover: Option<crate::flows::recover::Way>,
    /// Answers that are given again without asking.
    pub answers: Answers,
    /// Answers that are proposed again.
    pub remembered: Answers,
}

impl Invocation {
    /// A command of these words.
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Self::default() }
    }

    /// The unfinished action, brought to its end.
    #[must_use]
    pub fn recovering(way: crate::flows::recover::Way) -> Self {
        Self { recover: Some(way), ..Self::default() }
    }

    /// What a person reads above it.
    #[must_use]
    pub fn title(&self) -> String {
        match self.recover {
            Some(crate::flows::recover::Way::Resume) => "finish what was begun".to_owned(),
            Some(crate::flows::recover::Way::Abandon) => "take back what was begun".to_owned(),
            None => self.words.iter().filter(|word| !word.starts_with('-')).cloned().collect::<Vec<_>>().join(" › "),
        }
    }

    /// The command that does the same from a script.
    #[must_use]
    pub fn in_a_script(&self) -> String {
        let mut line = vec!["mxone_system_redundancy".to_owned()];
        line.extend(self.words.iter().map(|word| quoted(word)));
        match self.recover {
            Some(crate::flows::recover::Way::Resume) => line.push("--resume".to_owned()),
            Some(crate::flows::recover::Way::Abandon) => line.push("--abandon".to_owned()),
            None => {}
        }
        if self.force {
            line.push("--force".to_owned());
        }
        if let Some(reason) = &self.reason {
            line.extend(["--reason".to_owned(), quoted(reason)]);
        }
        line.join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=:./@,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

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
    /// A question and the field for its answer.
    Question {
        /// The question.
        question: Box<Question>,
        /// The field.
        field: Input,
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
        word: Option<(Input, String)>,
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
            Asked::Question { question, proposed, from } => {
                let field = Input::new(proposed.unwrap_or_default());
                Pending::Question { question: Box::new(question), field, from, wrong: None }
            }
            Asked::Translation { .. } => Pending::Translation,
            Asked::Plan { plan, word } => {
                self.steps = plan.steps.iter().enumerate().map(|(i, step)| waiting(i + 1, step)).collect();
                self.plan = Some(*plan);
                Pending::Plan { word: word.map(|word| (Input::default(), word)), doing: false }
            }
            Asked::Trust { statement } => Pending::Trust { statement, right: false },
        };
    }

    /// The answer of the editor: the table, or none.
    pub fn translated(&mut self) {
        self.pending = Pending::Nothing;
    }

    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Wish> {
        self.advice = None;
        match key.code {
            KeyCode::F(1) => return Some(Wish::Help(self.help())),
            KeyCode::PageUp => self.scroll_by(-10),
            KeyCode::PageDown => self.scroll_by(10),
            _ => {}
        }
        if self.over.is_some() {
            return self.key_at_the_end(key);
        }
        match &mut self.pending {
            Pending::Nothing | Pending::Translation => self.key_while_it_works(key),
            Pending::Question { .. } => self.key_in_a_question(key),
            Pending::Plan { word: Some(_), .. } => self.key_in_a_word(key),
            Pending::Plan { doing: chosen, .. }
            | Pending::Trust { right: chosen, .. }
            | Pending::CancelCopy { doing: chosen } => match choice(key, chosen) {
                Some(yes) => self.decided(yes),
                None => None,
            },
        }
    }

    /// The page of the help that fits this moment.
    #[must_use]
    pub fn help(&self) -> &'static str {
        if let Pending::Question { question, .. } = &self.pending {
            return question.help;
        }
        match self.invocation.words.first().map(String::as_str) {
            Some("configure") => "configure",
            Some("remove") => "remove",
            Some("manual-takeover") => "manual-takeover",
            Some("data") => "data",
            Some("settings" | "config") => "settings",
            Some("monitor") => "monitor",
            Some("status" | "list") => "status",
            Some(_) => "start",
            None => "resume",
        }
    }

    fn scroll_by(&mut self, lines: isize) {
        let (there, fit) = self.drawn.get();
        let last = there.saturating_sub(fit);
        self.scroll = self.scroll.min(last).saturating_add_signed(lines).min(last);
    }

    fn key_at_the_end(&mut self, key: KeyEvent) -> Option<Wish> {
        match key.code {
            KeyCode::Up => self.scroll_by(-1),
            KeyCode::Down => self.scroll_by(1),
            KeyCode::Char('f') if self.may_be_forced() => {
                return Some(Wish::Again(Invocation { force: true, ..self.invocation.clone() }));
            }
            KeyCode::Char('a') if self.may_be_tried_again() => {
                let remembered = self.answers.clone();
                let invocation = Invocation { answers: Vec::new(), remembered, ..self.invocation.clone() };
                return Some(Wish::Again(invocation));
            }
            KeyCode::Enter | KeyCode::Esc | KeyCode::Char('q') => return Some(Wish::Leave),
            _ => {}
        }
        None
    }

    /// Whether a takeover was refused because the other side does not answer, which a person may overrule.
    #[must_use]
    pub fn may_be_forced(&self) -> bool {
        let is_takeover = self.invocation.words.first().is_some_and(|word| word == "manual-takeover");
        let is_refused = matches!(&self.over, Some((_, Err(failure))) if failure.exit == Exit::Refused);
        let says_so = |failure: &Failure| failure.hint.as_ref().is_some_and(|hint| hint.contains("--force"));
        let would_help = matches!(&self.over, Some((_, Err(failure))) if says_so(failure));
        is_takeover && is_refused && would_help && !self.invocation.force
    }

    /// Whether it makes sense to begin again: it failed.
    #[must_use]
    pub fn may_be_tried_again(&self) -> bool {
        matches!(self.over, Some((_, Err(_))))
    }

    fn key_while_it_works(&mut self, key: KeyEvent) -> Option<Wish> {
        match key.code {
            KeyCode::Esc if !self.confirmed => return Some(Wish::Leave),
            KeyCode::Esc if self.copying.is_some() => self.pending = Pending::CancelCopy { doing: false },
            KeyCode::Esc => self.advice = Some("a change is under way; it ends by itself, or goes back by itself"),
            KeyCode::Up => self.scroll_by(-1),
            KeyCode::Down => self.scroll_by(1),
            _ => {}
        }
        None
    }

    fn key_in_a_question(&mut self, key: KeyEvent) -> Option<Wish> {
        let Pending::Question { question, field, wrong, .. } = &mut self.pending else { return None };
        match key.code {
            KeyCode::Enter if wrong.is_some() => None,
            KeyCode::Enter => {
                let answer = field.value().to_owned();
                self.answers.retain(|(key, _)| key != question.key);
                self.answers.push((question.key.to_owned(), answer.clone()));
                Some(Wish::Reply(Reply::Entered(answer)))
            }
            KeyCode::Esc => Some(self.back()),
            _ => {
                let before = field.value().to_owned();
                field.handle_event(&Event::Key(key));
                (field.value() != before).then(|| Wish::Reply(Reply::Typed(field.value().to_owned())))
            }
        }
    }

    /// One question back: the command is begun again with all answers but the last. From the first it is left.
    #[must_use]
    pub fn back(&self) -> Wish {
        let Some((_, given)) = self.answers.split_last() else { return Wish::Leave };
        let mut remembered = self.invocation.remembered.clone();
        remembered.extend(self.answers.iter().cloned());
        Wish::Again(Invocation { answers: given.to_vec(), remembered, ..self.invocation.clone() })
    }

    fn key_in_a_word(&mut self, key: KeyEvent) -> Option<Wish> {
        let Pending::Plan { word: Some((field, word)), .. } = &mut self.pending else { return None };
        match key.code {
            KeyCode::Enter if field.value().trim() == word.as_str() => {
                let typed = field.value().to_owned();
                self.begin();
                Some(Wish::Reply(Reply::Entered(typed)))
            }
            KeyCode::Enter => {
                self.advice = Some("that is not the word; Esc cancels, and nothing is changed");
                None
            }
            KeyCode::Esc => Some(Wish::Reply(Reply::No)),
            _ => {
                field.handle_event(&Event::Key(key));
                None
            }
        }
    }

    fn begin(&mut self) {
        self.pending = Pending::Nothing;
        self.confirmed = true;
    }

    fn decided(&mut self, yes: bool) -> Option<Wish> {
        match (std::mem::replace(&mut self.pending, Pending::Nothing), yes) {
            (Pending::Plan { .. }, true) => {
                self.begin();
                Some(Wish::Reply(Reply::Yes))
            }
            (Pending::Trust { statement, .. }, true) => {
                self.answers.push((statement, String::new()));
                Some(Wish::Reply(Reply::Yes))
            }
            (Pending::CancelCopy { .. }, true) => Some(Wish::BreakOff),
            (Pending::CancelCopy { .. }, false) => None,
            (Pending::Plan { .. }, false) if self.plan_can_go_back() => Some(self.back()),
            (_, _) => Some(Wish::Reply(Reply::No)),
        }
    }

    /// From the plan of a configure one goes back to the last question, not out of the wizard.
    fn plan_can_go_back(&self) -> bool {
        let is_configure = self.plan.as_ref().is_some_and(|plan| plan.action == Action::Configure);
        is_configure && !self.answers.is_empty()
    }
}

fn waiting(number: usize, step: &crate::domain::plan::Step) -> StepRow {
    let milliseconds = u64::try_from(step.expected().as_millis()).unwrap_or(u64::MAX);
    StepRow { number, text: step.to_string(), state: StepState::Waits(milliseconds) }
}

/// Moves between two buttons; the decision when one is pressed.
fn choice(key: KeyEvent, chosen: &mut bool) -> Option<bool> {
    match key.code {
        KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab => *chosen = !*chosen,
        KeyCode::Char('y') if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => *chosen = true,
        KeyCode::Char('n') => *chosen = false,
        KeyCode::Enter => return Some(*chosen),
        KeyCode::Esc => return Some(false),
        _ => {}
    }
    None
}

#[cfg(test)]
mod tests;
