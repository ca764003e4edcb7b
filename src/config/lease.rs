//! `lease/lease.yaml`: what one of the three voters goes by. It holds keys, so only root reads it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_yaml::Spanned;

mod etcd;

use super::document::{self, Problem, here};
use crate::domain::lease::timing::Written;
use crate::domain::lease::{ThirdVote, Timing, Voter};
use crate::domain::site::{Epoch, Site};
pub use etcd::{EtcdCard, Secret};

/// The format of the file.
const SCHEMA: u32 = 1;

/// The file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseFile {
    /// Which voter this machine is.
    pub me: Voter,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The times of the lease.
    pub timing: Timing,
    /// Who has the third vote.
    pub third: ThirdVote,
    /// The site that is active when it is set up; it goes by this only as long as it remembers nothing.
    pub first_active: Site,
    /// The epoch of the order that the servers keep then.
    pub first_epoch: Epoch,
    /// The other voters.
    pub voters: BTreeMap<Voter, VoterCard>,
    /// The etcd cluster that is the witness, where there is one.
    pub etcd: Option<EtcdCard>,
}

/// Another voter, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoterCard {
    /// Where it listens; without it, where its datagrams come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The key shared with it, 32 bytes in base64.
    pub key: String,
}

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    me: Spanned<String>,
    listen: SocketAddr,
    timing: Spanned<Times>,
    third_vote: ThirdVote,
    first_active: Site,
    #[serde(default = "epoch_of_a_new_pair")]
    first_epoch: Epoch,
    voters: BTreeMap<String, VoterCard>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etcd: Option<Spanned<EtcdCard>>,
}

/// A profile by its name, or times of one's own in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Times {
    Profile(String),
    Own { renewal_ms: u64, lease_ms: u64, promise_ms: u64, lateness_ms: u64, block_ms: u64, drift_ppm: u32 },
}

/// A pair that was never switched.
const fn epoch_of_a_new_pair() -> Epoch {
    Epoch(1)
}

/// Reads the file.
///
/// # Errors
/// Every [`Problem`] found, with its place.
pub fn read(path: &Path, text: &str) -> Result<LeaseFile, Vec<Problem>> {
    let file: File = document::parse(path, text)?;
    let mut problems = Vec::new();
    if file.schema.value != SCHEMA {
        problems.push(Problem::at(path, &file.schema, format!("this program reads schema {SCHEMA}")));
    }
    let me = file.me.value.parse::<Voter>().map_err(|error| problems.push(Problem::at(path, &file.me, error)));
    let timing = timing(&file.timing.value).map_err(|error| problems.push(Problem::at(path, &file.timing, error)));
    let mut voters = BTreeMap::new();
    for (name, card) in file.voters {
        match name.parse::<Voter>() {
            Ok(voter) => drop(voters.insert(voter, card)),
            Err(error) => problems.push(Problem::new(path, (1, 1), format!("voters: {error}"))),
        }
    }
    if let Some(etcd) = &file.etcd {
        let wrong = etcd.value.problem(file.third_vote, voters.contains_key(&Voter::Witness));
        problems.extend(wrong.map(|wrong| Problem::at(path, etcd, format!("etcd: {wrong}"))));
    }
    match (me, timing) {
        (Ok(me), Ok(timing)) if problems.is_empty() => Ok(LeaseFile {
            me,
            listen: file.listen,
            timing,
            third: file.third_vote,
            first_active: file.first_active,
            first_epoch: file.first_epoch,
            voters,
            etcd: file.etcd.map(|etcd| etcd.value),
        }),
        _ => Err(problems),
    }
}

fn timing(times: &Times) -> Result<Timing, String> {
    match times {
        Times::Profile(name) => match name.as_str() {
            "fast" => Ok(Timing::FAST),
            "standard" => Ok(Timing::STANDARD),
            "wan" => Ok(Timing::WAN),
            other => Err(format!("\"{other}\" is none of fast, standard, wan")),
        },
        Times::Own { renewal_ms, lease_ms, promise_ms, lateness_ms, block_ms, drift_ppm } => {
            let of = Duration::from_millis;
            let written = Written {
                renewal: of(*renewal_ms),
                lease: of(*lease_ms),
                promise: of(*promise_ms),
                lateness: of(*lateness_ms),
                block: of(*block_ms),
                drift_ppm: *drift_ppm,
            };
            Timing::own(written).map_err(|error| error.to_string())
        }
    }
}

/// The text of the file.
#[must_use]
pub fn write(file: &LeaseFile) -> String {
    let of = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let times = match file.timing {
        Timing::FAST => Times::Profile("fast".to_owned()),
        Timing::STANDARD => Times::Profile("standard".to_owned()),
        Timing::WAN => Times::Profile("wan".to_owned()),
        own => Times::Own {
            renewal_ms: of(own.renewal()),
            lease_ms: of(own.lease()),
            promise_ms: of(own.promise()),
            lateness_ms: of(own.lateness()),
            block_ms: of(own.block()),
            drift_ppm: own.drift(),
        },
    };
    let written = File {
        schema: here(SCHEMA),
        me: here(file.me.to_string()),
        listen: file.listen,
        timing: here(times),
        third_vote: file.third,
        first_active: file.first_active,
        first_epoch: file.first_epoch,
        voters: file.voters.iter().map(|(voter, card)| (voter.to_string(), card.clone())).collect(),
        etcd: file.etcd.clone().map(here),
    };
    // Plain values always become YAML.
    let body = serde_yaml::to_string(&written).unwrap_or_default();
    format!("# Written by mxone_system_redundancy. It holds keys: nobody but root may read it.\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> LeaseFile {
        let card = |address: &str| VoterCard { address: Some(address.parse().unwrap()), key: "a".repeat(44) };
        LeaseFile {
            me: Voter::Monitor(Site::Primary),
            listen: "0.0.0.0:9527".parse().unwrap(),
            timing: Timing::FAST,
            third: ThirdVote::Witness,
            first_active: Site::Primary,
            first_epoch: Epoch(3),
            voters: BTreeMap::from([
                (Voter::Monitor(Site::Alternate), card("198.51.100.10:9527")),
                (Voter::Witness, card("203.0.113.9:9527")),
            ]),
            etcd: None,
        }
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let text = write(&file());
        assert_eq!(read(Path::new("lease.yaml"), &text).unwrap(), file(), "{text}");
    }

    #[test]
    fn an_etcd_cluster_as_the_witness_is_read_as_it_was_written_and_its_password_is_never_shown() {
        let mut file = file();
        file.voters.remove(&Voter::Witness);
        file.etcd = Some(etcd::tests::card());
        let text = write(&file);
        assert_eq!(read(Path::new("lease.yaml"), &text).unwrap(), file, "{text}");
        let shown = format!("{file:?}");
        assert!(text.contains("p4ss") && !shown.contains("p4ss"), "{shown}");
    }

    #[test]
    fn an_etcd_beside_another_witness_is_refused_with_its_place() {
        let text = write(&LeaseFile { etcd: Some(etcd::tests::card()), ..file() });
        let told = read(Path::new("lease.yaml"), &text).unwrap_err()[0].to_string();
        assert!(told.starts_with("lease.yaml:1") && told.contains("a witness among the voters"), "{told}");
    }

    #[test]
    fn times_that_could_make_two_sites_live_are_refused_with_their_place_and_the_numbers() {
        let own = "timing: {renewal_ms: 1000, lease_ms: 6000, promise_ms: 6000, lateness_ms: 500, block_ms: 1000, \
                   drift_ppm: 1000}";
        let text = write(&file()).replace("timing: fast", own);
        let problems = read(Path::new("lease.yaml"), &text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        let told = problems[0].to_string();
        assert!(told.starts_with("lease.yaml:5:") && told.contains("6 s"), "{told}");
    }
}
