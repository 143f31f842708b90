//! Reading accounts.

use domain::{Account, AccountBrief, AccountId, Instant, Place, ServerName};

use super::{AccountRecord, all};
use crate::{
    Result, Store, StoreError,
    sql::{args, json_ids, rows},
};

impl Store {
    /// The account called `id`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        let sql = rows!(account, "FROM accounts WHERE id = $1").settled();
        self.row::<AccountRecord>(sql, args![id]).await?.map(Account::try_from).transpose()
    }

    /// Those of `ids` that exist, in the order of ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_by_ids(&self, ids: &[AccountId]) -> Result<Vec<Account>> {
        let sql = rows!(account, "FROM accounts WHERE id", among, " ORDER BY id").settled();
        all(self.rows::<AccountRecord>(sql, args![json_ids(ids)?]).await?)
    }

    /// At most `limit` accounts whose ids come after `after`, in the order of ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_page(&self, after: Option<&AccountId>, limit: u32) -> Result<Vec<Account>> {
        let sql = rows!(account, "FROM accounts WHERE id > $1 ORDER BY id LIMIT $2");
        all(self.rows::<AccountRecord>(sql, args![after.map_or("", AccountId::as_str), limit]).await?)
    }

    /// What a list shows of [`Self::accounts_page`].
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_brief(&self, after: Option<&AccountId>, limit: u32) -> Result<Vec<AccountBrief>> {
        type Record = (String, String, String, Option<i64>, i64, i64);
        let sql = rows!(
            "id, email, name, last_seen_at, live_sessions, leftover_sessions",
            "FROM accounts WHERE id > $1 ORDER BY id LIMIT $2"
        )
        .settled();
        let records: Vec<Record> = self.rows(sql, args![after.map_or("", AccountId::as_str), limit]).await?;
        let brief = |(id, email, name, seen, live_sessions, leftover_sessions): Record| {
            let id = AccountId::parse(id).map_err(StoreError::corrupt)?;
            let last_seen_at = seen.map(Instant::from_micros);
            Ok(AccountBrief { id, email, name, last_seen_at, live_sessions, leftover_sessions })
        };
        records.into_iter().map(brief).collect()
    }

    /// At most `limit` accounts with a route at `place` to `server`, whose ids come after `after`, in the order of ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_on(
        &self,
        place: &Place,
        server: &ServerName,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        let sql = rows!(
            account,
            "FROM accounts WHERE id IN (SELECT DISTINCT account_id FROM routes WHERE router = $1 AND pool = $2 \
             AND server = $3 AND account_id > $4 ORDER BY account_id LIMIT $5) ORDER BY id"
        );
        let values = args![&place.router, &place.pool, server, after.map_or("", AccountId::as_str), limit];
        all(self.rows::<AccountRecord>(sql, values).await?)
    }

    /// At most `limit` accounts with something left over, most first, after one with that many and that id.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_most_left_over(&self, after: Option<(i64, AccountId)>, limit: u32) -> Result<Vec<Account>> {
        let sql = rows!(
            account,
            "FROM accounts WHERE leftover_sessions > 0 AND leftover_sessions <= $1 \
             AND (leftover_sessions < $1 OR id > $2) ORDER BY leftover_sessions DESC, id LIMIT $3"
        );
        let (most, id) = after.map_or((i64::MAX, String::new()), |(most, id)| (most, id.into()));
        all(self.rows::<AccountRecord>(sql, args![most, id, limit]).await?)
    }
}
