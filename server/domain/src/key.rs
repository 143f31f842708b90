//! Route keys: what a load balancer pins. They are checked, never escaped, because the runtime API of HAProxy splits a
//! command line at spaces and semicolons and answers an empty line whatever it then did.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{AccountId, TOKEN_RULE, is_token};

/// A key that pins traffic: `[A-Za-z0-9_-]{1,64}`, safe to write into a load balancer's command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RouteKey(String);

/// A text that must not go into a load balancer's command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a route key must be {TOKEN_RULE}")]
pub struct KeyError;

impl RouteKey {
    /// Checks `text` and takes it.
    ///
    /// # Errors
    /// When `text` is anything but 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub fn parse(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        if is_token(&text) { Ok(Self(text)) } else { Err(KeyError) }
    }

    /// The key of an account: its id where that fits the grammar, else 132 bits of its SHA-256.
    ///
    /// A hash never equals another account's plain id: it starts with `ah_` and plain ids that start so are hashed too.
    pub fn of_account(id: &AccountId) -> Self {
        let plain = id.as_str();
        if is_token(plain) && !plain.starts_with("ah_") {
            return Self(plain.to_owned());
        }
        let mut text = URL_SAFE_NO_PAD.encode(Sha256::digest(plain.as_bytes()));
        text.truncate(22);
        Self(format!("ah_{text}"))
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RouteKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl From<RouteKey> for String {
    fn from(key: RouteKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_refused() {
        for bad in ["acc2; clear table app", "a b", "a\\ b", "a\nb", "", "a\u{0}", "ü", &"k".repeat(65)] {
            assert_eq!(RouteKey::parse(bad), Err(KeyError), "{bad:?} was taken");
        }
    }

    #[test]
    fn every_account_has_a_safe_key_of_its_own() {
        let plain = AccountId::parse("acc_7Q2mX0cVd4").unwrap();
        assert_eq!(RouteKey::of_account(&plain).as_str(), "acc_7Q2mX0cVd4");
        let odd = AccountId::parse("auth0|a; clear table app").unwrap();
        let key = RouteKey::of_account(&odd);
        assert!(RouteKey::parse(key.as_str()).is_ok());
        let thief = AccountId::parse(key.as_str()).unwrap();
        assert_ne!(RouteKey::of_account(&thief), key);
    }
}
