//! Who asks: the command line, plain prompts, a script, the monitor. A face decides nothing.

pub mod cli;
pub mod failure;
pub mod generated;
pub mod help;
pub mod maintenance;
pub mod menu;
pub mod output;
pub mod plain;
pub mod print;
pub mod prompts;
pub mod run;
pub mod scripted;
pub mod teller;
pub mod terminal;
pub mod watch;
