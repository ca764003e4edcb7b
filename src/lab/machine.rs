//! A simulated server: a root folder, a packet filter, power, a clock, and the commands it knows.

mod files;
mod firewall;
mod script;
mod search;
mod services;
mod system;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use tokio::sync::watch;

use super::network::Network;
use super::packet_filter::{Packet, PacketFilter, Payload, Verdict};
use super::root_folder::RootFolder;
use super::streams::Streams;
use crate::domain::site::ServerId;
use crate::domain::traffic::Family;
use crate::ports::clock::Clock;

/// The exit status of a shell for a program that is not there.
const NO_SUCH_PROGRAM: i32 = 127;
/// The exit status of a program whose reader has gone: 128 + SIGPIPE.
const READER_GONE: i32 = 141;
/// The port from which probes come; the block rules treat it as a terminal's.
const PROBE_PORT: u16 = 9528;
/// Where call servers listen for SIP.
const SIP_PORT: u16 = 5060;

/// A command that a simulated server knows beside the built-in ones, for instance those of a platform.
pub trait SimCommand: Send + Sync {
    /// Runs it; `words` begins with its own name. The exit status.
    ///
    /// # Errors
    /// When a file or the output fails; the server turns it into a complaint and status 1.
    fn run(&self, machine: &Machine, words: &[String], streams: &mut Streams) -> io::Result<i32>;
}

/// See the module.
pub struct Machine {
    id: ServerId,
    address: IpAddr,
    root: RootFolder,
    network: Arc<Network>,
    clock: Arc<dyn Clock>,
    me: Weak<Self>,
    inside: Mutex<Inside>,
    /// Counts up whenever everything that runs on it, and every connection to it, ends.
    interruptions: watch::Sender<u64>,
    power_lost: Condvar,
}

struct Inside {
    filters: BTreeMap<Family, PacketFilter>,
    commands: BTreeMap<String, Arc<dyn SimCommand>>,
    clock_ahead: chrono::Duration,
    /// Which boot this is; 0 without power.
    boot: u64,
    boots: u64,
}

impl Machine {
    /// A server without power.
    #[must_use]
    pub fn new(
        id: ServerId,
        address: IpAddr,
        root: RootFolder,
        (network, clock): (Arc<Network>, Arc<dyn Clock>),
    ) -> Arc<Self> {
        network.add_server(address, id.site);
        Arc::new_cyclic(|me| Self {
            id,
            address,
            root,
            network,
            clock,
            me: me.clone(),
            inside: Mutex::new(Inside {
                filters: fresh_filters(),
                commands: BTreeMap::new(),
                clock_ahead: chrono::Duration::zero(),
                boot: 0,
                boots: 0,
            }),
            interruptions: watch::Sender::new(0),
            power_lost: Condvar::new(),
        })
    }

    /// Which server it plays.
    #[must_use]
    pub const fn id(&self) -> ServerId {
        self.id
    }

    /// Its simulated address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Its file system.
    #[must_use]
    pub const fn root(&self) -> &RootFolder {
        &self.root
    }

    /// Teaches it a command; one that is there already is replaced, a built-in one is hidden.
    pub fn teach(&self, name: &str, command: Arc<dyn SimCommand>) {
        self.inside().commands.insert(name.to_owned(), command);
    }

    /// Takes back what was taught; a built-in command of that name is there again.
    pub fn forget(&self, name: &str) {
        self.inside().commands.remove(name);
    }

    /// Runs a built-in command, also where one that was taught hides it; its exit status.
    ///
    /// # Errors
    /// When a file or the output fails.
    pub fn run_built_in(&self, words: &[String], streams: &mut Streams) -> io::Result<i32> {
        let program = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
        self.execute_built_in(program, words, streams)
    }

    /// Sets its clock ahead of the real one, or behind.
    pub fn set_clock_ahead(&self, by: chrono::Duration) {
        self.inside().clock_ahead = by;
    }

    /// What its clock shows.
    #[must_use]
    pub fn now(&self) -> DateTime<FixedOffset> {
        self.clock.now().fixed_offset() + self.inside().clock_ahead
    }

    /// Whether one can get at it from outside: powered, and its site not cut off.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.network.is_up(self.address)
    }

    /// Takes its power: what runs ends, and what is not in a file is gone.
    pub fn power_off(&self) {
        self.network.set_powered(self.address, false);
        let mut inside = self.inside();
        inside.boot = 0;
        inside.filters = fresh_filters();
        drop(inside);
        self.power_lost.notify_all();
        self.interrupt();
    }

    /// Powers it, or boots it again: an empty packet filter and `/run`, then what is enabled at boot, and only then
    /// the network.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub fn boot(&self) -> io::Result<()> {
        self.power_off();
        let run = self.root.folder().join("run");
        std::fs::remove_dir_all(&run)?;
        std::fs::create_dir(&run)?;
        let mut inside = self.inside();
        inside.boots += 1;
        inside.boot = inside.boots;
        drop(inside);
        services::run_boot_guard(self)?;
        self.network.set_powered(self.address, true);
        Ok(())
    }

    /// Ends every connection to it, as a cut network does sooner or later.
    pub fn interrupt(&self) {
        self.interruptions.send_modify(|count| *count += 1);
    }

    /// Tells whoever serves a connection when to end it.
    pub(super) fn interruptions(&self) -> watch::Receiver<u64> {
        self.interruptions.subscribe()
    }

    /// Whether its packet filter lets a probe of `source` reach the call server.
    #[must_use]
    pub fn lets_probe_in(&self, source: IpAddr) -> bool {
        let payload = Payload::Udp { source: PROBE_PORT, destination: SIP_PORT };
        let packet = Packet::inbound(&source.to_string(), &self.address.to_string(), payload);
        let family = if self.address.is_ipv4() { Family::V4 } else { Family::V6 };
        self.filter(family, |filter| filter.accepts("INPUT", &packet)) == Verdict::Accepted
    }

    /// Looks at or changes one of its packet filters.
    pub fn filter<T>(&self, family: Family, act: impl FnOnce(&mut PacketFilter) -> T) -> T {
        act(self.inside().filters.entry(family).or_insert_with(|| PacketFilter::new(family)))
    }

    /// Runs a command; its exit status.
    pub fn execute(&self, words: &[String], streams: &mut Streams) -> i32 {
        let Some(program) = words.first().map(|word| word.rsplit('/').next().unwrap_or(word)) else { return 0 };
        let taught = self.inside().commands.get(program).cloned();
        let outcome = match taught {
            Some(command) => command.run(self, words, streams),
            None => self.execute_built_in(program, words, streams),
        };
        match outcome.and_then(|status| io::Write::flush(&mut streams.output).map(|()| status)) {
            Ok(status) => status,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => READER_GONE,
            Err(error) => {
                streams.complain(program, error);
                1
            }
        }
    }

    fn execute_built_in(&self, program: &str, words: &[String], streams: &mut Streams) -> io::Result<i32> {
        let arguments = words.get(1..).unwrap_or_default();
        let known = files::run(self, program, arguments, streams)
            .or_else(|| search::run(self, program, arguments, streams))
            .or_else(|| firewall::run(self, program, arguments, streams))
            .or_else(|| services::run(self, program, arguments, streams))
            .or_else(|| system::run(self, program, arguments, streams));
        known.unwrap_or_else(|| {
            streams.complain(program, "command not found");
            Ok(NO_SUCH_PROGRAM)
        })
    }

    /// Waits on the machine; `false` when it lost its power, or was booted again, meanwhile.
    fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut inside = self.inside();
        let boot = inside.boot;
        while inside.boot == boot && boot != 0 {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return true };
            let waited = self.power_lost.wait_timeout(inside, left).unwrap_or_else(PoisonError::into_inner);
            inside = waited.0;
        }
        false
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Arguments sorted into options and operands.
struct Arguments<'a> {
    options: Vec<&'a str>,
    operands: Vec<&'a str>,
}

/// Sorts arguments; all after `--` are operands, and so is `-`. `None` when an option is not in `known`: the lab
/// rather refuses than does something else.
fn sorted<'a>(arguments: &'a [String], known: &[&str]) -> Option<Arguments<'a>> {
    let mut sorted = Arguments { options: Vec::new(), operands: Vec::new() };
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        if argument == "--" {
            sorted.operands.extend(rest.by_ref());
        } else if argument.len() > 1 && argument.starts_with('-') {
            known.contains(&argument).then(|| sorted.options.push(argument))?;
        } else {
            sorted.operands.push(argument);
        }
    }
    Some(sorted)
}

/// Refuses a call that is not simulated.
fn not_simulated(program: &str, streams: &mut Streams) -> i32 {
    streams.complain(program, "this way of calling it is not simulated");
    2
}

fn fresh_filters() -> BTreeMap<Family, PacketFilter> {
    Family::BOTH.map(|family| (family, PacketFilter::new(family))).into()
}
