//! What is known of clean-ups, read together for [`domain::invariants`].

use std::collections::HashMap;

use domain::{CleanupId, SessionId, invariants::Facts, view::StepCounts};
use serde::Deserialize;

use super::CleanupRecord;
use crate::{
    Result, Store, StoreError,
    sql::{args, json_ids, rows},
};

/// The piece `cleanup` as a row, and what is kept beside it.
#[derive(Deserialize)]
struct FactsRecord {
    id: String,
    account_id: String,
    mode: String,
    reason: String,
    ticket: String,
    actor: String,
    plan_hash: String,
    status: String,
    requested_at: i64,
    finished_at: Option<i64>,
    next_at: i64,
    leased: i64,
    lease_token: i64,
    generation: i64,
    steps_total: i64,
    steps_verified: i64,
    steps_owed: i64,
    steps_failed: i64,
    came_back: i64,
    completed: i64,
    reopened: i64,
}

impl TryFrom<FactsRecord> for Facts {
    type Error = StoreError;

    fn try_from(record: FactsRecord) -> Result<Self> {
        let counts = StepCounts {
            total: record.steps_total,
            verified: record.steps_verified,
            owed: record.steps_owed,
            failed: record.steps_failed,
            came_back: record.came_back,
        };
        let (leased, token, generation) = (record.leased != 0, record.lease_token, record.generation);
        let (completed, reopened) = (record.completed, record.reopened);
        let cleanup = CleanupRecord {
            id: record.id,
            account_id: record.account_id,
            mode: record.mode,
            reason: record.reason,
            ticket: record.ticket,
            actor: record.actor,
            plan_hash: record.plan_hash,
            status: record.status,
            requested_at: record.requested_at,
            finished_at: record.finished_at,
            next_at: record.next_at,
        };
        let (steps, uncleaned) = (Vec::new(), Vec::new());
        let cleanup = cleanup.try_into()?;
        Ok(Self { cleanup, steps, counts, leased, token, generation, completed, reopened, uncleaned })
    }
}

impl Store {
    /// Those clean-ups that are looked at when everything is: at most `limit` unfinished ones, the oldest first, and the
    /// `limit` newest.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn cleanups_to_check(&self, limit: u32) -> Result<Vec<CleanupId>> {
        let unfinished = rows!("id", "FROM cleanups WHERE finished_at IS NULL ORDER BY requested_at, id LIMIT $1");
        let newest = rows!("id", "FROM cleanups ORDER BY requested_at DESC, id DESC LIMIT $1");
        let mut ids: Vec<(String,)> = self.rows(unfinished, args![limit]).await?;
        ids.extend(self.rows::<(String,)>(newest, args![limit]).await?);
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|(id,)| CleanupId::parse(id).map_err(StoreError::corrupt)).collect()
    }

    /// What is known of the clean-ups called `ids`, in no order. Steps are read after the rest: what does not fit may have
    /// moved in between, and is wrong only when it does not fit a second time.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn facts(&self, ids: &[CleanupId]) -> Result<Vec<Facts>> {
        let list = json_ids(ids)?;
        let sql = rows!(
            "id, account_id, mode, reason, ticket, actor, plan_hash, status, requested_at, finished_at, next_at, leased, \
             lease_token, generation, steps_total, steps_verified, steps_owed, steps_failed, came_back, completed, \
             reopened" as
            "SELECT c.id, c.account_id, c.mode, c.reason, c.ticket, c.actor, c.plan_hash, c.status, c.requested_at, \
             c.finished_at, c.next_at, CAST(CASE WHEN c.lease_holder IS NULL THEN 0 ELSE 1 END AS BIGINT) AS leased, \
             c.lease_token, a.generation, c.steps_total, c.steps_verified, c.steps_owed, c.steps_failed, \
             (SELECT count(*) FROM returns AS r WHERE r.cleanup_id = c.id) AS came_back, \
             (SELECT count(*) FROM audit_events AS e WHERE e.account_id IS NOT NULL AND e.account_id = c.account_id \
             AND e.action = 'cleanup.done' AND e.target = c.id) AS completed, \
             (SELECT count(*) FROM audit_events AS e WHERE e.account_id IS NOT NULL AND e.account_id = c.account_id \
             AND e.action = 'cleanup.came_back' AND e.target = c.id) AS reopened \
             FROM cleanups AS c JOIN accounts AS a ON a.id = c.account_id WHERE c.id", among
        );
        let records: Vec<FactsRecord> = self.rows(sql, args![&list]).await?;
        let sql = rows!(
            "cleanup_id, id" as
            "SELECT t.cleanup_id, s.id FROM cleanup_steps AS t JOIN sessions AS s ON s.id = t.session_id \
             WHERE t.kind = 'delete' AND t.stage = 'verified' AND s.cleaned_at IS NULL \
             AND t.cleanup_id", among
        );
        let mut open: HashMap<String, Vec<SessionId>> = HashMap::new();
        for (cleanup, session) in self.rows::<(String, String)>(sql, args![&list]).await? {
            open.entry(cleanup).or_default().push(SessionId::parse(session).map_err(StoreError::corrupt)?);
        }
        let mut all = Vec::with_capacity(records.len());
        for record in records {
            let mut facts = Facts::try_from(record)?;
            facts.steps = self.steps(&facts.cleanup.id).await?;
            facts.uncleaned = open.remove(facts.cleanup.id.as_str()).unwrap_or_default();
            all.push(facts);
        }
        Ok(all)
    }
}
