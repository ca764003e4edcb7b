//! The same menu as line prompts: for serial consoles, screen readers and dumb terminals.

use clap::Parser;
use inquire::{Confirm, InquireError, Select, Text};

use super::cli::{Cli, Common};
use super::failure::{Exit, Failure};
use super::menu::{self, Asks, Item, Leads};
use super::output::ToReader;
use super::run::{Run, at_hand};
use crate::domain::journal::Person;
use crate::flows::mirrors;
use crate::flows::recover::Way;
use crate::flows::{Ports, Stopped};

/// What the menu works on.
pub struct Plain<'a> {
    /// The world.
    pub ports: &'a Ports,
    /// The flags of the command line.
    pub common: Common,
    /// Who sits there.
    pub person: Person,
}

/// The words of a command with what was asked for, and the reason.
type Asked = (Vec<String>, Option<String>);

/// A line of a menu, and what it leads to.
enum Choice {
    Item(&'static Item),
    Recover(Way),
    Back,
}

impl Plain<'_> {
    /// Asks what to do until a person leaves.
    ///
    /// # Errors
    /// When the terminal takes no prompts. What a command says goes to the person, and the menu goes on.
    pub async fn run(&self) -> Result<(), Failure> {
        let mut path: Vec<(&str, &'static [Item])> = vec![("menu", menu::TOP)];
        while let Some((_, items)) = path.last().copied() {
            let crumbs: Vec<&str> = path.iter().map(|(word, _)| *word).collect();
            match self.choose(&crumbs.join(" > "), items, path.len() == 1)? {
                Choice::Item(item) => match item.leads {
                    Leads::Menu(inner) => path.push((item.word, inner)),
                    Leads::Leave => return Ok(()),
                    Leads::Run(words) | Leads::Show(words, _) => self.tell(self.command(words, None, false).await),
                    Leads::Ask(words, asks) => match self.asked(words, asks) {
                        Ok(Some((words, reason))) => {
                            let words: Vec<&str> = words.iter().map(String::as_str).collect();
                            self.takeover_or_other(&words, reason).await;
                        }
                        Ok(None) => {}
                        Err(failure) => self.tell(Err(failure)),
                    },
                },
                Choice::Recover(way) => self.tell(self.recover(way).await),
                Choice::Back => {
                    path.pop();
                }
            }
        }
        Ok(())
    }

    fn choose(&self, title: &str, items: &'static [Item], is_top: bool) -> Result<Choice, Failure> {
        let mut choices: Vec<(String, Choice)> =
            items.iter().map(|item| (format!("{} - {}", item.word, item.says), Choice::Item(item))).collect();
        if is_top && self.ports.journal.unfinished().ok().flatten().is_some() {
            choices.insert(0, ("take back what was begun and not finished".to_owned(), Choice::Recover(Way::Abandon)));
            choices.insert(0, ("finish what was begun and not finished".to_owned(), Choice::Recover(Way::Resume)));
        }
        if !is_top {
            choices.push(("back".to_owned(), Choice::Back));
        }
        let names = choices.iter().map(|(name, _)| name.clone()).collect();
        // What is typed is looked for in the words of the menu before it is looked for in what they are for.
        let by_word = |typed: &str, _: &String, shown: &str, _: usize| {
            let (typed, shown) = (typed.to_lowercase(), shown.to_lowercase());
            let (word, says) = shown.split_once(" - ").unwrap_or((&shown, ""));
            let rank = [word.starts_with(&typed), word.contains(&typed), says.contains(&typed)];
            rank.iter().position(|fits| *fits).and_then(|rank| i64::try_from(3 - rank).ok())
        };
        match Select::new(title, names).with_scorer(&by_word).raw_prompt() {
            Ok(chosen) => Ok(choices.swap_remove(chosen.index).1),
            Err(InquireError::OperationCanceled) if !is_top => Ok(Choice::Back),
            Err(error) => Err(ended(&error)),
        }
    }

    /// What a command needs; nothing when a person gave up.
    fn asked(&self, words: &[&str], asks: Asks) -> Result<Option<Asked>, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let typed = |prompt: &str| match Text::new(prompt).prompt() {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(InquireError::OperationCanceled) => Ok(None),
            Err(error) => Err(ended(&error)),
        };
        let with = |more: Vec<String>| Some(([words.clone(), more].concat(), None));
        Ok(match asks {
            Asks::Reason => typed("Why? (kept in the history; may be empty)")?
                .map(|reason| (words.clone(), (!reason.is_empty()).then_some(reason))),
            Asks::Schedule => typed("When? (minute hour day month weekday; empty: every day at 02:00)")?
                .and_then(|when| with(if when.is_empty() { Vec::new() } else { vec!["--schedule".to_owned(), when] })),
            Asks::Addresses => typed("Which addresses? (with commas or blanks between; empty: list the present ones)")?
                .and_then(|text| with(text.split([' ', ',']).filter(|a| !a.is_empty()).map(str::to_owned).collect())),
            Asks::ServiceAddress => match typed("Which address, with its prefix? (such as 192.0.2.50/24)")? {
                Some(address) => typed("Which network interface of LIM 1?")?
                    .and_then(|interface| with(vec![address, "--interface".to_owned(), interface])),
                None => None,
            },
            Asks::Sure => match Confirm::new("Do this?").with_default(false).prompt() {
                Ok(true) => with(Vec::new()),
                Ok(false) | Err(InquireError::OperationCanceled) => None,
                Err(error) => return Err(ended(&error)),
            },
            Asks::Mirror => {
                let names: Vec<String> =
                    mirrors::list(self.ports)?.iter().map(|listed| listed.generation.name.to_string()).collect();
                if names.is_empty() {
                    return Err(Failure::new(Exit::Refused, "there is no mirror").hint("copy first with `data copy`"));
                }
                match Select::new("Which mirror?", names).prompt() {
                    Ok(name) => with(vec![name]),
                    Err(InquireError::OperationCanceled) => None,
                    Err(error) => return Err(ended(&error)),
                }
            }
        })
    }

    /// A takeover that is refused because the other side does not answer may be forced, with a reason.
    async fn takeover_or_other(&self, words: &[&str], reason: Option<String>) {
        let result = self.command(words, reason.clone(), false).await;
        let may_be_forced = words.first() == Some(&"manual-takeover")
            && matches!(&result, Err(failure) if failure.hint.as_ref().is_some_and(|hint| hint.contains("--force")));
        self.tell(result);
        if !may_be_forced {
            return;
        }
        let prompt = "Force it? Type the reason, or nothing to leave it:";
        let given =
            Text::new(prompt).with_initial_value(reason.as_deref().unwrap_or_default()).prompt().unwrap_or_default();
        if !given.trim().is_empty() {
            self.tell(self.command(words, Some(given), true).await);
        }
    }

    async fn command(&self, words: &[&str], reason: Option<String>, force: bool) -> Result<(), Failure> {
        let force = if force { &["--force"][..] } else { &[] };
        let line = [&["mxone_system_redundancy"], words, force].concat();
        let parsed = Cli::try_parse_from(line).map_err(|error| Failure::new(Exit::BadInput, error.to_string()))?;
        let Some(command) = parsed.command else { return Ok(()) };
        let mut out = ToReader(std::io::stdout());
        let dialogs = |script| at_hand(script, false);
        let common = Common { reason, ..self.common.clone() };
        let mut run = Run { ports: self.ports, common, person: self.person.clone(), out: &mut out, dialogs: &dialogs };
        run.run(command).await
    }

    async fn recover(&self, way: Way) -> Result<(), Failure> {
        let mut out = ToReader(std::io::stdout());
        let dialogs = |script| at_hand(script, false);
        let (common, person) = (self.common.clone(), self.person.clone());
        Run { ports: self.ports, common, person, out: &mut out, dialogs: &dialogs }.recover(way).await
    }

    #[expect(clippy::unused_self, clippy::print_stderr, reason = "it is this face that tells")]
    fn tell(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            eprintln!("{failure}");
        }
    }
}

fn ended(error: &InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new(Exit::Cancelled, "left; nothing more was done")
        }
        InquireError::NotTTY
        | InquireError::InvalidConfiguration(_)
        | InquireError::IO(_)
        | InquireError::Custom(_) => {
            Failure::from(Stopped::Dialog(crate::ports::dialog::DialogError::Terminal(error.to_string())))
        }
    }
}
