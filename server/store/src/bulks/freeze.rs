//! Writing a list down, a piece at a time, so that no transaction is long; and closing it.

use domain::{AccountId, Bulk, BulkId, BulkRoutes, BulkSelection, BulkStatus, PlanHash};

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, json_ids, rows, sql},
};

impl Tx {
    /// Stores a bulk clean-up whose list is still to be written down.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn insert_bulk(&mut self, bulk: &Bulk) -> Result<()> {
        let sql = sql!(
            "INSERT INTO bulks (",
            bulk,
            ", paced_at, lease_token) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL, NULL, NULL, \
             NULL, NULL, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, $13, 0)"
        );
        let order = &bulk.order;
        let values = args![
            bulk.id.as_str(),
            serde_json::to_string(&bulk.selection).map_err(StoreError::corrupt)?,
            order.mode.as_str(),
            &order.reason,
            &order.ticket,
            order.wave,
            order.rate,
            order.failure_limit,
            &bulk.actor,
            bulk.staff.as_ref(),
            &bulk.hash.0,
            bulk.status.as_str(),
            bulk.created_at,
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Adds `accounts` to a list, numbered from `first`; those that are on it already stay as they are. How many are new.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_to_bulk(&mut self, id: &BulkId, accounts: &[AccountId], first: i64) -> Result<i64> {
        let sql = crate::sql::Sql::fixed(
            "INSERT INTO bulk_accounts (bulk_id, no, account_id, outcome, note) \
             SELECT $2, $3 + key, value, 'waiting', '' FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
            "INSERT INTO bulk_accounts (bulk_id, no, account_id, outcome, note) \
             SELECT $2, $3 + key - 1, value, 'waiting', '' \
             FROM json_array_elements_text(CAST($1 AS json)) WITH ORDINALITY AS list (value, key) ON CONFLICT DO NOTHING",
        );
        self.exec(sql, args![json_ids(accounts)?, id.as_str(), first]).await
    }

    /// Closes the list: from now on it is `hash`, and its accounts and their sessions are counted. Their `routes` were.
    ///
    /// # Errors
    /// `Raced` when it was closed already; else when the database could not.
    pub async fn close_bulk(
        &mut self,
        id: &BulkId,
        hash: &PlanHash,
        selection: &BulkSelection,
        routes: &BulkRoutes,
    ) -> Result<()> {
        let sql = sql!(
            "UPDATE bulks SET hash = $2, selection = $3, status = $4, routes = $5, \
             waiting = (SELECT count(*) FROM bulk_accounts WHERE bulk_id = $1), \
             (live_sessions, leftover_sessions) = (SELECT CAST(coalesce(sum(a.live_sessions), 0) AS BIGINT), \
             CAST(coalesce(sum(a.leftover_sessions), 0) AS BIGINT) \
             FROM bulk_accounts b JOIN accounts a ON a.id = b.account_id WHERE b.bulk_id = $1) \
             WHERE id = $1 AND status = 'freezing'"
        );
        let selection = serde_json::to_string(selection).map_err(StoreError::corrupt)?;
        let routes = serde_json::to_string(routes).map_err(StoreError::corrupt)?;
        let draft = BulkStatus::Draft.as_str();
        if self.exec(sql, args![id.as_str(), &hash.0, selection, draft, routes]).await? == 0 {
            return Err(StoreError::Raced);
        }
        Ok(())
    }

    /// Forgets at most `limit` rows of a list that was never closed. How many there were: none when all is forgotten.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn discard_bulk(&mut self, id: &BulkId, limit: u32) -> Result<i64> {
        let sql = sql!(
            "DELETE FROM bulk_accounts WHERE bulk_id = (SELECT id FROM bulks WHERE id = $1 AND status = 'freezing') \
             AND no IN (SELECT no FROM bulk_accounts WHERE bulk_id = $1 ORDER BY no LIMIT $2)"
        );
        let accounts = self.exec(sql, args![id.as_str(), limit]).await?;
        if accounts > 0 {
            return Ok(accounts);
        }
        let sql = sql!("DELETE FROM bulks WHERE id = $1 AND status = 'freezing'");
        self.exec(sql, args![id.as_str()]).await
    }
}

impl Store {
    /// Those of `ids` that are accounts, in no order.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn known_accounts(&self, ids: &[AccountId]) -> Result<Vec<AccountId>> {
        let sql = rows!("id", "FROM accounts WHERE id", among);
        let known: Vec<(String,)> = self.rows(sql, args![json_ids(ids)?]).await?;
        known.into_iter().map(|(id,)| AccountId::parse(id).map_err(StoreError::corrupt)).collect()
    }
}
