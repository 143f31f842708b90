//! Calls of the API that carry an Idempotency-Key: each happens once a day and token, whoever asks again, in whatever
//! process. A claim is held by a lease, so that a process that died in the middle does not keep the key for ever. Every
//! transaction of the call says in itself that the call changed something, and is given up when another process took the
//! call over: so a call whose lease is out did nothing and can be carried out, or it did something and its answer is lost,
//! which is told. (Reports of back ends are written by a task of their own for many calls at once. They are idempotent by
//! their ids and are just carried out again.)

use async_recursion::async_recursion as boxed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Actor, Instant, Span, new_id};
use sha2::{Digest, Sha256};
use store::{Claimed, KeptAnswer, KeyClaim, Tx};
use tokio::task_local;

use crate::{Error, Result, Unstick};

/// How long an answer is kept.
const KEPT: Span = Span::from_days(1);
/// Longest answer that is kept, in bytes: that to the largest batch is shorter.
const LONGEST: usize = 8 << 20;

/// What stands before an answer that is kept sealed; no JSON begins so.
const SEALED: &str = "sealed:";

task_local! {
    /// The claim of the call that this task carries out.
    static CALL: KeyClaim;
}

/// What comes of a call with a key.
#[derive(Debug)]
pub enum Once {
    /// It is to be carried out, and then to be told by [`Unstick::end_call`].
    Go(Box<KeyClaim>),
    /// It was carried out before; this was the answer.
    Before(KeptAnswer),
    /// The key belongs to another call.
    OtherCall,
    /// It is being carried out; ask again after so long.
    UnderWay(Span),
    /// It changed something, and the process ended before it could answer.
    AnswerLost,
}

/// How a call with a key ended.
#[derive(Debug)]
pub enum CallEnd {
    /// With this answer, which is kept.
    Answered(KeptAnswer),
    /// Whoever asked may not: nothing happened but that this was noted.
    NotLetIn,
    /// By a failure on our side, or with an answer that is too long to be kept.
    Failed,
}

/// Carries `call` out as the one that claimed `claim`.
pub async fn as_claimed<T>(claim: KeyClaim, call: impl Future<Output = T>) -> T {
    CALL.scope(claim, call).await
}

/// Notes in `tx` that the call that is carried out changes something, if it is one with a key.
///
/// # Errors
/// `Conflict` when another process took the call over: nothing of it may be kept.
pub(crate) async fn note_change(tx: &mut Tx) -> Result<()> {
    let Ok(claim) = CALL.try_with(KeyClaim::clone) else { return Ok(()) };
    if tx.call_changes(&claim).await? {
        return Ok(());
    }
    Err(Error::Conflict("this call took so long that another one with its Idempotency-Key took it over".to_owned()))
}

impl Unstick {
    /// Claims `key` for a call of `actor` that asks for `what`; `within` is the longest time that a call may take, and
    /// `repeatable` whether doing it twice is as good as once.
    ///
    /// # Errors
    /// `SignIn` for anybody but a token; failures of the database.
    #[boxed]
    pub async fn claim_key(
        &self,
        actor: &Actor,
        key: &str,
        what: &[&[u8]],
        within: Span,
        repeatable: bool,
    ) -> Result<Once> {
        let Actor::Token { id, .. } = actor else { return Err(Error::SignIn) };
        let now = self.now();
        let claim = KeyClaim {
            token: id.clone(),
            key: digest(&[key.as_bytes()]),
            fingerprint: digest(what),
            holder: new_id("h", self.entropy()),
            lease_until: now + within,
            expires_at: now + KEPT,
            repeatable,
        };
        let claimed = transact!(self, tx => { Ok(tx.claim_key(&claim, now).await?) })?;
        Ok(match claimed {
            Claimed::Mine => Once::Go(Box::new(claim)),
            Claimed::Before(answer) => Once::Before(self.opened(&claim, answer)?),
            Claimed::OtherCall => Once::OtherCall,
            Claimed::UnderWay(until) => Once::UnderWay(wait(until, now)),
            Claimed::AnswerLost => Once::AnswerLost,
        })
    }

    /// Says how a call ended that was claimed.
    ///
    /// # Errors
    /// Failures of the database: then the lease runs out.
    #[boxed]
    pub async fn end_call(&self, claim: &KeyClaim, end: &CallEnd) -> Result<()> {
        transact!(self, tx => {
            match end {
                CallEnd::Answered(answer) if answer.body.len() <= LONGEST => {
                    if !tx.keep_answer(claim, answer).await? {
                        tracing::warn!("a call took longer than its lease: another one took its key over");
                    }
                }
                CallEnd::NotLetIn => tx.give_key_back(claim).await?,
                CallEnd::Answered(_) | CallEnd::Failed => tx.end_call(claim).await?,
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
