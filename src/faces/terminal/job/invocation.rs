//! A command as it is started from the terminal UI, and as it is typed in a script.

use crate::faces::terminal::conversation::Answers;
use crate::flows::recover::Way;

/// A command as it is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Its words.
    pub words: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// A person vouches for a side that does not answer.
    pub force: bool,
    /// Checks that are not to stand in the way.
    pub skip: Vec<String>,
    /// The unfinished action is finished or taken back instead.
    pub recover: Option<Way>,
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
    pub fn recovering(way: Way) -> Self {
        Self { recover: Some(way), ..Self::default() }
    }

    /// Whether it overrules something, for which a reason has to be given, and none is.
    #[must_use]
    pub fn needs_reason(&self) -> bool {
        (self.force || !self.skip.is_empty()) && self.reason.is_none()
    }

    /// What a person reads above it.
    #[must_use]
    pub fn title(&self) -> String {
        match self.recover {
            Some(Way::Resume) => "finish what was begun".to_owned(),
            Some(Way::Abandon) => "take back what was begun".to_owned(),
            None => self.words.iter().filter(|word| !word.starts_with('-')).cloned().collect::<Vec<_>>().join(" › "),
        }
    }

    /// The command that does the same from a script.
    #[must_use]
    pub fn in_a_script(&self) -> String {
        let mut line = vec!["mxone_system_redundancy".to_owned()];
        line.extend(self.words.iter().map(|word| quoted(word)));
        match self.recover {
            Some(Way::Resume) => line.push("--resume".to_owned()),
            Some(Way::Abandon) => line.push("--abandon".to_owned()),
            None => {}
        }
        if self.force {
            line.push("--force".to_owned());
        }
        for check in &self.skip {
            line.extend(["--skip-check".to_owned(), check.clone()]);
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
