//! The same in the words of the Continuous Access Evaluation Profile 1.0: a session ended, so whoever relies on it
//! ends it too. The claims of a security event token (RFC 8417); it is signed elsewhere.

use serde_json::{Value, json};

use super::EventKind;
use crate::{Instant, WebhookId};

/// The event's name (CAEP 1.0, section 3.1).
pub const CAEP_SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// What a receiver gets when somebody tries whether it hears (SSF 1.0, section 8.1.4.1).
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// The claims for an event's `body`, told by `issuer` to webhook `audience` at `now`. `None` for an event that has no form
/// there.
pub fn security_event(
    body: &Value,
    kind: EventKind,
    issuer: &str,
    audience: &WebhookId,
    now: Instant,
) -> Option<Value> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let common = |events: Value, subject: Value| {
        json!({
            "iss": issuer, "aud": audience, "iat": seconds(now), "jti": text("/id"), "txn": text("/data/cleanup_id"),
            "sub_id": subject, "events": events,
        })
    };
    match kind {
        EventKind::SessionEnded => {
            let at = Instant::parse(text("/data/ended_at")?).ok()?;
            let (by, reason) = (text("/data/initiated_by")?, text("/data/reason")?);
            let why = match text("/data/cleanup_id") {
                Some(id) => format!("ended by clean-up {id}"),
                None => format!("the session's back end reported it as {}", reason.replace('_', " ")),
            };
            let told = if by == "admin" {
                "Your session was ended to put your account right. Please sign in again."
            } else {
                "Your session is over. Please sign in again."
            };
            let subject = json!({
                "format": "complex",
                "user": { "format": "opaque", "id": text("/account_id")? },
                "session": { "format": "opaque", "id": text("/data/session_id")? },
            });
            let event = json!({
                "event_timestamp": seconds(at), "initiating_entity": by,
                "reason_admin": { "en": why }, "reason_user": { "en": told },
            });
            Some(common(json!({ CAEP_SESSION_REVOKED: event }), subject))
        }
        EventKind::Test => {
            let subject = json!({ "format": "opaque", "id": audience });
            Some(common(json!({ VERIFICATION: { "state": text("/id") } }), subject))
        }
        EventKind::CleanupDone | EventKind::CleanupCameBack | EventKind::FindingOpened => None,
    }
}

/// Seconds since 1970, as RFC 7519 has instants.
const fn seconds(at: Instant) -> i64 {
    at.micros().div_euclid(1_000_000)
}
