//! Probes against answering, silent and refusing ends on the loopback.

use super::*;

#[test]
fn a_response_counts_by_its_call_id() {
    let response = |id: &str| format!("SIP/2.0 404 Not Found\r\nVia: x\r\ncall-id : {id}\r\n\r\nCall-ID: abc\r\n");
    assert_eq!(status_of(response("abc").as_bytes(), "abc"), Some(404));
    assert_eq!(status_of(b"SIP/2.0 200 OK\r\ni: abc\r\n\r\n", "abc"), Some(200));
    assert_eq!(status_of(response("other").as_bytes(), "abc"), None);
    for odd in
        ["", "SIP/2.0", "SIP/2.0 20\u{e9}\r\ni: abc", "SIP/2.0 999 x\r\ni: abc", "OPTIONS sip:x SIP/2.0\r\ni: abc"]
    {
        assert_eq!(status_of(odd.as_bytes(), "abc"), None, "{odd}");
    }
}

#[test]
fn two_requests_are_never_the_same() {
    let at: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
    let (one, two) = (Request::new(at, at), Request::new(at, at));
    assert_ne!(one.call_id, two.call_id);
    assert!(one.text.starts_with("OPTIONS sip:[2001:db8::1]:5060 SIP/2.0\r\n") && one.text.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn two_sites_are_probed_at_once_and_each_by_what_it_does() {
    let within = Duration::from_secs(5);
    let (answering, seen) = call_server("SIP/2.0 503 Maintenance").await;
    let silent = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let silent_at = silent.local_addr().unwrap();
    let short = Duration::from_millis(300);
    let started = Instant::now();
    let (one, two) = tokio::join!(ask(answering, answering, within), ask(silent_at, silent_at, short));
    assert_eq!((one, two), (Some(Answer::Answered(503)), Some(Answer::Silent)));
    assert!(started.elapsed() < within, "the silent one was given only {short:?}");
    assert_eq!(seen.await.unwrap(), PROBE_SOURCE_PORT);

    // Nobody is at this port: the machine says so at once.
    drop(silent);
    let started = Instant::now();
    assert_eq!(ask(silent_at, silent_at, within).await, Some(Answer::Silent));
    assert!(started.elapsed() < within);

    // By a route, as the embedded lab has it; the name stays in the request.
    let (routed, _seen) = call_server("SIP/2.0 200 OK").await;
    let named = "192.0.2.10:5060".parse().unwrap();
    assert_eq!(ask(named, routed, within).await, Some(Answer::Answered(200)));

    // Another program that has our port and does not share it: we cannot ask, and do not say Silent.
    let greedy = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let taken = greedy.local_addr().unwrap().port();
    assert_eq!(ask_from(taken, routed, routed, short).await, None);
    drop(greedy);
}

/// Answers the first request that comes, after one that belongs to somebody else; tells the port it came from.
async fn call_server(status: &'static str) -> (SocketAddr, tokio::task::JoinHandle<u16>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut buffer = vec![0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let call_id = request.lines().find_map(|line| line.strip_prefix("Call-ID: ")).unwrap();
        socket.send_to(b"SIP/2.0 200 OK\r\nCall-ID: somebody-else\r\n\r\n", from).await.unwrap();
        socket.send_to(format!("{status}\r\nCall-ID: {call_id}\r\n\r\n").as_bytes(), from).await.unwrap();
        from.port()
    });
    (at, task)
}
