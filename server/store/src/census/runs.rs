//! One census at a time, whichever process asks.

use domain::{
    Instant,
    census::{Census, CensusNote, CensusOutcome},
};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// The right to carry a census out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CensusLease {
    /// Its number: grows with each.
    pub no: i64,
    /// When it began.
    pub started_at: Instant,
}

/// The piece `census` as a row.
#[derive(Deserialize)]
struct CensusRecord {
    no: i64,
    actor: String,
    started_at: i64,
    ended_at: Option<i64>,
    outcome: String,
    note: String,
}

impl TryFrom<CensusRecord> for Census {
    type Error = StoreError;

    fn try_from(record: CensusRecord) -> Result<Self> {
        let outcome = CensusOutcome::parse(&record.outcome);
        Ok(Self {
            no: record.no,
            actor: record.actor,
            started_at: Instant::from_micros(record.started_at),
            ended_at: record.ended_at.map(Instant::from_micros),
            outcome: outcome.ok_or_else(|| StoreError::corrupt("a census ended in no known way"))?,
            note: serde_json::from_str(&record.note).map_err(StoreError::corrupt)?,
        })
    }
}

impl Tx {
    /// Begins a census for `actor`; `None` when one is under way whose lease has not run out at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn begin_census(
        &mut self,
        actor: &str,
        holder: &str,
        now: Instant,
        until: Instant,
    ) -> Result<Option<CensusLease>> {
        let sql = sql!(
            "UPDATE censuses SET outcome = 'abandoned', ended_at = $1, lease_until = NULL \
             WHERE outcome = 'running' AND lease_until <= $1"
        );
        self.exec(sql, args![now]).await?;
        let sql = sql!(
            "INSERT INTO censuses (no, actor, holder, started_at, ended_at, outcome, lease_until, note) \
             SELECT COALESCE(MAX(no), 0) + 1, $1, $2, $3, NULL, 'running', $4, $5 FROM censuses",
            any,
            " ON CONFLICT DO NOTHING RETURNING no"
        );
        let note = note_text(&CensusNote::default())?;
        let begun: Option<(i64,)> = self.conn().returned(sql, args![actor, holder, now, until, note]).await?;
        Ok(begun.map(|(no,)| CensusLease { no, started_at: now }))
    }

    /// Says that the census is still under way, until `until` at least. First in each of its transactions: it orders
    /// them, too.
    ///
    /// # Errors
    /// `Fenced` when it is not ours any more: then nothing may be committed.
    pub async fn keep_census(&mut self, lease: CensusLease, until: Instant) -> Result<()> {
        let sql = sql!("UPDATE censuses SET lease_until = $2 WHERE no = $1 AND outcome = 'running'");
        if self.exec(sql, args![lease.no, until]).await? == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Ends a census.
    ///
    /// # Errors
    /// `Fenced` as above.
    pub async fn end_census(
        &mut self,
        lease: CensusLease,
        outcome: CensusOutcome,
        note: &CensusNote,
        now: Instant,
    ) -> Result<()> {
        let sql = sql!(
            "UPDATE censuses SET outcome = $2, ended_at = $3, lease_until = NULL, note = $4 \
             WHERE no = $1 AND outcome = 'running'"
        );
        let ended = self.exec(sql, args![lease.no, outcome.as_str(), now, note_text(note)?]).await?;
        if ended == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Deletes at most `limit` findings that were gone before `gone`, and as many censuses, with their points, that ended
    /// before `ended`. Returns the larger number: below `limit`, nothing is left to do.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn purge_censuses(&mut self, gone: Instant, ended: Instant, limit: u32) -> Result<i64> {
        let sql = sql!(
            "DELETE FROM census_findings WHERE (kind, router, pool, subject) IN \
             (SELECT kind, router, pool, subject FROM census_findings \
             WHERE gone_at IS NOT NULL AND gone_at < $1 ORDER BY gone_at LIMIT $2)"
        );
        let findings = self.exec(sql, args![gone, limit]).await?;
        let old = rows!("no", "FROM censuses WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY no LIMIT $2");
        let old: Vec<(i64,)> = self.rows(old, args![ended, limit]).await?;
        if let Some((last,)) = old.last() {
            self.exec(sql!("DELETE FROM census_points WHERE census <= $1"), args![*last]).await?;
            let sql = sql!("DELETE FROM censuses WHERE no <= $1 AND ended_at IS NOT NULL");
            self.exec(sql, args![*last]).await?;
        }
        Ok(findings.max(i64::try_from(old.len()).unwrap_or(i64::MAX)))
    }
}

impl Store {
    /// The newest census, whatever became of it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn newest_census(&self) -> Result<Option<Census>> {
        let sql = rows!(census, "FROM censuses ORDER BY no DESC LIMIT 1");
        Ok(all(self.rows::<CensusRecord>(sql, &[]).await?)?.pop())
    }

    /// The last census that came to its end.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn last_census(&self) -> Result<Option<Census>> {
        let sql = rows!(census, "FROM censuses WHERE outcome = 'done' ORDER BY no DESC LIMIT 1");
        Ok(all(self.rows::<CensusRecord>(sql, &[]).await?)?.pop())
    }
}

fn note_text(note: &CensusNote) -> Result<String> {
    serde_json::to_string(note).map_err(StoreError::corrupt)
}
