//! The exchange data of a lab system, and the commands by which a lab system is kept.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mxone_system_redundancy::domain::site::Site;

use super::host::Host;
use super::tool;
use super::{Flavour, LabOptions, LabServer, Network, TRUNK, server_address};

/// Where a server keeps its exchange data.
pub const DATA: &str = "/var/opt/lab/data";
/// Where backups are made.
pub const BACKUPS: &str = "/var/opt/lab/backups";
/// The version both systems run.
pub const VERSION: &str = "16.3.1.4.5";
/// Dialled from any phone: leads through the site's own gateway.
pub const GATEWAY_NUMBER: &str = "1001";
/// Dialled from any phone: a prefix that leads to the trunk.
pub const TRUNK_NUMBER: &str = "9055501";
/// An extension without a gateway: it rings where its phone is registered.
pub const PHONE_NUMBER: &str = "2001";

/// The lab's commands, by name.
const COMMANDS: [(&str, &str); 11] = [
    ("lab-backup", include_str!("../../fixtures/lab/commands/lab-backup")),
    ("lab-backups", include_str!("../../fixtures/lab/commands/lab-backups")),
    ("lab-load", include_str!("../../fixtures/lab/commands/lab-load")),
    ("lab-receive", include_str!("../../fixtures/lab/commands/lab-receive")),
    ("lab-reload", include_str!("../../fixtures/lab/commands/lab-reload")),
    ("lab-kamailio", include_str!("../../fixtures/lab/commands/lab-kamailio")),
    ("lab-version", include_str!("../../fixtures/lab/commands/lab-version")),
    ("lab-servers", include_str!("../../fixtures/lab/commands/lab-servers")),
    ("lab-master", include_str!("../../fixtures/lab/commands/lab-master")),
    ("lab-status", include_str!("../../fixtures/lab/commands/lab-status")),
    ("lab-topology", include_str!("../../fixtures/lab/commands/lab-topology")),
];

/// The exchange data of a system, file by file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemData {
    /// The version and the system's own addresses.
    pub system: String,
    /// Where numbers lead that are nobody's extension.
    pub routes: String,
    /// Who has which number.
    pub extensions: String,
}

impl SystemData {
    /// What a system of the lab starts with: the primary a customer's data, the alternate its own addresses only.
    #[must_use]
    pub fn of(site: Site, servers: u8) -> Self {
        let network = Network::from(site);
        let mut system = format!("# The {site} system.\nversion = {VERSION}\n");
        for lim in 1..=servers {
            let (v4, v6) = (server_address(site, lim), network.v6(9 + lim));
            writeln!(system, "server_{lim} = {v4}\nserver_{lim}_ipv6 = {v6}").unwrap();
        }
        let gateway = network.v4(20);
        writeln!(system, "gateway_1A = {gateway}\ngateway_1A_router = {}", network.v4(1)).unwrap();
        let heading = "number,name,gateway\n";
        match site {
            Site::Primary => Self {
                system,
                routes: format!(
                    "# prefix and where it leads; ? stands for the dialled number\nroute_90 = sip:?@{TRUNK}:5060\n"
                ),
                extensions: format!("{heading}{GATEWAY_NUMBER},Anna,{gateway}\n{PHONE_NUMBER},Berta,\n"),
            },
            Site::Alternate => Self { system, routes: String::new(), extensions: heading.to_owned() },
        }
    }

    /// Puts it on a server.
    pub fn install(&self, host: &Host) {
        host.write(&format!("{DATA}/system.conf"), &self.system);
        host.write(&format!("{DATA}/routes.conf"), &self.routes);
        host.write(&format!("{DATA}/extensions.csv"), &self.extensions);
    }
}

/// Changes a file of a server's exchange data.
pub fn change(host: &Host, file: &str, from: &str, to: &str) {
    let path = format!("{DATA}/{file}");
    let text = host.read(&path);
    assert!(text.contains(from), "{file} on {} has no {from:?}: {text}", host.name);
    host.write(&path, &text.replace(from, to));
}

/// Puts the lab's commands on a server, and with the MX-ONE flavour those of an MX-ONE.
pub fn install_commands(host: &Host, server: LabServer, options: &LabOptions) {
    host.write("/etc/lab/lim", &format!("{}\n", server.lim));
    host.write("/etc/lab/site", &format!("{}\n", server.site));
    host.write("/etc/lab/call_servers", &format!("{}\n", options.call_servers));
    for (name, text) in COMMANDS {
        host.write_mode(&format!("/usr/local/bin/{name}"), text, 0o755);
    }
    match options.flavour {
        Flavour::Kamailio => {}
        Flavour::Mxone => install_mxone(host, server.site),
    }
}

/// Commands of an MX-ONE in the formats it prints them in. Those that tell of backups and loads do what they tell; of the
/// others the recorded output is printed (`fixtures/hosts/mxone/<site>/`), which is of two servers a site.
fn install_mxone(host: &Host, site: Site) {
    for (name, text) in MXONE_COMMANDS {
        host.write_mode(&format!("/usr/local/bin/{name}"), text, 0o755);
    }
    host.must(&["mkdir", "-p", "/var/opt/lab/mxone"]);
    let recorded = repository().join("fixtures/hosts/mxone");
    let place = host.path("/var/opt/lab/mxone").display().to_string();
    let copy = |from: &Path| tool::must("cp", &["-r", &from.display().to_string(), &place]);
    for entry in fs::read_dir(recorded.join(site.to_string())).unwrap().flatten() {
        copy(&entry.path());
    }
    copy(&recorded.join("backup"));
    for command in RECORDED_COMMANDS {
        host.must(&["ln", "-sf", "mxone-print", &format!("/usr/local/bin/{command}")]);
    }
}

/// Commands that back up, restore and reload, and those that tell of it.
const MXONE_COMMANDS: [(&str, &str); 6] = [
    ("mxone-print", include_str!("../../fixtures/lab/mxone/mxone-print")),
    ("data_backup", include_str!("../../fixtures/lab/mxone/data_backup")),
    ("data_info", include_str!("../../fixtures/lab/mxone/data_info")),
    ("status", include_str!("../../fixtures/lab/mxone/status")),
    ("data_restore", include_str!("../../fixtures/lab/mxone/data_restore")),
    ("reload", include_str!("../../fixtures/lab/mxone/reload")),
];

/// Commands of which the recorded output is printed.
const RECORDED_COMMANDS: [&str; 12] = [
    "serverConfigTool",
    "ts_about",
    "mxone_data",
    "media_gateway_config",
    "media_gateway_interface",
    "alarm",
    "rtp_resource",
    "sip_route",
    "ip_extension_info",
    "server_cluster",
    "license_status",
    "media_server",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
