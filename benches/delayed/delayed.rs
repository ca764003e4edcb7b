//! A line with a delay: a proxy that hands on every byte some milliseconds after it came, at any rate.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::lab::namespace::Namespace;

/// Pieces under way in one direction; with 64 KiB each, more than any window of the rivals.
const UNDER_WAY: usize = 16_384;

/// Starts a proxy in a namespace and returns where it listens; it serves as long as the program runs.
pub fn line(namespace: &Namespace, to: SocketAddr, one_way: Duration) -> SocketAddr {
    let listener = namespace.enter(|| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let address = listener.local_addr().unwrap();
    let namespace = namespace.clone();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = namespace.enter(|| TcpStream::connect(to)) else { continue };
            for stream in [&near, &far] {
                stream.set_nodelay(true).unwrap();
            }
            carry(near.try_clone().unwrap(), far.try_clone().unwrap(), one_way);
            carry(far, near, one_way);
        }
    });
    address
}

fn carry(from: TcpStream, to: TcpStream, one_way: Duration) {
    let (send, receive) = sync_channel(UNDER_WAY);
    thread::spawn(move || take(from, &send, one_way));
    thread::spawn(move || give(&receive, to));
}

fn take(mut from: TcpStream, send: &SyncSender<(Instant, Vec<u8>)>, one_way: Duration) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if send.send((Instant::now() + one_way, piece[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn give(receive: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, piece) in receive {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            return;
        }
    }
    // The other side may have hung up first, which is as good.
    let _closed = to.shutdown(Shutdown::Write);
}
