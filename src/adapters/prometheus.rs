//! Numbers for Prometheus: a file for the text-file collector, and a listener on the loopback.

use std::fs::Permissions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::domain::alarm::Metrics;
use crate::ports::gauges::Gauges;

/// Who has not asked by then, or does not take the answer, is left.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// So many are served at once; others wait. Two Prometheus servers and a person are three.
const AT_ONCE: usize = 8;

/// After a connection that could not be taken, the next one is waited for so much later.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A head is no longer.
const LONGEST: u64 = 8 * 1024;

/// Says where the numbers are wanted now.
type Wanted = Box<dyn Fn() -> Metrics + Send + Sync>;

/// Puts numbers where Prometheus finds them.
pub struct Prometheus {
    wanted: Wanted,
    text: Arc<RwLock<String>>,
    listening: Mutex<Option<Listening>>,
}

/// A listener at work.
struct Listening {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Prometheus {
    /// Numbers where `wanted` says; it is asked each time.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, text: Arc::default(), listening: Mutex::new(None) }
    }

    async fn listen(&self, wanted: Option<SocketAddr>) -> io::Result<()> {
        let mut listening = self.listening.lock().await;
        if listening.as_ref().map(|listening| listening.at) == wanted {
            return Ok(());
        }
        *listening = None;
        let Some(at) = wanted else { return Ok(()) };
        let listener = TcpListener::bind(at).await?;
        let text = Arc::clone(&self.text);
        let task = tokio::spawn(async move {
            let seats = Arc::new(Semaphore::new(AT_ONCE));
            while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
                let Ok((stream, _)) = listener.accept().await else {
                    // Too many open files, as a rule: that passes.
                    sleep(AGAIN_AFTER).await;
                    continue;
                };
                let text = text.read().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(async move {
                    // Whoever asked has gone, or asked nothing.
                    let _ = timeout(SERVED_WITHIN, answer(stream, &text)).await;
                    drop(seat);
                });
            }
        });
        *listening = Some(Listening { at, task });
        Ok(())
    }
}

#[async_trait]
impl Gauges for Prometheus {
    async fn publish(&self, text: &str) -> io::Result<()> {
        let wanted = (self.wanted)();
        text.clone_into(&mut *self.text.write().unwrap_or_else(PoisonError::into_inner));
        let listening = self.listen(wanted.listen).await;
        if let Some(path) = &wanted.file {
            write(path, text).map_err(|error| named(&path.display().to_string(), &error))?;
        }
        listening.map_err(|error| named(&wanted.listen.map_or_else(String::new, |at| at.to_string()), &error))
    }
}

fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Replaces the file at once; the collector reads it as another user. Numbers of before a crash are worth nothing, so
/// nothing is waited for.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

async fn answer(mut stream: TcpStream, text: &str) -> io::Result<()> {
    let mut head = Vec::new();
    let (reading, mut writing) = stream.split();
    let mut reading = reading.take(LONGEST);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if reading.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let is_ours = head.starts_with(b"GET /metrics ") || head.starts_with(b"GET / ");
    let (status, body) = if is_ours { ("200 OK", text) } else { ("404 Not Found", "the numbers are at /metrics\n") };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    writing.write_all(answer.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(at: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: lab\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_file_is_for_everybody_to_read_and_the_listener_tells_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mxone.prom");
        let listen = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let metrics = Metrics { file: Some(file.clone()), listen: Some(listen) };
        let prometheus = Prometheus::new(Box::new(move || metrics.clone()));
        prometheus.publish("one 1\n").await.unwrap();
        prometheus.publish("one 2\n").await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one 2\n");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        let answer = asked(listen, "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\none 2\n"), "{answer}");
        assert!(asked(listen, "/etc/passwd").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn whoever_asks_nothing_takes_no_more_than_a_seat_of_a_few() {
        let listen = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let metrics = Metrics { file: None, listen: Some(listen) };
        let prometheus = Prometheus::new(Box::new(move || metrics.clone()));
        prometheus.publish("one 1\n").await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..AT_ONCE {
            silent.push(TcpStream::connect(listen).await.unwrap());
        }
        let next = asked(listen, "/metrics");
        tokio::pin!(next);
        assert!(timeout(SERVED_WITHIN / 5, &mut next).await.is_err(), "every seat is taken");
        silent.pop();
        assert!(timeout(SERVED_WITHIN / 2, next).await.unwrap().ends_with("one 1\n"), "one seat is free");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_named_and_nothing_wanted_is_nothing_done() {
        let metrics = Metrics { file: Some("/nowhere/mxone.prom".into()), listen: None };
        let prometheus = Prometheus::new(Box::new(move || metrics.clone()));
        assert!(prometheus.publish("one 1\n").await.unwrap_err().to_string().starts_with("/nowhere/mxone.prom: "));
        Prometheus::new(Box::new(Metrics::default)).publish("one 1\n").await.unwrap();
    }
}
