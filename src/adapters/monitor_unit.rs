//! The systemd unit that keeps the monitor alive.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::durable;
use crate::ports::service::{MONITOR_UNIT, Service};

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

    fn text(&self) -> io::Result<String> {
        let program = std::env::current_exe()?;
        let root = if self.root == Path::new("/") { String::new() } else { format!(" --root {}", self.root.display()) };
        Ok(format!(
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
        ))
    }
}

impl Service for MonitorUnit {
    fn install(&self) -> io::Result<Vec<String>> {
        let path = self.root.join("etc/systemd/system").join(MONITOR_UNIT);
        durable::write(&path, self.text()?.as_bytes())?;
        let mut told = vec![format!("written: {}", path.display())];
        for arguments in [vec!["daemon-reload"], vec!["enable", "--now", MONITOR_UNIT]] {
            let ran = Command::new("systemctl").args(&arguments).output();
            let line = arguments.join(" ");
            told.push(match ran {
                Ok(output) if output.status.success() => format!("done: systemctl {line}"),
                Ok(output) => {
                    format!("failed: systemctl {line}: {}", String::from_utf8_lossy(&output.stderr).trim())
                }
                Err(error) => format!("not done: systemctl {line}: {error}; run the monitor in the foreground instead"),
            });
        }
        Ok(told)
    }
}
