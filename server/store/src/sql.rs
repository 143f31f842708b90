//! One SQL text for two engines. A text is written once, with `$1` placeholders; the few words that differ are pieces
//! that [`sql!`] and [`rows!`] put in. Texts are made of literals only, so no value can get into one.
//!
//! Many values go in as one JSON parameter and come apart inside the database ([`piece!`]: `each`, `list`): a batch of
//! 1,000 is one statement (whole rows: `insert.rs`). Inside a transaction rows come out of SQLite as one JSON row, because sqlx pays about 3 µs for
//! each row that it hands over; whoever only reads gets them as they are, and so does everybody on Postgres.

use std::borrow::{Borrow, Cow};

use domain::{
    AccountId, CleanupId, EventId, Instant, PoolName, RouteKey, RouterName, ServerName, SessionId, StaffId,
    StaffSessionId, TokenId, WebhookId,
};
use serde::Serialize;
use sqlx::{Arguments, Database, Encode, Type};

use crate::{Result, StoreError};

/// A statement in the words of both engines. Made only of literals, by [`sql!`], [`rows!`] and [`Sql::joined`].
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub sqlite: Cow<'static, str>,
    /// The same for SQLite, where rows are read: all of them as one JSON array of arrays.
    pub sqlite_json: Cow<'static, str>,
    pub postgres: Cow<'static, str>,
    /// Whether Postgres need not plan it anew for each call. Not where the best plan depends on the values: where a
    /// condition is only there when a value is.
    pub settled: bool,
}

impl Sql {
    /// The end of a statement of pieces that begins with [`rows_of!`].
    pub const ROWS_END: Self = Self::rows("", ")", "");

    /// The constructor of [`sql!`].
    pub const fn fixed(sqlite: &'static str, postgres: &'static str) -> Self {
        Self::rows(sqlite, sqlite, postgres)
    }

    /// The constructor of [`rows!`].
    pub const fn rows(sqlite: &'static str, sqlite_json: &'static str, postgres: &'static str) -> Self {
        Self {
            sqlite: Cow::Borrowed(sqlite),
            sqlite_json: Cow::Borrowed(sqlite_json),
            postgres: Cow::Borrowed(postgres),
            settled: false,
        }
    }

    /// `pieces` one after the other.
    pub fn joined(pieces: &[Self]) -> Self {
        let text = |of: fn(&Self) -> &str| Cow::Owned(pieces.iter().map(of).collect::<String>());
        Self {
            sqlite: text(|piece| &piece.sqlite),
            sqlite_json: text(|piece| &piece.sqlite_json),
            postgres: text(|piece| &piece.postgres),
            settled: false,
        }
    }

    /// The same, with one plan for all values.
    pub fn settled(self) -> Self {
        Self { settled: true, ..self }
    }
}

/// A piece of a statement in one engine's words.
macro_rules! piece {
    // A JSON array of arrays as a table with one column `value`, taken apart by `value ->> 0`. As jsonb, which is parsed once;
    // `->>` of json parses the row again for each of its values, and sample data took half as long again.
    (sqlite each) => { "jsonb_each($1)" };
    (postgres each) => { "jsonb_array_elements(CAST($1 AS jsonb))" };
    // A JSON array of texts as a table with one column `value`.
    (sqlite list) => { "json_each($1)" };
    (postgres list) => { "json_array_elements_text(CAST($1 AS json))" };
    // `id` among: one of a JSON array of texts. An array, because Postgres may join a table with a list by reading either
    // from its beginning.
    (sqlite among) => { " IN (SELECT value FROM json_each($1))" };
    (postgres among) => { " = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))" };
    // `id` among what a SELECT finds and locks, up to `end_found`. As an array Postgres knows that it is few and looks each up
    // by its key; of IN it thinks that it could be a tenth of the table.
    (sqlite found) => { " IN (" };
    (postgres found) => { " = ANY (ARRAY(" };
    (sqlite end_found) => { ")" };
    (postgres end_found) => { "))" };
    (sqlite list2) => { "json_each($2)" };
    (postgres list2) => { "json_array_elements_text(CAST($2 AS json))" };
    // Insert many. Were a row refused, SQLite would undo the statement alone, and keeps copies of all pages for that: a
    // fifth of the time. We give the whole transaction up then.
    (sqlite insert) => { "INSERT OR FAIL INTO " };
    (postgres insert) => { "INSERT INTO " };
    // Rows that stay ours until the transaction ends. SQLite has one writer at a time: there they are anyway.
    (sqlite lock) => { "" };
    (postgres lock) => { " FOR NO KEY UPDATE" };
    // The same of those that nobody else has at this moment.
    (sqlite lock_free) => { "" };
    (postgres lock_free) => { " FOR NO KEY UPDATE SKIP LOCKED" };
    (sqlite share) => { "" };
    (postgres share) => { " FOR SHARE" };
    // INSERT … SELECT … ON CONFLICT needs a WHERE in SQLite, lest ON be read as a join's (lang_upsert.html, 2.2).
    ($engine:ident any) => { " WHERE true" };
    // SQLite would read the account's whole history, which the primary key holds in the same order.
    (sqlite open_sessions) => { "FROM sessions INDEXED BY sessions_open" };
    (postgres open_sessions) => { "FROM sessions" };
    // It would read the whole list, which the primary key holds in the order that is asked for.
    (sqlite bulk_by_outcome) => { "FROM bulk_accounts b INDEXED BY bulk_accounts_by_outcome" };
    (postgres bulk_by_outcome) => { "FROM bulk_accounts b" };
    // The open sessions of the accounts of a list, which is gone through in its order.
    (sqlite bulk_sessions) => {
        "FROM bulk_accounts b CROSS JOIN sessions s INDEXED BY sessions_open ON s.account_id = b.account_id"
    };
    (postgres bulk_sessions) => { "FROM bulk_accounts b JOIN sessions s ON s.account_id = b.account_id" };
    ($engine:ident all_sessions) => { "FROM sessions" };
    ($engine:ident account) => {
        "id, route_key, email, name, plan, time_zone, created_at, last_seen_at, generation, live_sessions, \
         leftover_sessions, total_sessions, sample"
    };
    ($engine:ident session) => {
        "id, account_id, route_key, client, user_agent, ip, created_at, last_seen_at, ended_at, end_reason, cleaned_at, \
         generation"
    };
    ($engine:ident route) => {
        "router, pool, route_key, scope, server, session_id, account_id, pinned_at, expires_in, read_at"
    };
    ($engine:ident change) => {
        "router, pool, route_key, scope, session_id, from_server, to_server, at, why"
    };
    ($engine:ident server) => {
        "router, pool, name, health, failing, error_permille, response_ms, since, read_at, pinned, window_requests, \
         window_errors, seen_requests, seen_errors, seen_response_ms, seen_at"
    };
    ($engine:ident pin) => {
        "pool, route_key, scope, server, account_id, session_id, pinned_at, expires_at"
    };
    ($engine:ident cleanup) => {
        "id, account_id, mode, reason, ticket, actor, plan_hash, status, requested_at, finished_at, next_at"
    };
    ($engine:ident step) => {
        "cleanup_id, no, kind, router, pool, scope, route_key, session_id, must_vanish, stage, attempts, next_at, trouble, \
         trouble_text, had, now_on, cleared_at, cleared_again_at, verified_at"
    };
    ($engine:ident event) => {
        "seq, at, actor, action, target, account_id, reason, ticket, outcome, detail, prev_hash, hash"
    };
    ($engine:ident staff) => {
        "id, name, role, password_hash, password_changed_at, created_at, disabled_at, last_sign_in_at"
    };
    ($engine:ident staff_session) => {
        "id, staff_id, name, role, data, user_agent, ip, created_at, last_seen_at, idle_until, expires_at, proved_at, \
         enrolled_at"
    };
    ($engine:ident staff_session_rows) => {
        "SELECT s.id, s.staff_id, p.name, p.role, s.data, s.user_agent, s.ip, s.created_at, s.last_seen_at, \
         s.idle_until, s.expires_at, s.proved_at, f.enrolled_at FROM staff_sessions s JOIN staff p ON p.id = s.staff_id \
         LEFT JOIN factors f ON f.staff_id = s.staff_id \
         WHERE p.disabled_at IS NULL AND s.revoked_at IS NULL AND "
    };
    ($engine:ident token) => {
        "id, name, hash, scopes, created_at, created_by, expires_at, revoked_at, last_used_at"
    };
    ($engine:ident customer_link) => {
        "account_id, session_id, created_by, created_at, expires_at, used_at, visit_until"
    };
    ($engine:ident census) => {
        "no, actor, started_at, ended_at, outcome, note"
    };
    ($engine:ident finding) => {
        "kind, router, pool, subject, id, server, account_id, session_id, severity, since, things, detail, state, \
         first_seen_at, last_seen_at, looks, census, gone_at"
    };
    ($engine:ident bulk) => {
        "id, selection, mode, reason, ticket, wave, rate, failure_limit, actor, staff_id, hash, status, created_at, \
         requested_at, approve_until, approved_by, started_at, finished_at, stopped_why, live_sessions, \
         leftover_sessions, waiting, running, owed, done, nothing_to_do, under_way, needs_attention, failed"
    };
    ($engine:ident bulk_account) => {
        "no, account_id, outcome, cleanup_id, note"
    };
    ($engine:ident webhook) => {
        "id, url, kinds, format, state, why, generation, fingerprint, old_until, created_at, created_by, failures, \
         failing_since, retry_at, succeeded_at, deleted_at"
    };
    ($engine:ident delivery) => {
        "event_id, kind, account_id, at, state, attempts, next_at, tried_at, status, took_ms, said"
    };
    // The tables are joined as they are written: SQLite would begin with the larger one.
    (sqlite in_order) => { "CROSS" };
    (postgres in_order) => { "" };
    // What a filter of accounts asks of an account `a`; the text goes through each engine's index.
    (sqlite passes) => {
        concat!(
            " AND ($3 IS NULL OR a.row_no IN (SELECT rowid FROM accounts_fts WHERE search_text MATCH $3))",
            $crate::sql::piece!(sqlite passes_all)
        )
    };
    (postgres passes) => {
        concat!(" AND ($3 IS NULL OR a.search_text LIKE $3)", $crate::sql::piece!(postgres passes_all))
    };
    ($engine:ident passes_all) => {
        " AND ($4 IS NULL OR EXISTS (SELECT 1 FROM census_findings f WHERE f.account_id = a.id AND f.state = 'open' \
         AND f.kind = $4)) AND ($5 IS NULL OR a.leftover_sessions >= $5) AND ($6 IS NULL OR a.last_seen_at < $6) \
         AND ($7 IS NULL OR a.plan = $7) ORDER BY a.id LIMIT $2"
    };
    ($engine:ident $text:literal) => { $text };
}
pub(crate) use piece;

/// A statement of pieces: `sql!("SELECT id FROM accounts WHERE id", among)`.
macro_rules! sql {
    ($($part:tt),+ $(,)?) => {
        $crate::sql::Sql::fixed(
            concat!($($crate::sql::piece!(sqlite $part)),+),
            concat!($($crate::sql::piece!(postgres $part)),+),
        )
    };
}
pub(crate) use sql;

/// A statement that reads rows: the columns, then all that follows them. `rows!("id, name" as "SELECT a.id …")` takes
/// the whole inner SELECT where columns need a table before them.
macro_rules! rows {
    ($columns:tt as $($part:tt),+ $(,)?) => {
        $crate::sql::Sql::rows(
            concat!("SELECT ", $crate::sql::piece!(sqlite $columns), " FROM (", $($crate::sql::piece!(sqlite $part)),+, ")"),
            concat!(
                "SELECT json_group_array(json_array(", $crate::sql::piece!(sqlite $columns), ")) FROM (",
                $($crate::sql::piece!(sqlite $part)),+, ")"
            ),
            concat!("SELECT ", $crate::sql::piece!(postgres $columns), " FROM (", $($crate::sql::piece!(postgres $part)),+, ") AS it"),
        )
    };
    ($columns:tt, $($part:tt),+ $(,)?) => {
        $crate::sql::Sql::rows(
            concat!("SELECT ", $crate::sql::piece!(sqlite $columns), " ", $($crate::sql::piece!(sqlite $part)),+),
            concat!(
                "SELECT json_group_array(json_array(", $crate::sql::piece!(sqlite $columns), ")) FROM (SELECT ",
                $crate::sql::piece!(sqlite $columns), " ", $($crate::sql::piece!(sqlite $part)),+, ")"
            ),
            concat!("SELECT ", $crate::sql::piece!(postgres $columns), " ", $($crate::sql::piece!(postgres $part)),+),
        )
    };
}
pub(crate) use rows;

/// The beginning of [`rows!`], for a statement of pieces that ends in [`Sql::ROWS_END`].
macro_rules! rows_of {
    ($columns:tt, $text:literal) => {
        $crate::sql::Sql::rows(
            concat!("SELECT ", $crate::sql::piece!(sqlite $columns), $text),
            concat!(
                "SELECT json_group_array(json_array(", $crate::sql::piece!(sqlite $columns), ")) FROM (SELECT ",
                $crate::sql::piece!(sqlite $columns), $text
            ),
            concat!("SELECT ", $crate::sql::piece!(postgres $columns), $text),
        )
    };
}
pub(crate) use rows_of;

/// A value for a placeholder.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Arg<'a> {
    Int(Option<i64>),
    Real(f64),
    Text(Option<Cow<'a, str>>),
}

/// The values for a statement's placeholders, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// The cells of one row of a JSON parameter, in order.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use cells;

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl From<f64> for Arg<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}
impl From<u32> for Arg<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}
impl From<Instant> for Arg<'_> {
    fn from(at: Instant) -> Self {
        Self::Int(Some(at.micros()))
    }
}
impl From<Option<Instant>> for Arg<'_> {
    fn from(at: Option<Instant>) -> Self {
        Self::Int(at.map(Instant::micros))
    }
}
impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(clean(text)))
    }
}
impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(clean))
    }
}
impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(clean_owned(text).into()))
    }
}
impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

macro_rules! id_args {
    ($($id:ty),+) => {$(
        impl<'a> From<&'a $id> for Arg<'a> {
            fn from(id: &'a $id) -> Self { Self::Text(Some(Cow::Borrowed(id.as_str()))) }
        }
        impl<'a> From<Option<&'a $id>> for Arg<'a> {
            fn from(id: Option<&'a $id>) -> Self { Self::Text(id.map(|id| Cow::Borrowed(id.as_str()))) }
        }
    )+};
}
id_args!(AccountId, CleanupId, PoolName, RouteKey, RouterName, ServerName, SessionId, StaffId, StaffSessionId, TokenId);
id_args!(EventId, WebhookId);

/// `text` without the one character that Postgres cannot keep, NUL: it becomes U+FFFD on both engines.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// [`clean`], for a text that is given away.
pub(crate) fn clean_owned(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// `items` as the JSON text of a parameter.
pub(crate) fn json<T: Serialize>(items: &[T]) -> Result<String> {
    serde_json::to_string(items).map_err(StoreError::corrupt)
}

/// Ids as a JSON array of texts, for `list`.
pub(crate) fn json_ids<'a, T: AsText + 'a>(ids: impl IntoIterator<Item = &'a T>) -> Result<String> {
    json(&ids.into_iter().map(AsText::as_text).collect::<Vec<_>>())
}

/// Something that is a text in the database.
pub(crate) trait AsText {
    fn as_text(&self) -> &str;
}
macro_rules! as_text {
    ($($id:ty),+) => {$( impl AsText for $id { fn as_text(&self) -> &str { self.as_str() } } )+};
}
as_text!(AccountId, CleanupId, RouteKey, RouterName, ServerName, SessionId, String);
impl<T: AsText> AsText for &T {
    fn as_text(&self) -> &str {
        (*self).as_text()
    }
}

/// `values` as an engine's arguments.
pub(crate) fn bound<'a, A>(values: impl IntoIterator<Item = impl Borrow<Arg<'a>>>) -> Result<A>
where
    A: Arguments,
    Option<i64>: Encode<'a, A::Database> + Type<A::Database>,
    f64: Encode<'a, A::Database> + Type<A::Database>,
    Option<String>: Encode<'a, A::Database> + Type<A::Database>,
    A::Database: Database,
{
    let mut arguments = A::default();
    for value in values {
        let added = match value.borrow() {
            Arg::Int(number) => arguments.add(*number),
            Arg::Real(number) => arguments.add(*number),
            Arg::Text(text) => arguments.add(text.as_deref().map(str::to_owned)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
