//! Passes news on through a program of the site's own, whatever it does with them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::local::LocalHost;
use crate::ports::host::{Command, Host};
use crate::ports::notifier::{Notice, NotifyError};

/// A program that has not passed a notice on by then is ended.
const PASSED_ON_WITHIN: Duration = Duration::from_secs(30);

/// Runs a program for a notice: `/etc/mxone_system_redundancy/notify`, or another one.
pub struct NotifyProgram {
    path: PathBuf,
}

impl NotifyProgram {
    /// The program below a root folder.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { path: root.join("etc/mxone_system_redundancy/notify") }
    }

    /// The program at a path.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Runs it, unless somebody else could have changed it.
    ///
    /// # Errors
    /// When it is not run, or fails.
    pub async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        let file = std::fs::metadata(&self.path).map_err(|error| NotifyError::Io(self.name(), error))?;
        if file.uid() != rustix::process::geteuid().as_raw() || file.mode() & 0o022 != 0 {
            return Err(NotifyError::NotOurs(self.name()));
        }
        let document = serde_json::to_vec(notice).unwrap_or_default();
        let command = Command::new([self.name(), notice.kind.to_string(), notice.text.clone()]);
        let command = command.as_user().with_input(document).within(PASSED_ON_WITHIN);
        let failed = |because: String| NotifyError::Failed { program: self.name(), because };
        let output = LocalHost.run(command).await.map_err(|error| failed(error.to_string()))?;
        match (output.status, output.complaint()) {
            (0, _) => Ok(()),
            (status, said) if said.is_empty() => Err(failed(format!("exit status {status}, and it said nothing"))),
            (status, said) => Err(failed(format!("exit status {status}: {said}"))),
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::ports::notifier::Kind;

    fn notice() -> Notice {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:14:07+01:00").unwrap();
        Notice::of(Kind::RoleChanged, "alternate", at, "is live in epoch 7, by a lease")
    }

    fn program(root: &Path, script: &str, mode: u32) -> NotifyProgram {
        let program = NotifyProgram::below(root);
        fs::create_dir_all(program.path.parent().unwrap()).unwrap();
        fs::write(&program.path, script).unwrap();
        fs::set_permissions(&program.path, Permissions::from_mode(mode)).unwrap();
        program
    }

    #[tokio::test]
    async fn the_program_gets_the_kind_the_text_and_the_document() {
        let root = tempfile::tempdir().unwrap();
        let told = root.path().join("told");
        let script = format!("#!/bin/sh\nprintf '%s|%s|' \"$1\" \"$2\" > {0}\ncat >> {0}\n", told.display());
        program(root.path(), &script, 0o700).send(&notice()).await.unwrap();
        let told = fs::read_to_string(told).unwrap();
        assert!(told.starts_with("role-changed|is live in epoch 7, by a lease|{"), "{told}");
        assert!(told.contains("\"at\":\"2026-11-21T02:14:07+01:00\""), "{told}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_and_one_that_fails_say_why() {
        let root = tempfile::tempdir().unwrap();
        let missing = NotifyProgram::below(root.path());
        assert!(!missing.is_there() && missing.send(&notice()).await.is_err());
        let failing = program(root.path(), "#!/bin/sh\necho no route to the mail server >&2\nexit 3\n", 0o700);
        let error = failing.send(&notice()).await.unwrap_err().to_string();
        assert!(error.contains("exit status 3: no route") && error.contains("no route to the mail server"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_others_may_write_is_not_run() {
        let root = tempfile::tempdir().unwrap();
        let ran = root.path().join("ran");
        let open = program(root.path(), &format!("#!/bin/sh\ntouch {}\n", ran.display()), 0o722);
        assert!(matches!(open.send(&notice()).await, Err(NotifyError::NotOurs(_))));
        assert!(!ran.exists());
    }

    #[tokio::test]
    async fn what_a_program_leaves_in_the_background_is_not_waited_for_and_lives_on() {
        let root = tempfile::tempdir().unwrap();
        let done = root.path().join("done");
        let script = format!("#!/bin/sh\n(sleep 2; touch {}) &\nexit 0\n", done.display());
        let begun = std::time::Instant::now();
        program(root.path(), &script, 0o700).send(&notice()).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(1900), "{:?}", begun.elapsed());
        while !done.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it was ended with the program");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_program_that_complains_without_an_end_is_ended() {
        let root = tempfile::tempdir().unwrap();
        let endless = program(root.path(), "#!/bin/sh\nexec yes >&2\n", 0o700);
        let error = endless.send(&notice()).await.unwrap_err().to_string();
        assert!(error.contains("bytes"), "{error}");
    }
}
