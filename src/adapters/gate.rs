//! The kernel gates: a set whose elements end by themselves, in a table of nft that is ours alone.

mod nft;
mod server_gate;

pub use self::server_gate::ServerGate;
