//! Two sites of real servers on one machine: each host is a network namespace with a root file system of its own.
//!
//! A test program takes it in with `#[path = "lab/lab.rs"] mod lab;` and calls [`Lab::start`]. Nothing outlives the
//! [`Lab`]: dropping it ends every process, mount and namespace it made, also when the test panicked.
//!
//! ```text
//! primary 192.0.2.0/24          router (.1 everywhere)         alternate 198.51.100.0/24
//!   LIM 1 .10  LIM 2 .11  ────────────┬──────────────────────    LIM 1 .10  LIM 2 .11
//!   gateway .20                       │                          gateway .20
//!                        users 203.0.113.0/24: client .50, trunk .60
//! ```
//! IPv6 in the same order: `2001:db8:1::/64`, `2001:db8:2::/64`, `2001:db8:3::/64`, with the same last numbers.
//!
//! The auditor has a line of its own to each call server that it asks: no fault of the network touches it.
#![allow(dead_code, reason = "every test program uses a part of the lab")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a lab that cannot be built ends the test"
)]

pub mod auditor;
pub mod boot;
pub mod exchange;
pub mod host;
pub mod leftovers;
#[path = "../machine/machine.rs"]
pub mod machine;
pub mod namespace;
pub mod root;
pub mod sip;
pub mod story;
pub mod tool;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use mxone_system_redundancy::domain::site::Site;

use exchange::SystemData;
use host::Host;
use namespace::Namespace;
use tool::{ip, must};

/// The router's address in the users' network: what a site must reach to be of use to anybody.
pub const NETWORK_CONTROL_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
/// Where phones are.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 50));
/// A carrier's trunk: foreign to both systems, the same seen from each.
pub const TRUNK: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 60));
/// Where the auditor asks from by its own lines: an address that nobody knows, and so counts as a telephone's.
pub const AUDITOR: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 1);

/// What kind of lab is wanted.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// Servers at each site, 1 to 124.
    pub servers: u8,
    /// What the systems run.
    pub flavour: Flavour,
    /// How many of a site's servers run a call server, from LIM 1 on.
    pub call_servers: u8,
    /// Whether gateways and the trunk answer calls.
    pub gateways: bool,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self { servers: 2, flavour: Flavour::Kamailio, call_servers: 2, gateways: true }
    }
}

/// Which commands the systems understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The lab's own commands beside a real Kamailio.
    Kamailio,
    /// As well, commands that print what an MX-ONE prints (`fixtures/hosts/mxone/<site>/`).
    Mxone,
}

/// Two sites, a router between them and the users, a client.
#[derive(Debug)]
pub struct Lab {
    options: LabOptions,
    /// Everything of this lab on disk; a tmpfs is mounted on it.
    base: PathBuf,
    router: Namespace,
    auditor: Namespace,
    hosts: BTreeMap<String, Host>,
}

impl Lab {
    /// Builds the lab and waits until its call servers answer.
    ///
    /// # Panics
    /// When not run by root, or when a tool that the lab needs is missing: `packaging/test` installs them.
    #[must_use]
    pub fn start(options: LabOptions) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        tool::require();
        leftovers::clean();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("rd-{}-{number}", std::process::id());
        let base = leftovers::make_base(&prefix);
        let router = Namespace::new(&format!("{prefix}-router"));
        let auditor = Namespace::new(&format!("{prefix}-auditor"));
        let hosts = cast(&options).into_iter().map(|part| (part.name.clone(), Host::new(part, &prefix, &base)));
        // From here on the value exists, so that dropping it takes down whatever the next lines have built.
        let lab = Self { hosts: hosts.collect(), router, auditor, base, options };
        lab.build();
        lab
    }

    fn build(&self) {
        let key = self.base.join("keys/operator");
        fs::create_dir_all(self.base.join("keys")).unwrap();
        for name in ["operator", "system"] {
            must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &self.key(name)]);
        }
        assert!(key.exists(), "ssh-keygen made no key");
        self.router.create();
        self.lay_networks();
        self.auditor.create();
        // What is asked of a server without a line, one without power, ends here.
        self.auditor.batch(&format!("link set lo up\naddr add {AUDITOR}/32 dev lo\nroute add default dev lo\n"));
        thread::scope(|scope| {
            for host in self.hosts.values() {
                scope.spawn(|| self.raise(host));
            }
        });
        self.introduce_servers();
        thread::scope(|scope| {
            for host in self.hosts.values() {
                scope.spawn(|| host.start_services());
            }
        });
    }

    /// The router's three networks, one bridge each.
    fn lay_networks(&self) {
        let mut orders = String::from("link set lo up\n");
        for network in Network::ALL {
            let (bridge, router) = (network.bridge(), 1);
            let (v4, v6) = (network.v4(router), network.v6(router));
            writeln!(orders, "link add {bridge} type bridge\nlink set {bridge} up").unwrap();
            writeln!(orders, "addr add {v4}/24 dev {bridge}\naddr add {v6}/64 dev {bridge} nodad").unwrap();
        }
        self.router.batch(&orders);
        self.router.enter(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
            fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
        });
    }

    /// Files, namespace, boot and network of one host; its services are started later.
    fn raise(&self, host: &Host) {
        host.namespace.create();
        host.mount();
        if let Some(server) = host.server {
            host.furnish(&self.base.join("keys"));
            SystemData::of(server.site, self.options.servers).install(host);
            exchange::install_commands(host, server, &self.options);
        }
        host.boot(&self.router);
        self.lay_own_line(host);
    }

    /// The auditor's line to a server it asks. The server gets no address there, so no program on it is the wiser.
    fn lay_own_line(&self, host: &Host) {
        if !self.audited().any(|audited| audited.name == host.name) {
            return;
        }
        let near_end = ["link", "add", "audit0", "netns", &host.namespace.name];
        ip(&[&near_end[..], &["type", "veth", "peer", "name", &host.port, "netns", &self.auditor.name]].concat());
        let far = &host.port;
        self.auditor.batch(&format!("link set {far} up\nroute add {} dev {far}\n", host.v4));
        let orders = format!("link set audit0 addrgenmode none\nlink set audit0 up\nroute add {AUDITOR} dev audit0\n");
        host.namespace.batch(&orders);
    }

    /// The servers that the auditor asks: LIM 1, and LIM 2 where it has a call server, of both sites.
    pub fn audited(&self) -> impl Iterator<Item = &Host> {
        let last = self.options.call_servers.min(self.options.servers).min(2);
        Site::BOTH.into_iter().flat_map(move |site| (1..=last).map(move |lim| self.server(site, lim)))
    }

    /// LIM 1 of the alternate is the operator's seat: it holds the key, and everybody knows everybody's host key.
    fn introduce_servers(&self) {
        let mut known = String::new();
        for host in self.servers() {
            let key = host.host_key();
            writeln!(known, "{} {key}\n{} {key}", host.v4, host.v6).unwrap();
        }
        for host in self.servers() {
            host.write("/root/.ssh/known_hosts", &known);
        }
        let seat = self.server(Site::Alternate, 1);
        seat.write_mode("/root/.ssh/id_ed25519", &fs::read_to_string(self.key("operator")).unwrap(), 0o600);
        for host in self.servers() {
            host.write_mode("/etc/lab/id_ed25519", &fs::read_to_string(self.key("system")).unwrap(), 0o600);
        }
    }

    fn key(&self, name: &str) -> String {
        self.base.join("keys").join(name).display().to_string()
    }

    /// The lab's folder on this machine.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.base
    }

    /// What the names of this lab's namespaces begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.base.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// A server by site and number.
    #[must_use]
    pub fn server(&self, site: Site, lim: u8) -> &Host {
        self.host(&server_name(site, lim))
    }

    /// Every server of both sites.
    pub fn servers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values().filter(|host| host.server.is_some())
    }

    /// Where phones and the auditor are.
    #[must_use]
    pub fn client(&self) -> &Host {
        self.host("client")
    }

    /// A host by its name: `p1`, `a2`, `client`, `trunk`, `p-gateway`, `a-gateway`.
    #[must_use]
    pub fn host(&self, name: &str) -> &Host {
        self.hosts.get(name).unwrap_or_else(|| panic!("the lab has no host {name}: {:?}", self.hosts.keys()))
    }

    /// Joins hosts by one more network, as where both sites have one in common: their interface `svc0`.
    pub fn join(&self, hosts: &[&Host]) {
        self.router.batch("link add joint type bridge\nlink set joint up\n");
        for host in hosts {
            let (near, far) = (&host.namespace.name, format!("s{}", host.port));
            let near_end = ["link", "add", "svc0", "netns", near];
            ip(&[&near_end[..], &["type", "veth", "peer", "name", &far, "netns", &self.router.name]].concat());
            self.router.batch(&format!("link set {far} master joint\nlink set {far} up\n"));
            host.namespace.batch("link set svc0 up\n");
        }
    }

    /// Pulls or puts back a host's cable to that network.
    pub fn joined(&self, host: &Host, up_or_down: &str) {
        ip(&["-n", &self.router.name, "link", "set", &format!("s{}", host.port), up_or_down]);
    }

    /// Pulls a host's cable.
    pub fn cut(&self, host: &Host) {
        ip(&["-n", &self.router.name, "link", "set", &host.port, "down"]);
    }

    /// Puts a host's cable back.
    pub fn heal(&self, host: &Host) {
        ip(&["-n", &self.router.name, "link", "set", &host.port, "up"]);
    }

    /// Lets nothing pass between the two sites' networks; both still reach the users.
    pub fn cut_between_sites(&self) {
        self.between_sites("-I");
    }

    /// Takes back [`Lab::cut_between_sites`].
    pub fn heal_between_sites(&self) {
        self.between_sites("-D");
    }

    fn between_sites(&self, action: &str) {
        let (primary, alternate) = (Network::Primary.bridge(), Network::Alternate.bridge());
        for tables in ["iptables", "ip6tables"] {
            for (from, to) in [(primary, alternate), (alternate, primary)] {
                self.router.must(tables, &["-w", action, "FORWARD", "-i", from, "-o", to, "-j", "DROP"]);
            }
        }
    }

    /// Lets packets from one host to another vanish in the router, one way; works between networks.
    pub fn drop_one_way(&self, from: &Host, to: &Host) {
        self.one_way("-I", from, to);
    }

    /// Takes back [`Lab::drop_one_way`].
    pub fn heal_one_way(&self, from: &Host, to: &Host) {
        self.one_way("-D", from, to);
    }

    fn one_way(&self, action: &str, from: &Host, to: &Host) {
        let (from, to) = (from.v4.to_string(), to.v4.to_string());
        self.router.must("iptables", &["-w", action, "FORWARD", "-s", &from, "-d", &to, "-j", "DROP"]);
    }

    /// Has the control address answer a site no more; all else goes on. The primary hears nothing, and the alternate from
    /// its router that there is no such host: both mean the same.
    pub fn hide_control_address(&self, site: Site) {
        self.control_address("-I", site);
    }

    /// Takes back [`Lab::hide_control_address`].
    pub fn show_control_address(&self, site: Site) {
        self.control_address("-D", site);
    }

    fn control_address(&self, action: &str, site: Site) {
        let (from, to) = (Network::from(site).bridge(), NETWORK_CONTROL_ADDRESS.to_string());
        let how: &[&str] = match site {
            Site::Primary => &["DROP"],
            Site::Alternate => &["REJECT", "--reject-with", "icmp-host-unreachable"],
        };
        let words = ["-w", action, "INPUT", "-i", from, "-d", &to, "-j"];
        self.router.must("iptables", &[&words[..], how].concat());
    }

    /// Takes the power from a host: every process dies, and with the network namespace all that was only in memory.
    pub fn power_off(&self, host: &Host) {
        host.power_off(&self.router);
        self.take_own_line(host);
    }

    fn take_own_line(&self, host: &Host) {
        let mut take = Command::new("ip");
        // A host that has none, or is off already.
        let taken = take.args(["-n", &self.auditor.name, "link", "del", &host.port]).stderr(Stdio::null()).status();
        assert!(taken.is_ok(), "ip cannot be started");
    }

    /// Gives it back: a fresh kernel state, then what systemd would do, in its order.
    pub fn power_on(&self, host: &Host) {
        host.namespace.create();
        host.mount_volatile();
        host.boot(&self.router);
        self.lay_own_line(host);
        host.start_services();
    }

    /// A plain restart.
    pub fn restart(&self, host: &Host) {
        self.power_off(host);
        self.power_on(host);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in self.hosts.values() {
            host.power_off(&self.router);
        }
        self.router.delete();
        self.auditor.delete();
        leftovers::remove_base(&self.base);
    }
}

/// The three networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The primary site.
    Primary,
    /// The alternate site.
    Alternate,
    /// Phones and trunks.
    Users,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Primary, Self::Alternate, Self::Users];

    /// The IPv4 address with this last number.
    #[must_use]
    pub fn v4(self, last: u8) -> Ipv4Addr {
        match self {
            Self::Primary => Ipv4Addr::new(192, 0, 2, last),
            Self::Alternate => Ipv4Addr::new(198, 51, 100, last),
            Self::Users => Ipv4Addr::new(203, 0, 113, last),
        }
    }

    /// The IPv6 address with the same last number, as it is read: `.10` becomes `::10`.
    #[must_use]
    pub fn v6(self, last: u8) -> Ipv6Addr {
        let last = u16::from_str_radix(&last.to_string(), 16).unwrap();
        let network = match self {
            Self::Primary => 1,
            Self::Alternate => 2,
            Self::Users => 3,
        };
        Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, last)
    }

    const fn bridge(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Alternate => "alternate",
            Self::Users => "users",
        }
    }
}

impl From<Site> for Network {
    fn from(site: Site) -> Self {
        match site {
            Site::Primary => Self::Primary,
            Site::Alternate => Self::Alternate,
        }
    }
}

/// A part in the play: who is where.
#[derive(Debug, Clone)]
pub struct Part {
    /// Short name; also its cable's name at the router.
    pub name: String,
    /// Its network.
    pub network: Network,
    /// The last number of its addresses.
    pub last: u8,
    /// What it is for.
    pub role: Role,
}

/// What a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A server of a system.
    Server {
        /// Which.
        server: LabServer,
        /// Whether it runs a call server.
        calls: bool,
    },
    /// Answers every call.
    Gateway,
    /// Phones.
    Client,
}

/// A server of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabServer {
    /// Its site.
    pub site: Site,
    /// Its number.
    pub lim: u8,
}

/// The name of a server's host: `p1`, `a2`.
#[must_use]
pub fn server_name(site: Site, lim: u8) -> String {
    match site {
        Site::Primary => format!("p{lim}"),
        Site::Alternate => format!("a{lim}"),
    }
}

/// The address of a server.
#[must_use]
pub fn server_address(site: Site, lim: u8) -> Ipv4Addr {
    Network::from(site).v4(9 + lim)
}

fn cast(options: &LabOptions) -> Vec<Part> {
    let mut parts = vec![Part { name: "client".into(), network: Network::Users, last: 50, role: Role::Client }];
    if options.gateways {
        assert!(options.servers <= 10, "with more than ten servers a site, LIM 11 would have the gateway's address");
        for (name, network, last) in
            [("p-gateway", Network::Primary, 20), ("a-gateway", Network::Alternate, 20), ("trunk", Network::Users, 60)]
        {
            parts.push(Part { name: name.into(), network, last, role: Role::Gateway });
        }
    }
    for site in Site::BOTH {
        for lim in 1..=options.servers {
            let server = LabServer { site, lim };
            let role = Role::Server { server, calls: lim <= options.call_servers };
            parts.push(Part { name: server_name(site, lim), network: site.into(), last: 9 + lim, role });
        }
    }
    parts
}
