//! A published tree on the web, whose server or network does what it must not: each request ends, is tried again as often
//! as it must, and is refused by the name of the file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use dreichor_audit::http::{Patience, Web};
use dreichor_audit::source::SourceError;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The file that is asked for, and how long it may be.
const FILE: &str = "tile/entries/000";
const BYTES_MAX: u64 = 1 << 20;

/// What a server does with a request.
#[derive(Debug, Clone)]
enum Reply {
    /// Sends these bytes, and closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes, and then nothing until the client goes away.
    Stall(Vec<u8>),
    /// Sends these bytes, and then one after the other without end.
    Drip(Vec<u8>),
}

/// A server that replies to its first, second, … request in this way, and to all later ones as to the last of these.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/log", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let nth = counter.fetch_add(1, Ordering::SeqCst);
                let reply = replies[nth.min(replies.len() - 1)].clone();
                thread::spawn(move || answer(stream.unwrap(), &reply));
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(stream: TcpStream, reply: &Reply) {
    let mut request = BufReader::new(&stream);
    let mut line = String::new();
    while request.read_line(&mut line).unwrap_or_default() > 2 {
        line.clear();
    }
    // The client may go away at any time.
    let send = |bytes: &[u8]| (&stream).write_all(bytes).is_ok();
    match reply {
        Reply::Bytes(bytes) => drop(send(bytes)),
        Reply::Stall(bytes) => {
            send(bytes);
            let _ = request.read_line(&mut line);
        }
        Reply::Drip(bytes) => {
            send(bytes);
            while send(b"a") {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn head(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn whole(body: &[u8]) -> Vec<u8> {
    [head("200 OK", &format!("Content-Length: {}\r\n", body.len())), body.to_vec()].concat()
}

fn gzipped(body: &[u8], length: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len());
    [head("200 OK", &headers), packed[..packed.len().min(length)].to_vec()].concat()
}

/// A patience with this much time for a request, and hardly a pause before the next one.
fn patience(request: Duration) -> Patience {
    Patience { connect: request, request, pauses: [Duration::from_millis(1); 3] }
}

/// Asks a server that replies so, patiently.
fn ask(replies: Vec<Reply>) -> (Result<Option<Vec<u8>>, SourceError>, usize) {
    ask_for(Duration::from_secs(30), replies)
}

fn ask_for(request: Duration, replies: Vec<Reply>) -> (Result<Option<Vec<u8>>, SourceError>, usize) {
    let server = Server::start(replies);
    let found = Web::new(&server.url, patience(request)).get(FILE, BYTES_MAX);
    (found, server.requests())
}

#[test]
fn an_answer_is_accepted_plain_or_compressed() {
    let body = vec![b'x'; usize::try_from(BYTES_MAX).unwrap()];
    for reply in [whole(&body), gzipped(&body, usize::MAX)] {
        let (found, requests) = ask(vec![Reply::Bytes(reply)]);
        assert!(found.unwrap() == Some(body.clone()));
        assert_eq!(requests, 1);
    }
    let (found, requests) = ask(vec![Reply::Bytes(head("404 Not Found", "Content-Length: 0\r\n"))]);
    assert!(found.unwrap().is_none());
    assert_eq!(requests, 1);
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_is_refused_at_once() {
    let elsewhere = Server::start(vec![Reply::Bytes(whole(b"elsewhere"))]);
    let redirect =
        |status: &str| head(status, &format!("Location: {}\r\nContent-Length: 0\r\n", elsewhere.url));
    let empty = |status: &str| head(status, "Content-Length: 0\r\n");
    let long = vec![0; 64 << 20];
    let cut_off = gzipped(b"an answer that is not whole", 12);
    let corrupted = {
        let mut reply = gzipped(b"an answer that is not what was sent", usize::MAX);
        // In the checksum.
        let at = reply.len() - 6;
        reply[at] ^= 1;
        reply
    };
    for (name, reply, requests, says) in [
        ("a bomb", gzipped(&long, usize::MAX), 1, "longer than 1048576 bytes"),
        ("a long answer", whole(&long), 1, "longer than 1048576 bytes"),
        ("a redirect", redirect("302 Found"), 1, "302"),
        ("a lasting redirect", redirect("308 Permanent Redirect"), 1, "308"),
        ("not allowed", empty("403 Forbidden"), 1, "403"),
        ("overloaded", empty("503 Service Unavailable"), 4, "503"),
        ("too many requests", empty("429 Too Many Requests"), 4, "429"),
        ("no answer", Vec::new(), 4, ""),
        ("not HTTP", b"220 mail.example.org\r\n".to_vec(), 4, ""),
        ("a body that is not whole", whole(&[b'x'; 100])[..150].to_vec(), 4, ""),
        ("a compressed body that is not whole", cut_off, 4, ""),
        ("a compressed body that is corrupted", corrupted, 4, ""),
    ] {
        let (found, asked) = ask(vec![Reply::Bytes(reply.clone())]);
        let error = found.unwrap_err();
        assert!(error.to_string().contains("/log/tile/entries/000: "), "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert_eq!(matches!(error, SourceError::TooLong { .. }), says.contains("longer"), "{name}: {error}");
        assert_eq!(asked, requests, "{name}: {error}");
        // The next answer is a good one.
        let (found, asked) = ask(vec![Reply::Bytes(reply), Reply::Bytes(whole(b"good"))]);
        match requests {
            1 => assert!(found.is_err() && asked == 1, "{name}: it was tried again"),
            _ => assert!(found.unwrap() == Some(b"good".to_vec()) && asked == 2, "{name}"),
        }
    }
    assert_eq!(elsewhere.requests(), 0, "a redirect was followed");
}

#[test]
fn a_server_that_does_not_go_on_is_given_up() {
    let half = whole(&[b'x'; 100])[..100].to_vec();
    let endless = head("200 OK", "Content-Length: 1000000\r\n");
    for (name, reply) in [
        ("never answers", Reply::Stall(Vec::new())),
        ("stops within the head", Reply::Stall(half[..20].to_vec())),
        ("stops within the body", Reply::Stall(half)),
        ("is too slow", Reply::Drip(endless)),
        ("does not come to the end of its head", Reply::Drip(head("200 OK", "")[..20].to_vec())),
    ] {
        let (found, requests) = ask_for(Duration::from_millis(300), vec![reply]);
        let error = found.unwrap_err();
        assert_eq!(requests, 4, "{name}: {error}");
    }
}
