//! An etcd cluster as the third voter: what a witness would remember lies there, and each monitor writes it by itself.
//!
//! Two keys below a prefix of the pair's own. `memory` holds what must not be forgotten, and the term of etcd's leader
//! in which the last promise was made. `promise` is there while a promise that ends by time lasts: etcd removes it
//! with the lease it hangs on. Every change compares the revisions of both, so of two sites that ask at once one wins.
//!
//! # Why a renewal counts
//! A renewal writes nothing: the etcd lease is kept alive first, then both keys are read with a quorum's consent. Was
//! the key there after the lease was prolonged, it stays for a whole promise from the request on. Leaders of etcd 3.4
//! that were deposed without noticing may prolong or end leases (etcd issue 15247), so both answers must be of the term
//! in which the lease was made; after a change of leader the promise is written anew, on a new lease.
//!
//! # Why the other site may take over
//! The key is gone: its lease ran out. If the leader has changed since, that may have been a deposed one's doing; then
//! the other site counts a whole promise by its own clock, from the moment it first saw the key missing.

mod gateway;
mod mail;
mod messages;
mod store;
mod votes;

pub use gateway::{Access, EtcdError, Login, Lost};
pub use messages::{ETCD, Told, WithEtcd, with_causes};
pub use store::Store;
