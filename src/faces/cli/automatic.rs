//! The flags of automatic takeover: `lease` and `settings witness`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `lease`.
#[derive(Debug, Clone, Subcommand)]
pub enum LeaseOrder {
    /// Let nothing move by itself for so many minutes; 0 ends it. Needs --reason.
    Hold {
        /// How long; at most a day.
        #[arg(value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(..=1440))]
        minutes: u64,
    },
    /// Give the traffic to the other site: it is blocked here, read back, and the other site is live at once.
    HandOver,
    /// Go live without two promises: a person vouches that the other site is not live. Needs --reason.
    Force,
    /// Say that the last automatic takeover was seen, so that the next need not wait.
    Acknowledge,
}

/// `settings witness`.
#[derive(Debug, Args)]
pub struct WitnessWish {
    /// Where the witness listens, an address or ADDRESS:PORT.
    #[arg(value_name = "ADDRESS", required_unless_present_any = ["no_witness", "remove"])]
    pub address: Option<String>,
    /// Where the witness's file is written; on the witness it is `/etc/mxone_system_redundancy/lease/lease.yaml`.
    #[arg(long, value_name = "FILE", requires = "address")]
    pub file: Option<PathBuf>,
    /// Without a witness: the control addresses stand in. Two sites that both reach them, but not each other, can then
    /// both be live.
    #[arg(long, conflicts_with_all = ["address", "remove"], requires = "accept_conditional")]
    pub no_witness: bool,
    /// Says that the weaker promise of --no-witness is accepted.
    #[arg(long)]
    pub accept_conditional: bool,
    /// The times: fast (one city), standard, wan (long lines, virtual machines).
    #[arg(long, value_name = "PROFILE", default_value = "standard", value_parser = ["fast", "standard", "wan"])]
    pub timing: String,
    /// The UDP port of the two monitors.
    #[arg(long, value_name = "PORT", default_value_t = 9527)]
    pub port: u16,
    /// Take the monitors' part in automatic takeover out again.
    #[arg(long, conflicts_with = "address")]
    pub remove: bool,
}

/// `notify`.
#[derive(Debug, Clone, Subcommand)]
pub enum Notify {
    /// Send a notice that says that it is a test.
    Test {
        /// Only through this channel.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
}
