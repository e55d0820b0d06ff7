//! The HTTP client of a bucket: counts requests, and bounds the memory that an answer takes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};

use super::super::api::TrafficCounter;

/// Bytes of an answer that is no content of a file: a list of a thousand names has less than 2 MiB.
const ANSWER: usize = 16 << 20;
/// Bytes of an answer that reports an error.
const ERROR: usize = 64 << 10;

tokio::task_local! {
    /// The attempt that a request belongs to.
    pub(super) static ATTEMPT: Arc<Attempt>;
}

/// One attempt of an operation.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// Bytes of content that the answer may have.
    limit: u64,
    /// The status of the last answer; zero before one arrived.
    status: AtomicU16,
    /// True if the last request asked for credentials.
    is_credentials: AtomicBool,
}

impl Attempt {
    /// Returns an attempt whose answer may have so many bytes of content.
    pub fn new(limit: u64) -> Arc<Attempt> {
        Arc::new(Attempt { limit, ..Attempt::default() })
    }

    /// Returns the status of the last answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// Returns true if the last request asked the machine or the container for credentials.
    pub fn asked_for_credentials(&self) -> bool {
        self.is_credentials.load(Ordering::Relaxed)
    }
}

/// The error of an answer that is longer than its reader allows.
#[derive(Debug)]
pub(super) struct TooLong;

impl std::error::Error for TooLong {}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is too long")
    }
}

/// Makes clients that count their requests.
#[derive(Debug)]
pub(super) struct CountingConnector(pub Arc<TrafficCounter>);

impl HttpConnector for CountingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(CountingService { client, traffic: self.0.clone() }))
    }
}

#[derive(Debug)]
struct CountingService {
    client: HttpClient,
    traffic: Arc<TrafficCounter>,
}

type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for CountingService {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> ResponseFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let attempt = ATTEMPT.try_with(Arc::clone).unwrap_or_default();
            let of_machine = |host: &str| host.starts_with("169.254.") || host.starts_with("metadata");
            attempt.is_credentials.store(request.uri().host().is_some_and(of_machine), Ordering::Relaxed);
            attempt.status.store(0, Ordering::Relaxed);
            self.traffic.request();
            self.traffic.sent(request.body().content_length() as u64);
            let response = self.client.execute(request).await?;
            attempt.status.store(response.status().as_u16(), Ordering::Relaxed);
            let limit = match response.status().is_success() {
                true => ANSWER.saturating_add(usize::try_from(attempt.limit).unwrap_or(usize::MAX)),
                false => ERROR,
            };
            Ok(response.map(|body| HttpResponseBody::new(Limited::new(body, limit).map_err(body_error))))
        })
    }
}

fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> HttpError {
    match error.downcast::<HttpError>() {
        Ok(error) => *error,
        Err(_) => HttpError::new(HttpErrorKind::Decode, TooLong),
    }
}
