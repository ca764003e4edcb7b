//! What `generate` prints.

use clap::{Subcommand, ValueEnum};

/// `generate`.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Print the man page of a program, or of one of its commands.
    Man {
        /// The command, such as: data auto create; `mxone_maintenance` for the other program; nothing for this one.
        words: Vec<String>,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
        /// The program whose words are completed.
        #[arg(default_value = "mxone_system_redundancy")]
        program: Program,
    },
}

/// A shell that completes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// For bash.
    Bash,
    /// For zsh.
    Zsh,
    /// For fish.
    Fish,
}

/// A program of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Program {
    /// The redundancy utility.
    MxoneSystemRedundancy,
    /// The maintenance utility.
    MxoneMaintenance,
}
