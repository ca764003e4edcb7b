//! Throw-away network namespaces, and hosts that live in them.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::fs::File;
use std::io::Write as _;
use std::process::{Command as Process, Output as Finished, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mxone_system_redundancy::adapters::local::LocalHost;
use mxone_system_redundancy::domain::site::ServerId;
use mxone_system_redundancy::ports::conversation::Conversation;
use mxone_system_redundancy::ports::host::{Command, Host, HostError, Output, Sink};
use mxone_system_redundancy::ports::systems::Hosts;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static MADE: AtomicU32 = AtomicU32::new(0);

/// A network namespace that goes when it is dropped.
pub struct Namespace {
    pub name: String,
}

impl Namespace {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests make network namespaces: run them as root");
        let name = format!("rd-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        checked(&["ip", "netns", "add", &name], "");
        let namespace = Self { name };
        namespace.checked(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// Runs a command in it.
    pub fn run(&self, arguments: &[&str], input: &str) -> Finished {
        run(&[&["ip", "netns", "exec", &self.name], arguments].concat(), input)
    }

    /// Runs a command in it that must succeed; what it printed.
    pub fn checked(&self, arguments: &[&str]) -> String {
        checked(&[&["ip", "netns", "exec", &self.name], arguments].concat(), "")
    }

    /// What a thread in it comes to, for instance a socket that lives there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("the namespace is there");
        let thread = || {
            use std::os::fd::AsFd as _;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may enter it");
            work()
        };
        std::thread::scope(|scope| scope.spawn(thread).join().expect("the work in the namespace"))
    }

    /// Joins two namespaces by a cable, with these addresses on `eth0` of each.
    pub fn join(&self, ours: &[&str], other: &Self, theirs: &[&str]) {
        let peer = ["peer", "name", "eth0", "netns", &other.name];
        let link = ["ip", "link", "add", "eth0", "netns", &self.name, "type", "veth"];
        checked(&[&link[..], &peer[..]].concat(), "");
        for (namespace, addresses) in [(self, ours), (other, theirs)] {
            for address in addresses {
                let no_wait: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
                namespace.checked(&[&["ip", "address", "add", address, "dev", "eth0"], no_wait].concat());
            }
            namespace.checked(&["ip", "link", "set", "eth0", "up"]);
        }
    }

    /// The packet filter's text without comments and counters.
    pub fn saved(&self, save: &str) -> String {
        let text = self.checked(&[save]);
        let kept = |line: &&str| !line.starts_with('#');
        let line = |line: &str| line.split(" [").next().unwrap_or_default().to_owned();
        text.lines().filter(kept).map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run(&["ip", "netns", "del", &self.name], "");
    }
}

pub fn run(arguments: &[&str], input: &str) -> Finished {
    let mut process = Process::new(arguments[0])
        .args(&arguments[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    // A command that refuses may end before it has read everything.
    let _ = process.stdin.take().expect("piped").write_all(input.as_bytes());
    process.wait_with_output().expect("the command ends")
}

pub fn checked(arguments: &[&str], input: &str) -> String {
    let output = run(arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a host in a namespace does instead of a command.
type Spoil = Box<dyn Fn(&Command) -> Option<Output> + Send + Sync>;

/// A server: its packet filter is its namespace's.
pub struct NamespaceHost {
    pub namespace: String,
    pub commands: Mutex<Vec<String>>,
    pub spoil: Mutex<Option<Spoil>>,
    /// Programs that are not installed there.
    pub without: Mutex<Vec<&'static str>>,
    /// Whether a new connection can be made.
    pub lets_in: Box<dyn Fn() -> bool + Send + Sync>,
}

impl NamespaceHost {
    pub fn new(namespace: &Namespace) -> Arc<Self> {
        Self::that_lets_in(namespace, || true)
    }

    pub fn that_lets_in(namespace: &Namespace, lets_in: impl Fn() -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            namespace: namespace.name.clone(),
            commands: Mutex::default(),
            spoil: Mutex::default(),
            without: Mutex::default(),
            lets_in: Box::new(lets_in),
        })
    }

    pub fn spoil(&self, spoil: impl Fn(&Command) -> Option<Output> + Send + Sync + 'static) {
        *self.spoil.lock().unwrap() = Some(Box::new(spoil));
    }

    /// The commands run since the last call.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.commands.lock().unwrap())
    }

    /// Takes programs off it.
    pub fn uninstall(&self, programs: &[&'static str]) {
        self.without.lock().unwrap().extend(programs);
    }

    fn here(&self, mut command: Command) -> Result<Command, HostError> {
        if self.without.lock().unwrap().contains(&command.arguments[0].as_str()) {
            let because = "no such program".to_owned();
            return Err(HostError::NotStarted { host: self.name(), command: command.quoted(), because });
        }
        let enter = ["ip", "netns", "exec", &self.namespace].map(str::to_owned);
        command.arguments.splice(0..0, enter);
        Ok(command)
    }
}

#[async_trait]
impl Host for NamespaceHost {
    fn name(&self) -> String {
        self.namespace.clone()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        self.commands.lock().unwrap().push(command.quoted());
        if let Some(output) = self.spoil.lock().unwrap().as_ref().and_then(|spoil| spoil(&command)) {
            return Ok(output);
        }
        LocalHost.run(self.here(command)?).await
    }

    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError> {
        LocalHost.stream(self.here(command)?, sink).await
    }

    async fn converse(&self, command: Command) -> Result<Conversation, HostError> {
        LocalHost.converse(self.here(command)?).await
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        if (self.lets_in)() {
            let lets_in = Box::new(|| true);
            let namespace = self.namespace.clone();
            let without = Mutex::new(self.without.lock().unwrap().clone());
            let (commands, spoil) = (Mutex::default(), Mutex::default());
            return Ok(Arc::new(Self { namespace, commands, spoil, without, lets_in }));
        }
        let source = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Err(HostError::Unreachable { host: self.name(), source })
    }
}

/// Every server is this host.
pub struct One(pub Arc<NamespaceHost>);

impl Hosts for One {
    fn host(&self, _server: ServerId) -> Arc<dyn Host> {
        Arc::<NamespaceHost>::clone(&self.0)
    }
}
