//! The product as its users run it: the real binary, on an embedded lab of this test's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mxone_system_redundancy");

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` after a death by signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// What a finished process left behind; both outputs have to be text, and free of control characters.
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for text in [&ran.out, &ran.err] {
            let bad = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(bad, None, "a control character reached a terminal: {text:?}");
        }
        ran
    }

    /// The one document on standard output, with its integer `schema`.
    #[track_caller]
    pub fn document(&self) -> Value {
        let document: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(document["schema"].is_u64(), "{self:?}");
        document
    }

    /// The same when it ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The same when its complaint has this in it.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no \"{text}\" in {self:#?}");
        self
    }

    /// The same when its output has this in it.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no \"{text}\" in {self:#?}");
        self
    }
}

/// A folder that stands for the temp folder of one user, so that no two tests share a standing lab.
pub struct Standing {
    folder: tempfile::TempDir,
}

impl Standing {
    /// Starts a lab that stays up until this is dropped.
    pub fn start(servers: u16) -> Self {
        let standing = Self { folder: tempfile::tempdir().unwrap() };
        standing.run(&["lab", "start", "--servers", &servers.to_string()]).ended(0);
        standing
    }

    /// The same, configured.
    pub fn configured(servers: u16) -> Self {
        let standing = Self::start(servers);
        standing.lab(&["configure", "--yes"]).ended(0);
        standing
    }

    /// The command for a run with these arguments, nobody at its standard input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("TMPDIR", self.folder.path()).env_remove("MXONE_REDUNDANCY_ROOT");
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program on the lab.
    #[track_caller]
    pub fn lab(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["--lab"], arguments].concat())
    }

    /// A line of words, run on the lab.
    #[track_caller]
    pub fn words(&self, line: &str) -> Ran {
        self.lab(&line.split(' ').collect::<Vec<_>>())
    }

    /// The folder of the lab.
    pub fn place(&self) -> PathBuf {
        let mut found = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        found.find(|path| path.to_string_lossy().contains("mxone_system_redundancy-lab-")).unwrap()
    }

    /// The root folder of a server.
    pub fn root(&self, server: &str) -> PathBuf {
        self.place().join(server).join("root")
    }

    /// The root folder of the utility.
    pub fn here(&self) -> PathBuf {
        self.root("alternate-1")
    }

    /// A new file beside the lab.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Everything a change could change, on every server: files with their contents but for locks and times of
    /// reading, and what the packet filters are.
    pub fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.place()).unwrap() {
            let root = entry.unwrap().path().join("root");
            if root.is_dir() {
                files_below(&root, &mut files);
            }
        }
        files.retain(|path, _| !path.ends_with("run/mxone_system_redundancy/lock"));
        let status: Value = serde_json::from_str(&self.lab(&["status", "--json"]).out).unwrap();
        for site in ["primary", "alternate"] {
            let words =
                status[site]["servers"].as_array().into_iter().flatten().map(|server| server["traffic"].clone());
            files.insert(PathBuf::from(site), serde_json::to_vec(&words.collect::<Vec<_>>()).unwrap());
        }
        files
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // A test that stopped the lab itself has nothing left to stop.
        let _ = self.command(&["lab", "stop"]).output();
    }
}

/// Every file below a folder, with its content.
pub fn files_below(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files_below(&entry.path(), files);
        } else if kind.is_file() {
            files.insert(entry.path(), fs::read(entry.path()).unwrap());
        } else {
            files.insert(entry.path(), fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned().into());
        }
    }
}
