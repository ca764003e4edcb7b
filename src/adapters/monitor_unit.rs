//! The systemd unit that keeps the monitor alive.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::durable;
use crate::ports::host::printable;
use crate::ports::service::{Installed, MONITOR_UNIT, Service};

/// What systemd is told after the unit is written.
const ARGUMENTS: [&[&str]; 2] = [&["daemon-reload"], &["enable", "--now", MONITOR_UNIT]];

/// Writes the monitor's unit below a root folder.
pub struct MonitorUnit {
    root: PathBuf,
}

impl MonitorUnit {
    /// Units below `root` (`/` on a real server).
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.root.join("etc/systemd/system").join(MONITOR_UNIT)
    }

    /// A unit below another root is none of the systemd that runs here.
    fn is_for_this_machine(&self) -> bool {
        self.root == Path::new("/")
    }

    fn text(&self) -> io::Result<String> {
        let program = std::env::current_exe()?;
        let root = if self.is_for_this_machine() { String::new() } else { format!(" --root {}", self.root.display()) };
        Ok(text(&program, &root))
    }
}

/// The unit that keeps a monitor alive; `root` are the words that tell it another root folder.
#[must_use]
pub fn text(program: &Path, root: &str) -> String {
    format!(
        "[Unit]\n\
             Description=System redundancy monitor\n\
             After=network-online.target\n\
             Wants=network-online.target\n\
             \n\
             [Service]\n\
             ExecStart={}{root} monitor\n\
             Restart=always\n\
             RestartSec=2\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n",
        program.display()
    )
}

impl Service for MonitorUnit {
    fn would_install(&self) -> Vec<String> {
        let mut would = vec![format!("would be written: {}", self.path().display())];
        if self.is_for_this_machine() {
            would.extend(ARGUMENTS.iter().map(|arguments| format!("would be run: systemctl {}", arguments.join(" "))));
        }
        would
    }

    fn install(&self) -> io::Result<Installed> {
        let path = self.path();
        durable::write(&path, self.text()?.as_bytes())?;
        let mut installed = Installed { told: vec![format!("written: {}", path.display())], complete: true };
        if !self.is_for_this_machine() {
            installed.told.push(format!("systemd is not told: the files are below {}", self.root.display()));
            return Ok(installed);
        }
        for arguments in ARGUMENTS {
            let line = arguments.join(" ");
            let told = match Command::new("systemctl").args(arguments).output() {
                Ok(output) if output.status.success() => {
                    installed.told.push(format!("done: systemctl {line}"));
                    continue;
                }
                // Before what went wrong it may tell what went well.
                Ok(output) => printable(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default()),
                Err(error) => error.to_string(),
            };
            installed.told.push(format!("failed: systemctl {line}: {told}"));
            installed.complete = false;
        }
        Ok(installed)
    }
}
