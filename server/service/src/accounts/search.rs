//! Search: one box for ids, e-mails, names, sessions and addresses.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Permission, Query,
    view::{Count, Hit, SearchPage},
};

use crate::{Result, Unstick};

impl Unstick {
    /// What fits `text`, exact hits first; `after` goes on where a page ended.
    ///
    /// # Errors
    /// `Invalid` when there is nothing to search for; `Denied`.
    #[boxed]
    pub async fn search(&self, actor: &Actor, text: &str, after: Option<&str>) -> Result<SearchPage> {
        self.authorize(actor, Permission::ReadAccounts, "search").await?;
        let query = Query::parse(text)?;
        let found = self.store().search(&query, after, self.settings().page_size).await?;
        let (mut reasons, mut accounts) = (Vec::new(), Vec::new());
        for row in found.rows {
            reasons.push((row.field, row.exact, row.text));
            accounts.push(row.account);
        }
        let rows = self.rows(accounts).await?;
        let hits = rows.into_iter().zip(reasons).map(|(row, (field, exact, text))| Hit { row, field, exact, text });
        let hits: Vec<Hit> = hits.collect();
        let count = Count { n: found.count.n, more: found.count.more };
        Ok(SearchPage { query: query.text, hits, count, next: found.next, now: self.now() })
    }
}
