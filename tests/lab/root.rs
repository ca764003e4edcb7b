//! A host's root file system: this machine's as it is, and above it a layer of its own.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change, unmount,
};

use super::namespace::{Namespace, report};

/// Programs of this package, bound into every host.
const PROGRAMS: [(&str, &str); 2] = [
    ("mxone_system_redundancy", env!("CARGO_BIN_EXE_mxone_system_redundancy")),
    ("mxone_maintenance", env!("CARGO_BIN_EXE_mxone_maintenance")),
];

/// A root file system of the lab.
#[derive(Debug)]
pub struct Root {
    /// Where it is mounted on this machine.
    pub path: PathBuf,
    layers: PathBuf,
}

impl Root {
    /// Names a root in the lab's folder; [`Root::mount`] makes it.
    #[must_use]
    pub fn new(base: &Path, host: &str) -> Self {
        let layers = base.join(host);
        Self { path: layers.join("root"), layers }
    }

    /// The path on this machine of a path in the host.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.join(path.trim_start_matches('/'))
    }

    /// Mounts what outlives a restart of the host.
    pub fn mount(&self) {
        for folder in ["upper", "work", "root"] {
            fs::create_dir_all(self.layers.join(folder)).unwrap();
        }
        let layer = |name: &str| self.layers.join(name).display().to_string();
        let options = format!("lowerdir=/,upperdir={},workdir={}", layer("upper"), layer("work"));
        let options = CString::new(options).unwrap();
        mount("overlay", &self.path, "overlay", MountFlags::empty(), options.as_c_str()).unwrap();
        mount("proc", self.resolve("proc"), "proc", MountFlags::empty(), None).unwrap();
        // With /dev/pts, which terminals need; as a slave, so that nothing of it reaches this machine.
        mount_bind_recursive("/dev", self.resolve("dev")).unwrap();
        let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change(self.resolve("dev"), slave).unwrap();
        self.hide_this_machine();
        self.bind_programs();
    }

    /// Mounts what a restart of the host empties. `/sys` shows the network namespace it was mounted in.
    pub fn mount_volatile(&self, namespace: &Namespace) {
        for (folder, mode) in VOLATILE {
            let path = self.resolve(folder);
            fs::create_dir_all(&path).unwrap();
            mount("tmpfs", &path, "tmpfs", MountFlags::empty(), None).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir_all(self.resolve("run/sshd")).unwrap();
        fs::create_dir_all(self.resolve("run/lock")).unwrap();
        namespace.enter(|| mount("sysfs", self.resolve("sys"), "sysfs", MountFlags::empty(), None).unwrap());
    }

    /// Takes away what a restart empties.
    pub fn unmount_volatile(&self) {
        for folder in VOLATILE.map(|(folder, _)| folder).into_iter().chain(["sys"]) {
            if let Err(error) = unmount(self.resolve(folder), UnmountFlags::DETACH) {
                // Not mounted: the host was off already.
                if error != rustix::io::Errno::INVAL && error != rustix::io::Errno::NOENT {
                    report(&format!("{} cannot be unmounted: {error}", self.resolve(folder).display()));
                }
            }
        }
    }

    /// What this machine itself has configured, or does at every log-in, is no part of a host.
    fn hide_this_machine(&self) {
        for file in ["root/.bashrc", "root/.profile", "root/.bash_profile", "etc/resolv.conf"] {
            fs::write(self.resolve(file), "").unwrap();
        }
        for folder in
            ["etc/mxone_system_redundancy", "var/lib/mxone_system_redundancy", "var/log/mxone_system_redundancy"]
        {
            assert!(!self.resolve(folder).exists(), "this machine has /{folder} of its own: the lab would see it");
        }
    }

    /// A bound file cannot be replaced or removed, so the name that is looked up is a link to it.
    fn bind_programs(&self) {
        fs::create_dir_all(self.resolve("opt/lab/bin")).unwrap();
        for (name, built) in PROGRAMS {
            let bound = format!("/opt/lab/bin/{name}");
            fs::write(self.resolve(&bound), "").unwrap();
            let built = program(name, built);
            mount_bind(&built, self.resolve(&bound)).unwrap();
            std::os::unix::fs::symlink(&bound, self.resolve("usr/local/bin").join(name)).unwrap();
        }
    }
}

/// The program as cargo built it, or as it lies in the folder `LAB_PROGRAMS`: so a benchmark measures a release build
/// however it was built itself.
fn program(name: &str, built: &str) -> PathBuf {
    std::env::var_os("LAB_PROGRAMS").map_or_else(|| PathBuf::from(built), |folder| Path::new(&folder).join(name))
}

/// Folders that are in memory, as on a real server, and their modes.
const VOLATILE: [(&str, u32); 2] = [("run", 0o755), ("tmp", 0o1777)];
