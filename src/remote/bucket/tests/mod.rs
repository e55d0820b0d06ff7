//! A bucket on a server of the test, which misbehaves, and on real servers.

mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::url::{Place, RemoteUrl};
use super::super::{conformance, honours_create};
use super::*;
use server::{Misbehaviour, TestServer};

/// Limits under which a test does not wait.
const LIMITS: TimeLimits = TimeLimits {
    answer: Duration::from_secs(5),
    total: Duration::from_secs(10),
    first: Duration::from_millis(300),
    pause: Duration::from_millis(1),
};

fn open(url: &str, settings: &RemoteSettings, limits: TimeLimits) -> Result<BucketRemote> {
    let parsed = RemoteUrl::parse(url, Path::new("/")).unwrap();
    let Place::Bucket(place) = parsed.place() else { panic!("{url} is no bucket") };
    BucketRemote::with_limits(url.to_owned(), place, settings, limits)
}

/// Opens a part of the bucket of a server without credentials.
fn bucket_of(server: &TestServer) -> BucketRemote {
    let settings = RemoteSettings { endpoint: Some(server.endpoint.clone()), anonymous: true, ..RemoteSettings::default() };
    open("s3://bucket/some/prefix", &settings, LIMITS).unwrap()
}

const NAME: &str = "some/prefix/refs/1";

#[test]
fn a_bucket_is_a_remote() {
    let server = TestServer::start();
    conformance::check(&bucket_of(&server));
    assert_eq!(server.open_uploads(), 0);
}

#[test]
fn a_create_whose_answer_is_lost_is_new() {
    for kind in
        [Misbehaviour::LostAnswer, Misbehaviour::LateError(503, "SlowDown"), Misbehaviour::LateError(500, "InternalError")]
    {
        let server = TestServer::start();
        let remote = bucket_of(&server);
        server.plan("PUT", "refs", kind, 1);
        assert_eq!(remote.create("refs/1", b"mine").unwrap(), Created::New, "{kind:?}");
        assert_eq!(server.file(NAME).unwrap(), b"mine");
        assert_eq!(remote.create("refs/1", b"mine").unwrap(), Created::Exists, "only the call that created it is told so");
        assert_eq!(remote.create("refs/1", b"other").unwrap(), Created::Exists);
    }
}

#[test]
fn a_create_that_another_client_preceded_exists() {
    for kind in [Misbehaviour::Cut, Misbehaviour::Error(503, "SlowDown"), Misbehaviour::Error(409, "ConditionalRequestConflict")]
    {
        let server = TestServer::start();
        let (remote, other) = (bucket_of(&server), bucket_of(&server));
        other.create("refs/1", b"another one").unwrap();
        server.plan("PUT", "refs", kind, 2);
        assert_eq!(remote.create("refs/1", b"mine").unwrap(), Created::Exists, "{kind:?}");
        server.plan("PUT", "refs/2", kind, 2);
        assert_eq!(remote.create("refs/2", b"mine").unwrap(), Created::New, "{kind:?}");
    }
}

#[test]
fn a_create_that_no_attempt_answers_is_read_back() {
    let server = TestServer::start();
    let limits = TimeLimits { total: Duration::from_millis(100), ..LIMITS };
    let settings = RemoteSettings { endpoint: Some(server.endpoint.clone()), anonymous: true, ..RemoteSettings::default() };
    let remote = open("s3://bucket/some/prefix", &settings, limits).unwrap();
    assert_eq!(remote.size("refs/1").unwrap(), None);
    server.plan("PUT", "refs", Misbehaviour::LateError(503, "SlowDown"), 1_000);
    assert_eq!(remote.create("refs/1", b"mine").unwrap(), Created::New);
    server.plan("PUT", "tags", Misbehaviour::Error(503, "SlowDown"), 1_000);
    let error = remote.create("tags/1", b"mine").unwrap_err();
    assert!(error.message().contains("s3://bucket/some/prefix/tags/1: the server answered 503 SlowDown ("), "{error}");
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn reads_outlast_faults_and_bound_memory() {
    let server = TestServer::start();
    let remote = bucket_of(&server);
    let bytes = vec![7; 100_000];
    remote.write("refs/1", bytes.clone()).unwrap();
    for kind in
        [Misbehaviour::Cut, Misbehaviour::Half, Misbehaviour::Error(503, "SlowDown"), Misbehaviour::Error(429, "SlowDown")]
    {
        server.plan("GET", "refs", kind, 3);
        assert!(remote.read("refs/1", 100_000).unwrap().unwrap() == bytes, "{kind:?}");
        server.plan("GET", "refs", kind, 3);
        assert!(remote.read_range("refs/1", 10..90_000).unwrap() == bytes[10..90_000], "{kind:?}");
    }
    // What only the content tells is for the caller.
    server.plan("GET", "refs", Misbehaviour::Flipped, 1);
    assert!(remote.read("refs/1", 100_000).unwrap().unwrap() != bytes);
    server.plan("GET", "refs", Misbehaviour::Short, 1);
    assert_eq!(remote.read("refs/1", 100_000).unwrap().unwrap().len(), 50_000);
    server.plan("GET", "refs", Misbehaviour::Endless, 1);
    assert_eq!(remote.read("refs/1", 100_000).unwrap_err().kind(), ErrorKind::Damaged);
    for kind in [Misbehaviour::Short, Misbehaviour::Endless] {
        server.plan("GET", "refs", kind, 1);
        let outcome = remote.read_range("refs/1", 0..100_000);
        assert!(outcome.map_or(true, |read| read == bytes), "{kind:?}: the next attempt reads it all, or none does");
    }
    server.plan("GET", "list-type", Misbehaviour::Endless, 1);
    assert!(remote.list("refs", &mut |_| Ok(())).is_err());
}

#[test]
fn an_upload_in_parts_outlasts_faults_and_leaves_no_parts() {
    let server = TestServer::start();
    let remote = bucket_of(&server);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pack");
    let bytes: Vec<u8> = (0..(20 << 20) + 3).map(|n: u32| (n % 251) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    for (method, part) in [("PUT", "partNumber"), ("POST", "uploads"), ("POST", "uploadId")] {
        for kind in [Misbehaviour::LostAnswer, Misbehaviour::Cut, Misbehaviour::Error(503, "SlowDown")] {
            server.plan(method, part, kind, 2);
            remote.upload("packs/data/a", &file, &|_| Ok(())).unwrap();
            assert!(server.file("some/prefix/packs/data/a").unwrap() == bytes, "{method} {part} {kind:?}");
            remote.remove("packs/data/a").unwrap();
        }
    }
    // A begin whose answer was lost leaves an upload that nobody knows.
    let left = server.open_uploads();
    server.plan("PUT", "partNumber", Misbehaviour::Error(403, "AccessDenied"), 1_000);
    assert_eq!(remote.upload("packs/data/a", &file, &|_| Ok(())).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!((server.open_uploads(), server.file("some/prefix/packs/data/a")), (left, None));
}

#[test]
fn errors_say_what_to_do_and_name_no_secret() {
    for (status, code, expected, hint) in [
        (403, "AccessDenied", "the server answered 403 AccessDenied", "used no credentials (anonymous = true); check"),
        (403, "RequestTimeTooSkewed", "the server answered 403 RequestTimeTooSkewed", "set the clock"),
        (404, "NoSuchBucket", "the bucket does not exist", "create the bucket"),
        (301, "PermanentRedirect", "the server answered 301", "region = \"REGION\""),
        (400, "AuthorizationHeaderMalformed", "the server answered 400 AuthorizationHeaderMalformed", "region = \"REGION\""),
        (400, "InvalidArgument", "the server answered 400 InvalidArgument", ""),
        (400, "a secret", "the server answered 400", ""),
    ] {
        let server = TestServer::start();
        let remote = bucket_of(&server);
        server.plan("GET", "refs", Misbehaviour::Error(status, code), 1);
        let error = remote.read("refs/1", 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains(&format!("cannot read s3://bucket/some/prefix/refs/1: {expected}")), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert_eq!(server.requests(), 1, "{code} is not attempted again");
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let begin = Instant::now();
    let settings = |endpoint: &str| RemoteSettings { endpoint: Some(endpoint.to_owned()), anonymous: true, ..Default::default() };
    let error = open("s3://bucket", &settings("http://127.0.0.1:1"), LIMITS).unwrap().read("format", 10).unwrap_err();
    assert!(error.message().contains("cannot read s3://bucket/format: Connection refused ("), "{error}");
    let unreachable = open("s3://bucket", &settings("http://127.0.0.1:1"), LIMITS).unwrap();
    unreachable.create("refs/1", b"x").unwrap_err();
    // The pauses double from half a millisecond: no more attempts fit into the limit.
    assert!(unreachable.traffic().requests <= 11, "what was never sent is not read back: {:?}", unreachable.traffic());
    let server = TestServer::start();
    server.plan("GET", "format", Misbehaviour::Silent, 9);
    let limits = TimeLimits { answer: Duration::from_millis(200), total: Duration::from_millis(300), ..LIMITS };
    let error = open("s3://bucket", &settings(&server.endpoint), limits).unwrap().read("format", 10).unwrap_err();
    assert!(error.message().contains("the server stopped answering"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_web_server_is_read_only() {
    let server = TestServer::start();
    bucket_of(&server).write("packs/data/a", b"0123456789".to_vec()).unwrap();
    let url = format!("{}/bucket/some/prefix", server.endpoint);
    let remote = BucketRemote::open_web(url.clone(), &url).unwrap();
    assert_eq!(remote.read("packs/data/a", 10).unwrap().unwrap(), b"0123456789");
    assert_eq!(remote.read_range("packs/data/a", 2..5).unwrap(), b"234");
    assert_eq!((remote.size("packs/data/a").unwrap(), remote.read("none", 1).unwrap()), (Some(10), None));
    let refused = [
        remote.create("refs/1", b"x").map(drop),
        remote.write("refs/1", b"x".to_vec()),
        remote.remove("packs/data/a"),
        remote.list("packs", &mut |_| Ok(())),
    ];
    for outcome in refused {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Usage);
    }
}

/// The servers of `scripts/remotes.sh`, which sets the variable: the URL of the server, and true if it creates a file only
/// where none exists.
#[test]
#[ignore = "needs a server: scripts/remotes.sh"]
fn a_real_server_is_a_remote() {
    let (endpoint, honours) = (std::env::var("HLX_TEST_ENDPOINT").unwrap(), std::env::var("HLX_TEST_CREATES_ONCE").unwrap());
    let settings = RemoteSettings { endpoint: Some(endpoint), ..RemoteSettings::default() };
    let remote = open("s3://hlx-test/some/prefix", &settings, TimeLimits::default()).unwrap();
    assert_eq!(honours_create(&remote).unwrap().to_string(), honours);
    if honours == "true" {
        conformance::check(&open(&format!("s3://hlx-test/{}", atomic::unique_name()), &settings, TimeLimits::default()).unwrap());
    }
    let missing = open("s3://hlx-no-such-bucket", &settings, TimeLimits::default()).unwrap();
    assert!(missing.create("refs/1", b"x").unwrap_err().message().contains("the bucket does not exist"));
}
