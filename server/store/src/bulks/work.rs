//! Working on a bulk clean-up: the lease, whose turn is next, and what became of whom. A worker's write names its lease's
//! token, and everything that moves a bulk clean-up takes the token away.

use domain::{Bulk, BulkAccount, BulkId, BulkOutcome, CleanupId, Instant, Status};
use serde::Deserialize;

use super::BulkRecord;
use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, cells, json, json_ids, rows, sql},
};

/// The right to work on a bulk clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkLease {
    /// Which.
    pub bulk: BulkId,
    /// Which claim of it this is.
    pub token: i64,
    /// Until when its pace allows what was begun: the next account is due one interval later.
    pub paced_at: Instant,
}

/// What became of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkEnd {
    /// Its number in the list.
    pub no: i64,
    /// Where it was.
    pub from: BulkOutcome,
    /// Where it is.
    pub to: BulkOutcome,
    /// Its clean-up, once there is one.
    pub cleanup: Option<CleanupId>,
    /// What went wrong; empty when nothing.
    pub note: String,
}

#[derive(Deserialize)]
struct Followed {
    no: i64,
    outcome: String,
    cleanup_id: String,
    status: String,
}

impl Tx {
    /// Claims a bulk clean-up until `until`, if nobody works on it at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_bulk(&mut self, id: &BulkId, now: Instant, until: Instant) -> Result<Option<BulkLease>> {
        let sql = sql!(
            "UPDATE bulks SET lease_token = lease_token + 1, lease_until = $3 \
             WHERE id = $1 AND (lease_until IS NULL OR lease_until <= $2) RETURNING lease_token, paced_at"
        );
        let claimed: Option<(i64, i64)> = self.conn().returned(sql, args![id.as_str(), now, until]).await?;
        Ok(claimed.map(|(token, paced_at)| BulkLease {
            bulk: id.clone(),
            token,
            paced_at: Instant::from_micros(paced_at),
        }))
    }

    /// Writes what became of accounts, counts them anew, and gives the lease back until `until` (`None`: at once).
    ///
    /// # Errors
    /// `Fenced` when the lease is somebody else's, or the bulk clean-up was moved; `Raced` when an account is not where it was
    /// any more; else when the database could not.
    pub async fn bulk_progress(&mut self, lease: &BulkLease, ends: &[BulkEnd], until: Option<Instant>) -> Result<()> {
        let mut change = [0_i64; 8];
        let place = |outcome| BulkOutcome::ALL.iter().position(|it| *it == outcome).unwrap_or(0);
        for end in ends {
            change[place(end.from)] -= 1;
            change[place(end.to)] += 1;
        }
        let sql = sql!(
            "UPDATE bulks SET lease_until = $3, paced_at = $4, waiting = waiting + $5, running = running + $6, \
             owed = owed + $7, done = done + $8, nothing_to_do = nothing_to_do + $9, under_way = under_way + $10, \
             needs_attention = needs_attention + $11, failed = failed + $12 WHERE id = $1 AND lease_token = $2"
        );
        let [waiting, running, owed, done, nothing, under_way, needs_attention, failed] = change;
        let values = args![
            lease.bulk.as_str(),
            lease.token,
            until,
            lease.paced_at,
            waiting,
            running,
            owed,
            done,
            nothing,
            under_way,
            needs_attention,
            failed
        ];
        if self.exec(sql, values).await? == 0 {
            return Err(StoreError::Fenced);
        }
        if ends.is_empty() {
            return Ok(());
        }
        // The bulk clean-up's id stands in each row: were it a value of its own, SQLite would begin with its accounts, and go
        // through all rows for each of them.
        let sql = sql!(
            "UPDATE bulk_accounts SET outcome = i.is_now, cleanup_id = i.cleanup, note = i.said \
             FROM (SELECT value ->> 0 AS bulk, CAST(value ->> 1 AS BIGINT) AS place, value ->> 2 AS is_now, \
             value ->> 3 AS cleanup, value ->> 4 AS said, value ->> 5 AS was FROM ",
            each,
            ") AS i WHERE bulk_accounts.bulk_id = i.bulk AND bulk_accounts.no = i.place \
             AND bulk_accounts.outcome = i.was"
        );
        let bulk = lease.bulk.as_str();
        let rows: Vec<_> = ends
            .iter()
            .map(|end| cells![bulk, end.no, end.to.as_str(), end.cleanup.as_ref(), &end.note, end.from.as_str()])
            .collect();
        let changed = self.exec(sql, args![json(&rows)?]).await?;
        if usize::try_from(changed) != Ok(ends.len()) {
            return Err(StoreError::Raced);
        }
        Ok(())
    }

    /// Puts clean-ups behind those that somebody asked for alone.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn rank_behind(&mut self, ids: &[CleanupId]) -> Result<()> {
        let sql = sql!("UPDATE cleanups SET rank = 1 WHERE id", among);
        self.exec(sql, args![json_ids(ids)?]).await.map(|_| ())
    }

    /// Gives the accounts of a bulk clean-up that could not be asked for a new turn. How many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn retry_bulk_accounts(&mut self, id: &BulkId) -> Result<i64> {
        let sql = sql!(
            "UPDATE bulk_accounts SET outcome = 'waiting', cleanup_id = NULL, note = '' \
             WHERE bulk_id = $1 AND outcome IN ('failed', 'under_way')"
        );
        let again = self.exec(sql, args![id.as_str()]).await?;
        let sql =
            sql!("UPDATE bulks SET waiting = waiting + failed + under_way, failed = 0, under_way = 0 WHERE id = $1");
        self.exec(sql, args![id.as_str()]).await?;
        Ok(again)
    }
}

impl Store {
    /// At most `limit` bulk clean-ups at which a worker should look at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulks_to_work_on(&self, now: Instant, limit: u32) -> Result<Vec<Bulk>> {
        let sql = rows!(
            bulk,
            "FROM bulks WHERE (status = 'awaiting_approval' OR running > 0 OR owed > 0 OR status = 'running') \
             AND (lease_until IS NULL OR lease_until <= $1) ORDER BY id LIMIT $2"
        );
        crate::accounts::all(self.rows::<BulkRecord>(sql, args![now, limit]).await?)
    }

    /// At most `limit` accounts whose turn is next.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_turns(&self, id: &BulkId, limit: u32) -> Result<Vec<BulkAccount>> {
        self.bulk_accounts(id, Some(BulkOutcome::Waiting), 0, limit).await
    }

    /// What became of those of its accounts whose clean-ups moved on, at most `limit`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_ends(&self, id: &BulkId, limit: u32) -> Result<Vec<BulkEnd>> {
        let sql = rows!(
            "no, outcome, cleanup_id, status" as
            "SELECT b.no, b.outcome, b.cleanup_id, c.status ",
            bulk_by_outcome,
            " JOIN cleanups c ON c.id = b.cleanup_id \
             WHERE b.bulk_id = $1 AND b.outcome IN ('running', 'owed', 'needs_attention') AND c.status <> b.outcome \
             ORDER BY b.no LIMIT $2"
        );
        let word = || StoreError::corrupt("an account of a bulk clean-up is nowhere known");
        let followed: Vec<Followed> = self.rows(sql, args![id.as_str(), limit]).await?;
        followed
            .into_iter()
            .map(|it| {
                let to = match Status::parse(&it.status).ok_or_else(word)? {
                    Status::Running => BulkOutcome::Running,
                    Status::Owed => BulkOutcome::Owed,
                    Status::NeedsAttention => BulkOutcome::NeedsAttention,
                    Status::Done => BulkOutcome::Done,
                };
                Ok(BulkEnd {
                    no: it.no,
                    from: BulkOutcome::parse(&it.outcome).ok_or_else(word)?,
                    to,
                    cleanup: Some(CleanupId::parse(it.cleanup_id).map_err(StoreError::corrupt)?),
                    note: String::new(),
                })
            })
            .collect()
    }
}
