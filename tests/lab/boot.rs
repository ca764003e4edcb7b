//! What systemd would do at boot with the units of this product, since a lab host has no process 1 of its own.
//!
//! Only units whose name begins with `mxone` are run. What the lab cannot do as systemd would, it refuses.

use std::fs;
use std::path::Path;

use super::host::Host;

/// Where enabled units are linked.
const UNITS: &str = "/etc/systemd/system";

/// Units that stand before the network, run one after another to their end.
pub fn early(host: &Host) {
    for unit in enabled(host).iter().filter(|unit| unit.before_network()) {
        unit.run(host);
    }
}

/// Units that come after the network; services are left running, timers are started.
pub fn late(host: &Host) {
    for unit in enabled(host).iter().filter(|unit| !unit.before_network()) {
        match unit.name.strip_suffix(".timer") {
            Some(name) => unit.start_timer(host, &Unit::find(host, format!("{name}.service"))),
            None => unit.run(host),
        }
    }
}

/// A unit file as the lab reads it.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    name: String,
    /// Section, key and value of each line, in their order.
    lines: Vec<(String, String, String)>,
}

/// The enabled units of the product: what `*.wants` and `*.requires` folders link to.
fn enabled(host: &Host) -> Vec<Unit> {
    let mut names: Vec<String> = Vec::new();
    for folder in fs::read_dir(host.path(UNITS)).into_iter().flatten().flatten() {
        let folder_name = folder.file_name().to_string_lossy().into_owned();
        if [".wants", ".requires"].iter().any(|end| folder_name.ends_with(end)) {
            for link in fs::read_dir(folder.path()).unwrap().flatten() {
                names.push(link.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names.retain(|name| name.starts_with("mxone"));
    names.sort();
    names.dedup();
    names.into_iter().map(|name| Unit::find(host, name)).collect()
}

impl Unit {
    fn find(host: &Host, name: String) -> Self {
        let folders = [UNITS, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];
        let path = folders.iter().map(|folder| format!("{folder}/{name}")).find(|path| host.has(path));
        let path = path.unwrap_or_else(|| panic!("{name} is enabled on {} but is nowhere", host.name));
        Self::parse(name, &host.read(&path))
    }

    fn parse(name: String, text: &str) -> Self {
        let mut section = String::new();
        let mut lines = Vec::new();
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.starts_with(['#', ';']) || line.is_empty() {
            } else if let Some(title) = line.strip_prefix('[') {
                title.trim_end_matches(']').clone_into(&mut section);
            } else {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line:?} is no setting"));
                lines.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self { name, lines }
    }

    fn values<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(s, k, _)| s == section && k == key).map(|(_, _, value)| value.as_str())
    }

    /// Whether systemd would finish it before any interface is configured.
    fn before_network(&self) -> bool {
        self.values("Unit", "Before").flat_map(str::split_whitespace).any(|target| target == "network-pre.target")
    }

    fn run(&self, host: &Host) {
        if !self.conditions_hold(host) {
            return;
        }
        let stays = !self.values("Service", "Type").any(|kind| kind == "oneshot");
        for line in ["ExecStartPre", "ExecStart", "ExecStartPost"].iter().flat_map(|key| self.values("Service", key)) {
            let (line, may_fail) = line.strip_prefix('-').map_or((line, false), |rest| (rest, true));
            let argv = words(line.trim_start_matches(['@', '+', '!', ':']));
            if stays {
                self.leave_running(host, &argv);
            } else {
                let done = host.run(&argv);
                assert!(may_fail || done.code() == 0, "{} at boot of {}: {done:?}", self.name, host.name);
            }
        }
    }

    /// A service outlives the one who started it, and writes where systemd's journal would be looked into.
    fn leave_running(&self, host: &Host, argv: &[String]) {
        let log = format!("/var/log/{}.log", self.name);
        let mut line = vec!["sh", "-c", "log=$1; shift; setsid \"$@\" >>\"$log\" 2>&1 </dev/null &", "boot", &log];
        line.extend(argv.iter().map(String::as_str));
        host.must(&line);
    }

    /// Starts a service some seconds after boot; its conditions are looked at then.
    fn start_timer(&self, host: &Host, service: &Self) {
        let after = self.values("Timer", "OnBootSec").next().unwrap_or_else(|| panic!("{}: no OnBootSec", self.name));
        let seconds: u64 = after.trim_end_matches('s').parse().unwrap();
        let mut script = format!("sleep {seconds}\n");
        for (_, key, value) in service.lines.iter().filter(|(_, key, _)| key.starts_with("Condition")) {
            assert_eq!(key, "ConditionPathExists", "{}: the lab does not know it behind a timer", service.name);
            let (not, path) = value.strip_prefix('!').map_or(("", value.as_str()), |path| ("! ", path));
            script += &["[ ", not, "-e '", path, "' ] || exit 0\n"].concat();
        }
        for line in service.values("Service", "ExecStart") {
            script += &[line, "\n"].concat();
        }
        service.leave_running(host, &["/bin/sh".to_owned(), "-c".to_owned(), script]);
    }

    fn conditions_hold(&self, host: &Host) -> bool {
        let conditions = self.lines.iter().filter(|(s, k, _)| s == "Unit" && k.starts_with("Condition"));
        conditions.into_iter().all(|(_, key, value)| {
            let (value, wanted) = value.strip_prefix('!').map_or((value.as_str(), true), |rest| (rest, false));
            let holds = match key.as_str() {
                // A link is looked through inside of the host, not on this machine.
                "ConditionPathExists" => host.run(&["test", "-e", value]).code() == 0,
                "ConditionPathIsDirectory" => host.run(&["test", "-d", value]).code() == 0,
                "ConditionFileNotEmpty" => host.run(&["test", "-s", value]).code() == 0,
                _ => panic!("{}: the lab does not know {key}", self.name),
            };
            holds == wanted
        })
    }
}

/// The words of a command line as systemd takes them apart.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => word.get_or_insert_default().extend(letters.next()),
            (mark, Some(open)) if mark == open => quote = None,
            (mark @ ('"' | '\''), None) => {
                quote = Some(mark);
                word.get_or_insert_default();
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    for word in &mut words {
        *word = word.replace("%%", "%").replace("$$", "$");
        assert!(!word.contains('$'), "the lab does not fill in variables: {line}");
    }
    assert!(words.first().is_some_and(|program| Path::new(program).is_absolute()), "no absolute program: {line}");
    words
}

#[test]
fn a_command_line_is_taken_apart_as_systemd_does() {
    assert_eq!(words(r#"/bin/sh -c "exec 'a b' < /x" --n=1 ''"#), ["/bin/sh", "-c", "exec 'a b' < /x", "--n=1", ""]);
}

#[test]
fn a_unit_that_stands_before_the_network_is_known_by_its_order() {
    let unit = Unit::parse(
        "mxone-x.service".into(),
        "[Unit]\nBefore=sysinit.target network-pre.target\n[Service]\nType=oneshot\n",
    );
    assert!(unit.before_network());
    assert_eq!(unit.values("Service", "Type").collect::<Vec<_>>(), ["oneshot"]);
}
