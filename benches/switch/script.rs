//! The rivals: the same rules switched over by scripts.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site;

use super::lab::host::Host;
use super::lab::namespace::Namespace;
use super::lab::{Lab, tool};

/// The tool of each family is named after it.
const FAMILIES: [&str; 2] = ["iptables", "ip6tables"];
/// Processes at once, where they are all that is measured.
const AT_ONCE: usize = 4;

/// How a script goes from server to server.
#[derive(Debug, Clone, Copy)]
pub enum Hurry {
    /// One `ssh` a command, one after the other, as one writes it at first.
    OneByOne,
    /// One `ssh` a server with a whole script, on all servers at once.
    AllAtOnce,
}

/// What the product put into the packet filters of a site's servers.
pub struct Rules {
    site: Site,
    /// For each family, what blocks and what allows again, as `iptables-restore` reads it.
    texts: [(String, String); 2],
}

impl Rules {
    /// Takes them from a server that is blocked; in the lab nobody else has rules.
    pub fn of(host: &Host) -> Self {
        let texts = FAMILIES.map(|family| {
            let saved = host.must(&[format!("{family}-save"), "-t".to_owned(), "filter".to_owned()]);
            let ours: Vec<&str> = saved.lines().filter(|line| line.contains("MXONE_REDUNDANCY_")).collect();
            assert!(!ours.is_empty(), "{} is not blocked", host.name);
            let block = format!("*filter\n{}\nCOMMIT\n", ours.join("\n"));
            let hooks = ours.iter().filter(|line| !line.starts_with(':') && !line.starts_with("-A MXONE"));
            let unhook: String = hooks.map(|line| format!("{}\n", line.replacen("-A", "-D", 1))).collect();
            let chains = ours.iter().filter_map(|line| line.strip_prefix(':')?.split(' ').next());
            let remove: Vec<String> = chains.map(|chain| format!("-F {chain}\n-X {chain}\n")).collect();
            (block, format!("*filter\n{unhook}{}COMMIT\n", remove.concat()))
        });
        Self { site: host.server.unwrap().site, texts }
    }
}

/// The scripts on LIM 1 of the alternate.
pub struct Script<'a> {
    seat: &'a Host,
    rules: [&'a Rules; 2],
}

impl<'a> Script<'a> {
    /// Puts them there.
    pub fn install(lab: &'a Lab, user: &str, rules: [&'a Rules; 2]) -> Self {
        let seat = lab.server(Site::Alternate, 1);
        let sudo = if user == "root" { "" } else { "sudo -n " };
        seat.write(
            "/root/switch/on",
            &format!(
                "if [ \"$1\" = {} ]; then shift; exec \"$@\"; fi\n\
                 to=$1; shift; exec ssh -o BatchMode=yes {user}@$to {sudo}\"$@\"\n",
                seat.v4
            ),
        );
        seat.write("/root/switch/one-by-one", ONE_BY_ONE);
        seat.write("/root/switch/all-at-once", ALL_AT_ONCE);
        for rules in rules {
            let site = rules.site;
            let mut whole = [String::new(), String::new()];
            for (family, (block, allow)) in FAMILIES.iter().zip(&rules.texts) {
                for (i, (what, text)) in [("block", block), ("allow", allow)].into_iter().enumerate() {
                    seat.write(&format!("/root/switch/{site}.{what}.{family}"), text);
                    whole[i] += &format!("{family}-restore --noflush -w <<'END' || exit 1\n{text}END\n");
                }
                whole[0] += &format!("{family}-save -t filter | grep -q MXONE_REDUNDANCY_IN || exit 1\n");
            }
            for (what, text) in ["block", "allow"].iter().zip(whole) {
                seat.write(&format!("/root/switch/{site}.{what}.sh"), &text);
            }
            let servers = lab.servers().filter(|host| host.server.unwrap().site == site);
            let list: String = servers.map(|host| format!("{}\n", host.v4)).collect();
            seat.write(&format!("/root/switch/{site}.servers"), &list);
        }
        Self { seat, rules }
    }

    /// Makes `site` the live one.
    pub fn switch_to(&self, site: Site, hurry: Hurry) {
        let script = match hurry {
            Hurry::OneByOne => "/root/switch/one-by-one",
            Hurry::AllAtOnce => "/root/switch/all-at-once",
        };
        self.seat.must(&["sh", script, &site.other().to_string(), &site.to_string()]);
    }

    /// How long the `iptables` calls of a switch take by themselves, a few at a time: from the first block on the
    /// primary over its reading back to the last allow on the alternate. Then everything is put back.
    pub fn alone(&self, lab: &Lab) -> Duration {
        let begun = Instant::now();
        self.switch_alone(lab, Site::Alternate);
        let took = begun.elapsed();
        self.switch_alone(lab, Site::Primary);
        took
    }

    fn switch_alone(&self, lab: &Lab, site: Site) {
        let texts = |site: Site| &self.rules.iter().find(|rules| rules.site == site).unwrap().texts;
        let (old, new) = (texts(site.other()), texts(site));
        on_each(lab, site.other(), |family, namespace| {
            must(namespace, &[&format!("{}-restore", FAMILIES[family]), "--noflush", "-w"], &old[family].0);
        });
        on_each(lab, site.other(), |family, namespace| {
            must(namespace, &[&format!("{}-save", FAMILIES[family]), "-t", "filter"], "");
        });
        on_each(lab, site, |family, namespace| {
            must(namespace, &[&format!("{}-restore", FAMILIES[family]), "--noflush", "-w"], &new[family].1);
        });
    }
}

fn must(namespace: &Namespace, words: &[&str], input: &str) {
    let net = format!("--net={}", namespace.path().display());
    tool::must_with_input("nsenter", &[&[net.as_str()], words].concat(), input);
}

/// Does something with both families of every server of a site.
fn on_each(lab: &Lab, site: Site, doing: impl Fn(usize, &Namespace) + Sync) {
    let servers = lab.servers().filter(|host| host.server.unwrap().site == site);
    let work: Vec<(usize, &Namespace)> =
        servers.flat_map(|host| [(0, &host.namespace), (1, &host.namespace)]).collect();
    let left = Mutex::new(work.into_iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((family, namespace)) = next else { return };
                    doing(family, namespace);
                }
            });
        }
    });
}

const ONE_BY_ONE: &str = r"cd /root/switch || exit 1
for server in $(cat $1.servers); do
    for family in iptables ip6tables; do
        sh on $server $family-restore --noflush -w <$1.block.$family || exit 1
    done
done
for server in $(cat $1.servers); do
    for family in iptables ip6tables; do
        sh on $server $family-save -t filter </dev/null | grep -q MXONE_REDUNDANCY_IN || exit 1
    done
done
for server in $(cat $2.servers); do
    for family in iptables ip6tables; do
        sh on $server $family-restore --noflush -w <$2.allow.$family || exit 1
    done
done
";

const ALL_AT_ONCE: &str = r#"cd /root/switch || exit 1
xargs -P 64 -I{} sh -c "sh on {} sh -s <$1.block.sh" <$1.servers || exit 1
xargs -P 64 -I{} sh -c "sh on {} sh -s <$2.allow.sh" <$2.servers || exit 1
"#;
