//! The words of `lab`.

use clap::Subcommand;

/// `lab`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Lab {
    /// Start a lab that stays up.
    Start {
        /// Servers at each site.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=124))]
        servers: u16,
    },
    /// Stop it.
    Stop,
    /// Cut a site off, or connect it again.
    Cut {
        /// The site.
        site: crate::domain::site::Site,
    },
    /// Connect a site again.
    Heal {
        /// The site.
        site: crate::domain::site::Site,
    },
    /// Have the primary make a backup of its exchange data.
    Backup,
    /// Keep the lab up in the foreground (what start runs).
    #[command(hide = true)]
    Serve {
        /// Servers at each site.
        #[arg(long, default_value_t = 2)]
        servers: u16,
    },
}
