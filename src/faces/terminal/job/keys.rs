//! What each key does to a command under way.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Invocation, Job, Pending, Wish};
use crate::domain::plan::Action;
use crate::faces::failure::{Exit, Failure};
use crate::faces::terminal::conversation::Reply;

impl Job {
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
            Pending::Choice { .. } => self.key_in_a_choice(key),
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
        if let Pending::Question { question, .. } | Pending::Choice { question, .. } = &self.pending {
            return question.help;
        }
        if self.may_be_forced() {
            let to_alternate = self.invocation.words.iter().any(|word| word == "traffic-in-alternate");
            return if to_alternate { "lost-primary" } else { "lost-alternate" };
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
            KeyCode::Char('s') if !self.hindering().is_empty() => {
                let skip = [self.invocation.skip.clone(), self.hindering()].concat();
                return Some(Wish::Again(Invocation {
                    skip,
                    remembered: self.answers.clone(),
                    ..self.invocation.clone()
                }));
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

    /// What to do now, in the keys of this screen where it has some for it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let Some((_, Err(failure))) = &self.over else { return None };
        if self.may_be_forced() {
            let without_data = failure.hint.as_ref().is_some_and(|hint| hint.contains("without data"));
            let told = if without_data {
                "copy first (data › copy); f takes over without data"
            } else {
                "if that site is lost, press f; F1 tells what happens then"
            };
            return Some(told.to_owned());
        }
        if !self.hindering().is_empty() {
            return Some("mend what stands in the way and press a; s goes on without these checks".to_owned());
        }
        match failure.exit {
            Exit::NotConfigured => Some("go back and open configure, which sets it up".to_owned()),
            _ => failure.hint.clone(),
        }
    }

    /// The checks that stood in the way, and that a person may overrule.
    #[must_use]
    pub fn hindering(&self) -> Vec<String> {
        let Some((_, Err(failure))) = &self.over else { return Vec::new() };
        if failure.hint.as_ref().is_none_or(|hint| !hint.contains("--skip-check")) {
            return Vec::new();
        }
        let name = |because: &String| because.split_once(": ").map(|(name, _)| name.to_owned());
        failure.because.iter().filter_map(name).collect()
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
            // What was refused by a server may be right by now, so it can be entered again as it is.
            KeyCode::Enter
                if wrong.is_some() && question.refused.as_ref().is_none_or(|it| it.answer != field.value()) =>
            {
                None
            }
            KeyCode::Enter => {
                let (key, answer) = (question.key, field.value().to_owned());
                Some(self.answer(key, answer))
            }
            KeyCode::Esc => Some(self.back()),
            _ => field.on_key(key).then(|| Wish::Reply(Reply::Typed(field.value().to_owned()))),
        }
    }

    fn key_in_a_choice(&mut self, key: KeyEvent) -> Option<Wish> {
        let Pending::Choice { question, choices } = &mut self.pending else { return None };
        match key.code {
            KeyCode::Enter => {
                let (key, answer) = (question.key, choices.value().to_owned());
                Some(self.answer(key, answer))
            }
            KeyCode::Esc => Some(self.back()),
            _ => {
                choices.on_key(key);
                None
            }
        }
    }

    fn answer(&mut self, key: &str, answer: String) -> Wish {
        self.answers.retain(|(answered, _)| answered != key);
        self.answers.push((key.to_owned(), answer.clone()));
        Wish::Reply(Reply::Entered(answer))
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
                field.on_key(key);
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

/// Moves between two buttons; the decision when one is pressed.
pub(in crate::faces) fn choice(key: KeyEvent, chosen: &mut bool) -> Option<bool> {
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
