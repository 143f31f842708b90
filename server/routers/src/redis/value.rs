//! What a value in an affinity map says: the server that a key is pinned to and, perhaps, the session that pinned it.
//!
//! Values are somebody else's: one that cannot be read is an entry that names no server, never an error, so that one bad
//! value hides no other entry and can be removed like any.

use domain::{ServerName, SessionId};

/// Bytes of a value that are read: a name or a small JSON object needs a hundredth of it. A longer value is not
/// understood; it is not fetched whole either.
pub(super) const MAX_VALUE: usize = 16 << 10;

/// How the values of a pool are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueFormat {
    /// The value is the server's name.
    Text,
    /// The value is a JSON object.
    Json {
        /// The field with the server's name.
        server: String,
        /// The field with the id of the session that made the entry.
        session: Option<String>,
        /// The field with the generation of the account when the entry was made.
        generation: Option<String>,
    },
}

impl ValueFormat {
    /// Reads `text` or `json:FIELD`; `session` names the field with the session, for JSON only.
    ///
    /// # Errors
    /// When this is no format, with what to write.
    pub fn parse(text: &str, session: Option<&str>) -> Result<Self, String> {
        match (text.strip_prefix("json:"), session) {
            (Some(server), session) if named(server) && session.is_none_or(named) => {
                Ok(Self::Json { server: server.to_owned(), session: session.map(str::to_owned), generation: None })
            }
            (None, None) if text == "text" => Ok(Self::Text),
            (None, Some(_)) if text == "text" => {
                Err("session_field needs a value in JSON: write value = \"json:server\", or leave it out".to_owned())
            }
            (Some(_), _) => Err("the fields in value and session_field must be names of 1 to 64 characters".to_owned()),
            _ => Err(format!(
                "{text:?} is no way to write a value; write text (the value is the server's name) or json:server (the name \
                 is in that field)"
            )),
        }
    }

    /// The same, with the account's generation in the field `name`.
    ///
    /// # Errors
    /// When values are no JSON, or that is no name.
    pub fn with_generation(self, name: &str) -> Result<Self, String> {
        match self {
            Self::Json { server, session, .. } if named(name) => {
                Ok(Self::Json { server, session, generation: Some(name.to_owned()) })
            }
            Self::Json { .. } => Err("generation_field must be a name of 1 to 64 characters".to_owned()),
            Self::Text => {
                Err("generation_field needs a value in JSON: write value = \"json:server\", or leave it out".to_owned())
            }
        }
    }

    /// The generation in a value, where there is one.
    pub(super) fn generation(&self, bytes: &[u8]) -> Option<i64> {
        let Self::Json { generation: Some(field), .. } = self else { return None };
        if bytes.len() > MAX_VALUE {
            return None;
        }
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).ok()?.get(field)?.as_i64()
    }

    /// The server and the session in a value.
    pub(super) fn read(&self, bytes: &[u8]) -> (Option<ServerName>, Option<SessionId>) {
        if bytes.len() > MAX_VALUE {
            return (None, None);
        }
        match self {
            Self::Text => (std::str::from_utf8(bytes).ok().and_then(|text| ServerName::parse(text).ok()), None),
            Self::Json { server, session, .. } => {
                let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(bytes) else {
                    return (None, None);
                };
                let text = |field: &String| fields.get(field).and_then(serde_json::Value::as_str);
                let session = session.as_ref().and_then(text).and_then(|text| SessionId::parse(text).ok());
                (text(server).and_then(|text| ServerName::parse(text).ok()), session)
            }
        }
    }

    /// `old` with `server` in place of the one that it names: other fields of a JSON object stay, that with the session
    /// goes, for it did not make this entry, and so does the generation: an entry without one is of the present.
    pub(super) fn write(&self, old: &[u8], server: &ServerName) -> Vec<u8> {
        match self {
            Self::Text => server.as_str().as_bytes().to_vec(),
            Self::Json { server: field, session, generation } => {
                let mut fields = match serde_json::from_slice(old) {
                    Ok(serde_json::Value::Object(fields)) => fields,
                    _ => serde_json::Map::new(),
                };
                for gone in [session, generation].into_iter().flatten() {
                    fields.remove(gone);
                }
                fields.insert(field.clone(), server.as_str().into());
                serde_json::Value::Object(fields).to_string().into_bytes()
            }
        }
    }
}

/// Whether `field` can be the name of a field.
fn named(field: &str) -> bool {
    !field.is_empty() && field.len() <= 64 && !field.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> ValueFormat {
        ValueFormat::parse("json:server", Some("by")).unwrap()
    }

    fn read(format: &ValueFormat, text: &str) -> (Option<String>, Option<String>) {
        let (server, session) = format.read(text.as_bytes());
        (server.map(String::from), session.map(String::from))
    }

    #[test]
    fn both_ways_are_read() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(&ValueFormat::Text, "api-1"), (some("api-1"), None));
        assert_eq!(read(&json(), r#"{"server":"api-1","by":"s_1","more":[1]}"#), (some("api-1"), some("s_1")));
        assert_eq!(read(&json(), r#"{"server":"api-1","by":7}"#), (some("api-1"), None));
        assert_eq!(read(&json(), r#"{"by":"s_1"}"#), (None, some("s_1")));
    }

    #[test]
    fn what_is_written_is_read_and_other_fields_stay() {
        let server = ServerName::parse("api-3").unwrap();
        for (format, old) in [
            (ValueFormat::Text, "api-1"),
            (json(), r#"{"server":"api-1","by":"s_1","more":[1]}"#),
            (json(), "rubbish"),
            (json(), ""),
        ] {
            let text = String::from_utf8(format.write(old.as_bytes(), &server)).unwrap();
            assert_eq!(read(&format, &text), (Some("api-3".to_owned()), None), "{text}");
            assert_eq!(text.contains("more"), old.contains("more"), "{text}");
        }
    }

    #[test]
    fn a_generation_is_read_where_it_is_a_number_and_goes_with_who_made_the_entry() {
        let format = json().with_generation("gen").unwrap();
        for (text, generation) in [
            ("{\"server\":\"api-1\",\"gen\":3}", Some(3)),
            ("{\"server\":\"api-1\"}", None),
            ("{\"server\":\"api-1\",\"gen\":\"3\"}", None),
            ("{\"server\":\"api-1\",\"gen\":1.5}", None),
            ("[3]", None),
        ] {
            assert_eq!(format.generation(text.as_bytes()), generation, "{text}");
        }
        assert_eq!(json().generation(b"{\"gen\":3}"), None, "nobody said that it is one");
        let server = ServerName::parse("api-3").unwrap();
        let written = String::from_utf8(format.write(b"{\"server\":\"a\",\"gen\":1,\"more\":2}", &server)).unwrap();
        assert!(!written.contains("gen") && written.contains("more"), "{written}");
        assert!(ValueFormat::Text.with_generation("gen").unwrap_err().contains("json:server"));
        assert!(json().with_generation("").unwrap_err().contains("1 to 64"));
    }

    #[test]
    fn what_is_not_understood_names_no_server() {
        for text in ["", "a b", "api-1\n", "\u{fffd}", "{", "[\"api-1\"]", "{\"server\":[]}", "{\"server\":\"a b\"}"] {
            assert_eq!(read(&ValueFormat::Text, text), (None, None), "{text:?}");
            assert_eq!(read(&json(), text), (None, None), "{text:?}");
        }
        assert_eq!(read(&json(), "null"), (None, None));
        assert_eq!(ValueFormat::Text.read(&[0xff, 0xfe]), (None, None));
        let deep = format!("{{\"server\":{}1{}}}", "[".repeat(8_000), "]".repeat(8_000));
        assert_eq!(read(&json(), &deep), (None, None));
        let huge = format!("{{\"server\":\"api-1\",\"x\":\"{}\"}}", "x".repeat(MAX_VALUE));
        assert_eq!(read(&json(), &huge), (None, None));
    }

    #[test]
    fn a_wrong_format_says_what_to_write() {
        for (text, session, part) in [
            ("jsn:server", None, "json:server"),
            ("json", None, "json:server"),
            ("json:", None, "1 to 64"),
            ("json:server", Some(""), "1 to 64"),
            ("text", Some("by"), "session_field"),
        ] {
            let told = ValueFormat::parse(text, session).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = ValueFormat::Text.read(&bytes);
            let _ = json().read(&bytes);
        }
    }
}
