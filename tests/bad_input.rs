//! Wrong files through the real binary: what is told, and that nothing is changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "each test uses its part of the folder `standing`")]

#[path = "standing/standing.rs"]
mod standing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use standing::{PROGRAM, Ran, files_below};

/// Every command of the tree that reads the configuration or changes something.
const COMMANDS: [&str; 24] = [
    "list",
    "status",
    "configure --yes",
    "remove --yes",
    "manual-takeover traffic-in-alternate --yes",
    "manual-takeover traffic-in-primary --yes --force --reason test",
    "data copy --yes",
    "data auto create",
    "data auto change --zone UTC",
    "data auto list",
    "data auto remove",
    "data mirrors load --yes",
    "data mirrors roll-back --yes",
    "settings translation list",
    "settings translation set 192.0.2.1=198.51.100.1",
    "settings translation remove 192.0.2.1",
    "settings translation confirm",
    "settings translation scan",
    "settings translation preview",
    "settings translation explain 192.0.2.1",
    "settings translation export",
    "settings takeover alternate-from-primary automatic",
    "settings network-control-address",
    "settings network-control-address 203.0.113.7 --yes",
];

#[test]
fn every_valid_configuration_is_right() {
    for config in files("fixtures/config/valid", ".config.yaml") {
        let root = Root::with(&config, &config.with_extension("").with_extension("translation.yaml"));
        let ran = root.run(&["config", "check"]).ended(0);
        assert_eq!(ran.out, "the configuration is right\n", "{}", config.display());
        assert_eq!(root.run(&["config", "check", "--json"]).document()["problems"], serde_json::json!([]));
    }
}

#[test]
fn every_invalid_configuration_is_told_what_to_write_and_where() {
    let mut seen = 0;
    for (name, root) in invalid_configurations() {
        let ran = root.run(&["config", "check"]).ended(2);
        assert_eq!(ran.out, "", "{name}");
        let told = ran.err.strip_prefix("error: the configuration is not right:\n");
        let told = told.unwrap_or_else(|| panic!("{name}: {ran:?}")).replace(&root.prefix(), "");
        expect(&PathBuf::from(format!("fixtures/config/invalid/{name}.expected")), &told);
        let document = root.run(&["config", "check", "--json"]).ended(2).document();
        let problems: Vec<&str> =
            document["problems"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        assert_eq!(problems.join("\n").replace(&root.prefix(), "") + "\n", told, "{name}");
        seen += 1;
    }
    assert!(seen >= 40, "only {seen} wrong configurations were found");
}

#[test]
fn no_command_changes_anything_when_the_configuration_is_wrong() {
    for (name, root) in invalid_configurations().into_iter().filter(|(name, _)| {
        ["port-zero", "empty", "binary", "translation-own-chain", "everything-at-once"].contains(&name.as_str())
    }) {
        let before = root.state();
        for command in COMMANDS {
            let words: Vec<&str> = command.split(' ').collect();
            root.run(&words).ended(2).complains("error: the configuration is not right:\n");
            let ran = root.run(&[&words[..], &["--json"]].concat()).ended(2);
            assert_eq!(ran.out, "", "{name}: {command}");
            assert_eq!(root.state(), before, "{name}: {command}");
        }
    }
}

#[test]
fn a_configuration_of_ten_megabytes_is_judged_in_flat_time() {
    let good = fs::read_to_string(repository("fixtures/config/valid/two-servers.config.yaml")).unwrap();
    let entries = |n: usize| (0..n).fold(String::new(), |text, i| text + &format!("key{i}: a value of no meaning\n"));
    for text in
        ["a".repeat(10_000_000), good.clone() + &entries(300_000), good + "topology: [" + &"x, ".repeat(3_000_000)]
    {
        let root = Root::empty();
        root.write("config.yaml", text.as_bytes());
        let began = Instant::now();
        let ran = root.run(&["config", "check"]).ended(2);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(ran.err.lines().count() <= 105, "{} lines", ran.err.lines().count());
    }
}

#[test]
fn every_invalid_answers_file_is_told_what_to_write_and_where() {
    let mut seen = 0;
    for answers in files("fixtures/answers/invalid", ".yaml") {
        let root = Root::empty();
        let before = root.state();
        let ran = root.run(&["configure", "--yes", "--answers", answers.to_str().unwrap()]).ended(2);
        assert_eq!((ran.out.as_str(), root.state()), ("", before));
        let told = ran.err.strip_prefix("error: the answers file is not right:\n");
        let told = told.unwrap_or_else(|| panic!("{}: {ran:?}", answers.display()));
        let folder = format!("{}/", answers.parent().unwrap().display());
        expect(&answers.with_extension("expected"), &told.replace(&folder, ""));
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} wrong answers files were found");
}

#[test]
fn a_right_answers_file_gets_as_far_as_the_first_server() {
    for answers in files("fixtures/answers/valid", ".yaml") {
        let text = fs::read_to_string(answers).unwrap();
        let text = text.replace("192.0.2.11/24", "127.0.0.1").replace("port: 22", "port: 1");
        let root = Root::empty();
        root.write("answers.yaml", text.as_bytes());
        let file = root.folder.path().join("etc/mxone_system_redundancy/answers.yaml");
        let flags = ["--alternate-server", "1=192.0.2.1", "--answers", file.to_str().unwrap()];
        root.run(&[&["configure", "--yes"], &flags[..]].concat()).ended(4).complains("127.0.0.1 does not answer");
    }
}

#[test]
fn an_endless_answers_file_is_refused() {
    let root = Root::empty();
    root.run(&["configure", "--yes", "--answers", "/dev/zero"]).ended(2).complains("/dev/zero is larger than");
}

/// A root folder of its own, with configuration files in it.
struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    fn empty() -> Self {
        let root = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(root.folder.path().join("etc/mxone_system_redundancy")).unwrap();
        root
    }

    fn with(config: &Path, table: &Path) -> Self {
        let root = Self::empty();
        root.write("config.yaml", &fs::read(config).unwrap());
        if table.exists() {
            root.write("translation.yaml", &fs::read(table).unwrap());
        }
        root
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join("etc/mxone_system_redundancy").join(name), content).unwrap();
    }

    fn prefix(&self) -> String {
        format!("{}/etc/mxone_system_redundancy/", self.folder.path().display())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(PROGRAM);
        command.arg("--root").arg(self.folder.path()).args(arguments).stdin(Stdio::null());
        Ran::of(command.output().unwrap()).without_hint()
    }

    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        files_below(self.folder.path(), &mut files);
        files.retain(|path, _| !path.ends_with("run/mxone_system_redundancy/lock"));
        files
    }
}

impl Ran {
    /// What was told, without the line that says what to do now.
    fn without_hint(mut self) -> Self {
        if let Some((told, _)) = self.err.split_once("\nhint: ") {
            self.err = format!("{told}\n");
        }
        self
    }
}

/// Every wrong configuration by its name; the file that is not given is taken from the valid ones.
fn invalid_configurations() -> Vec<(String, Root)> {
    let mut names: Vec<String> = ["config", "translation"]
        .into_iter()
        .flat_map(|kind| {
            let end = format!(".{kind}.yaml");
            let name =
                move |path: PathBuf| path.file_name().unwrap().to_str().unwrap().trim_end_matches(&end).to_owned();
            files("fixtures/config/invalid", &format!(".{kind}.yaml")).into_iter().map(name)
        })
        .collect();
    names.sort();
    names.dedup();
    let file = |name: &str, kind: &str| {
        let path = repository(&format!("fixtures/config/invalid/{name}.{kind}.yaml"));
        if path.exists() { path } else { repository(&format!("fixtures/config/valid/two-servers.{kind}.yaml")) }
    };
    names
        .into_iter()
        .map(|name| {
            let root = Root::with(&file(&name, "config"), &file(&name, "translation"));
            (name, root)
        })
        .collect()
}

fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

/// Compares with the file beside the input; with `UPDATE_EXPECTED` set the file is written anew, to be read by a person.
fn expect(expected: &Path, told: &str) {
    let expected = repository(expected.to_str().unwrap());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&expected, told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
    for line in told.lines() {
        assert!(line.contains(": ") && !line.contains(" at line "), "{line}");
    }
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
