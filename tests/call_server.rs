//! The MX-ONE profile against recorded output in the documented formats, and loads against scripted systems.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Local};
use mxone_system_redundancy::adapters::call_server::ProfiledCallServer;
use mxone_system_redundancy::config::platform::builtin;
use mxone_system_redundancy::domain::alarm::Standing;
use mxone_system_redundancy::domain::backup::Backup;
use mxone_system_redundancy::domain::configuration::{Membership, ServerCard, SshAccess};
use mxone_system_redundancy::domain::platform::reader::Row;
use mxone_system_redundancy::domain::platform::{Fields, Layout, Pick, Reader};
use mxone_system_redundancy::domain::site::{ServerId, Site};
use mxone_system_redundancy::domain::traffic::TurnAway;
use mxone_system_redundancy::ports::call_server::{CallServer, CallServerError, Capacity, Condition, Usage};
use mxone_system_redundancy::ports::clock::Clock;
use mxone_system_redundancy::ports::host::{Command, Host, HostError, Output, Sink};
use mxone_system_redundancy::ports::systems::Hosts;

#[tokio::test]
async fn every_fact_of_both_sites_is_understood() {
    for site in Site::BOTH {
        let told = told(&mxone(&site.to_string(), &site.to_string()), site).await;
        insta::assert_snapshot!(format!("mxone_{site}"), told);
    }
}

#[tokio::test]
async fn versions_without_plain_numbers_and_backups_without_one_are_facts_too() {
    let old = mxone("release-5", "alternate");
    assert_eq!(old.version(Site::Primary).await.unwrap().as_deref(), Some("5.0 SP6 build17"));
    assert_eq!(mxone("no-backup", "alternate").current_backup(Site::Primary).await.unwrap(), None);
    let failed = mxone("failed-backup", "alternate");
    assert_eq!(failed.holds(Site::Primary, Condition::BackupComplete).await.unwrap(), Some(false));
    assert_eq!(failed.holds(Site::Primary, Condition::RegularServer).await.unwrap(), None);
}

#[tokio::test]
async fn a_rejected_or_missing_command_is_told_as_such() {
    let rejected = mxone("rejected", "alternate");
    let error = rejected.topology(Site::Primary).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the topology of LIM 1 of the primary system cannot be understood: the command was rejected: NOT ACCEPTED"
    );
    let missing = rejected.version(Site::Primary).await.unwrap_err();
    assert!(
        matches!(missing, CallServerError::Host { source: HostError::Failed { status: 127, .. }, .. }),
        "{missing}"
    );
    assert_eq!(rejected.load_now(Site::Primary).await.unwrap(), Usage::default());
}

#[tokio::test]
async fn every_recorded_printout_reads_as_a_table_or_pattern_of_the_profile_says() {
    // The hardest table of all: `Where` may be empty.
    let text = fixture("alternate", "alarm_-p").unwrap();
    let columns = ["S", "Code", "LIM", "Where", "Explanation"];
    let columns = columns.iter().map(|heading| (heading.to_lowercase(), (*heading).to_owned())).collect();
    let alarms = Reader::Table { after: String::new(), columns, only: vec![], pick: Pick::All };
    insta::assert_snapshot!("mxone_alarms", lines(&alarms.read(&text).unwrap()));
    let text = fixture("primary", "media_gateway_interface_-p").unwrap();
    let columns = ["Mgw Id", "Bpos", "Address", "Default GW", "Port Range"];
    let columns = columns.iter().map(|heading| (heading.to_lowercase(), (*heading).to_owned())).collect();
    let interfaces = Reader::Table { after: String::new(), columns, only: vec![], pick: Pick::All };
    insta::assert_snapshot!("mxone_media_gateway_interfaces", lines(&interfaces.read(&text).unwrap()));
}

#[tokio::test]
async fn alarms_of_mx_one_itself_are_read_and_only_the_active_system_is_at_fault_for_them() {
    let alarms = mxone("primary", "alternate").alarms(Site::Alternate).await.unwrap().unwrap();
    assert_eq!(alarms.len(), 5, "{alarms:?}");
    assert_eq!((alarms[1].text.as_str(), alarms[1].lim.as_str()), ("CSTA, Faulty communication channel", "1"));
    let expected = builtin("mxone").unwrap().expected_alarms;
    let readings = |is_passive, was_loaded| -> Vec<&str> {
        let standing = Standing { is_passive, was_loaded };
        alarms.iter().map(|alarm| expected.reading(&alarm.text, standing).word()).collect()
    };
    let (passive, loaded) = ("expected while passive", "expected after load");
    assert_eq!(readings(true, true), [passive, passive, loaded, loaded, loaded]);
    assert_eq!(readings(false, false), ["unexpected"; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_load_is_proved_by_a_new_row_and_not_by_the_old_one() {
    let before = fixture("alternate", "status_-system").unwrap();
    let after = fixture("alternate-after-load", "status_-system").unwrap();
    let script = Script::new([("status -system", before.clone()), ("data_restore", "ok\n".to_owned())])
        .then("reload --system", "Are you sure? (Y/N):\nReload ordered\n")
        .then("status -system", &before)
        .then("status -system", &after);
    let (server, script) = scripted(script);
    let proved = server.load(&backup(), Path::new("/x")).await.unwrap();
    assert_eq!(proved.by, "end 2026-11-21 03:12:40, start 2026-11-21 03:10:10, status Successful");
    assert_eq!(script.ran(), ["status -system", "data_restore", "reload --system", "status -system", "status -system"]);
    assert_eq!(script.inputs.lock().unwrap()[1], "Y\n");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_failed_is_not_waited_for_to_the_end() {
    let before = fixture("alternate", "status_-system").unwrap();
    let failed = fixture("alternate-after-failed-load", "status_-system").unwrap();
    let script = Script::new([("status -system", before), ("data_restore", String::new())])
        .then("reload --system", "")
        .then("status -system", &failed);
    let started = tokio::time::Instant::now();
    let error = scripted(script).0.load(&backup(), Path::new("/x")).await.unwrap_err();
    assert!(matches!(&error, CallServerError::NotProved(because) if because.contains("Unsuccessful")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_load_without_a_trace_is_not_proved() {
    let before = fixture("alternate", "status_-system").unwrap();
    let script = Script::new([("status -system", before.clone()), ("data_restore", String::new())])
        .then("reload --system", "")
        .then("status -system", &before);
    let started = tokio::time::Instant::now();
    let error = scripted(script).0.load(&backup(), Path::new("/x")).await.unwrap_err();
    assert!(matches!(&error, CallServerError::NotProved(because) if because.starts_with("it still says")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(31 * 60), "a proof is waited for within the reload's time-out");
}

#[tokio::test]
async fn a_command_that_says_it_failed_ends_the_load_whatever_its_status() {
    let before = fixture("alternate", "status_-system").unwrap();
    let script = Script::new([
        ("status -system", before),
        ("data_restore", "Restore of exchange data UNSUCCESSFUL\n".to_owned()),
    ]);
    let (server, script) = scripted(script);
    let error = server.load(&backup(), Path::new("/x")).await.unwrap_err();
    assert_eq!(error.to_string(), "data_restore failed: Restore of exchange data UNSUCCESSFUL");
    assert_eq!(script.ran(), ["status -system", "data_restore"]);
}

#[tokio::test]
async fn the_translated_files_are_put_into_a_folder_with_the_backups_name_and_version() {
    let (server, script) = scripted(Script::new([("status -system", fixture("alternate", "status_-system").unwrap())]));
    server.load(&backup(), Path::new("/x")).await.unwrap_err();
    let place = "/var/opt/eri_sn/16.3.1.4.5/xdata/xdata_1_20261121020004";
    let placed = script.placed.lock().unwrap().clone();
    assert_eq!(placed[2], format!("cp -a /x {place}.new"));
    assert_eq!(placed.last().unwrap(), &format!("mv -T {place}.new {place}"));
}

#[test]
fn every_address_of_the_recorded_backup_is_read_by_a_place_of_the_profile_and_no_version_is() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/mxone/backup");
    let places = builtin("mxone").unwrap().addresses;
    let mut told = Vec::new();
    for path in files_below(&folder) {
        let name = path.strip_prefix(&folder).unwrap();
        let place = places.iter().find(|place| place.files.is_match(name));
        let layout = place.map_or("copied as it is".to_owned(), |place| match &place.layout {
            Layout::KeyValue(fields) => named(fields, &fs::read_to_string(&path).unwrap(), "key and value", |text| {
                text.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key.trim().to_owned()).collect()
            }),
            Layout::Csv(fields) => named(fields, &fs::read_to_string(&path).unwrap(), "csv", |text| {
                text.lines().next().unwrap_or_default().split(',').map(str::to_owned).collect()
            }),
            Layout::Text => "text".to_owned(),
        });
        told.push(format!("{}: {layout}", name.display()));
    }
    told.sort();
    insta::assert_snapshot!("mxone_backup_fields", told.join("\n"));
}

#[tokio::test]
async fn this_machine_tells_its_capacity_and_clock() {
    let script = Script::new([("nproc", "4\n".to_owned())])
        .then("cat /proc/meminfo", "MemTotal:        8000000 kB\n")
        .then("df -B1 --output=size,avail /var", " 1B-blocks Avail\n 5000 4000\n")
        .then("date +%s.%N", "1763739234.000000000\n");
    let (server, _) = scripted(script);
    let lim = ServerId::first_of(Site::Alternate);
    let capacity = server.capacity(lim).await.unwrap();
    assert_eq!(capacity, Capacity { cores: 4, memory: 8_192_000_000, disk: 5_000 });
    // The fixed clock stands at 15:33:44, the server's at 15:33:54.
    assert_eq!(server.clock_difference(lim).await.unwrap(), chrono::Duration::seconds(10));
    assert_eq!(server.filter_usable(lim).await.unwrap(), Err("iptables -V ends with status 127: not found".to_owned()));
}

/// Everything a site tells, as text.
async fn told(server: &ProfiledCallServer, site: Site) -> String {
    let mut text = String::new();
    let lim_1 = |error: CallServerError| error.to_string();
    writeln!(text, "master address  {:?}", server.master_address(site).await.map_err(lim_1)).unwrap();
    writeln!(text, "version         {:?}", server.version(site).await.map_err(lim_1)).unwrap();
    writeln!(text, "servers         {:?}", server.servers(site).await.map_err(lim_1)).unwrap();
    writeln!(text, "topology        {:#?}", server.topology(site).await.map_err(lim_1)).unwrap();
    writeln!(text, "backup          {:#?}", server.current_backup(site).await.map_err(lim_1)).unwrap();
    let complete = server.holds(site, Condition::BackupComplete).await.map_err(lim_1);
    writeln!(text, "complete        {complete:?}").unwrap();
    writeln!(text, "usage           {:?}", server.load_now(site).await.map_err(lim_1)).unwrap();
    text
}

fn lines(rows: &[Row]) -> String {
    rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>().join("\n")
}

fn backup() -> Backup {
    Backup {
        id: "20261121020004".to_owned(),
        taken_at: None,
        version: Some("16.3.1.4.5".to_owned()),
        path: "/var/opt/eri_sn/16.3.1.4.5/xdata/xdata_1_20261121020004".to_owned(),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Which of a file's fields hold addresses.
fn named(fields: &Fields, text: &str, layout: &str, names: fn(&str) -> BTreeSet<String>) -> String {
    let (own, rest): (Vec<String>, Vec<String>) = names(text).into_iter().partition(|name| fields.is_own(name));
    let foreign: Vec<String> = rest.into_iter().filter(|name| fields.is_foreign(name)).collect();
    format!("{layout}, own {own:?}, foreign {foreign:?}")
}

/// What a recorded host printed; `None` when it knows no such command.
fn fixture(host: &str, file: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/mxone").join(host);
    assert!(folder.is_dir(), "{}", folder.display());
    fs::read_to_string(folder.join(format!("{file}.txt"))).ok()
}

/// A call server whose two LIM 1 print what the folders of these names hold.
fn mxone(primary: &str, alternate: &str) -> ProfiledCallServer {
    let recorded = |folder: &str| -> Arc<dyn Host> { Arc::new(Recorded(folder.to_owned())) };
    call_server(Two(recorded(primary), recorded(alternate)))
}

fn scripted(script: Script) -> (ProfiledCallServer, Arc<Script>) {
    let script = Arc::new(script);
    (call_server(Two(script.clone(), script.clone())), script)
}

fn call_server(hosts: Two) -> ProfiledCallServer {
    let card = |address: &str| ServerCard { address: address.parse().unwrap(), host_key: None };
    let servers = BTreeMap::from([
        (ServerId::first_of(Site::Primary), card("192.0.2.10")),
        (ServerId::first_of(Site::Alternate), card("198.51.100.10")),
    ]);
    let membership = Membership {
        platform: builtin("mxone").unwrap(),
        ssh: SshAccess::default(),
        servers,
        never_block: BTreeSet::new(),
        turn_away: TurnAway::Reject,
    };
    ProfiledCallServer::new(Arc::new(hosts), &membership, Arc::new(Stopped), BTreeMap::new())
}

struct Two(Arc<dyn Host>, Arc<dyn Host>);

impl Hosts for Two {
    fn host(&self, server: ServerId) -> Arc<dyn Host> {
        match server.site {
            Site::Primary => self.0.clone(),
            Site::Alternate => self.1.clone(),
        }
    }
}

/// A clock that stands still, so that differences can be told.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime<Local> {
        DateTime::from_timestamp(1_763_739_224, 0).unwrap().into()
    }
}

/// A host that prints what a folder holds, a file a command.
struct Recorded(String);

#[async_trait]
impl Host for Recorded {
    fn name(&self) -> String {
        self.0.clone()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        Ok(answer(fixture(&self.0, &command.quoted().replace(' ', "_"))))
    }

    async fn stream(&self, _: Command, _: &mut dyn Sink) -> Result<Output, HostError> {
        panic!("nothing is streamed here")
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        panic!("nothing is connected here")
    }
}

/// A host that prints one thing after another for each command; the last one stays.
struct Script {
    lines: Mutex<BTreeMap<String, VecDeque<String>>>,
    ran: Mutex<Vec<String>>,
    inputs: Mutex<Vec<String>>,
    placed: Mutex<Vec<String>>,
}

/// The exit status of a command that puts files in their place, where nothing lay before; `None` for all others.
fn placing(line: &str) -> Option<i32> {
    match line.split(' ').next()? {
        "mkdir" | "rm" | "cp" | "mv" => Some(0),
        "test" => Some(1),
        _ => None,
    }
}

impl Script {
    fn new<const N: usize>(first: [(&str, String); N]) -> Self {
        let script =
            Self { lines: Mutex::default(), ran: Mutex::default(), inputs: Mutex::default(), placed: Mutex::default() };
        first.into_iter().fold(script, |script, (command, output)| script.then(command, &output))
    }

    fn then(self, command: &str, output: &str) -> Self {
        self.lines.lock().unwrap().entry(command.to_owned()).or_default().push_back(output.to_owned());
        self
    }

    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }
}

#[async_trait]
impl Host for Script {
    fn name(&self) -> String {
        "script".to_owned()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        let line = command.quoted();
        if let Some(what) = placing(&line) {
            self.placed.lock().unwrap().push(line);
            return Ok(Output { status: what, ..Output::default() });
        }
        self.ran.lock().unwrap().push(line.clone());
        self.inputs.lock().unwrap().push(String::from_utf8(command.input).unwrap());
        let mut lines = self.lines.lock().unwrap();
        let outputs = lines.get_mut(&line);
        Ok(answer(outputs.and_then(|left| if left.len() > 1 { left.pop_front() } else { left.front().cloned() })))
    }

    async fn stream(&self, _: Command, _: &mut dyn Sink) -> Result<Output, HostError> {
        panic!("nothing is streamed here")
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        panic!("nothing is connected here")
    }
}

fn answer(printed: Option<String>) -> Output {
    match printed {
        Some(text) => Output { stdout: text.into_bytes(), ..Output::default() },
        None => Output { status: 127, stderr: b"not found\n".to_vec(), ..Output::default() },
    }
}
