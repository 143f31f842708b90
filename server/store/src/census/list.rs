//! Open findings in lists, the oldest first, and the accounts that they are about.

use domain::{
    AccountId, Instant,
    census::{CensusFinding, FindingFilter},
    view::Page,
};

use super::findings::FindingRecord;
use crate::{
    Result, Store, StoreError,
    accounts::all,
    conn::{Cursor, page},
    sql::{args, rows},
};

/// Open findings by the narrowest column that is asked for, which has an index of its own.
macro_rules! open {
    ($by:literal) => {
        rows!(
            finding,
            "FROM census_findings WHERE state = 'open' AND ",
            $by,
            " AND (first_seen_at, id) > ($1, $2) AND first_seen_at <= $4 \
             AND ($5 = '' OR kind = $5) AND ($6 = '' OR router = $6) AND ($7 = '' OR server = $7) \
             ORDER BY first_seen_at, id LIMIT $3"
        )
    };
}

impl Store {
    /// At most `limit` open findings that pass `filter`, the oldest first, after where the page that gave `after` ended.
    ///
    /// # Errors
    /// `Cursor` when `after` is not one; else when the database could not.
    pub async fn findings_page(
        &self,
        filter: &FindingFilter,
        after: Option<&str>,
        limit: u32,
        now: Instant,
    ) -> Result<Page<CensusFinding>> {
        let oldest = Cursor { at: Instant::from_micros(i64::MIN), id: "" };
        let cursor = after.map_or(Ok(oldest), Cursor::parse)?;
        let (kind, router, server) = words(filter);
        let sql = match (server, router, kind) {
            ("", "", "") => open!("TRUE"),
            ("", "", _) => open!("kind = $5"),
            ("", _, _) => open!("router = $6"),
            (_, _, _) => open!("server = $7"),
        };
        let values =
            args![cursor.at, cursor.id, limit.saturating_add(1), now - filter.age.span(), kind, router, server];
        let found: Vec<CensusFinding> = all(self.rows::<FindingRecord>(sql, values).await?)?;
        Ok(page(found, limit, |finding: &CensusFinding| Cursor::text(finding.first_seen, finding.id.as_str())))
    }

    /// At most `limit` accounts, after `after` in the order of ids, with an open finding that passes `filter` and that a
    /// repair can remove.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_to_repair(
        &self,
        filter: &FindingFilter,
        after: Option<&AccountId>,
        limit: u32,
        now: Instant,
    ) -> Result<Vec<AccountId>> {
        let sql = rows!(
            "account_id" as
            "SELECT DISTINCT account_id FROM census_findings WHERE state = 'open' AND account_id IS NOT NULL \
             AND account_id > $1 AND kind IN ('orphaned_session', 'stale_route') AND first_seen_at <= $3 \
             AND ($4 = '' OR kind = $4) AND ($5 = '' OR router = $5) AND ($6 = '' OR server = $6) \
             ORDER BY account_id LIMIT $2"
        );
        let (kind, router, server) = words(filter);
        let values = args![after.map_or("", AccountId::as_str), limit, now - filter.age.span(), kind, router, server];
        let ids: Vec<(String,)> = self.rows(sql, values).await?;
        ids.into_iter().map(|(id,)| AccountId::parse(id).map_err(StoreError::corrupt)).collect()
    }

    /// At most `limit` open findings that a repair could remove if it were known whose they are.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn findings_of_nobody(&self, limit: u32) -> Result<Vec<CensusFinding>> {
        let sql = rows!(
            finding,
            "FROM census_findings WHERE state = 'open' AND kind = 'stale_route' AND account_id IS NULL \
             ORDER BY first_seen_at, id LIMIT $1"
        );
        all(self.rows::<FindingRecord>(sql, args![limit]).await?)
    }
}

fn words(filter: &FindingFilter) -> (&str, &str, &str) {
    let kind = filter.kind.map_or("", domain::census::CensusKind::as_str);
    let router = filter.router.as_ref().map_or("", |router| router.as_str());
    (kind, router, filter.server.as_ref().map_or("", |server| server.as_str()))
}
