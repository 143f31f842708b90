//! A clean-up begins. There is never a second one of an account: an index sees to it, whoever asks at the same time.

use std::collections::HashSet;

use domain::{Cleanup, CleanupId, Step};

use super::steps::counted;
use crate::{
    Result, StoreError, Tx,
    sql::{Arg, args, cells, json, rows, sql},
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
        self.insert_cleanups(&[(c, steps)]).await?.pop().ok_or(StoreError::Raced)
    }

    /// Stores new clean-ups of different accounts with their steps. Answers what became of each.
    ///
    /// # Errors
    /// Like [`Self::insert_cleanup`].
    pub async fn insert_cleanups(&mut self, all: &[(&Cleanup, &[Step])]) -> Result<Vec<Inserted>> {
        let sql = sql!(
            "INSERT INTO cleanups (",
            cleanup,
            ", lease_token, steps_total, steps_verified, steps_owed, steps_failed) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
             value ->> 7, CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT), 0, \
             CAST(value ->> 11 AS BIGINT), CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT), \
             CAST(value ->> 14 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (account_id) WHERE finished_at IS NULL DO NOTHING RETURNING id"
        );
        let values: Vec<_> = all.iter().map(|(cleanup, steps)| row(cleanup, steps)).collect();
        let made: Vec<(String,)> = self.conn().all_returned(sql, args![json(&values)?]).await?;
        let made: HashSet<&str> = made.iter().map(|(id,)| id.as_str()).collect();
        let (mut outcomes, mut rows) = (Vec::with_capacity(all.len()), Vec::new());
        for (cleanup, steps) in all {
            if made.contains(cleanup.id.as_str()) {
                rows.extend(steps.iter().map(|step| (&cleanup.id, step)));
                outcomes.push(Inserted::Yes);
            } else {
                let sql = rows!("id", "FROM cleanups WHERE account_id = $1 AND finished_at IS NULL");
                let (id,) = self.row::<(String,)>(sql, args![&cleanup.account]).await?.ok_or(StoreError::Raced)?;
                outcomes.push(Inserted::UnderWay(CleanupId::parse(id).map_err(StoreError::corrupt)?));
            }
        }
        self.insert_steps(&rows).await?;
        Ok(outcomes)
    }
}

fn row<'a>(c: &'a Cleanup, steps: &[Step]) -> [Arg<'a>; 15] {
    let counts = counted(steps);
    cells![
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
    ]
}
