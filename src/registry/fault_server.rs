//! For tests: a server on loopback that answers as a script says, so that every fault of a registry can be had.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A request as it arrived. `body` is what came, even when that was less than announced.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What to answer: status, headers, body; or to hang up.
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Announces this many bytes more than it sends, and hangs up.
    Cut(Vec<(&'static str, String)>, Vec<u8>, usize),
    HangUp,
    /// Keeps the connection and says nothing.
    Silence,
    /// Takes its time, and answers with this status.
    Late(Duration, u16),
}

pub(crate) fn reply(status: u16) -> Reply {
    Reply::Answer(status, vec![], vec![])
}

pub(crate) struct FaultServer {
    pub host: String,
    pub log: Arc<Mutex<Vec<Request>>>,
    /// How many connections there were.
    pub connections: Arc<AtomicUsize>,
}

impl FaultServer {
    /// Serves `script` until the test's runtime ends. It hears the request and how many came before it.
    pub async fn start(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> FaultServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let log: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (script, kept) = (Arc::new(script), Arc::clone(&log));
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (script, log) = (Arc::clone(&script), Arc::clone(&kept));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(socket);
                    while let Some(request) = read(&mut stream).await {
                        let before = {
                            let mut log = log.lock().unwrap();
                            log.push(request.clone());
                            log.len() - 1
                        };
                        let (status, headers, body, extra) = match script(&request, before) {
                            Reply::Answer(status, headers, body) => (status, headers, body, 0),
                            Reply::Cut(headers, body, extra) => (200, headers, body, extra),
                            Reply::HangUp => return,
                            Reply::Silence => std::future::pending().await,
                            Reply::Late(time, status) => {
                                tokio::time::sleep(time).await;
                                (status, vec![], vec![], 0)
                            }
                        };
                        let mut head = format!("HTTP/1.1 {status} X\r\n");
                        if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-length")) {
                            head.push_str(&format!("content-length: {}\r\n", body.len() + extra));
                        }
                        headers.iter().for_each(|(n, v)| head.push_str(&format!("{n}: {v}\r\n")));
                        head.push_str("\r\n");
                        let _ = stream.write_all(head.as_bytes()).await;
                        if request.method != "HEAD" {
                            let _ = stream.write_all(&body).await;
                        }
                        let _ = stream.flush().await;
                        if extra > 0 {
                            return;
                        }
                    }
                });
            }
        });
        FaultServer { host, log, connections }
    }

    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(Request::line).collect()
    }
}

async fn read(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length: usize = request.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut chunk = [0; 65536];
    while request.body.len() < length {
        let n = stream.read(&mut chunk).await.ok()?;
        if n == 0 {
            // Cut short by the client: kept with what came, so that a test can see it.
            return Some(request);
        }
        request.body.extend_from_slice(&chunk[..n]);
    }
    Some(request)
}
