//! Reading sessions: newest first, by keyset, never more than asked for.

use domain::{
    AccountId, Instant, Session, SessionId,
    view::{Page, SessionFilter},
};

use super::SessionRecord;
use crate::{
    Result, Store,
    accounts::all,
    conn::{Cursor, page},
    sql::{Sql, args, json_ids, rows},
};

/// A page of an account's sessions. Open ones are read through their own index: the account's history may be long.
macro_rules! sessions_page {
    ($from:tt, $filter:literal) => {
        rows!(
            session,
            $from,
            " WHERE account_id = $1 AND (created_at, id) < ($2, $3) ",
            $filter,
            " ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

impl Store {
    /// The session called `id`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>> {
        let sql = rows!(session, "FROM sessions WHERE id = $1").settled();
        self.row::<SessionRecord>(sql, args![id]).await?.map(Session::try_from).transpose()
    }

    /// Those of `ids` that exist, in the order of ids.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn sessions_by_ids(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let sql = rows!(session, "FROM sessions WHERE id", among, " ORDER BY id").settled();
        all(self.rows::<SessionRecord>(sql, args![json_ids(ids)?]).await?)
    }

    /// At most `limit` sessions of `account` that pass `filter`, newest first, after where the page that gave `after`
    /// ended.
    ///
    /// # Errors
    /// `Cursor` when `after` is not one; else when the database could not.
    pub async fn sessions_page(
        &self,
        account: &AccountId,
        filter: SessionFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Session>> {
        let cursor = after.map_or(Ok(NEWEST), Cursor::parse)?;
        let records: Vec<SessionRecord> = self
            .rows(statement(filter).settled(), args![account, cursor.at, cursor.id, limit.saturating_add(1)])
            .await?;
        Ok(page(all(records)?, limit, |session: &Session| Cursor::text(session.created_at, session.id.as_str())))
    }

    /// At most `limit` sessions of `account` that are live or left over, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn open_sessions(&self, account: &AccountId, limit: u32) -> Result<Vec<Session>> {
        let values = args![account, NEWEST.at, NEWEST.id, limit];
        all(self.rows::<SessionRecord>(statement(SessionFilter::Open).settled(), values).await?)
    }

    /// At most `limit` sessions of `account`, of any state, whose life touches the time since `since`, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn recent_sessions(&self, account: &AccountId, since: Instant, limit: u32) -> Result<Vec<Session>> {
        let sql = rows!(
            session,
            "FROM sessions WHERE account_id = $1 AND (ended_at IS NULL OR ended_at >= $2) \
             ORDER BY created_at DESC, id DESC LIMIT $3"
        )
        .settled();
        all(self.rows::<SessionRecord>(sql, args![account, since, limit]).await?)
    }
}

/// Before every session.
const NEWEST: Cursor<'static> = Cursor { at: Instant::from_micros(i64::MAX), id: "" };

fn statement(filter: SessionFilter) -> Sql {
    match filter {
        SessionFilter::Open => sessions_page!(open_sessions, "AND cleaned_at IS NULL"),
        SessionFilter::Live => sessions_page!(open_sessions, "AND cleaned_at IS NULL AND ended_at IS NULL"),
        SessionFilter::Ended => sessions_page!(open_sessions, "AND cleaned_at IS NULL AND ended_at IS NOT NULL"),
        SessionFilter::Cleaned => sessions_page!(all_sessions, "AND cleaned_at IS NOT NULL"),
        SessionFilter::All => sessions_page!(all_sessions, ""),
    }
}
