//! Where keys led before.

use std::collections::{BTreeMap, btree_map::Entry};

use domain::{AccountId, Instant, Place, RouteKey, Scope, ServerName, SessionId};
use serde::Deserialize;

use super::{place, scope};
use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    insert::insert,
    sql::{Arg, args, cells, rows},
};

/// A route that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteChange {
    /// Where.
    pub place: Place,
    /// Which key.
    pub key: RouteKey,
    /// What it stands for.
    pub scope: Scope,
    /// The session that it belongs to or that made it, where known.
    pub session: Option<SessionId>,
    /// Where it led before; `None` when there was no route.
    pub from: Option<ServerName>,
    /// Where it leads now; `None` when there is none any more.
    pub to: Option<ServerName>,
    /// When.
    pub at: Instant,
    /// Why, in a few words.
    pub why: String,
}

/// The piece `change` as a row.
#[derive(Deserialize)]
struct ChangeRecord {
    router: String,
    pool: String,
    route_key: String,
    scope: String,
    session_id: Option<String>,
    from_server: Option<String>,
    to_server: Option<String>,
    at: i64,
    why: String,
}

impl TryFrom<ChangeRecord> for RouteChange {
    type Error = StoreError;

    fn try_from(record: ChangeRecord) -> Result<Self> {
        Ok(Self {
            place: place(record.router, record.pool)?,
            key: RouteKey::parse(record.route_key).map_err(StoreError::corrupt)?,
            scope: scope(&record.scope)?,
            session: record.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?,
            from: record.from_server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?,
            to: record.to_server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?,
            at: Instant::from_micros(record.at),
            why: record.why,
        })
    }
}

impl Store {
    /// At most `limit` changes of the routes of `account` since `since`, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn route_history(&self, account: &AccountId, since: Instant, limit: u32) -> Result<Vec<RouteChange>> {
        let sql = rows!(
            change,
            "FROM route_changes WHERE account_id = $1 AND at >= $2 \
             ORDER BY at DESC, router DESC, pool DESC, route_key DESC LIMIT $3"
        )
        .settled();
        all(self.rows::<ChangeRecord>(sql, args![account, since, limit]).await?)
    }
}

/// Writes changes. Of two changes of one route at one instant the later one counts: it leads where the route leads.
pub(crate) async fn insert_changes(tx: &mut Tx, changes: &[(AccountId, RouteChange)]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let insert = insert!(
        ["route_changes (account_id, router, pool, route_key, scope, session_id, from_server, to_server, at, why)"],
        "value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
         CAST(value ->> 8 AS BIGINT), value ->> 9",
        " ON CONFLICT (account_id, at, router, pool, route_key) DO UPDATE \
         SET to_server = excluded.to_server, session_id = excluded.session_id, why = excluded.why"
    );
    let mut rows: BTreeMap<_, RouteChange> = BTreeMap::new();
    for (account, change) in changes {
        let change = change.clone();
        match rows.entry((account, change.at, change.place.clone(), change.key.clone())) {
            Entry::Vacant(vacant) => drop(vacant.insert(change)),
            Entry::Occupied(mut first) => {
                let from = first.get().from.clone();
                first.insert(RouteChange { from, ..change });
            }
        }
    }
    let rows: Vec<_> = rows.iter().map(|((account, ..), change)| (*account, change)).collect();
    tx.insert_all(&insert, &rows, |(account, change)| row(account, change)).await.map(|_| ())
}

fn row<'a>(account: &'a AccountId, change: &'a RouteChange) -> [Arg<'a>; 10] {
    cells![
        account,
        &change.place.router,
        &change.place.pool,
        &change.key,
        change.scope.as_str(),
        change.session.as_ref(),
        change.from.as_ref(),
        change.to.as_ref(),
        change.at,
        &change.why,
    ]
}
