//! Appending to the log.

use domain::{AuditDraft, AuditEvent, AuditLink};

use super::chain::Signer;
use crate::{
    Result, StoreError, Tx,
    sql::{Arg, args, cells, clean_owned, json, rows, sql},
};

impl Tx {
    /// Appends an event, in the transaction of what it records. On Postgres other appenders wait until this transaction
    /// ends: do it last.
    ///
    /// # Errors
    /// When the database could not; then what the event records must not be committed either.
    pub async fn append_audit(&mut self, draft: &AuditDraft) -> Result<AuditEvent> {
        let events = self.append(std::slice::from_ref(draft)).await?;
        events.into_iter().next().ok_or_else(|| StoreError::corrupt("an audit event was not appended"))
    }

    /// Appends events, in their order. Returns the number of the last one.
    ///
    /// # Errors
    /// Like [`Self::append_audit`].
    pub async fn append_audits(&mut self, drafts: &[AuditDraft]) -> Result<i64> {
        if let Some(last) = self.append(drafts).await?.last() {
            return Ok(last.seq);
        }
        Ok(self.head().await?.0)
    }

    async fn head(&mut self) -> Result<(i64, String)> {
        let head = self.row(rows!("seq, hash", "FROM audit_head WHERE one = 1", lock), &[]).await?;
        head.ok_or_else(|| StoreError::corrupt("the audit log has no end"))
    }

    async fn append(&mut self, drafts: &[AuditDraft]) -> Result<Vec<AuditEvent>> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let signer = Signer::new(self.keys.current());
        let (before, mut prev_hash) = self.head().await?;
        let (mut seq, mut events, mut details) = (before, Vec::new(), Vec::new());
        for draft in drafts {
            seq += 1;
            let draft = storable(draft.clone());
            let detail = clean_owned(draft.detail.to_string());
            let hash = signer.link(&prev_hash, AuditLink { seq, draft: &draft, detail_text: &detail });
            events.push(AuditEvent { seq, draft, prev_hash: std::mem::replace(&mut prev_hash, hash.clone()), hash });
            details.push(detail);
        }
        let sql = sql!(
            "INSERT INTO audit_events (",
            event,
            ") SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), \
             value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, \
             value ->> 10, value ->> 11 FROM ",
            each
        );
        let values: Vec<_> = events.iter().zip(&details).map(|(event, detail)| row(event, detail)).collect();
        self.exec(sql, args![json(&values)?]).await?;
        let sql = sql!("UPDATE audit_head SET seq = $1, hash = $2 WHERE one = 1 AND seq = $3");
        if self.exec(sql, args![seq, &prev_hash, before]).await? != 1 {
            return Err(StoreError::Raced);
        }
        Ok(events)
    }
}

/// `draft` as it can be stored: what is hashed is what will be read back.
fn storable(mut draft: AuditDraft) -> AuditDraft {
    for text in [&mut draft.actor, &mut draft.action, &mut draft.target, &mut draft.reason, &mut draft.ticket] {
        *text = clean_owned(std::mem::take(text));
    }
    draft
}

fn row<'a>(event: &'a AuditEvent, detail: &'a str) -> [Arg<'a>; 12] {
    let draft = &event.draft;
    cells![
        event.seq,
        draft.at,
        &draft.actor,
        &draft.action,
        &draft.target,
        draft.account.as_ref(),
        &draft.reason,
        &draft.ticket,
        draft.outcome.as_str(),
        detail,
        &event.prev_hash,
        &event.hash,
    ]
}
