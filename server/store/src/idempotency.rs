//! Calls that carried an Idempotency-Key, and what they were answered. A call claims its key before it does anything and
//! holds it by a lease; whoever dies in between leaves a claim that the next call takes over when the lease is out, unless
//! the dead one had changed something already.

use domain::{Instant, TokenId};
use serde::Deserialize;

use crate::{
    Result, StoreError, Tx,
    sql::{args, rows, sql},
};

/// A call that wants to happen once.
#[derive(Debug, Clone)]
pub struct KeyClaim {
    /// Whose call.
    pub token: TokenId,
    /// The hash of the key that it carries.
    pub key: String,
    /// The hash of everything that it asks for.
    pub fingerprint: String,
    /// Who carries it out: a fresh random text.
    pub holder: String,
    /// Until when nobody else may.
    pub lease_until: Instant,
    /// Until when its answer is kept.
    pub expires_at: Instant,
    /// Whether doing it twice is as good as once (RFC 9110, 9.2.2).
    pub repeatable: bool,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: Option<String>,
    /// The header `location`.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

/// Whether a call may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It may, now.
    Mine,
    /// It happened; this was the answer.
    Before(KeptAnswer),
    /// The key was used for another call.
    OtherCall,
    /// It happens at this moment; the lease is out then.
    UnderWay(Instant),
    /// It changed something, and then its holder died before it could answer.
    AnswerLost,
}

#[derive(Deserialize)]
struct Row {
    fingerprint: String,
    lease_until: i64,
    changed: i64,
    status: Option<i64>,
    content_type: Option<String>,
    location: Option<String>,
    body: Option<String>,
}

impl Tx {
    /// Claims the key of `claim` at `now`, or says what is in the way.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_key(&mut self, claim: &KeyClaim, now: Instant) -> Result<Claimed> {
        let KeyClaim { token, key, fingerprint, holder, lease_until, expires_at, repeatable } = claim;
        let sql = sql!(
            "INSERT INTO idempotency_keys (token_id, key, fingerprint, holder, lease_until, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
        );
        let values = args![token, key, fingerprint, holder, *lease_until, *expires_at];
        if self.exec(sql, values).await? == 1 {
            return Ok(Claimed::Mine);
        }
        // A key whose day is over is a new one; one whose holder died is free for the same call, if it did nothing yet.
        let sql = sql!(
            "UPDATE idempotency_keys SET fingerprint = $3, holder = $4, lease_until = $5, expires_at = $6, changed = 0, \
             status = NULL, content_type = NULL, location = NULL, body = NULL WHERE token_id = $1 AND key = $2 AND \
             (expires_at <= $7 OR (status IS NULL AND lease_until <= $7 AND fingerprint = $3 AND changed <= $8))"
        );
        let harmless = i64::from(*repeatable);
        let values = args![token, key, fingerprint, holder, *lease_until, *expires_at, now, harmless];
        if self.exec(sql, values).await? == 1 {
            return Ok(Claimed::Mine);
        }
        let sql = rows!(
            "fingerprint, lease_until, changed, status, content_type, location, body",
            "FROM idempotency_keys WHERE token_id = $1 AND key = $2"
        );
        // Gone between the two: purged, or given back. The caller asks once more.
        let row: Row = self.row(sql, args![token, key]).await?.ok_or(StoreError::Raced)?;
        if row.fingerprint != *fingerprint {
            return Ok(Claimed::OtherCall);
        }
        let Some(status) = row.status else {
            let until = Instant::from_micros(row.lease_until);
            let is_lost = until <= now && row.changed != 0;
            return Ok(if is_lost { Claimed::AnswerLost } else { Claimed::UnderWay(until) });
        };
        Ok(Claimed::Before(KeptAnswer {
            status: u16::try_from(status).map_err(StoreError::corrupt)?,
            content_type: row.content_type,
            location: row.location,
            body: row.body.unwrap_or_default(),
        }))
    }

    /// Notes that the call that `claim` claimed changes something, in the transaction that does; `false` when somebody took it
    /// over: then it must change nothing any more.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn call_changes(&mut self, claim: &KeyClaim) -> Result<bool> {
        let sql = sql!(
            "UPDATE idempotency_keys SET changed = 1 WHERE token_id = $1 AND key = $2 AND holder = $3 AND status IS NULL"
        );
        Ok(self.exec(sql, args![&claim.token, &claim.key, &claim.holder]).await? == 1)
    }

    /// Keeps the answer to the call that `claim` claimed; `false` when somebody took it over.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn keep_answer(&mut self, claim: &KeyClaim, answer: &KeptAnswer) -> Result<bool> {
        let sql = sql!(
            "UPDATE idempotency_keys SET status = $4, content_type = $5, location = $6, body = $7 \
             WHERE token_id = $1 AND key = $2 AND holder = $3 AND status IS NULL"
        );
        let values = args![
            &claim.token,
            &claim.key,
            &claim.holder,
            i64::from(answer.status),
            answer.content_type.as_deref(),
            answer.location.as_deref(),
            &answer.body,
        ];
        Ok(self.exec(sql, values).await? == 1)
    }

    /// Gives the key of a call back that did not happen, whatever was noted about it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn give_key_back(&mut self, claim: &KeyClaim) -> Result<()> {
        let sql =
            sql!("DELETE FROM idempotency_keys WHERE token_id = $1 AND key = $2 AND holder = $3 AND status IS NULL");
        self.exec(sql, args![&claim.token, &claim.key, &claim.holder]).await.map(|_| ())
    }

    /// Ends the lease of a call that has no answer to keep: whoever calls next need not wait.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn end_call(&mut self, claim: &KeyClaim) -> Result<()> {
        let sql = sql!(
            "UPDATE idempotency_keys SET lease_until = 0 WHERE token_id = $1 AND key = $2 AND holder = $3 AND status IS NULL"
        );
        self.exec(sql, args![&claim.token, &claim.key, &claim.holder]).await.map(|_| ())
    }

    /// Deletes at most `limit` answers whose time is over; says how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn purge_keys(&mut self, now: Instant, limit: u32) -> Result<i64> {
        let sql = sql!(
            "DELETE FROM idempotency_keys WHERE (token_id, key) IN \
             (SELECT token_id, key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
        );
        self.exec(sql, args![now, limit]).await
    }
}
