//! Reads the one line that an SSH client sends back into an argument list.
//!
//! It knows the quoting of POSIX shells as far as a careful client uses it, and refuses everything a shell would act
//! on: what reaches a simulated server unquoted is a fault of the client.

use thiserror::Error;

/// Characters that stand bare in a word; everything else is quoted.
const BARE: &[u8] = b"@%+=:,./_-";

/// A line that no careful client sends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// A character that a shell would act on, outside of quotes.
    #[error("'{0}' is not quoted")]
    NotQuoted(char),
    /// A quote without its end.
    #[error("a quote is not closed")]
    NotClosed,
    /// No command at all.
    #[error("there is no command")]
    Empty,
}

/// Reads a line into words; `sudo -n --` before them is taken off.
///
/// # Errors
/// [`LineError`] when a shell would act on something in it.
pub fn words(line: &str) -> Result<Vec<String>, LineError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(LineError::NotClosed)? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(LineError::NotClosed)?),
            c if c.is_ascii_alphanumeric() || u8::try_from(c).is_ok_and(|c| BARE.contains(&c)) => {
                word.get_or_insert_default().push(c);
            }
            c => return Err(LineError::NotQuoted(c)),
        }
    }
    words.extend(word);
    if words.first().is_some_and(|word| word == "sudo") {
        let options = words.iter().skip(1).take_while(|word| word.starts_with('-')).count();
        words.drain(..=options);
    }
    if words.is_empty() { Err(LineError::Empty) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ports::host::Command;

    proptest! {
        #[test]
        fn what_a_host_quotes_is_read_back(arguments in proptest::collection::vec(".*", 1..5)) {
            prop_assume!(arguments[0] != "sudo");
            prop_assert_eq!(words(&Command::new(arguments.clone()).quoted()), Ok(arguments));
        }

        #[test]
        fn no_line_makes_it_panic(line in ".*") {
            let _ = words(&line);
        }
    }

    #[test]
    fn what_a_shell_would_act_on_is_refused() {
        for line in ["cat a;reboot", "cat $(reboot)", "cat a|b", "cat *", "cat \"a\"", "a\nb", "a&", "a>b"] {
            assert!(matches!(words(line), Err(LineError::NotQuoted(_))), "{line}");
        }
        assert_eq!(words("cat 'a"), Err(LineError::NotClosed));
        assert_eq!(words("  "), Err(LineError::Empty));
    }

    #[test]
    fn sudo_is_taken_off() {
        assert_eq!(words("sudo -n -- cat -- a").unwrap(), ["cat", "--", "a"]);
    }
}
