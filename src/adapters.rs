//! How it is done: SSH, local commands, iptables, files.

pub mod announcement;
pub mod call_server;
pub mod channels;
pub mod clock;
pub mod datagrams;
pub mod durable;
pub mod etcd;
pub mod events_file;
pub mod gate;
pub mod journal_file;
pub mod local;
pub mod mirror_folder;
pub mod monitor_socket;
pub mod monitor_unit;
pub mod netfilter;
pub mod notify_program;
pub mod prometheus;
pub mod raw_clock;
pub mod reign_file;
pub mod remote_backup;
pub mod server_file;
pub mod service_address;
pub mod settings_file;
pub mod ssh;
pub mod systems;
pub mod voter_memory;
