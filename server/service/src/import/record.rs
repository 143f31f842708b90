//! One line of an import, read field by field, so that what is wrong with it is told in words for who wrote it.

use std::str::FromStr;

use domain::{AccountId, EndReason, IdError, Instant, SessionId};
use serde_json::{Map, Value};

/// One line of an import: what the API takes (`PUT` of an account or a session, the end of one), with its id beside the
/// fields; and what it answers, whose other fields are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportRecord {
    /// An account.
    Account {
        /// The identity system's id.
        account_id: AccountId,
        /// E-mail address.
        email: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Plan or tier.
        plan: Option<String>,
        /// IANA time zone.
        time_zone: Option<String>,
        /// When the customer joined.
        created_at: Option<Instant>,
    },
    /// A session; its account comes before it.
    Session {
        /// Its id.
        session_id: SessionId,
        /// Whose it is.
        account_id: AccountId,
        /// The client in a few words.
        client: String,
        /// The raw user agent.
        user_agent: String,
        /// The client's address.
        ip: String,
        /// When it was signed in.
        created_at: Option<Instant>,
        /// How it ended, if it did.
        end: Option<Ending>,
    },
    /// The end of a session.
    End {
        /// Which.
        session_id: SessionId,
        /// How.
        end: Ending,
    },
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// Whether its record and routes were removed.
    pub released: bool,
    /// When.
    pub at: Option<Instant>,
}

/// The types that `type` may name, each with its fields.
const TYPES: [(&str, &[&str]); 3] = [
    ("account", &["account_id", "email", "name", "plan", "time_zone", "created_at"]),
    (
        "session",
        &["session_id", "account_id", "client", "user_agent", "ip", "created_at", "reason", "released", "ended_at"],
    ),
    ("end", &["session_id", "reason", "released", "at"]),
];

/// Fields that the API answers and does not take.
const PASSED_OVER: &[&str] = &[
    "account_key",
    "session_key",
    "state",
    "last_seen_at",
    "live_sessions",
    "leftover_sessions",
    "total_sessions",
    "generation",
    "route",
];

impl ImportRecord {
    /// Reads a line. Without `type`, a `session_id` makes a session (with `account_id`) or an end (without), and an
    /// `account_id` alone an account.
    ///
    /// # Errors
    /// What is wrong, and what there may be instead.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // The position counts from the beginning of the line, which is known.
            format!("this is not JSON: {}", text.split(" at line ").next().unwrap_or_default())
        })?;
        let Value::Object(mut map) = value else {
            return Err("a record is a JSON object: {\"account_id\": …}".to_owned());
        };
        let kind = kind_of(&mut map)?;
        let fields = Fields { kind: TYPES[kind].0, allowed: TYPES[kind].1, map };
        fields.check_names()?;
        match fields.kind {
            "account" => fields.account(),
            "session" => fields.session(),
            _ => fields.end(),
        }
    }
}

/// Takes `type` out of a record, or finds out what it must be; its place in [`TYPES`].
fn kind_of(map: &mut Map<String, Value>) -> Result<usize, String> {
    let is_there = |name: &str| map.get(name).is_some_and(|value| !value.is_null());
    let guessed = match (is_there("session_id"), is_there("account_id")) {
        (true, true) => Some(1),
        (true, false) => Some(2),
        (false, true) => Some(0),
        (false, false) => None,
    };
    match map.remove("type") {
        None => guessed.ok_or_else(|| "neither account_id nor session_id: a record needs one of them".to_owned()),
        Some(Value::String(word)) => TYPES
            .iter()
            .position(|(name, _)| *name == word)
            .ok_or_else(|| format!("type {word:?} is none; write account, session or end, or leave it out")),
        Some(other) => Err(format!("type {other} is none; write \"account\", \"session\" or \"end\", or leave it out")),
    }
}

/// The fields of a record.
struct Fields {
    kind: &'static str,
    allowed: &'static [&'static str],
    map: Map<String, Value>,
}

impl Fields {
    fn check_names(&self) -> Result<(), String> {
        let known = |name: &str| self.allowed.contains(&name) || PASSED_OVER.contains(&name);
        match self.map.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                Err(format!("{} has no field {name:?}; it may have {}", self.title(), self.allowed.join(", ")))
            }
        }
    }

    fn title(&self) -> &'static str {
        match self.kind {
            "account" => "an account",
            "session" => "a session",
            _ => "an end (a session without account_id)",
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("{name} must be a text, and is {other}")),
        }
    }

    fn id<T: FromStr<Err = IdError>>(&self, name: &str) -> Result<T, String> {
        let text = self.text(name)?.ok_or_else(|| format!("{} needs {name}", self.title()))?;
        text.parse().map_err(|error: IdError| format!("{name}: {error}"))
    }

    fn instant(&self, name: &str) -> Result<Option<Instant>, String> {
        let read = |text: String| Instant::parse(&text).map_err(|error| format!("{name}: {error}"));
        self.text(name)?.map(read).transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(format!("{name} must be true or false, and is {other}")),
        }
    }

    fn account(&self) -> Result<ImportRecord, String> {
        Ok(ImportRecord::Account {
            account_id: self.id("account_id")?,
            email: self.text("email")?,
            name: self.text("name")?,
            plan: self.text("plan")?,
            time_zone: self.text("time_zone")?,
            created_at: self.instant("created_at")?,
        })
    }

    fn session(&self) -> Result<ImportRecord, String> {
        Ok(ImportRecord::Session {
            session_id: self.id("session_id")?,
            account_id: self.id("account_id")?,
            client: self.text("client")?.unwrap_or_default(),
            user_agent: self.text("user_agent")?.unwrap_or_default(),
            ip: self.text("ip")?.unwrap_or_default(),
            created_at: self.instant("created_at")?,
            end: self.ending("ended_at")?,
        })
    }

    fn end(&self) -> Result<ImportRecord, String> {
        let session_id = self.id("session_id")?;
        let end = self.ending("at")?;
        let missing =
            || "a session needs account_id, and an end of one needs reason: signed_out, expired or revoked".to_owned();
        Ok(ImportRecord::End { session_id, end: end.ok_or_else(missing)? })
    }

    /// How the session ended, at the instant in the field `at`; nothing when it did not.
    fn ending(&self, at: &str) -> Result<Option<Ending>, String> {
        let at_when = self.instant(at)?;
        let state = self.text("state")?.unwrap_or_default();
        let released = self.flag("released")? || state == "cleaned";
        let Some(word) = self.text("reason")? else {
            return if at_when.is_some() || released || state == "ended" {
                Err("a session that ended needs reason: signed_out, expired or revoked".to_owned())
            } else {
                Ok(None)
            };
        };
        let reason = EndReason::parse(&word)
            .ok_or_else(|| format!("reason {word:?} is none; write signed_out, expired or revoked"))?;
        Ok(Some(Ending { reason, released, at: at_when }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<ImportRecord, String> {
        ImportRecord::parse(line.as_bytes())
    }

    #[test]
    fn the_type_is_found_out_and_may_be_said() {
        for (line, with) in [
            (r#"{"account_id":"a","email":"a@x.y"}"#, r#"{"type":"account","account_id":"a","email":"a@x.y"}"#),
            (r#"{"session_id":"s","account_id":"a"}"#, r#"{"type":"session","session_id":"s","account_id":"a"}"#),
            (r#"{"session_id":"s","reason":"expired"}"#, r#"{"type":"end","session_id":"s","reason":"expired"}"#),
        ] {
            assert_eq!(parse(line).unwrap(), parse(with).unwrap(), "{line}");
        }
    }

    #[test]
    fn a_session_that_ended_is_one_record_and_what_the_api_answers_is_taken() {
        let line = r#"{"session_id":"s","account_id":"a","session_key":"k","account_key":"a","state":"cleaned",
            "reason":"signed_out","ended_at":"2026-11-01T10:00:00Z","client":"Web","ip":"","generation":0,
            "created_at":"2026-11-01T09:00:00Z","last_seen_at":"2026-11-01T09:30:00Z","route":null}"#;
        let ImportRecord::Session { end: Some(end), client, .. } = parse(line).unwrap() else { panic!("{line}") };
        assert!(end.released && end.at.is_some() && end.reason == EndReason::SignedOut && client == "Web");
        let active = r#"{"session_id":"s","account_id":"a","state":"active","reason":null,"ended_at":null}"#;
        assert!(matches!(parse(active).unwrap(), ImportRecord::Session { end: None, .. }));
    }

    #[test]
    fn what_is_wrong_is_told_in_our_words() {
        for (line, part) in [
            ("nonsense", "not JSON"),
            ("[1]", "JSON object"),
            ("{}", "neither account_id nor session_id"),
            (r#"{"type":"accout","account_id":"a"}"#, "account, session or end"),
            (r#"{"type":7,"account_id":"a"}"#, "account"),
            (r#"{"type":"account","acount_id":"a"}"#, "has no field \"acount_id\"; it may have account_id, email"),
            (r#"{"account_id":""}"#, "account_id: "),
            (r#"{"session_id":"a b","account_id":"a"}"#, "session_id: "),
            (r#"{"account_id":"a","email":5}"#, "email must be a text"),
            (r#"{"account_id":"a","created_at":"yesterday"}"#, "created_at: an instant must look like"),
            (r#"{"session_id":"s"}"#, "a session needs account_id"),
            (r#"{"session_id":"s","account_id":"a","ended_at":"2026-11-01T10:00:00Z"}"#, "needs reason"),
            (r#"{"session_id":"s","reason":"gone"}"#, "signed_out, expired or revoked"),
            (r#"{"type":"session","session_id":"s"}"#, "a session needs account_id"),
        ] {
            let told = parse(line).unwrap_err();
            assert!(told.contains(part) && !told.contains("enum") && !told.contains("variant"), "{line}: {told}");
        }
    }
}
