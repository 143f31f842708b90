//! Reading bulk clean-ups, their accounts a page at a time, and where their accounts' routes led.

use domain::{Bulk, BulkAccount, BulkId, BulkOutcome, BulkRoutes, Instant};

use super::{AccountRecord, BulkRecord};
use crate::{
    Result, Store, StoreError,
    accounts::all,
    sql::{args, rows},
};

impl Store {
    /// The bulk clean-up called `id`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk(&self, id: &BulkId) -> Result<Option<Bulk>> {
        let sql = rows!(bulk, "FROM bulks WHERE id = $1");
        self.row::<BulkRecord>(sql, args![id.as_str()]).await?.map(Bulk::try_from).transpose()
    }

    /// At most `limit` bulk clean-ups, the newest first, after the one that was made at that time and has that id. Those
    /// whose list was never closed are left out.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulks_page(&self, after: Option<&(Instant, BulkId)>, limit: u32) -> Result<Vec<Bulk>> {
        let sql = rows!(
            bulk,
            "FROM bulks WHERE status <> 'freezing' AND (created_at < $1 OR (created_at = $1 AND id < $2)) \
             ORDER BY created_at DESC, id DESC LIMIT $3"
        );
        let (at, id) = after.map_or((i64::MAX, ""), |(at, id)| (at.micros(), id.as_str()));
        all(self.rows::<BulkRecord>(sql, args![at, id, limit]).await?)
    }

    /// At most `limit` accounts of a bulk clean-up that come after number `after`, those with `outcome` alone if one is
    /// given.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_accounts(
        &self,
        id: &BulkId,
        outcome: Option<BulkOutcome>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BulkAccount>> {
        let records: Vec<AccountRecord> = match outcome {
            None => {
                let sql = rows!(bulk_account, "FROM bulk_accounts WHERE bulk_id = $1 AND no > $2 ORDER BY no LIMIT $3");
                self.rows(sql, args![id.as_str(), after, limit]).await?
            }
            Some(outcome) => {
                let sql = rows!(
                    bulk_account,
                    "FROM bulk_accounts WHERE bulk_id = $1 AND outcome = $4 AND no > $2 ORDER BY no LIMIT $3"
                );
                self.rows(sql, args![id.as_str(), after, limit, outcome.as_str()]).await?
            }
        };
        all(records)
    }

    /// Where the routes of its accounts led when its list was frozen; `None` for a list from before that was counted.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_routes(&self, id: &BulkId) -> Result<Option<BulkRoutes>> {
        let sql = rows!("routes", "FROM bulks WHERE id = $1 AND routes IS NOT NULL");
        let found: Option<(String,)> = self.row(sql, args![id.as_str()]).await?;
        found.map(|(text,)| serde_json::from_str(&text)).transpose().map_err(StoreError::corrupt)
    }
}
