//! Accounts that pass a filter, in the order of ids. `$3` to `$7` of the piece `passes` are NULL where nothing is asked.

use domain::{Account, AccountFilter, AccountId};

use super::{
    AccountRecord, all,
    search::{like, phrase},
};
use crate::{
    Engine, Result, Store,
    sql::{args, rows},
};

impl Store {
    /// At most `limit` accounts that pass `filter`, whose ids come after `after`, in the order of ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_filtered(
        &self,
        filter: &AccountFilter,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        let text = filter.text.as_deref().map(|text| match self.engine() {
            Engine::Sqlite => phrase(text),
            Engine::Postgres => like(text),
        });
        let after = after.map_or("", AccountId::as_str);
        let (kind, plan) = (filter.kind.map(domain::census::CensusKind::as_str), filter.plan.as_deref());
        let (leftover, seen_before) = (filter.leftover, filter.seen_before);
        let records = match &filter.server {
            None => {
                let sql = rows!(account, "FROM accounts a WHERE a.id > $1", passes);
                let values = args![after, limit, text.as_deref(), kind, leftover, seen_before, plan];
                self.rows::<AccountRecord>(sql, values).await?
            }
            Some((place, server)) => {
                // From the server's routes, in the order of their accounts.
                let sql = rows!(
                    account,
                    "FROM (SELECT DISTINCT account_id FROM routes WHERE router = $8 AND pool = $9 AND server = $10 \
                     AND account_id IS NOT NULL AND account_id > $1 ORDER BY account_id) AS r ",
                    in_order,
                    " JOIN accounts a ON a.id = r.account_id WHERE true",
                    passes
                );
                let values = args![
                    after,
                    limit,
                    text.as_deref(),
                    kind,
                    leftover,
                    seen_before,
                    plan,
                    &place.router,
                    &place.pool,
                    server
                ];
                self.rows::<AccountRecord>(sql, values).await?
            }
        };
        all(records)
    }
}
