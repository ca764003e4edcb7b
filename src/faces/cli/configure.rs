//! The answers of `configure` as flags.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::ThirdVote;

/// Answers of `configure` as flags.
#[derive(Debug, Default, Args)]
pub struct Configure {
    /// Platform of both systems: mxone, kamailio, asterisk, freeswitch, or one of your own.
    #[arg(long)]
    pub platform: Option<String>,
    /// Master IP address of the primary system.
    #[arg(long, value_name = "ADDRESS")]
    pub primary_master_address: Option<String>,
    /// Host key of the primary's LIM 1 that is right, such as "ssh-ed25519 AAAA...".
    #[arg(long, value_name = "KEY")]
    pub primary_host_key: Option<String>,
    /// Host key of another server that is right.
    #[arg(long, value_name = "ADDRESS=KEY")]
    pub host_key: Vec<String>,
    /// Address of this server, where the platform does not tell it.
    #[arg(long, value_name = "ADDRESS")]
    pub alternate_master_address: Option<String>,
    /// A server of the primary, where the platform does not tell them.
    #[arg(long, value_name = "LIM=ADDRESS")]
    pub primary_server: Vec<String>,
    /// A server of the alternate, where the platform does not tell them.
    #[arg(long, value_name = "LIM=ADDRESS")]
    pub alternate_server: Vec<String>,
    /// Network control address; several with commas.
    #[arg(long, value_name = "ADDRESS")]
    pub network_control_address: Option<String>,
    /// A translation; networks as well.
    #[arg(long, value_name = "PRIMARY=ALTERNATE")]
    pub translate: Vec<String>,
    /// Where the witness listens, an address or ADDRESS:PORT: the voters are set up as well.
    #[arg(long = "witness", id = "address", value_name = "ADDRESS")]
    pub witness: Option<String>,
    /// Who has the third vote otherwise, and how fast it goes.
    #[command(flatten)]
    pub third_vote: ThirdVote,
    /// Takeover by the alternate at a failure.
    #[arg(long, value_name = "MODE")]
    pub takeover_alternate_from_primary: Option<String>,
    /// Takeover by the primary at its recovery.
    #[arg(long, value_name = "MODE")]
    pub takeover_primary_from_alternate: Option<String>,
    /// What a rebooted server does when the other site cannot be asked: stay-blocked or open.
    #[arg(long, value_name = "CHOICE")]
    pub boot_without_peer: Option<String>,
    /// Seconds to wait for the other site before opening.
    #[arg(long, value_name = "SECONDS")]
    pub boot_grace: Option<u64>,
    /// User to log in as on every server.
    #[arg(long)]
    pub ssh_user: Option<String>,
    /// SSH port of every server.
    #[arg(long)]
    pub ssh_port: Option<u16>,
    /// Private key file; without one the agent is asked.
    #[arg(long, value_name = "FILE")]
    pub ssh_identity: Option<PathBuf>,
    /// An address that is never blocked, such as a management station.
    #[arg(long, value_name = "ADDRESS")]
    pub never_block: Vec<IpAddr>,
    /// How traffic is turned away: reject or drop.
    #[arg(long, value_name = "HOW")]
    pub turn_away: Option<String>,
    /// Limit of the copy.
    #[arg(long, value_name = "BYTES")]
    pub bytes_per_second: Option<u64>,
}
