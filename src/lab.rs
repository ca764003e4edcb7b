//! The embedded two-site lab: simulated servers behind a real SSH server in this process.
//!
//! It serves the demo, training and the tests. Real: SSH, the file system below a folder of each server, the text
//! of every command. Simulated: the commands' work, the packet filter (see [`packet_filter`]), the network between.

pub mod packet_filter;
