//! JSON that others send: objects only, and every refusal in words that somebody understands who knows the API and not
//! this program.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeOwned};
use serde_json::{Map, Value, error::Category};

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Whether it is no JSON at all.
    pub syntax: bool,
    /// The field that is wrong, where it is one.
    pub field: Option<Cow<'static, str>>,
    /// What is wrong, and what to send.
    pub message: String,
}

const TEXT: &str = "a text";
const TIME: &str = "a time like 2026-11-23T09:14:07Z";
const COUNT: &str = "a whole number, 0 or more";
const KINDS: &str = "session.ended, cleanup.done, cleanup.came_back, finding.opened or webhook.test";

/// What each field must be, wherever it comes: names mean one thing in all bodies.
const FIELDS: &[(&str, &str)] = &[
    ("account", TEXT),
    ("account_id", TEXT),
    ("account_ids", "a list of texts"),
    ("action", TEXT),
    ("actor", TEXT),
    ("after", TEXT),
    ("at", TIME),
    ("client", TEXT),
    ("created_at", TIME),
    ("email", TEXT),
    ("errors_total", COUNT),
    ("event", KINDS),
    ("event_id", TEXT),
    ("events", "a list of session.ended, cleanup.done, cleanup.came_back and finding.opened"),
    ("failed_only", "true or false"),
    ("failure_limit", "a whole number from 0 to 100000"),
    ("filter", "an object with text, kind, router, pool, server, leftover, seen_before or plan"),
    ("format", "unstick or caep"),
    ("from", "a text; where a time is meant, one like 2026-11-23T09:14:07Z"),
    ("hash", TEXT),
    ("ip", TEXT),
    ("items", "a list of objects"),
    (
        "kind",
        "orphaned_session, stale_route, degraded_route, split_route, accumulation, counter_drift, chain or dangling_row",
    ),
    ("leftover", "a whole number, 1 or more"),
    ("limit", "a whole number from 1 to 1000"),
    ("max_errors", "a whole number from 0 to 100"),
    ("max_response", "a whole number from 0 to 10000"),
    ("mode", "unstick, stale or force"),
    ("name", TEXT),
    ("off_server", "an object with router, pool and server"),
    ("older_than", "1h, 1d or 7d"),
    ("outcome", "waiting, running, owed, done, nothing, under_way, needs_attention or failed"),
    ("plan", TEXT),
    ("plan_hash", TEXT),
    ("pool", TEXT),
    ("q", TEXT),
    ("rate", "a whole number from 1 to 1000"),
    ("reason", "a text; of the end of a session signed_out, expired or revoked"),
    ("released", "true or false"),
    ("repair_plan", "a plan as GET /api/v1/repair-plan answered it"),
    ("requests_total", COUNT),
    ("response_ms", "a whole number of milliseconds, 0 to 4294967295"),
    ("router", TEXT),
    ("seen_before", "a day as 2026-11-23, or an instant as 2026-11-23T09:14:07Z"),
    ("server", TEXT),
    ("session_id", TEXT),
    ("since", TIME),
    ("state", "ready, drain, maint or down; of an event waiting, delivered or failed"),
    ("status", "running, owed, needs_attention or done"),
    ("text", TEXT),
    ("ticket", TEXT),
    ("time_zone", TEXT),
    ("to", "a text; where a time is meant, one like 2026-11-23T09:14:07Z"),
    ("type", "account, session or end"),
    ("url", TEXT),
    ("user_agent", TEXT),
    ("wave", "a whole number from 1 to 1000"),
    ("what", "pause, resume, cancel or retry; of a webhook enable or disable"),
];

impl Wrong {
    fn of(field: Option<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { syntax: false, field, message: message.into() }
    }

    /// `field` is not what it must be.
    pub fn field(name: &str) -> Self {
        let known = FIELDS.iter().find(|(field, _)| *field == name);
        let must = known.map_or("something else", |(_, must)| must);
        Self::of(Some(name.to_owned().into()), format!("{name} must be {must}"))
    }

    fn syntax(error: &serde_json::Error) -> Self {
        let message = match error.classify() {
            Category::Eof => format!("the JSON ends too early, at line {} column {}", error.line(), error.column()),
            _ => format!("this is not JSON: {error}"),
        };
        Self { syntax: true, field: None, message }
    }

    fn no_object() -> Self {
        Self::of(None, "send a JSON object: {\"field\": \"value\"}")
    }

    /// What serde said of the thing at `path`, in our words.
    pub fn told(text: &str, path: &str) -> Self {
        let text = text.split(" at line ").next().unwrap_or(text);
        let mut quoted = text.split('`').skip(1).step_by(2);
        let named = |text: &str| Some(Cow::Owned(text.to_owned()));
        if text.starts_with("unknown field") {
            let field = quoted.next().unwrap_or_default();
            let others: Vec<&str> = quoted.collect();
            return Self::of(named(field), format!("there is no field {field} here: there is {}", others.join(", ")));
        }
        if text.starts_with("missing field") {
            let field = quoted.next().unwrap_or_default();
            let must = FIELDS.iter().find(|(name, _)| *name == field).map_or(TEXT, |(_, must)| must);
            return Self::of(named(field), format!("{field} is missing: {must}"));
        }
        if text.starts_with("duplicate field") {
            let field = quoted.next().unwrap_or_default();
            return Self::of(named(field), format!("{field} is there twice: send it once"));
        }
        // A list's item is told as the list.
        let field = path.rsplit('.').next().and_then(|last| last.split('[').next()).unwrap_or_default();
        let Some((name, must)) = FIELDS.iter().find(|(name, _)| *name == field) else {
            return Self::no_object();
        };
        // What our own types say of themselves is kept; what serde says of types is not.
        let of_types = ["invalid type", "invalid value", "invalid length", "unknown variant", "invalid digit"];
        if of_types.iter().any(|start| text.starts_with(start)) || !text.contains(" must ") {
            return Self::field(name);
        }
        Self::of(Some((*name).into()), format!("{name} must be {must}: {text}"))
    }

    fn at(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let inner = error.inner();
        match inner.classify() {
            Category::Data => Self::told(&inner.to_string(), &error.path().to_string()),
            _ => Self::syntax(inner),
        }
    }
}

/// Says `Ok` where `bytes` begin as an object does. A struct would be read from a list as well, by position.
fn begins(bytes: &[u8]) -> Result<(), Wrong> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        return Ok(());
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|error| Wrong::syntax(&error))?;
    Err(Wrong::no_object())
}

/// Reads an object.
///
/// # Errors
/// When `bytes` are no JSON, no object, or not this one.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Wrong> {
    begins(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| Wrong::at(&error))?;
    reader.end().map_err(|error| Wrong::syntax(&error))?;
    Ok(read)
}

/// Reads an object that borrows from `bytes`; of its fields only `field` can have a wrong type.
///
/// # Errors
/// When `bytes` are no JSON, no object, or not this one.
pub fn borrowed<'a, T: Deserialize<'a>>(bytes: &'a [u8], field: &str) -> Result<T, Wrong> {
    begins(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Wrong::told(&error.to_string(), field),
        _ => Wrong::syntax(&error),
    })
}

/// Reads what is left of an object.
///
/// # Errors
/// When it is not this one.
pub fn fields<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| Wrong::at(&error))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Sample {
        account_id: domain::AccountId,
        name: Option<String>,
        created_at: Option<domain::Instant>,
        #[serde(default)]
        requests_total: u64,
        #[serde(default)]
        released: bool,
        reason: Option<domain::EndReason>,
    }

    #[test]
    fn a_refusal_names_the_field_and_no_type_of_ours() {
        for (text, syntax, field, part) in [
            ("[\"a\",null]", false, "", "JSON object"),
            ("[]", false, "", "JSON object"),
            ("7", false, "", "JSON object"),
            ("null", false, "", "JSON object"),
            ("", true, "", "ends too early"),
            ("{\"account_id\":", true, "", "ends too early"),
            ("{\"account_id\":\"a\"} x", true, "", "not JSON"),
            ("nonsense", true, "", "not JSON"),
            ("{}", false, "account_id", "is missing"),
            ("{\"account_id\":7}", false, "account_id", "a text"),
            ("{\"account_id\":\" a\"}", false, "account_id", "without blanks"),
            ("{\"account_id\":\"a\",\"nmae\":\"x\"}", false, "nmae", "no field nmae here: there is account_id, name"),
            ("{\"account_id\":\"a\",\"name\":[\"x\"]}", false, "name", "a text"),
            ("{\"account_id\":\"a\",\"name\":{\"x\":1}}", false, "name", "a text"),
            ("{\"account_id\":\"a\",\"name\":\"x\",\"name\":\"y\"}", false, "name", "twice"),
            ("{\"account_id\":\"a\",\"created_at\":\"yesterday\"}", false, "created_at", "a time like"),
            ("{\"account_id\":\"a\",\"created_at\":7}", false, "created_at", "a time like"),
            ("{\"account_id\":\"a\",\"requests_total\":-1}", false, "requests_total", "whole number"),
            ("{\"account_id\":\"a\",\"requests_total\":1.5}", false, "requests_total", "whole number"),
            ("{\"account_id\":\"a\",\"released\":\"yes\"}", false, "released", "true or false"),
            ("{\"account_id\":\"a\",\"reason\":\"bored\"}", false, "reason", "signed_out"),
            ("{\"account_id\":\"a\",\"reason\":{\"x\":1}}", false, "reason", "signed_out"),
        ] {
            let wrong = object::<Sample>(text.as_bytes()).unwrap_err();
            assert_eq!(
                (wrong.syntax, wrong.field.as_deref().unwrap_or_default()),
                (syntax, field),
                "{text}: {wrong:?}"
            );
            assert!(wrong.message.contains(part), "{text}: {wrong:?}");
            for ours in ["struct", "Sample", "u64", "i64", "bool", "map", "sequence", "tuple", "variant", "string"] {
                assert!(!wrong.message.contains(ours), "{text}: {wrong:?}");
            }
        }
    }
}
