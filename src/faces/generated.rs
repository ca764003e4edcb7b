//! Man pages and shell completions of both programs, from the tables their command lines are read by.

use clap::{Command, CommandFactory};
use clap_complete::aot;

use super::cli::{Cli, Program, Shell};
use super::maintenance;

/// The man page of a program or of one of its commands. The words are those of the command; the name of a program may
/// stand before them, and without it the redundancy utility is meant.
///
/// # Errors
/// When there is no such command; the text names those there are.
pub fn man(words: &[String]) -> Result<String, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, rest) = match words.as_slice() {
        ["mxone_maintenance", rest @ ..] => (Program::MxoneMaintenance, rest),
        ["mxone_system_redundancy", rest @ ..] | rest => (Program::MxoneSystemRedundancy, rest),
    };
    let mut whole = table(program);
    // Gives each command the flags that hold for all, and its whole name.
    whole.build();
    let mut command = &whole;
    for word in rest {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
    }
    let source = format!("{} {}", whole.get_name(), whole.get_version().unwrap_or_default());
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).source(source).render(&mut page);
    rendered.map_err(|error| format!("the man page cannot be written: {error}"))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The completions of a program for a shell.
#[must_use]
pub fn completions(shell: Shell, program: Program) -> String {
    let mut table = table(program);
    let name = table.get_name().to_owned();
    let mut script = Vec::new();
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    aot::generate(shell, &mut table, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The command table of a program.
#[must_use]
pub fn table(program: Program) -> Command {
    match program {
        Program::MxoneSystemRedundancy => Cli::command(),
        Program::MxoneMaintenance => maintenance::table(),
    }
}

fn unknown(command: &Command, word: &str) -> String {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    if names.is_empty() {
        return format!("{name} has no commands below it, so \"{word}\" is none");
    }
    format!("{name} has no command \"{word}\"; it has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn man_pages_name_every_command_and_its_flags() {
        let mut pages = 0;
        for program in [Program::MxoneSystemRedundancy, Program::MxoneMaintenance] {
            for path in paths(&table(program)) {
                let page = man(&path).unwrap();
                assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS"), "{path:?}");
                assert!(page.contains("reason"), "the flags that hold for all commands are in {path:?}");
                let mut command = table(program);
                for word in &path[1..] {
                    command = command.find_subcommand(word).unwrap().clone();
                }
                for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
                    let name = below.get_name().replace('-', "\\-");
                    assert!(page.contains(&name), "{name} is not in {path:?}");
                }
                pages += 1;
            }
        }
        assert!(pages > 50, "{pages}");
    }

    #[test]
    fn a_man_page_of_an_unknown_command_tells_the_known_ones() {
        let words = ["data", "bake"].map(str::to_owned);
        assert_eq!(
            man(&words).unwrap_err(),
            "mxone_system_redundancy data has no command \"bake\"; it has copy, auto, mirrors"
        );
        let words = ["mxone_maintenance", "uninstall", "now"].map(str::to_owned);
        assert_eq!(
            man(&words).unwrap_err(),
            "mxone_maintenance uninstall has no commands below it, so \"now\" is none"
        );
    }

    #[test]
    fn completions_name_every_command() {
        for program in [Program::MxoneSystemRedundancy, Program::MxoneMaintenance] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let script = completions(shell, program);
                for word in paths(&table(program)).iter().flatten() {
                    assert!(script.contains(word.as_str()), "{word} is not completed by {shell:?}");
                }
                let bad = script.chars().find(|c| c.is_control() && *c != '\n');
                assert_eq!(bad, None, "{shell:?}");
            }
        }
    }

    /// Every command that is not hidden, with the name of its program before it.
    fn paths(command: &Command) -> Vec<Vec<String>> {
        let own = vec![command.get_name().to_owned()];
        let below = command.get_subcommands().filter(|below| !below.is_hide_set()).flat_map(paths);
        let below: Vec<Vec<String>> = below.map(|path| [own.clone(), path].concat()).collect();
        std::iter::once(own).chain(below).collect()
    }
}
