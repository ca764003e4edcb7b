//! Receivers on the loopback: a mail server, a web server, net-snmp's receiver of traps, a system log.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::Sha256;

/// Longer than anything takes here.
const SOON: Duration = Duration::from_secs(20);

/// Waits until there is something.
pub fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < SOON {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within {SOON:?}");
}

/// What is served at a path of a port of the loopback.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: lab\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// How the connections to a server are protected.
#[derive(Clone)]
pub enum Protection {
    None,
    Starttls(Arc<ServerConfig>),
    Tls(Arc<ServerConfig>),
}

/// What a server proves itself by: a certificate of the authority in a folder.
pub fn proof(folder: &Path) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn protected(stream: TcpStream, by: &Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(by)).unwrap(), stream)
}

/// A mail server that takes every mail to everybody but `nobody`.
pub struct MailServer {
    port: u16,
    heard: Arc<Mutex<String>>,
}

impl MailServer {
    pub fn start() -> Self {
        Self::with(Protection::None)
    }

    pub fn with(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(String::new()));
        let writing = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // Whoever does not believe the certificate goes away.
                let _ = match &protection {
                    Protection::Tls(by) => converse(protected(stream, by), &writing, None, "220 lab\r\n"),
                    Protection::Starttls(by) => {
                        let begun = converse(stream, &writing, Some("STARTTLS"), "220 lab\r\n");
                        begun.and_then(|plain| match plain {
                            Some(plain) => converse(protected(plain, by), &writing, None, "").map(|_| None),
                            None => Ok(None),
                        })
                    }
                    Protection::None => converse(stream, &writing, None, "220 lab\r\n").map(|_| None),
                };
            }
        });
        Self { port, heard }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that was said to it.
    pub fn mail(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

/// Speaks SMTP to the end; the connection, where it is to be protected from here on.
fn converse<S: Read + Write>(
    stream: S,
    heard: &Mutex<String>,
    offers: Option<&str>,
    greeting: &str,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let answer = |stream: &mut BufReader<S>, text: &str| {
        stream.get_mut().write_all(text.as_bytes())?;
        stream.get_mut().flush()
    };
    answer(&mut stream, greeting)?;
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        writeln!(heard.lock().unwrap(), "{line}").unwrap();
        match (in_data, line) {
            (true, ".") => {
                in_data = false;
                answer(&mut stream, "250 taken\r\n")?;
            }
            (true, _) => {}
            (false, "DATA") => {
                in_data = true;
                answer(&mut stream, "354 go on\r\n")?;
            }
            (false, "QUIT") => {
                answer(&mut stream, "221 bye\r\n")?;
                return Ok(None);
            }
            (false, "STARTTLS") if offers.is_some() => {
                answer(&mut stream, "220 go on\r\n")?;
                return Ok(Some(stream.into_inner()));
            }
            (false, line) if line.starts_with("EHLO") => {
                let offers = offers.unwrap_or("AUTH PLAIN");
                answer(&mut stream, &format!("250-lab\r\n250 {offers}\r\n"))?;
            }
            (false, line) if line.starts_with("AUTH") => answer(&mut stream, "235 welcome\r\n")?,
            (false, line) if line.contains("RCPT TO:<nobody@") => answer(&mut stream, "550 no such user\r\n")?,
            (false, _) => answer(&mut stream, "250 ok\r\n")?,
        }
    }
}

/// A web server that answers every request with one status.
pub struct Hook {
    port: u16,
    requests: Receiver<(String, String)>,
}

impl Hook {
    pub fn start(status: u16) -> Self {
        Self::with(status, Protection::None)
    }

    pub fn with(status: u16, protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let request = match &protection {
                    Protection::None | Protection::Starttls(_) => served(stream, status),
                    Protection::Tls(by) => served(protected(stream, by), status),
                };
                // Whoever does not believe the certificate asks nothing.
                if request.is_ok_and(|request| to.send(request).is_err()) {
                    break;
                }
            }
        });
        Self { port, requests }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The head and the body of the next request.
    pub fn request(&self) -> (String, String) {
        self.requests.recv_timeout(SOON).unwrap()
    }

    /// Whether anybody asked.
    pub fn was_asked(&self) -> bool {
        self.requests.try_recv().is_ok()
    }
}

/// Reads one request and answers it.
fn served(stream: impl Read + Write, status: u16) -> std::io::Result<(String, String)> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(line.trim_end());
        head.push('\n');
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let answer = format!("HTTP/1.1 {status} lab\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(answer.as_bytes())?;
    stream.get_mut().flush()?;
    Ok((head, String::from_utf8(body).unwrap()))
}

/// The HMAC-SHA256 of a text in hexadecimal digits.
pub fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

/// net-snmp's receiver of traps, on a port of its own with a configuration of its own.
pub struct TrapReceiver {
    port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl TrapReceiver {
    pub fn start() -> Self {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let configuration = "authCommunity log lab\n\
             createUser -e 0x80001f88046c6162 redundancy SHA-256 \"the auth password\" AES \"the privacy password\"\n\
             authUser log redundancy priv\n\
             createUser -e 0x80001f88046c6163 elsewhere SHA-256 \"the auth password\"\n\
             authUser log elsewhere auth\n\
             createUser -e 0x80001f88046c6162 older SHA \"the auth password\"\n\
             authUser log older auth\n";
        std::fs::write(folder.path().join("snmptrapd.conf"), configuration).unwrap();
        let child = Command::new("snmptrapd")
            .args(["-f", "-Lf"])
            .arg(folder.path().join("traps"))
            .args(["-C", "-c"])
            .arg(folder.path().join("snmptrapd.conf"))
            .args(["-On", "-m", "", &format!("udp:127.0.0.1:{port}")])
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("snmptrapd is in Debian's package of this name");
        let receiver = Self { port, child, folder };
        receiver.wait_until("it listens", |text| text.contains("NET-SNMP version"));
        receiver
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that it logged.
    pub fn traps(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("traps")).unwrap_or_default()
    }

    /// Waits until it has logged so many traps.
    pub fn wait_for(&self, count: usize) -> String {
        self.wait_until("the traps come", |text| text.matches("9527.0.").count() >= count)
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        while began.elapsed() < SOON {
            let text = self.traps();
            if is_so(&text) {
                return text;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{what}: {}", self.traps());
    }
}

impl Drop for TrapReceiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket as `/dev/log` is one, and a port of a log server.
pub struct SystemLog {
    folder: tempfile::TempDir,
    local: UnixDatagram,
    far: UdpSocket,
}

impl SystemLog {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = UnixDatagram::bind(folder.path().join("log")).unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        local.set_read_timeout(Some(SOON)).unwrap();
        far.set_read_timeout(Some(SOON)).unwrap();
        Self { folder, local, far }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub fn address(&self) -> String {
        self.far.local_addr().unwrap().to_string()
    }

    /// The line on the socket.
    pub fn local(&self) -> String {
        let mut line = [0; 4096];
        let length = self.local.recv(&mut line).unwrap();
        String::from_utf8(line[..length].to_vec()).unwrap()
    }

    /// The line that came by UDP; it is left for the next who asks.
    pub fn far(&self) -> String {
        let mut line = [0; 4096];
        let (length, _) = self.far.peek_from(&mut line).unwrap();
        String::from_utf8(line[..length].to_vec()).unwrap()
    }
}
