//! The kernel gates: a set whose elements end by themselves, in a table of nft that is ours alone.
//!
//! [`ServerGate`] works on the gate of the server it runs on. [`SiteGates`] is LIM 1's way to those of all servers of
//! its site: its own, and through [`hold`] on each other one, which LIM 1 starts over a standing session.

mod far;
mod holder;
mod nft;
mod server_gate;
mod site_gates;
mod speech;

pub use self::holder::{HoldError, hold};
pub use self::server_gate::ServerGate;
pub use self::site_gates::SiteGates;
