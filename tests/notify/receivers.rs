//! Receivers on the loopback: a mail server, a web server, net-snmp's receiver of traps, a system log.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
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

/// A mail server that takes every mail, and knows no protection.
pub struct MailServer {
    port: u16,
    heard: Arc<Mutex<String>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(String::new()));
        let writing = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                converse(&stream.unwrap(), &writing);
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

fn converse(stream: &TcpStream, heard: &Mutex<String>) {
    let mut answers = stream.try_clone().unwrap();
    let mut answer = |text: &str| answers.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    answer("220 lab");
    let mut in_data = false;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        writeln!(heard.lock().unwrap(), "{line}").unwrap();
        match (in_data, line.as_str()) {
            (true, ".") => {
                in_data = false;
                answer("250 taken");
            }
            (true, _) => {}
            (false, "DATA") => {
                in_data = true;
                answer("354 go on");
            }
            (false, "QUIT") => {
                answer("221 bye");
                break;
            }
            (false, _) => answer("250 ok"),
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let answer = format!("HTTP/1.1 {status} lab\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
                if to.send(request).is_err() {
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

fn read_request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
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
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
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
