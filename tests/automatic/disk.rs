//! Disks that are full, at each of the three voters, before and during a takeover.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::lab::host::{Host, wait_until};
use super::trio::{STATE, Trio};

#[test]
fn a_primary_whose_disk_is_full_stays_live_and_is_replaced_when_it_is_lost() {
    let trio = Trio::started();
    let disk = Disk::of(trio.first(Primary));
    let story = trio.pair.audited(|| {
        disk.fill();
        trio.keeps(Duration::from_secs(3), "renewals write nothing new", || trio.is_live(Primary));
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_live(Alternate);
        trio.pair.lab.heal(trio.first(Primary));
        trio.keeps(Duration::from_secs(3), "what it cannot write down it goes by all the same", || {
            trio.is_live(Alternate) && !trio.is_open(Primary)
        });
        disk.empty();
        trio.wait_agreed();
        trio.brought_back();
    });
    assert_eq!(story.dual_live(), []);
}

#[test]
fn an_alternate_or_a_witness_whose_disk_is_full_promises_nothing_until_there_is_room() {
    for voter in ["alternate", "witness"] {
        let trio = Trio::started();
        let disk = Disk::of(trio.host_of(voter));
        for during in [false, true] {
            let story = trio.pair.audited(|| {
                if during {
                    trio.pair.lab.cut(trio.first(Primary));
                    disk.fill();
                } else {
                    disk.fill();
                    trio.pair.lab.cut(trio.first(Primary));
                }
                wait_until("the primary has blocked itself", || !trio.is_open(Primary));
                trio.keeps(Duration::from_secs(3), &format!("{voter}: its promise could be forgotten"), || {
                    !trio.is_live(Alternate) && !trio.is_open(Alternate)
                });
                disk.empty();
                trio.wait_live(Alternate);
            });
            assert_eq!(story.dual_live(), [], "{voter}");
            trio.pair.lab.heal(trio.first(Primary));
            trio.wait_agreed();
            trio.brought_back();
        }
    }
}

#[test]
fn a_hand_over_from_a_full_disk_ends_with_one_live_site() {
    let trio = Trio::started();
    let disk = Disk::of(trio.first(Primary));
    let story = trio.pair.audited(|| {
        disk.fill();
        trio.order(Primary, &["hand-over"]);
        wait_until("the order is done or given up", || {
            trio.is_live(Alternate) || (trio.is_live(Primary) && trio.history(Primary).contains("cannot be written"))
        });
        disk.empty();
        wait_until("a site is live", || trio.is_live(Primary) || trio.is_live(Alternate));
    });
    assert_eq!(story.dual_live(), []);
}

/// A small file system of its own below a voter's state.
struct Disk {
    place: PathBuf,
}

impl Disk {
    fn of(host: &Host) -> Self {
        host.sh(&format!("cp -a {STATE} /root/state"));
        let place = host.path(STATE);
        mount("tmpfs", &place, "tmpfs", MountFlags::empty(), c"size=4m").unwrap();
        host.sh(&format!("cp -a /root/state/. {STATE}/"));
        Self { place }
    }

    fn fill(&self) {
        let filled = fs::write(self.place.join("filler"), vec![0; 8 << 20]);
        assert!(filled.is_err(), "it takes more than it has room for");
    }

    fn empty(&self) {
        fs::remove_file(self.place.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The lab takes it away otherwise.
        let _ = unmount(&self.place, UnmountFlags::DETACH);
    }
}
