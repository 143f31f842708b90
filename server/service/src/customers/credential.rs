//! What a customer's client proves with that it is this session: a signed statement, handed out by the service's own back end.
//!
//! Nothing of it is kept. Whether it counts is decided anew for each request: the signature, the time, and that the session
//! is live in the database; so it ends with its session, at once, whoever ended it. The session's own bearer secret is never
//! seen here.

use async_recursion::async_recursion as boxed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{AccountId, Actor, Instant, Permission, SessionId, Span};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::CustomerKeys;
use crate::{Error, Result, Unstick};

/// What every credential begins with, so that scanners of secrets know one.
const PREFIX: &str = "self_";
/// Longest credential that is looked at, in bytes.
const LONGEST: usize = 1_200;
/// What is signed begins with it: a signature of another purpose, under whatever key, is none of these.
const PURPOSE: &[u8] = b"unstick self v1\0";

/// A credential, to be handed to the session's client.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Whose session it speaks for.
    pub account: AccountId,
    /// Until when, if the session lives so long.
    pub expires_at: Instant,
    /// The secret text.
    pub secret: String,
}

/// What a credential states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "a")]
    account: AccountId,
    #[serde(rename = "s")]
    session: SessionId,
    /// Seconds since 1970.
    #[serde(rename = "e")]
    until: i64,
}

impl Unstick {
    /// A credential for the client of a live session. Safe to repeat: nothing is kept, and those before go on counting.
    ///
    /// # Errors
    /// `NotFound`; `Gone` for a session that is over; `Denied`.
    #[boxed]
    pub async fn issue_credential(&self, actor: &Actor, id: &SessionId) -> Result<Credential> {
        self.authorize(actor, Permission::HelpCustomers, id.as_str()).await?;
        let session = self.store().session(id).await?.ok_or(Error::NotFound("session"))?;
        if !session.state.is_live() {
            return Err(Error::Gone("session"));
        }
        let settings = &self.settings().customers;
        let until = end(self.now(), settings.credential);
        let statement = Statement { account: session.account.clone(), session: id.clone(), until };
        let secret = seal(&settings.keys, &statement)?;
        Ok(Credential { account: session.account, expires_at: Instant::from_secs(until), secret })
    }

    /// Who acts with the credential `secret`.
    ///
    /// # Errors
    /// `SignIn` when it is not one, was changed, or its time is over; `Gone` when its session is over.
    #[boxed]
    pub async fn actor_of_credential(&self, secret: &str) -> Result<Actor> {
        let statement = open(&self.settings().customers.keys, secret).ok_or(Error::SignIn)?;
        if Instant::from_secs(statement.until) <= self.now() {
            return Err(Error::SignIn);
        }
        let session = self.store().session(&statement.session).await?.ok_or(Error::Gone("session"))?;
        if session.account != statement.account {
            return Err(Error::SignIn);
        }
        if !session.state.is_live() {
            return Err(Error::Gone("session"));
        }
        Ok(Actor::Customer { account: session.account, session: Some(session.id) })
    }
}

/// When a credential of `now` ends, in seconds since 1970: at most `life` later, and the same for some time, so that a back
/// end that asks again is told the same.
fn end(now: Instant, life: Span) -> i64 {
    let last = (now + life).micros().div_euclid(1_000_000);
    let grain = (life.secs() / 100).max(1);
    last - last.rem_euclid(grain)
}

fn mac(key: &[u8; 32], text: &str) -> Option<Hmac<Sha256>> {
    // HMAC takes a key of any length; the error of its signature cannot happen.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(PURPOSE);
    mac.update(text.as_bytes());
    Some(mac)
}

fn seal(keys: &CustomerKeys, statement: &Statement) -> Result<String> {
    let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(statement).map_err(Error::internal)?);
    let mac = keys.0.first().and_then(|key| mac(key, &text));
    let mac = mac.ok_or_else(|| Error::internal("there is no key to sign credentials with"))?;
    Ok(format!("{PREFIX}{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

/// The statement of a credential that is signed under one of `keys`. Nothing of it is read before that.
fn open(keys: &CustomerKeys, secret: &str) -> Option<Statement> {
    if secret.len() > LONGEST {
        return None;
    }
    let (text, proof) = secret.strip_prefix(PREFIX)?.split_once('.')?;
    let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
    // Compares in a time that does not depend on where they differ.
    let signed = keys.0.iter().filter_map(|key| mac(key, text)).any(|mac| mac.verify_slice(&proof).is_ok());
    if !signed {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            account: AccountId::parse("auth0|5f\"ü").unwrap(),
            session: SessionId::parse("s_1").unwrap(),
            until: 1_800_000_000,
        }
    }

    #[test]
    fn what_was_signed_is_read_back_under_either_key_and_no_other() {
        let (old, new, other) = ([1; 32], [2; 32], [3; 32]);
        let sealed = seal(&CustomerKeys(vec![old]), &statement()).unwrap();
        assert_eq!(open(&CustomerKeys(vec![old]), &sealed), Some(statement()));
        assert_eq!(open(&CustomerKeys(vec![new, old]), &sealed), Some(statement()), "a key that was rotated away");
        assert_eq!(open(&CustomerKeys(vec![new, other]), &sealed), None);
        assert_eq!(open(&CustomerKeys::default(), &sealed), None);
        assert!(seal(&CustomerKeys::default(), &statement()).is_err(), "without a key nothing is signed");
    }

    #[test]
    fn no_letter_of_it_can_be_changed() {
        let keys = CustomerKeys(vec![[1; 32]]);
        let sealed = seal(&keys, &statement()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&keys, &String::from_utf8(changed).unwrap()), None, "letter {at}");
        }
        let (text, proof) = sealed.strip_prefix(PREFIX).unwrap().split_once('.').unwrap();
        for bad in ["", "self_", "self_.", &format!("self_{text}"), &format!("self_{text}."), &format!("self_.{proof}")]
        {
            assert_eq!(open(&keys, bad), None, "{bad}");
        }
        assert_eq!(open(&keys, &format!("{sealed}{}", "A".repeat(LONGEST))), None);
    }

    #[test]
    fn it_ends_in_its_time_and_is_the_same_for_a_while() {
        let (now, life) = (Instant::from_secs(1_800_000_123), Span::from_days(30));
        let ends = end(now, life);
        assert!(ends <= 1_800_000_123 + 30 * 86_400 && ends > 1_800_000_123 + 29 * 86_400, "{ends}");
        assert_eq!(end(now + Span::from_secs(1), life), ends);
        assert_eq!(end(now, Span::from_secs(60)), 1_800_000_183);
    }
}
