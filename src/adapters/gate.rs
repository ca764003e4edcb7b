//! The kernel gates: a set whose elements end by themselves, in a table of nft that is ours alone; where nft does not
//! work, a set of ipset and chains of iptables.
//!
//! [`ServerGate`] works on the gate of the server it runs on. [`SiteGates`] is LIM 1's way to those of all servers of
//! its site: its own, and through [`hold`] on each other one, which LIM 1 starts over a standing session.

mod by_ipset;
mod by_nft;
mod far;
mod holder;
mod nft;
mod server_gate;
mod site_gates;
mod speech;
mod way;

pub use self::by_ipset::{is_ipset_gate_closed, remove_ipset_gate};
pub use self::holder::{HoldError, hold};
pub use self::nft::{Asked, ask_nft};
pub use self::server_gate::ServerGate;
pub use self::site_gates::SiteGates;
pub use self::way::{GateForm, form_of};
