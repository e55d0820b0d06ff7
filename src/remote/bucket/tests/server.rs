//! A small server with the requests of S3 that a remote makes. It misbehaves on demand.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::Time;

/// Files of a page of a list.
const PAGE: usize = 1_000;

/// A misbehaviour of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// It acts, and cuts the connection without an answer.
    LostAnswer,
    /// It cuts the connection, and does nothing.
    Cut,
    /// It answers an error of this status and code, and does nothing.
    Error(u16, &'static str),
    /// It acts, and answers an error of this status and code.
    LateError(u16, &'static str),
    /// It sends half of the file and cuts the connection.
    Half,
    /// It sends half of the file as if that were all.
    Short,
    /// It sends the file with one bit changed.
    Flipped,
    /// It sends bytes without end.
    Endless,
    /// It sends nothing for ever.
    Silent,
}

/// A misbehaviour that is to come.
struct PlannedMisbehaviour {
    method: &'static str,
    name: &'static str,
    kind: Misbehaviour,
    left: u64,
}

/// The content of the server.
#[derive(Default)]
struct ServerState {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    uploads: Mutex<BTreeMap<String, BTreeMap<usize, Vec<u8>>>>,
    plans: Mutex<Vec<PlannedMisbehaviour>>,
    requests: AtomicU64,
}

/// A server on a port of its own, until the process ends.
pub struct TestServer {
    /// The URL.
    pub endpoint: String,
    state: Arc<ServerState>,
}

impl TestServer {
    pub fn start() -> TestServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<ServerState>::default();
        let server = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = server.clone();
                std::thread::spawn(move || while serve(&state, &stream).unwrap_or(false) {});
            }
        });
        TestServer { endpoint, state }
    }

    /// Misbehaves in the next so many requests of a method for names that contain a text.
    pub fn plan(&self, method: &'static str, name: &'static str, kind: Misbehaviour, times: u64) {
        self.state.plans.lock().unwrap().push(PlannedMisbehaviour { method, name, kind, left: times });
    }

    /// Returns a file.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.state.files.lock().unwrap().get(name).cloned()
    }

    /// Returns the number of uploads in parts that are neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.state.uploads.lock().unwrap().len()
    }

    /// Returns the number of requests.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A status, headers and a body.
type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Serves one request. Returns true if the connection goes on.
fn serve(state: &ServerState, stream: &TcpStream) -> io::Result<bool> {
    let Some(request) = read_request(stream)? else { return Ok(false) };
    state.requests.fetch_add(1, Ordering::Relaxed);
    let planned = planned(state, &request);
    match planned {
        Some(Misbehaviour::Cut) => return Ok(false),
        Some(Misbehaviour::Silent) => loop {
            std::thread::park();
        },
        Some(Misbehaviour::Error(status, code)) => return write_reply(stream, &request, error(status, code), None),
        _ => {}
    }
    let reply = act(state, &request);
    match planned {
        Some(Misbehaviour::LostAnswer) => Ok(false),
        Some(Misbehaviour::LateError(status, code)) => write_reply(stream, &request, error(status, code), None),
        _ => write_reply(stream, &request, reply, planned),
    }
}

fn planned(state: &ServerState, request: &Request) -> Option<Misbehaviour> {
    let mut plans = state.plans.lock().unwrap();
    let plan = plans.iter_mut().find(|plan| {
        plan.left > 0
            && plan.method == request.method
            && (request.key.contains(plan.name) || request.query.contains_key(plan.name))
    })?;
    plan.left -= 1;
    Some(plan.kind)
}

fn read_request(stream: &TcpStream) -> io::Result<Option<Request>> {
    // One request at a time: what the reader reads ahead would be of the next.
    let mut reader = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let path = url::form_urlencoded::parse(format!("k={}", path.replace('+', "%2B")).as_bytes()).next().unwrap().1.into_owned();
    let key = path.trim_start_matches('/').split_once('/').map(|(_, key)| key.to_owned()).unwrap_or_default();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |len| len.parse().unwrap())];
    let mut whole = stream;
    whole.read_exact(&mut body)?;
    Ok(Some(Request { method, key, query, headers, body }))
}

fn error(status: u16, code: &str) -> Reply {
    (status, Vec::new(), format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>").into_bytes())
}

fn act(state: &ServerState, request: &Request) -> Reply {
    let done = |status, body: String| (status, Vec::new(), body.into_bytes());
    let upload = request.query.get("uploadId").cloned();
    match (&*request.method, upload) {
        ("POST", None) if request.query.contains_key("uploads") => {
            let id = format!("u{}", state.requests.load(Ordering::Relaxed));
            state.uploads.lock().unwrap().insert(id.clone(), BTreeMap::new());
            let name = "InitiateMultipartUploadResult";
            done(200, format!("<{name}><Bucket>b</Bucket><Key>k</Key><UploadId>{id}</UploadId></{name}>"))
        }
        ("PUT", Some(upload)) => {
            let number = request.query["partNumber"].parse().unwrap();
            match state.uploads.lock().unwrap().get_mut(&upload) {
                Some(parts) => parts.insert(number, request.body.clone()),
                None => return error(404, "NoSuchUpload"),
            };
            (200, vec![("etag", format!("\"{number}\""))], Vec::new())
        }
        ("POST", Some(upload)) => match state.uploads.lock().unwrap().remove(&upload) {
            Some(parts) => {
                let bytes = parts.into_values().collect::<Vec<_>>().concat();
                state.files.lock().unwrap().insert(request.key.clone(), bytes);
                let name = "CompleteMultipartUploadResult";
                done(200, format!("<{name}><Bucket>b</Bucket><Key>k</Key><ETag>e</ETag></{name}>"))
            }
            None => error(404, "NoSuchUpload"),
        },
        ("DELETE", Some(upload)) => {
            state.uploads.lock().unwrap().remove(&upload);
            done(204, String::new())
        }
        ("PUT", None) => {
            let mut files = state.files.lock().unwrap();
            if request.headers.contains_key("if-none-match") && files.contains_key(&request.key) {
                return error(412, "PreconditionFailed");
            }
            files.insert(request.key.clone(), request.body.clone());
            (200, vec![("etag", "\"e\"".to_owned())], Vec::new())
        }
        ("DELETE", None) => {
            state.files.lock().unwrap().remove(&request.key);
            done(204, String::new())
        }
        ("GET", _) if request.key.is_empty() => done(200, list(state, &request.query)),
        ("GET" | "HEAD", _) => get(state, request),
        _ => error(405, "MethodNotAllowed"),
    }
}

fn get(state: &ServerState, request: &Request) -> Reply {
    let Some(bytes) = state.files.lock().unwrap().get(&request.key).cloned() else { return error(404, "NoSuchKey") };
    let headers = vec![("etag", "\"e\"".to_owned()), ("last-modified", "Sat, 28 Nov 2026 12:00:00 GMT".to_owned())];
    let Some(range) = request.headers.get("range") else { return (200, headers, bytes) };
    let (start, end) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
    if start >= bytes.len() {
        return error(416, "InvalidRange");
    }
    let end = end.min(bytes.len() - 1);
    let shown = ("content-range", format!("bytes {start}-{end}/{}", bytes.len()));
    (206, [headers, vec![shown]].concat(), bytes[start..=end].to_vec())
}

fn list(state: &ServerState, query: &BTreeMap<String, String>) -> String {
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let after = query.get("continuation-token").or_else(|| query.get("start-after")).cloned().unwrap_or_default();
    let files = state.files.lock().unwrap();
    let mut names = files.iter().filter(|(name, _)| name.starts_with(&prefix) && **name > after);
    let page: Vec<_> = names.by_ref().take(PAGE).collect();
    let rest = names.next().is_some();
    let one = |(name, bytes): &(&String, &Vec<u8>)| {
        let time = Time::now();
        format!(
            "<Contents><Key>{name}</Key><LastModified>{time}</LastModified><ETag>e</ETag><Size>{}</Size></Contents>",
            bytes.len()
        )
    };
    let token = if rest { format!("<NextContinuationToken>{}</NextContinuationToken>", page[PAGE - 1].0) } else { String::new() };
    let contents: String = page.iter().map(one).collect();
    format!("<ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>{rest}</IsTruncated>{token}{contents}</ListBucketResult>")
}

/// Sends a reply. Returns true if the connection goes on.
fn write_reply(mut stream: &TcpStream, request: &Request, reply: Reply, planned: Option<Misbehaviour>) -> io::Result<bool> {
    let (status, headers, mut body) = reply;
    match planned {
        Some(Misbehaviour::Flipped) => body[0] ^= 1,
        Some(Misbehaviour::Short) => body.truncate(body.len() / 2),
        _ => {}
    }
    let len = if planned == Some(Misbehaviour::Endless) { 1 << 45 } else { body.len() };
    let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {len}\r\n");
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method == "HEAD" {
        return Ok(true);
    }
    if planned == Some(Misbehaviour::Half) {
        return stream.write_all(&body[..body.len() / 2]).map(|()| false);
    }
    stream.write_all(&body)?;
    while planned == Some(Misbehaviour::Endless) {
        stream.write_all(&[0; 1 << 16])?;
    }
    Ok(true)
}
