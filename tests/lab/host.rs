//! A host of the lab: its commands, its files, its power.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::boot;
use super::namespace::Namespace;
use super::root::Root;
use super::tool::{PATH, ip};
use super::{LabServer, Part, Role};

/// How long [`wait_until`] and the lab's own waits go on before they end the test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its name in the lab, `p1`.
    pub name: String,
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
    /// Which server it is, if it is one.
    pub server: Option<LabServer>,
    /// Its network namespace.
    pub namespace: Namespace,
    /// The router's end of its cable.
    pub port: String,
    part: Part,
    root: Root,
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Done {
    /// The command, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Done {
    /// Its exit status; -1 when a signal ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Itself if it ended with 0, else the end of the test.
    #[must_use]
    pub fn ok(self) -> Self {
        self.ended_with(0)
    }

    /// Itself if it ended with this status, else the end of the test.
    #[must_use]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\nprinted: {}\ncomplained: {}", self.command, self.stdout, self.stderr);
        self
    }
}

/// A command that goes on; it is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    command: String,
}

impl Running {
    /// Its process id, the same inside and outside of the host.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends it a signal, by the name `kill` knows: `KILL`, `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        super::tool::must("kill", &[&format!("-{name}"), &self.id().to_string()]);
    }

    /// Waits for its end and takes what it printed, where that was captured.
    #[must_use]
    pub fn finish(mut self) -> Done {
        use std::io::Read;
        let mut complaint = self.child.stderr.take();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            complaint.as_mut().map(|pipe| pipe.read_to_end(&mut text).unwrap());
            text
        });
        let mut printed = Vec::new();
        self.child.stdout.as_mut().map(|pipe| pipe.read_to_end(&mut printed).unwrap());
        let status = self.child.wait().unwrap();
        let complained = reader.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Done { command: self.command.clone(), status, stdout: text(printed), stderr: text(complained) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, or been waited for already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Host {
    /// Names a host; the lab builds it.
    #[must_use]
    pub fn new(part: Part, prefix: &str, base: &Path) -> Self {
        Self {
            name: part.name.clone(),
            v4: part.network.v4(part.last),
            v6: part.network.v6(part.last),
            server: match part.role {
                Role::Server { server, .. } => Some(server),
                Role::Gateway | Role::Client => None,
            },
            namespace: Namespace::new(&format!("{prefix}-{}", part.name)),
            port: format!("to-{}", part.name),
            root: Root::new(base, &part.name),
            part,
        }
    }

    /// Mounts its file system.
    pub fn mount(&self) {
        self.root.mount();
        self.root.mount_volatile(&self.namespace);
    }

    /// Mounts what a restart emptied.
    pub fn mount_volatile(&self) {
        self.root.mount_volatile(&self.namespace);
    }

    /// A command in the host, not yet started: its network, its root, a clean environment.
    #[must_use]
    pub fn command<S: AsRef<str>>(&self, argv: &[S]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.namespace.path().display()))
            .arg(format!("--root={}", self.root.path.display()))
            .arg(format!("--wd={}", self.root.path.display()))
            .arg("--")
            .args(argv.iter().map(AsRef::as_ref))
            .env_clear()
            .envs([("PATH", PATH), ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("LANG", "C.UTF-8")])
            .env("TERM", "dumb")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, whatever that is.
    #[must_use]
    pub fn run<S: AsRef<str>>(&self, argv: &[S]) -> Done {
        let output = self.command(argv).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done {
            command: self.spoken(argv),
            status: output.status,
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs a command that has to succeed; returns what it printed.
    pub fn must<S: AsRef<str>>(&self, argv: &[S]) -> String {
        self.run(argv).ok().stdout
    }

    /// Runs a line of shell that has to succeed; returns what it printed.
    pub fn sh(&self, line: &str) -> String {
        self.must(&["sh", "-c", line])
    }

    /// Starts a command with its output captured; [`Running::finish`] gives it.
    #[must_use]
    pub fn spawn<S: AsRef<str>>(&self, argv: &[S]) -> Running {
        let mut command = self.command(argv);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child, command: self.spoken(argv) }
    }

    /// Starts a command that nobody listens to.
    #[must_use]
    pub fn spawn_quiet<S: AsRef<str>>(&self, argv: &[S]) -> Running {
        let mut command = self.command(argv);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Running { child, command: self.spoken(argv) }
    }

    fn spoken<S: AsRef<str>>(&self, argv: &[S]) -> String {
        format!("{}: {}", self.name, argv.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "))
    }

    /// Writes a file, with its folders.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Writes a file with this mode.
    pub fn write_mode(&self, path: &str, text: &str, mode: u32) {
        self.write(path, text);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Reads a file.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path} on {}: {error}", self.name))
    }

    /// The server's public host key, `ssh-ed25519 AAAA…`, as `known_hosts` holds it.
    #[must_use]
    pub fn host_key(&self) -> String {
        let key = self.read("/etc/ssh/ssh_host_ed25519_key.pub");
        key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Whether there is such a file or folder.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// The path on this machine of a path in the host. A link in it is followed on this machine: use it on plain files.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.resolve(path)
    }

    /// Accounts, host keys and the SSH server's settings.
    pub fn furnish(&self, keys: &Path) {
        let key = |name: &str| fs::read_to_string(keys.join(format!("{name}.pub"))).unwrap();
        for home in ["/root", "/home/mxone_admin"] {
            self.write_mode(&format!("{home}/.ssh/authorized_keys"), &key("operator"), 0o600);
            fs::set_permissions(self.path(&format!("{home}/.ssh")), fs::Permissions::from_mode(0o700)).unwrap();
        }
        self.write("/etc/lab/authorized_keys", &key("system"));
        self.write("/etc/ssh/sshd_config", include_str!("../../fixtures/lab/sshd_config"));
        let keys = self.path("/etc/ssh");
        for old in fs::read_dir(&keys).unwrap().flatten() {
            if old.file_name().to_string_lossy().starts_with("ssh_host_") {
                fs::remove_file(old.path()).unwrap();
            }
        }
        let file = keys.join("ssh_host_ed25519_key").display().to_string();
        super::tool::must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", &self.name, "-f", &file]);
        self.add_account();
    }

    /// The user that MX-ONE systems are administered by.
    fn add_account(&self) {
        if !self.read("/etc/passwd").contains("mxone_admin:") {
            let passwd = self.read("/etc/passwd");
            self.write("/etc/passwd", &format!("{passwd}mxone_admin:x:5000:5000::/home/mxone_admin:/bin/bash\n"));
            let shadow = self.read("/etc/shadow");
            // No password fits a star; an exclamation mark would lock the account for keys as well.
            self.write("/etc/shadow", &format!("{shadow}mxone_admin:*:19000:0:99999:7:::\n"));
            let group = self.read("/etc/group");
            self.write("/etc/group", &format!("{group}mxone_admin:x:5000:\n"));
        }
        self.write_mode("/etc/sudoers.d/mxone_admin", "mxone_admin ALL=(ALL) NOPASSWD: ALL\n", 0o440);
        self.must(&["chown", "-R", "5000:5000", "/home/mxone_admin"]);
    }

    /// What happens from power to network: the cable is there, early units run, and only then the link goes up.
    pub fn boot(&self, router: &Namespace) {
        let (near, far) = (&self.namespace.name, &self.port);
        // A server keeps its network card, so neighbours that remember it still reach it after a restart.
        let [a, b, c, d] = self.v4.octets();
        let card = format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
        let near_end = ["link", "add", "eth0", "address", &card, "netns", near];
        ip(&[&near_end[..], &["type", "veth", "peer", "name", far, "netns", &router.name]].concat());
        let bridge = self.part.network.bridge();
        router.batch(&format!("link set {far} master {bridge}\nlink set {far} up\n"));
        self.namespace.batch("link set lo up\n");
        if self.server.is_some() {
            boot::early(self);
        }
        let (v4, v6) = (self.part.network.v4(1), self.part.network.v6(1));
        self.namespace.batch(&format!(
            "addr add {}/24 dev eth0\naddr add {}/64 dev eth0 nodad\nlink set eth0 up\n\
             route add default via {v4}\nroute add default via {v6}\n",
            self.v4, self.v6
        ));
    }

    /// What comes after the network.
    pub fn start_services(&self) {
        match self.part.role {
            Role::Server { calls, .. } => {
                self.must(&["/usr/sbin/sshd"]);
                if calls {
                    self.must(&["lab-reload", "--here"]);
                }
                boot::late(self);
            }
            Role::Gateway => super::sip::start_gateway(self),
            Role::Client => {}
        }
    }

    /// Takes its power. A host that is off already, or was never on, stays so.
    pub fn power_off(&self, router: &Namespace) {
        self.namespace.kill_all();
        // The kernel takes a namespace apart in its own time; its cable is to be gone at once.
        let mut unplug = Command::new("ip");
        let unplugged = unplug.args(["-n", &router.name, "link", "del", &self.port]).stderr(Stdio::null()).status();
        assert!(unplugged.is_ok(), "ip cannot be started");
        self.namespace.delete();
        self.root.unmount_volatile();
    }
}

/// Seldom enough not to be what keeps the machine busy: a look may start a program or more.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Asks again and again until it is so; ends the test when it is not so within [`PATIENCE`].
pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) -> Duration {
    wait_or_tell(PATIENCE, what, is_so, String::new)
}

/// The same with another patience; what was found instead is told when it is not so.
pub fn wait_or_tell(
    patience: Duration,
    what: &str,
    mut is_so: impl FnMut() -> bool,
    found: impl Fn() -> String,
) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain until {what}\n{}", found());
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    begun.elapsed()
}
