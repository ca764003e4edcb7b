//! Disks that are full, at each of the three voters, before and during a takeover.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::lab::host::Host;
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
        trio.keeps_live(Alternate, Duration::from_secs(3), "what it cannot write down it goes by all the same");
        disk.empty();
        trio.wait_agreed();
        trio.brought_back();
    });
    story.live_in_turn(&[Primary, Alternate, Primary]);
}

#[test]
fn an_alternate_whose_disk_is_full_promises_nothing_until_there_is_room() {
    no_promise_without_room("alternate");
}

#[test]
fn a_witness_whose_disk_is_full_promises_nothing_until_there_is_room() {
    no_promise_without_room("witness");
}

fn no_promise_without_room(voter: &str) {
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
            trio.wait_blocked(Primary);
            trio.keeps(Duration::from_secs(3), "its promise could be forgotten", || {
                !trio.is_live(Alternate) && !trio.is_open(Alternate)
            });
            disk.empty();
            trio.wait_live(Alternate);
        });
        story.live_in_turn(&[Primary, Alternate]);
        trio.pair.lab.heal(trio.first(Primary));
        trio.wait_agreed();
        trio.brought_back();
    }
}

#[test]
fn a_site_whose_full_disk_cannot_note_a_hand_over_blocks_itself_and_is_replaced_after_its_promise() {
    let trio = Trio::started();
    let disk = Disk::of(trio.first(Primary));
    let story = trio.pair.audited(|| {
        disk.fill();
        trio.order(Primary, &["hand-over"]);
        trio.wait_blocked(Primary);
        // What it gives up it cannot write down, so it tells nobody: the others wait for its promise to end.
        trio.wait_live(Alternate);
        disk.empty();
        trio.wait_agreed();
        trio.keeps_live(Alternate, Duration::from_secs(1), "nothing moves");
    });
    story.live_in_turn(&[Primary, Alternate]);
    let gap = story.gap();
    assert!(gap.length > MOST_OF_A_PROMISE, "it was taken over from a site that had promised not to be live: {gap:?}");
}

/// A promise of `fast` lasts 2 s; the last one was given at most a renewal before the block.
const MOST_OF_A_PROMISE: Duration = Duration::from_millis(1600);

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
