//! The embedded two-site lab: simulated servers behind a real SSH server in this process.
//!
//! It serves the demo, training and the tests. Real: SSH, the file system below a folder of each server, the text
//! of every command. Simulated: the commands' work, the packet filter (see [`packet_filter`]), the network between.
//!
//! [`pair::TwoSiteLab`] starts it. Each [`machine::Machine`] is served by [`server`] and answers SIP by [`sip`].
//!
//! [`simulation`] needs none of it: it plays automatic takeovers in virtual time, with the monitors' own core.

pub mod command_line;
pub mod machine;
pub mod network;
pub mod packet_filter;
pub mod pair;
pub mod root_folder;
pub mod server;
pub mod simulation;
pub mod sip;
pub mod streams;
pub mod system;
