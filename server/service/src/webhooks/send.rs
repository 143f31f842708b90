//! One event sent once: the request, and what is kept of the answer. An answer is read up to a few bytes, in bounded time.

use std::{io, time::Duration};

use bytes::Bytes;
use domain::{Answered, EventKind, Instant, Span, Webhook, WebhookFormat, security_event};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use store::DeliveryLease;

use super::{WebhookSettings, connect::Connector, secret, sign};
use crate::workers::report;

/// Bytes of an answer that are kept.
const KEPT: usize = 500;
/// How long is waited for them.
const MORE: Duration = Duration::from_secs(1);
/// Connections that are kept open to one receiver.
const IDLE: usize = 4;

/// What came of sending.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) answered: Answered,
    pub(super) status: Option<i64>,
    pub(super) said: String,
}

impl Sent {
    fn not(answered: Answered, said: impl Into<String>) -> Self {
        Self { answered, status: None, said: clipped(&said.into()) }
    }
}

/// The way out.
pub(super) struct Sender(Client<Connector, Full<Bytes>>);

impl Sender {
    pub(super) fn new(settings: &WebhookSettings) -> io::Result<Self> {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(IDLE)
            .http1_max_buf_size(64 << 10)
            .build(Connector::new(&settings.allow)?);
        Ok(Self(client))
    }

    /// Sends what `lease` holds to `hook`.
    pub(super) async fn send(
        &self,
        hook: &Webhook,
        lease: &DeliveryLease,
        settings: &WebhookSettings,
        now: Instant,
    ) -> Sent {
        let request = match request(hook, lease, settings, now) {
            Ok(request) => request,
            Err(why) => return Sent::not(Answered::Refused, why),
        };
        match tokio::time::timeout(settings.pace.timeout.to_std(), self.exchange(request)).await {
            Ok(sent) => sent,
            Err(_) => Sent::not(Answered::Nothing, format!("no whole answer within {}", settings.pace.timeout)),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Sent {
        match self.0.request(request).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let answered = Answered::Status(status, asked_to_wait(&response));
                // Its status is the answer: a receiver that is slow to say more has taken the event all the same.
                let said = tokio::time::timeout(MORE, beginning(response.into_body())).await.unwrap_or_default();
                Sent { answered, status: Some(i64::from(status)), said }
            }
            Err(error) => Sent::not(Answered::Nothing, report(&error)),
        }
    }
}

fn request(
    hook: &Webhook,
    lease: &DeliveryLease,
    settings: &WebhookSettings,
    now: Instant,
) -> Result<Request<Full<Bytes>>, String> {
    let secrets = secret::signing(&settings.key, hook, now);
    let Some(newest) = secrets.first() else {
        return Err(
            "webhook.key is not the key that this webhook was made with: put the file back, or rotate the secret"
                .to_owned(),
        );
    };
    let mut request = Request::post(&hook.url).header(header::USER_AGENT, "Unstick-Webhooks/1");
    let body = match hook.format {
        WebhookFormat::Unstick => {
            let timestamp = now.micros().div_euclid(1_000_000);
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .header("webhook-id", lease.event.as_str())
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", sign::signatures(&secrets, &lease.event, timestamp, &lease.body));
            lease.body.clone()
        }
        WebhookFormat::Caep => {
            request = request
                .header(header::CONTENT_TYPE, "application/secevent+jwt")
                .header(header::ACCEPT, "application/json")
                // What the receiver may ask for before it reads the token (SSF 1.0, `authorization_header`).
                .header(header::AUTHORIZATION, format!("Bearer {}", secret::text(newest)));
            let claims = claims(hook, &lease.body, lease.kind, settings, now);
            let claims = claims.ok_or_else(|| format!("{} has no form in CAEP", lease.kind.as_str()))?;
            settings.token_keys.token(&claims)?
        }
    };
    request.body(Full::new(Bytes::from(body))).map_err(|error| format!("the request could not be made: {error}"))
}

fn claims(
    hook: &Webhook,
    body: &str,
    kind: EventKind,
    settings: &WebhookSettings,
    now: Instant,
) -> Option<serde_json::Value> {
    security_event(&serde_json::from_str(body).ok()?, kind, &settings.issuer, &hook.id, now)
}

/// How long the receiver asks to be left alone: `Retry-After` in seconds.
fn asked_to_wait(response: &Response<Incoming>) -> Option<Span> {
    let text = response.headers().get(header::RETRY_AFTER).map(HeaderValue::to_str)?.ok()?;
    text.trim().parse::<u32>().ok().map(|seconds| Span::from_secs(seconds.into()))
}

/// The first bytes of an answer. A receiver has answered with its status; what follows only matters to a person.
async fn beginning(mut body: Incoming) -> String {
    let mut text = Vec::new();
    while text.len() < KEPT
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            text.extend_from_slice(data.get(..KEPT.min(data.len())).unwrap_or_default());
        }
    }
    clipped(&String::from_utf8_lossy(&text))
}

/// `text` in one line of bounded length.
fn clipped(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(KEPT).collect();
    line.truncate(line.trim_end().len());
    line
}
