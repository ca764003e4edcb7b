//! The command line of `mxone_system_redundancy`: every menu leaf is a command, every prompt has a flag.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::preflight::Check;

mod automatic;
mod configure;
mod generate;
mod lab;

pub use automatic::{LeaseOrder, Notify, ServiceAddressWish, TakeoverLimitsWish, ThirdVote, WitnessWish};
pub use configure::Configure;
pub use generate::{Generate, Program, Shell};
pub use lab::Lab;

/// Keeps an alternate telephony system ready beside a primary one, with at most one of the two sites live.
///
/// Run it on LIM 1 of the alternate system, as `mxone_admin` or root.
#[derive(Debug, Parser)]
#[command(name = "mxone_system_redundancy", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do; without it the menu opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line")]
pub struct Common {
    /// Print the result as one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print the plan and change nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Answer confirmations (never choices) with yes.
    #[arg(long, global = true)]
    pub yes: bool,
    /// A YAML file with the answers to a whole flow.
    #[arg(long, global = true, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Why; kept in the history. A forced action needs it.
    #[arg(long, global = true, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Where all files are kept, instead of below /.
    #[arg(long, global = true, value_name = "DIR", env = "MXONE_REDUNDANCY_ROOT")]
    pub root: Option<PathBuf>,
    /// Do not let this check stand in the way (kept in the history; give a reason).
    #[arg(long, global = true, value_name = "CHECK")]
    pub skip_check: Vec<Check>,
    /// Finish the action that a crash cut off.
    #[arg(long, global = true, conflicts_with = "abandon")]
    pub resume: bool,
    /// Take back the action that a crash cut off.
    #[arg(long, global = true)]
    pub abandon: bool,
    /// Work on the embedded lab (see `lab start`) instead of real systems.
    #[arg(long, global = true)]
    pub lab: bool,
    /// Ask with plain line prompts.
    #[arg(long, global = true)]
    pub plain: bool,
}

/// The commands; the words of DESIGN §3.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the configuration.
    List,
    /// Read both systems now and say which site is live.
    Status {
        /// Say as well what is decided about a takeover now, why, and what would change it.
        #[arg(long)]
        why: bool,
    },
    /// Set up redundancy between the primary and this alternate system.
    Configure(Box<Configure>),
    /// Take redundancy apart; which site is live does not change.
    Remove,
    /// Translation, takeover, network control address.
    Settings {
        /// Which.
        #[command(subcommand)]
        setting: Setting,
    },
    /// Make one system active, and block the other.
    ManualTakeover(Takeover),
    /// Copy exchange data, now or every day; mirrors.
    Data {
        /// What.
        #[command(subcommand)]
        job: Data,
    },
    /// What was done, by whom, why, and how it ended.
    History {
        /// At most this many actions, the newest.
        #[arg(long, default_value_t = 20)]
        last: usize,
    },
    /// Watch both systems, keep them as ordered, and run the daily copy.
    Monitor {
        /// Write and start the systemd unit instead.
        #[arg(long)]
        install: bool,
    },
    /// Be the witness of a pair: the third vote, on any Linux machine at neither site.
    Witness {
        /// Listen here instead of where the file says.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Automatic takeover as the voter on this machine has it: what is promised, what it decides and why.
    Lease {
        /// An order to it; without one it is only asked.
        #[command(subcommand)]
        order: Option<LeaseOrder>,
    },
    /// The alarms that are raised on this machine, and what people were told.
    Events {
        /// Only the alarms that are raised now.
        #[arg(long)]
        raised: bool,
        /// At most this many events, the newest.
        #[arg(long, default_value_t = 20)]
        last: usize,
    },
    /// Tell people who are not looking, through the channels of `/etc/mxone_system_redundancy/notify.yaml`.
    Notify {
        /// What.
        #[command(subcommand)]
        what: Notify,
    },
    /// Platform profiles.
    Platform {
        /// What.
        #[command(subcommand)]
        what: Platform,
    },
    /// The configuration files.
    Config {
        /// What.
        #[command(subcommand)]
        what: Config,
    },
    /// Show the whole story on an embedded two-site lab: no root, no servers needed.
    Demo,
    /// An embedded two-site lab that stays up, to try every command on with --lab.
    Lab {
        /// What.
        #[command(subcommand)]
        what: Lab,
    },
    /// Play automatic takeovers with faults in virtual time, and see who decides what and why.
    Simulate(Simulate),
    /// Read a page of the help.
    Help {
        /// A page, a command, or words to look for; without any the pages are listed.
        topic: Vec<String>,
    },
    /// Man pages and shell completions.
    Generate {
        /// What.
        #[command(subcommand)]
        what: Generate,
    },
}

/// Settings that can be changed.
#[derive(Debug, Subcommand)]
pub enum Setting {
    /// Primary addresses to alternate addresses.
    Translation {
        /// What.
        #[command(subcommand)]
        what: Translation,
    },
    /// Whether a takeover waits for a person.
    Takeover {
        /// Which takeover.
        direction: Direction,
        /// Whether a person decides.
        mode: Mode,
    },
    /// The limits that automatic takeover decides by.
    TakeoverLimits(TakeoverLimitsWish),
    /// What automatic takeover needs: a monitor on LIM 1 of both sites and a witness at neither.
    Witness(WitnessWish),
    /// Addresses that move with the live site, for sites in one network.
    ServiceAddress(ServiceAddressWish),
    /// Addresses that prove that a site reaches the users' network.
    NetworkControlAddress {
        /// The new addresses; without any the present ones are listed.
        addresses: Vec<IpAddr>,
    },
}

/// What can be done with the translation table.
#[derive(Debug, Subcommand)]
pub enum Translation {
    /// List the table.
    List,
    /// Set entries; they take effect at the next load.
    Set {
        /// Entries.
        #[arg(required = true, value_name = "PRIMARY=ALTERNATE")]
        entries: Vec<String>,
    },
    /// Take entries out.
    Remove {
        /// Primary addresses or networks.
        #[arg(required = true, value_name = "PRIMARY")]
        primary: Vec<String>,
    },
    /// Confirm that foreign addresses stay as they are.
    Confirm {
        /// Addresses; without any, every foreign address of the newest mirror.
        addresses: Vec<IpAddr>,
    },
    /// Replace the table by a file (.csv or .yaml).
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Print the table.
    Export {
        /// Comma-separated values instead of YAML.
        #[arg(long)]
        csv: bool,
    },
    /// List every address of the newest mirror with where it occurs.
    Scan,
    /// Say which rule covers an address, where it occurs and what it becomes.
    Explain {
        /// The address.
        address: IpAddr,
    },
    /// Show what the next load would change.
    Preview,
}

/// A direction of takeover.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Direction {
    /// The alternate takes over at a failure of the primary.
    AlternateFromPrimary,
    /// The primary takes over again at its recovery.
    PrimaryFromAlternate,
}

/// Whether a person decides.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Mode {
    /// A person decides.
    Manual,
    /// The monitors decide.
    Automatic,
}

/// `manual-takeover`.
#[derive(Debug, Args)]
pub struct Takeover {
    /// The system that becomes active.
    pub to: TrafficIn,
    /// Go on although the other side does not answer; needs --reason.
    #[arg(long)]
    pub force: bool,
}

/// The system that becomes active.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TrafficIn {
    /// The alternate system.
    TrafficInAlternate,
    /// The primary system.
    TrafficInPrimary,
}

/// `data`.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Copy the primary's current backup now, and load it.
    Copy,
    /// The daily copy.
    Auto {
        /// What.
        #[command(subcommand)]
        what: Auto,
    },
    /// Verified copies of backups on this server.
    Mirrors {
        /// What.
        #[command(subcommand)]
        what: Mirrors,
    },
}

/// `data auto`.
#[derive(Debug, Subcommand)]
pub enum Auto {
    /// Set the daily copy up.
    Create(Schedule),
    /// Show it.
    List,
    /// Change it.
    Change(Schedule),
    /// Take it out.
    Remove,
}

/// When the copy runs.
#[derive(Debug, Args)]
pub struct Schedule {
    /// Cron expression (minute hour day month weekday; 0 and 7 are Sunday), or @daily. 0 2 * * * when created without.
    #[arg(long, value_name = "CRON")]
    pub schedule: Option<String>,
    /// Time zone, such as Europe/Stockholm; this server's when created without.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Begin up to this many seconds later, at random.
    #[arg(long, value_name = "SECONDS")]
    pub random_delay: Option<u64>,
}

/// `data mirrors`.
#[derive(Debug, Subcommand)]
pub enum Mirrors {
    /// List them.
    List,
    /// Compare every file with its checksum again.
    Verify {
        /// The mirror; without it the newest.
        mirror: Option<String>,
    },
    /// Load one into the alternate.
    Load {
        /// The mirror; without it the newest.
        mirror: Option<String>,
    },
    /// Load the one that was loaded before.
    RollBack,
}

/// `platform`.
#[derive(Debug, Subcommand)]
pub enum Platform {
    /// List the profiles.
    List,
    /// Print a profile.
    Show {
        /// Its name.
        name: String,
    },
    /// Check a profile that is a file.
    Check {
        /// The file.
        file: PathBuf,
        /// Run its read-only commands on a configured site and show what was understood.
        #[arg(long, value_name = "SITE")]
        site: Option<crate::domain::site::Site>,
    },
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the configuration files as a whole.
    Check,
}

/// `simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// What happens when; without it a training scenario is played.
    #[arg(value_name = "FILE", conflicts_with = "random")]
    pub file: Option<PathBuf>,
    /// Which throw of the dice delays and losses follow; the same seed tells the same story.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Play so many histories by chance instead, from the seed on, and say which breaks the promise.
    #[arg(long, value_name = "HOW-MANY", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub random: Option<u64>,
}
