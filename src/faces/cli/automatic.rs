//! The flags of automatic takeover: `lease` and `settings witness`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use ipnet::IpNet;

use crate::domain::lease::Limit;
use crate::domain::service_address::Interface;

use crate::flows::lease::hold_length;

/// `lease`.
#[derive(Debug, Clone, Subcommand)]
pub enum LeaseOrder {
    /// Let nothing move by itself for a while, for a reason; 0 ends it.
    Hold {
        /// How long; at most a day.
        #[arg(value_parser = hold_length)]
        length: Option<Duration>,
    },
    /// Give the traffic to the other site: it is blocked here, read back, and the other site is live at once.
    HandOver,
    /// Go live without two promises: a person vouches, with a reason, that the other site is not live.
    Force,
    /// Say that the last automatic takeover was seen, so that the next need not wait.
    Acknowledge,
}

/// `settings witness`.
#[derive(Debug, Args)]
pub struct WitnessWish {
    /// Where the witness listens, an address or ADDRESS:PORT.
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Who has the third vote otherwise, and how fast it goes.
    #[command(flatten)]
    pub third_vote: ThirdVote,
    /// Take the monitors' part in automatic takeover out again.
    #[arg(long, conflicts_with_all = ["address", "etcd", "no_witness"])]
    pub remove: bool,
}

/// Who has the third vote, and how fast it goes, beside the `address` of a witness.
#[derive(Debug, Default, Args)]
pub struct ThirdVote {
    /// Where the witness's file is written; on the witness it is `/etc/mxone_system_redundancy/lease/lease.yaml`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["etcd", "no_witness"])]
    pub witness_file: Option<PathBuf>,
    /// An etcd cluster is the witness: its members, as https://HOST:PORT with commas between.
    #[arg(long, value_name = "URLS", conflicts_with_all = ["address", "no_witness"])]
    pub etcd: Option<String>,
    /// What etcd's certificates are proved by, in PEM; without it, what both machines trust.
    #[arg(long, value_name = "FILE", requires = "etcd")]
    pub etcd_ca: Option<PathBuf>,
    /// The certificate that the monitors show to etcd, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["etcd", "etcd_key"])]
    pub etcd_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["etcd", "etcd_cert"])]
    pub etcd_key: Option<PathBuf>,
    /// The user of etcd; the password comes from --etcd-password-file or the variable
    /// `MXONE_REDUNDANCY_ETCD_PASSWORD`.
    #[arg(long, value_name = "USER", requires = "etcd")]
    pub etcd_user: Option<String>,
    /// The first line of this file is the password.
    #[arg(long, value_name = "FILE", requires = "etcd_user")]
    pub etcd_password_file: Option<PathBuf>,
    /// Without a witness: the control addresses stand in. Two sites that both reach them, but not each other, can then
    /// both be live.
    #[arg(long, conflicts_with = "address", requires = "accept_conditional")]
    pub no_witness: bool,
    /// Says that the weaker promise of --no-witness is accepted.
    #[arg(long)]
    pub accept_conditional: bool,
    /// The times: fast (one city), standard (as it is without this), wan (long lines, virtual machines), or your own as
    /// RENEWAL/LEASE/PROMISE in seconds, such as 0.5/3/4; what two sites could be live with is refused.
    #[arg(long, value_name = "PROFILE")]
    pub timing: Option<String>,
    /// The UDP port of the two monitors, 9527 without this.
    #[arg(long, value_name = "PORT")]
    pub lease_port: Option<u16>,
}

/// `settings takeover-limits`.
#[derive(Debug, Args)]
pub struct TakeoverLimitsWish {
    /// Which; without one all are told.
    #[arg(value_parser = limits())]
    pub limit: Option<Limit>,
    /// What it is from now on, such as 3, 48h, 10min or never; asked where it is not given.
    pub value: Option<String>,
}

/// `settings service-address`.
#[derive(Debug, Args)]
pub struct ServiceAddressWish {
    /// The address with the length of its network; without one the present ones are listed.
    #[arg(value_name = "ADDRESS/PREFIX")]
    pub address: Option<IpNet>,
    /// The network interface of LIM 1, the same at both sites.
    #[arg(long, value_name = "IF", requires = "address")]
    pub interface: Option<Interface>,
    /// Take it away; without an address, all.
    #[arg(long, conflicts_with = "interface")]
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

fn limits() -> impl TypedValueParser<Value = Limit> {
    let words = Limit::ALL.map(|limit| PossibleValue::new(limit.word()).help(limit.says()));
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}
