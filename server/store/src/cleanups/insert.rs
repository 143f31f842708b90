//! A clean-up begins. There is never a second one of an account: an index sees to it, whoever asks at the same time.

use domain::{Cleanup, CleanupId, Step};

use super::steps::counted;
use crate::{
    Result, StoreError, Tx,
    sql::{args, rows, sql},
};

/// What became of a new clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored.
    Yes,
    /// This one of the same account is not finished.
    UnderWay(CleanupId),
}

impl Tx {
    /// Stores a new clean-up with its steps.
    ///
    /// # Errors
    /// `Raced` when the one that was under way finished at this moment; else when the database could not.
    pub async fn insert_cleanup(&mut self, c: &Cleanup, steps: &[Step]) -> Result<Inserted> {
        let sql = sql!(
            "INSERT INTO cleanups (",
            cleanup,
            ", lease_token, steps_total, steps_verified, steps_owed, steps_failed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14, $15) \
             ON CONFLICT (account_id) WHERE finished_at IS NULL DO NOTHING"
        );
        let counts = counted(steps);
        let values = args![
            &c.id,
            &c.account,
            c.mode.as_str(),
            &c.reason,
            &c.ticket,
            &c.actor,
            &c.plan_hash.0,
            c.status.as_str(),
            c.requested_at,
            c.finished_at,
            c.next_at,
            counts.total,
            counts.verified,
            counts.owed,
            counts.failed,
        ];
        if self.exec(sql, values).await? == 0 {
            let sql = rows!("id", "FROM cleanups WHERE account_id = $1 AND finished_at IS NULL");
            let (id,) = self.row::<(String,)>(sql, args![&c.account]).await?.ok_or(StoreError::Raced)?;
            return Ok(Inserted::UnderWay(CleanupId::parse(id).map_err(StoreError::corrupt)?));
        }
        self.insert_steps(&c.id, steps).await?;
        Ok(Inserted::Yes)
    }
}
