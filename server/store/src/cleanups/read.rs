//! Reading one clean-up.

use std::collections::HashMap;

use domain::{AccountId, Cleanup, CleanupId, Step};

use super::{CleanupRecord, steps::StepRecord};
use crate::{
    Result, Store, StoreError,
    accounts::all,
    sql::{args, json_ids, rows},
};

impl Store {
    /// The clean-up called `id`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn cleanup(&self, id: &CleanupId) -> Result<Option<Cleanup>> {
        let sql = rows!(cleanup, "FROM cleanups WHERE id = $1");
        self.row::<CleanupRecord>(sql, args![id]).await?.map(Cleanup::try_from).transpose()
    }

    /// All steps of a clean-up, in their order. As many as its plan had.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn steps(&self, id: &CleanupId) -> Result<Vec<Step>> {
        let sql = rows!(step, "FROM cleanup_steps WHERE cleanup_id = $1 ORDER BY no");
        all(self.rows::<StepRecord>(sql, args![id]).await?)
    }

    /// Clean-ups with all their steps, in the order of their ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn cleanups_with_steps(&self, ids: &[CleanupId]) -> Result<Vec<(Cleanup, Vec<Step>)>> {
        let list = json_ids(ids)?;
        let sql = rows!(cleanup, "FROM cleanups WHERE id", among, " ORDER BY id");
        let cleanups: Vec<Cleanup> = all(self.rows::<CleanupRecord>(sql, args![&list]).await?)?;
        let sql = rows!(step, "FROM cleanup_steps WHERE cleanup_id", among, " ORDER BY cleanup_id, no");
        let mut steps: HashMap<String, Vec<Step>> = HashMap::new();
        for record in self.rows::<StepRecord>(sql, args![&list]).await? {
            steps.entry(record.cleanup_id.clone()).or_default().push(record.try_into()?);
        }
        let own = |cleanup: Cleanup| {
            let steps = steps.remove(cleanup.id.as_str()).unwrap_or_default();
            (cleanup, steps)
        };
        Ok(cleanups.into_iter().map(own).collect())
    }

    /// The clean-up of `account` that is not finished, if there is one.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn live_cleanup(&self, account: &AccountId) -> Result<Option<CleanupId>> {
        let sql = rows!("id", "FROM cleanups WHERE account_id = $1 AND finished_at IS NULL");
        let id: Option<(String,)> = self.row(sql, args![account]).await?;
        id.map(|(id,)| CleanupId::parse(id).map_err(StoreError::corrupt)).transpose()
    }
}
