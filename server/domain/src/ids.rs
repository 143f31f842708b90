//! Typed ids. One macro makes them, so that no two kinds can be swapped and each is checked once, at the boundary.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct IdError {
    /// The kind of id, as a person would call it.
    pub what: &'static str,
    /// The rule that it breaks, as the end of a sentence.
    pub rule: &'static str,
}

/// Whether `text` is 1 to 64 characters of `[A-Za-z0-9_-]`: the only grammar that goes near a load balancer.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// What HAProxy accepts as the name of a proxy or server (configuration manual, 2.2: letters, digits, `-_.:`).
fn is_proxy_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

/// An id of somebody else's making: any printable text without blanks at its ends.
fn is_foreign_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it.
            ///
            /// # Errors
            /// When `text` breaks the rule of this kind of id.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if $check(&text) { Ok(Self(text)) } else { Err(IdError { what: $what, rule: $rule }) }
            }
            /// The text of the id.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> { Self::parse(text) }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { Self::parse(text) }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self { id.0 }
        }
    };
}

const TOKEN: &str = "1 to 64 characters of A-Z, a-z, 0-9, _ and -";

macro_rules! token_ids {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)+) => {
        $(text_id!($(#[$doc])* $name, $what, is_token, "1 to 64 characters of A-Z, a-z, 0-9, _ and -");)+
    };
}
pub(crate) const TOKEN_RULE: &str = TOKEN;

text_id!(
    /// A customer's id, given by the identity system and opaque to us.
    AccountId, "an account id", is_foreign_id,
    "1 to 128 bytes of printable text without blanks at its ends"
);
token_ids! {
    /// A session's id. Where the real one is a bearer secret, this is its fingerprint.
    SessionId, "a session id";
    /// A clean-up's id.
    CleanupId, "a clean-up id";
    /// A staff member's id: the sign-in name.
    StaffId, "a staff name";
    /// The public handle of a staff member's console session (never its secret).
    StaffSessionId, "a console session id";
    /// An API token's id (never its secret).
    TokenId, "a token id";
    /// A finding of the census.
    FindingId, "a finding id";
    /// A repair's id.
    RepairId, "a repair id";
    /// A bulk clean-up's id.
    BulkId, "a bulk clean-up's id";
    /// A webhook's id.
    WebhookId, "a webhook id";
    /// The id of an event that webhooks tell.
    EventId, "an event id";
}
text_id!(
    /// A router's name: a load balancer or an affinity map.
    RouterName, "a router name", is_proxy_name, "1 to 64 characters of A-Z, a-z, 0-9, -, _, . and :"
);
text_id!(
    /// The name of a pool of servers on a router.
    PoolName, "a pool name", is_proxy_name, "1 to 64 characters of A-Z, a-z, 0-9, -, _, . and :"
);
text_id!(
    /// A server's name in its pool.
    ServerName, "a server name", is_proxy_name, "1 to 64 characters of A-Z, a-z, 0-9, -, _, . and :"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_a_token_and_nothing_else() {
        assert!(SessionId::parse("s_9fK2-x").is_ok());
        let too_long = "x".repeat(65);
        for bad in ["", "a b", "a;b", "a\nb", "ä", "a\\b", too_long.as_str()] {
            assert!(SessionId::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_account_id_is_opaque_but_printable() {
        assert!(AccountId::parse("auth0|5f7c8ec7c33c6c004bbafe82").is_ok());
        assert!(AccountId::parse("ключ клиента").is_ok());
        for bad in ["", " x", "x ", "a\u{0}b", "a\nb"] {
            assert!(AccountId::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_bad_id_does_not_deserialize() {
        assert!(serde_json::from_str::<ServerName>("\"api-1\"").is_ok());
        assert!(serde_json::from_str::<ServerName>("\"api 1; shutdown\"").is_err());
    }
}
