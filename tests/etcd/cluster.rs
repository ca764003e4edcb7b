//! An etcd of one member, from Debian's package, that a test starts on loopback and ends by its id.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A busy machine takes its time to start a program.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// One etcd with a folder of its own.
pub struct Etcd {
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// Where clients ask.
    pub address: SocketAddr,
    peer: SocketAddr,
    flags: Vec<String>,
    name: String,
    /// All members, as etcd wants them named.
    members: String,
}

impl Etcd {
    /// Starts one that speaks in the clear.
    pub fn start() -> Self {
        Self::with(|_| Vec::new())
    }

    /// Starts one with flags that may name files of its folder.
    pub fn with(flags: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = flags(folder.path());
        let (peer, name) = (free(), "m0".to_owned());
        let members = format!("{name}=http://{peer}");
        let mut etcd = Self { folder, child: None, address: free(), peer, flags, name, members };
        etcd.run();
        etcd
    }

    /// Three that are one cluster.
    pub fn three() -> Vec<Self> {
        let peers = [free(), free(), free()];
        let named = peers.iter().enumerate().map(|(at, peer)| format!("m{at}=http://{peer}"));
        let members = named.collect::<Vec<_>>().join(",");
        let of = |at: usize| Self {
            folder: tempfile::tempdir().unwrap(),
            child: None,
            address: free(),
            peer: peers[at],
            flags: Vec::new(),
            name: format!("m{at}"),
            members: members.clone(),
        };
        let mut etcds: Vec<Self> = (0..3).map(of).collect();
        etcds.iter_mut().for_each(Self::spawn);
        etcds.iter().for_each(Self::wait_ready);
        etcds
    }

    /// Whether it leads its cluster.
    pub fn is_leader(&self) -> bool {
        let told = self.control(&["endpoint", "status", "--write-out=json"]);
        let status = &serde_json::from_str::<serde_json::Value>(&told).unwrap()[0]["Status"];
        status["leader"] == status["header"]["member_id"]
    }

    /// The URL of its clients.
    pub fn url(&self) -> String {
        let scheme = if self.flags.is_empty() { "http" } else { "https" };
        format!("{scheme}://{}", self.address)
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it, and waits until it can be reached.
    pub fn run(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    fn spawn(&mut self) {
        let log = File::create(self.file("log")).unwrap();
        let (url, peer) = (self.url(), format!("http://{}", self.peer));
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(self.file("data"));
        for (flag, value) in [
            ("--listen-client-urls", &url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &peer),
            ("--name", &self.name),
            ("--initial-cluster", &self.members),
        ] {
            command.args([flag, value]);
        }
        let command = command.args(&self.flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("etcd is not installed: apt-get install etcd-server"));
    }

    fn wait_ready(&self) {
        let started = Instant::now();
        while !fs::read_to_string(self.file("log")).unwrap().contains("ready to serve client requests") {
            let told = fs::read_to_string(self.file("log")).unwrap();
            assert!(started.elapsed() < STARTED_WITHIN, "etcd does not start:\n{told}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Freezes it, or lets it go on.
    pub fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }

    /// Runs `etcdctl` with it.
    pub fn control(&self, words: &[&str]) -> String {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").arg(format!("--endpoints={}", self.url()));
        if !self.flags.is_empty() {
            for (flag, file) in [("--cacert", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")] {
                command.arg(flag).arg(self.file(file));
            }
        }
        let done = command.args(words).output().expect("etcdctl is not installed: apt-get install etcd-client");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Its keys, without their values.
    pub fn keys(&self) -> Vec<String> {
        let told = self.control(&["get", "/mxone_system_redundancy/", "--prefix", "--keys-only"]);
        told.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// How often anything was written into it.
    pub fn revision(&self) -> u64 {
        let told = self.control(&["get", "/", "--write-out=json"]);
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["header"]["revision"].as_u64().unwrap()
    }

    /// Keeps what it has on disk under another name, or takes it back. It must not be running.
    pub fn copy_data(&self, from: &str, to: &str) {
        assert!(self.child.is_none());
        let _ = fs::remove_dir_all(self.file(to));
        let done = Command::new("cp").arg("-a").arg(self.file(from)).arg(self.file(to)).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
