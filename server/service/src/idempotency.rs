//! Calls of the API that carry an Idempotency-Key: each happens once a day and token, whoever asks again, in whatever
//! process. A claim is held by a lease, so that a process that died in the middle does not keep the key for ever; then the
//! call is carried out again, and the use cases see to it that nothing is done twice (a clean-up under way is joined, a
//! list that was asked for is not asked for again).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Actor, Instant, Span, new_id};
use sha2::{Digest, Sha256};
use store::{Claimed, KeptAnswer, KeyClaim};

use crate::{Error, Result, Unstick};

/// How long an answer is kept.
const KEPT: Span = Span::from_days(1);
/// Longest answer that is kept, in bytes: that to the largest batch is shorter.
const LONGEST: usize = 8 << 20;

/// What stands before an answer that is kept sealed; no JSON begins so.
const SEALED: &str = "sealed:";

/// What comes of a call with a key.
#[derive(Debug)]
pub enum Once {
    /// It is to be carried out, and then to be told by [`Unstick::keep_answer`].
    Go(Box<KeyClaim>),
    /// It was carried out before; this was the answer.
    Before(KeptAnswer),
    /// The key belongs to another call.
    OtherCall,
    /// It is being carried out; ask again after so long.
    UnderWay(Span),
}

impl Unstick {
    /// Claims `key` for a call of `actor` that asks for `what`; `within` is the longest time that a call may take.
    ///
    /// # Errors
    /// `SignIn` for anybody but a token; failures of the database.
    pub async fn claim_key(&self, actor: &Actor, key: &str, what: &[&[u8]], within: Span) -> Result<Once> {
        let Actor::Token { id, .. } = actor else { return Err(Error::SignIn) };
        let now = self.now();
        let claim = KeyClaim {
            token: id.clone(),
            key: digest(&[key.as_bytes()]),
            fingerprint: digest(what),
            holder: new_id("h", self.entropy()),
            lease_until: now + within,
            expires_at: now + KEPT,
        };
        let claimed = transact!(self, tx => { Ok(tx.claim_key(&claim, now).await?) })?;
        Ok(match claimed {
            Claimed::Mine => Once::Go(Box::new(claim)),
            Claimed::Before(answer) => Once::Before(self.opened(&claim, answer)?),
            Claimed::OtherCall => Once::OtherCall,
            Claimed::UnderWay(until) => Once::UnderWay(wait(until, now)),
        })
    }

    /// Keeps the answer to a call that was claimed, or gives the key back when the answer is `None` (it failed on our side,
    /// or was not let in: it may be tried again).
    ///
    /// # Errors
    /// Failures of the database: then the lease runs out.
    pub async fn keep_answer(&self, claim: &KeyClaim, answer: Option<&KeptAnswer>) -> Result<()> {
        let answer = answer.filter(|answer| answer.body.len() <= LONGEST);
        transact!(self, tx => {
            match answer {
                Some(answer) => {
                    if !tx.keep_answer(claim, answer).await? {
                        tracing::warn!("a call took longer than its lease: another one took its key over");
                    }
                }
                None => tx.give_key_back(claim).await?,
            }
            Ok(())
        })
    }
}

impl Unstick {
    /// `answer`, for keeping, when it has a secret in it: a copy of the database tells nothing of it.
    ///
    /// # Errors
    /// Without a key to seal with.
    pub fn sealed(&self, claim: &KeyClaim, answer: KeptAnswer) -> Result<KeptAnswer> {
        let sealed = self.settings().seal_keys.seal(self.entropy(), answer.body.as_bytes(), &purpose(claim))?;
        Ok(KeptAnswer { body: format!("{SEALED}{sealed}"), ..answer })
    }

    fn opened(&self, claim: &KeyClaim, answer: KeptAnswer) -> Result<KeptAnswer> {
        let Some(sealed) = answer.body.strip_prefix(SEALED) else { return Ok(answer) };
        let body = self.settings().seal_keys.open(sealed, &purpose(claim))?;
        Ok(KeptAnswer { body: String::from_utf8(body).map_err(Error::internal)?, ..answer })
    }
}

/// What an answer is sealed for: one call of one token.
fn purpose(claim: &KeyClaim) -> String {
    format!("answer:{}:{}", claim.token, claim.key)
}

fn wait(until: Instant, now: Instant) -> Span {
    // Most calls take milliseconds; only a dead holder keeps a key until its lease is out.
    until.since(now).min(Span::from_secs(2)).max(Span::from_secs(1))
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    URL_SAFE_NO_PAD.encode(hasher.finalize())
}
