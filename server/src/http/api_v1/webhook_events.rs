//! What webhooks send, for the API's description: OpenAPI 3.1's `webhooks`.

use domain::EventKind;
use serde_json::{Value, json};

/// Every event under its name.
pub fn described() -> Value {
    EventKind::CHOICES
        .into_iter()
        .map(|kind| (kind.as_str().to_owned(), event(kind)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn event(kind: EventKind) -> Value {
    let example = json!({
        "id": "evt_8sXnD1w8l0TfG1k3o5yVbQwJ", "type": kind, "timestamp": "2026-11-24T09:14:15.000Z",
        "account_id": "acc_7Q2m", "sequence": 7, "data": example(kind),
    });
    let header = |name: &str, about: &str| json!({ "name": name, "in": "header", "required": true, "description": about, "schema": { "type": "string" } });
    json!({ "post": {
        "summary": kind.about(),
        "description": "Sent at least once, in order per account, and signed as the Standard Webhooks specification says. Any 2xx \
                        means that it was taken; 410 that nobody wants events any more.",
        "security": [],
        "parameters": [
            header("webhook-id", "The event's id: the same whenever it is sent again."),
            header("webhook-timestamp", "When this try was made, in seconds since 1970."),
            header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; two during a rotation."),
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema(kind), "example": example } } },
        "responses": { "2XX": { "description": "Taken." }, "410": { "description": "The webhook is switched off." } },
    }})
}

fn schema(kind: EventKind) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields(kind).iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let names: Vec<&str> = fields(kind).iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "required": ["id", "type", "timestamp", "account_id", "sequence", "data"],
        "properties": {
            "id": text(), "type": { "const": kind }, "timestamp": instant(), "account_id": maybe(&text()),
            "sequence": { "type": "integer", "description": "Grows with each event of the account; a gap is an event that was not asked for." },
            "data": { "type": "object", "required": names, "properties": properties },
        },
    })
}

fn fields(kind: EventKind) -> Vec<(&'static str, Value)> {
    let number = || json!({ "type": "integer" });
    let words = |words: &[&str]| json!({ "type": "string", "enum": words });
    match kind {
        EventKind::SessionEnded => vec![
            ("session_id", text()),
            ("reason", words(&["revoked", "expired", "signed_out"])),
            ("ended_at", instant()),
            ("initiated_by", words(&["user", "policy", "system", "admin"])),
            ("cleanup_id", maybe(&text())),
        ],
        EventKind::CleanupDone => vec![
            ("cleanup_id", text()),
            ("mode", words(&["unstick", "stale", "force"])),
            ("ticket", text()),
            ("requested_at", instant()),
            ("verified_at", instant()),
            ("records_cleaned", number()),
            ("routes_cleared", number()),
        ],
        EventKind::CleanupCameBack => vec![
            ("cleanup_id", text()),
            ("ticket", text()),
            ("verified_at", maybe(&instant())),
            ("entries", number()),
            ("found", json!({ "type": "array", "items": { "type": "object" } })),
        ],
        EventKind::FindingOpened => vec![
            ("finding_id", text()),
            ("kind", text()),
            ("severity", words(&["notice", "warning", "critical"])),
            ("router", maybe(&text())),
            ("pool", maybe(&text())),
            ("server", maybe(&text())),
            ("session_id", maybe(&text())),
            ("since", maybe(&instant())),
            ("count", number()),
            ("first_seen_at", instant()),
        ],
        EventKind::Test => vec![("message", text())],
    }
}

fn example(kind: EventKind) -> Value {
    match kind {
        EventKind::SessionEnded => json!({
            "session_id": "s_9fK2x", "reason": "signed_out", "ended_at": "2026-11-24T09:14:15.000Z", "initiated_by": "user",
            "cleanup_id": null,
        }),
        EventKind::CleanupDone => json!({
            "cleanup_id": "c_Zk3p2sVnXq0bT7aL", "mode": "stale", "ticket": "T-48213", "requested_at": "2026-11-24T09:13:40.100Z",
            "verified_at": "2026-11-24T09:14:15.000Z", "records_cleaned": 2, "routes_cleared": 3,
        }),
        EventKind::CleanupCameBack => json!({
            "cleanup_id": "c_Zk3p2sVnXq0bT7aL", "ticket": "T-48213", "verified_at": "2026-11-24T09:14:15.000Z", "entries": 1,
            "found": [{ "router": "lb-1", "pool": "app", "scope": "account", "server": "api-2", "likely_way": "peer" }],
        }),
        EventKind::FindingOpened => json!({
            "finding_id": "f_0aB1c2D3e4F5g6H7i8J9k0", "kind": "stale_route", "severity": "warning", "router": "lb-1",
            "pool": "app", "server": "api-2", "session_id": "s_9fK2x", "since": "2026-11-24T08:00:00.000Z", "count": 1,
            "first_seen_at": "2026-11-24T08:30:00.000Z",
        }),
        EventKind::Test => json!({ "message": "This is a test of a webhook." }),
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn maybe(schema: &Value) -> Value {
    json!({ "oneOf": [schema, { "type": "null" }] })
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, EndReason, Instant, SessionId, WebhookEvent};

    use super::*;

    fn names(value: &Value) -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn every_event_is_described_with_an_example_that_fits() {
        for kind in EventKind::CHOICES {
            let post = &described()[kind.as_str()]["post"];
            let content = &post["requestBody"]["content"]["application/json"];
            let (schema, example) = (&content["schema"], &content["example"]);
            assert_eq!(names(&schema["properties"]), names(example), "{kind:?}");
            assert_eq!(names(&schema["properties"]["data"]["properties"]), names(&example["data"]), "{kind:?}");
        }
    }

    #[test]
    fn what_is_sent_is_what_is_described() {
        let (session, account) = (SessionId::parse("s").unwrap(), AccountId::parse("a").unwrap());
        let event = WebhookEvent::session_ended(&session, &account, EndReason::Expired, Instant::from_secs(0), None);
        let body: Value = serde_json::from_str(&event.body(1)).unwrap();
        let schema = schema(EventKind::SessionEnded);
        assert_eq!(names(&body), names(&schema["properties"]));
        assert_eq!(names(&body["data"]), names(&schema["properties"]["data"]["properties"]));
    }
}
