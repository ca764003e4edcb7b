//! Two sites and a witness, each with its monitor, set up for automatic takeover to the alternate.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use base64::Engine;
use mxone_system_redundancy::domain::configuration::{Mode, TakeoverSettings};
use mxone_system_redundancy::domain::lease::{Agreed, Memory};
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use serde_json::{Value, json};

use super::lab::host::{Host, PATIENCE, Running, wait_or_tell, wait_until};
use super::pair::Pair;

const PROGRAM: &str = "mxone_system_redundancy";
const LEASE: &str = "/etc/mxone_system_redundancy/lease";
/// Where a monitor answers whoever asks it on its machine.
const SOCKET: &str = "/run/mxone_system_redundancy/voter.sock";
/// Where a voter keeps what it must not forget.
pub const STATE: &str = "/var/lib/mxone_system_redundancy";
/// Stands between a voter and its wall clock on a host where it is there.
pub const LIBRARY: &str = "/opt/lab/wall_clock.so";
/// Often enough to see what moves, and seldom enough not to be what keeps the machine busy.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// On a busy machine a gate is not armed in time, and that is tried again after half a minute.
const ARMED_WITHIN: Duration = Duration::from_secs(50);
/// A monitor answers within microseconds; one that is frozen does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const VOTERS: [&str; 3] = ["primary", "alternate", "witness"];

/// What one test and another wants set up.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Servers at each site.
    pub servers: u8,
    /// Whether the traffic goes back to the primary by itself.
    pub back: Mode,
    /// How long an automatic takeover stops the next.
    pub guard_seconds: u32,
    /// How long the primary must be well before it gets the traffic back by itself.
    pub return_after_seconds: Option<u32>,
    /// Addresses that move with the live site; both sites and the client have a network in common then.
    pub service_address: Vec<&'static str>,
    /// Sites whose servers have no nft.
    pub without_nft: Vec<Site>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            servers: 1,
            back: Mode::Manual,
            guard_seconds: 3600,
            return_after_seconds: None,
            without_nft: Vec::new(),
            service_address: Vec::new(),
        }
    }
}

/// Three voters at work.
pub struct Trio {
    /// The two sites.
    pub pair: Pair,
    running: RefCell<BTreeMap<&'static str, Running>>,
}

impl Trio {
    /// One server a site, the profile `fast`, automatic to the alternate and by hand back; the primary is live by a
    /// lease.
    pub fn started() -> Self {
        Self::of(&Wanted::default())
    }

    /// The same as wanted.
    pub fn of(wanted: &Wanted) -> Self {
        let servers = wanted.servers;
        let pair = Pair::configured_with(servers);
        if !wanted.service_address.is_empty() {
            let lab = &pair.lab;
            lab.join(&[lab.server(Primary, 1), lab.server(Alternate, 1), lab.client()]);
        }
        for address in &wanted.service_address {
            pair.must(&["settings", "service-address", address, "--interface", "svc0"]);
        }
        pair.must(&["settings", "takeover", "alternate-from-primary", "automatic"]);
        if wanted.back == Mode::Automatic {
            pair.must(&["settings", "takeover", "primary-from-alternate", "automatic"]);
        }
        let trio = Self { pair, running: RefCell::default() };
        for site in &wanted.without_nft {
            for lim in 1..=servers {
                trio.pair.lab.server(*site, lim).sh("rm -f $(which -a nft)");
            }
        }
        trio.set_up(wanted);
        for voter in VOTERS {
            trio.start(voter);
        }
        trio.settled();
        trio
    }

    /// Two configured sites with etcd as the witness, set up by commands.
    pub fn with_etcd(pair: Pair) -> Self {
        let trio = Self { pair, running: RefCell::default() };
        trio.start("etcd");
        let health = ["env", "ETCDCTL_API=3", "etcdctl", "endpoint", "health"];
        wait_until("etcd is there", || trio.witness_host().run(&health).code() == 0);
        let url = format!("http://{}:2379", trio.witness_host().v4);
        trio.set_up_by(&["settings", "witness", "--etcd", &url, "--timing", "fast"]);
        trio
    }

    /// Two configured sites without a witness, set up by these words and the acceptance of what they mean.
    pub fn without_witness(pair: Pair, words: &[&str]) -> Self {
        let trio = Self { pair, running: RefCell::default() };
        trio.set_up_by(&[words, &["--accept-conditional"]].concat());
        trio
    }

    /// Sets the voters up by a command, starts both monitors and has them take over automatically.
    fn set_up_by(&self, words: &[&str]) {
        self.pair.must(words);
        self.start("primary");
        self.start("alternate");
        wait_until("both monitors answer", || [Primary, Alternate].iter().all(|site| !self.state(*site).is_null()));
        self.pair.must(&["settings", "takeover", "alternate-from-primary", "automatic"]);
        self.settled();
    }

    /// Waits until the primary is live by a lease and both sites know all that they decide by.
    pub fn settled(&self) {
        self.settled_at(Primary);
    }

    /// The same where this site is live.
    pub fn settled_at(&self, site: Site) {
        let is_so = || self.is_live(site) && is_timed(self.first(site));
        wait_or_tell(ARMED_WITHIN, &format!("the {site} is live by a lease"), is_so, || self.told());
        self.wait_heard();
    }

    /// Waits until both sites know all that they decide by.
    pub fn wait_heard(&self) {
        self.wait("everybody hears everybody and reaches the control address", || {
            [Primary, Alternate].iter().all(|site| self.hears_all(*site))
        });
    }

    /// Whether a site goes by a lease, hears the two others and reaches its control address.
    fn hears_all(&self, site: Site) -> bool {
        let state = self.state(site);
        let hears = &state["hears"];
        // `fast` renews four times a second.
        let lately = |voter: &str| hears[voter]["secs"] == 0;
        let are_heard = match state["guarantee"][0].as_str() {
            Some("at-most-one-live") => lately("peer") && lately("witness"),
            Some("conditional") => lately("peer"),
            Some(_) | None => false,
        };
        are_heard && hears["control"] == json!([1, 1])
    }

    fn set_up(&self, wanted: &Wanted) {
        let seat = self.first(Alternate);
        for file in ["config.yaml", "translation.yaml"] {
            let text = seat.read(&format!("/etc/mxone_system_redundancy/{file}"));
            // The primary logs in to its own servers with the key that it has.
            let text = text.replace("/root/.ssh/id_ed25519", "/etc/lab/id_ed25519");
            self.first(Primary).write(&format!("{LEASE}/{file}"), &text);
        }
        let profile = include_str!("../../src/lab/platform.yaml");
        self.first(Primary).write("/etc/mxone_system_redundancy/platforms/lab.yaml", profile);
        let takeover =
            TakeoverSettings { alternate_from_primary: Mode::Automatic, primary_from_alternate: wanted.back };
        let memory = serde_json::to_string(&Memory::first(Primary, Agreed::first(takeover))).unwrap();
        let guard = wanted.guard_seconds;
        let back = wanted.return_after_seconds.map(|after| format!("return_after_seconds: {after}, "));
        let back = back.unwrap_or_default();
        for me in VOTERS {
            let mut voters = String::new();
            for other in VOTERS.into_iter().filter(|other| *other != me) {
                writeln!(
                    voters,
                    "  {other}: {{address: \"{}:9527\", key: \"{}\"}}",
                    self.host_of(other).v4,
                    key(me, other)
                )
                .unwrap();
            }
            let text = format!(
                "schema: 1\nme: {me}\nlisten: 0.0.0.0:9527\ntiming: fast\nthird_vote: witness\n\
                 first_active: primary\nvoters:\n{voters}policy: {{control_needed: 1, control_fall: 3, \
                 health_fall: 3, data_limit_hours: 48, flap_guard_seconds: {guard}, {back}hold_off_seconds: 0}}\n"
            );
            let host = self.host_of(me);
            host.write_mode(&format!("{LEASE}/lease.yaml"), &text, 0o600);
            host.write(&format!("{STATE}/promises.json"), &memory);
        }
    }

    /// Starts a voter's program.
    pub fn start(&self, voter: &'static str) {
        let line = match voter {
            "witness" => format!("{PROGRAM} witness"),
            "etcd" => {
                let url = format!("http://{}:2379", self.witness_host().v4);
                format!(
                    "etcd --data-dir {STATE}/etcd --listen-client-urls {url},http://127.0.0.1:2379 --advertise-client-urls {url}"
                )
            }
            _ => format!("{PROGRAM} monitor"),
        };
        // What it tells is kept for whoever looks for the cause of a failed test.
        let host = self.host_of(voter);
        let clock = if host.has(LIBRARY) { format!("export LD_PRELOAD={LIBRARY}; ") } else { String::new() };
        let line = format!("{clock}exec {line} >>/var/log/voter.log 2>&1");
        let running = host.spawn_quiet(&["sh", "-c", &line]);
        self.running.borrow_mut().insert(voter, running);
    }

    /// Where a voter works.
    pub fn host_of(&self, voter: &str) -> &Host {
        match voter {
            "primary" => self.first(Primary),
            "alternate" => self.first(Alternate),
            _ => self.witness_host(),
        }
    }

    /// LIM 1 of a site.
    pub fn first(&self, site: Site) -> &Host {
        self.pair.lab.server(site, 1)
    }

    /// Where the witness is: in the users' network.
    pub fn witness_host(&self) -> &Host {
        self.pair.lab.host("trunk")
    }

    /// Kills a voter's program.
    pub fn stop(&self, voter: &str) {
        drop(self.running.borrow_mut().remove(voter));
    }

    /// Kills a voter's program and starts another at once.
    pub fn restart(&self, voter: &'static str) {
        drop(self.running.borrow_mut().remove(voter));
        self.start(voter);
    }

    /// The monitor of a site.
    pub fn monitor(&self, site: Site) -> std::cell::Ref<'_, Running> {
        let name = if site == Primary { "primary" } else { "alternate" };
        std::cell::Ref::map(self.running.borrow(), |running| &running[name])
    }

    /// Gives a monitor an order.
    pub fn order(&self, site: Site, words: &[&str]) {
        self.first(site).must(&[&[PROGRAM, "lease"], words].concat());
    }

    /// Makes the primary live again by its monitor, which answers as if nothing had ever moved.
    pub fn brought_back(&self) {
        let words = ["manual-takeover", "traffic-in-primary", "--reason", "the fault is mended", "--yes"];
        let done = self.pair.run(&words);
        assert_eq!(done.code(), 0, "{done:?}\n{}", self.told());
        self.order(Alternate, &["acknowledge"]);
        self.settled();
    }

    /// Waits until a site is live; how long that took. Its lasting block is gone then as well, which may take longer.
    pub fn wait_live(&self, site: Site) -> Duration {
        let taken = self.wait(&format!("the {site} is live"), || self.is_live(site));
        self.wait(&format!("the {site} is open"), || self.is_open(site));
        taken
    }

    /// Waits until it is so; tells what both sites say when it is not.
    pub fn wait(&self, what: &str, is_so: impl FnMut() -> bool) -> Duration {
        wait_or_tell(PATIENCE, what, is_so, || self.told())
    }

    /// Waits until the kernel of a site's LIM 1 lets no telephony pass.
    pub fn wait_blocked(&self, site: Site) {
        self.wait(&format!("the {site} has blocked itself"), || !self.is_open(site));
    }

    /// Waits until any site is live.
    pub fn wait_any_live(&self) {
        self.wait("a site is live", || self.is_live(Primary) || self.is_live(Alternate));
    }

    /// Looks all the time for so long that a site is live, and that the kernel of the other one lets nothing pass.
    pub fn keeps_live(&self, site: Site, length: Duration, why: &str) {
        self.keeps(length, why, || self.is_live(site) && !self.is_open(site.other()));
    }

    /// Looks all the time for so long whether it is so: what moves and comes back is seen as well.
    pub fn keeps(&self, length: Duration, why: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < length {
            assert!(is_so(), "{why}; after {:?} it is not so\n{}", begun.elapsed(), self.told());
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }

    /// Waits until both sites go by one epoch.
    pub fn wait_agreed(&self) {
        self.wait("both sites know of one epoch", || {
            let epoch = self.state(Primary)["epoch"].clone();
            epoch.is_u64() && epoch == self.state(Alternate)["epoch"]
        });
    }

    /// How both sites are and what their monitors told last, for a test that fails.
    pub fn told(&self) -> String {
        let of = |site| {
            let last = self.first(site).run(&["tail", "-n", "12", "/var/log/voter.log"]).stdout;
            format!("{}\n{last}", self.state(site))
        };
        format!("{}\n{}", of(Primary), of(Alternate))
    }

    /// Waits until the history of a site's LIM 1 has a line with these words, and returns the line.
    pub fn wait_told(&self, site: Site, words: &str) -> String {
        let line = || self.history(site).lines().find(|line| line.contains(words)).map(str::to_owned);
        self.wait(&format!("the history of the {site} tells {words:?}"), || line().is_some());
        line().unwrap()
    }

    /// What the history of a site's LIM 1 tells.
    pub fn history(&self, site: Site) -> String {
        self.first(site).run(&["cat", "/var/log/mxone_system_redundancy/history.jsonl"]).stdout
    }

    /// What a site's monitor tells of itself, asked at its socket; null while it does not answer.
    pub fn state(&self, site: Site) -> Value {
        let ask = || -> io::Result<Value> {
            let mut stream = UnixStream::connect(self.first(site).path(SOCKET))?;
            stream.set_read_timeout(Some(ANSWER_WITHIN))?;
            stream.write_all(b"null\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(serde_json::from_str(&answer)?)
        };
        ask().unwrap_or(Value::Null)
    }

    /// Whether a site's monitor says that it is live.
    pub fn is_live(&self, site: Site) -> bool {
        self.state(site)["live"].is_u64()
    }

    /// The gate as the kernel has it, asked without any program of ours.
    pub fn gate(&self, site: Site) -> String {
        gate_of(self.first(site))
    }

    /// Whether the kernel lets telephony pass now.
    pub fn is_open(&self, site: Site) -> bool {
        lets_pass(self.first(site))
    }
}

/// Whether a server's kernel lets telephony pass now.
pub fn lets_pass(server: &Host) -> bool {
    let gate = gate_of(server);
    (gate.is_empty() || ends(&gate)) && super::pair::filter(server) == super::pair::Filter::Open
}

/// Whether a server's kernel lets telephony pass for a time.
pub fn is_timed(server: &Host) -> bool {
    ends(&gate_of(server))
}

/// Whether a gate holds a right that ends by itself.
fn ends(gate: &str) -> bool {
    gate.contains("expires") || gate.lines().any(|line| line.starts_with("add ") && line.contains(" timeout "))
}

/// The gate as the kernel has it, in whichever form.
fn gate_of(server: &Host) -> String {
    let table = server.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout;
    if !table.is_empty() {
        return table;
    }
    let sets = ["MXONE_REDUNDANCY_4", "MXONE_REDUNDANCY_6"].map(|set| server.run(&["ipset", "save", set]).stdout);
    sets.concat()
}

/// The key that two voters share.
fn key(me: &str, other: &str) -> String {
    let (a, b) = if me < other { (me, other) } else { (other, me) };
    let mut key = [b'x'; 32];
    key[..a.len()].copy_from_slice(a.as_bytes());
    key[16..16 + b.len()].copy_from_slice(b.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(key)
}
