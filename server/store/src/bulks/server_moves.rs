//! Bulk clean-ups that move everybody off a server: which server, how the others were when it began, and what each of their
//! clean-ups leaves.

use std::collections::HashMap;

use domain::{Away, Baseline, Bulk, BulkId, CleanupId, Guard, PoolName, RouterName, ServerMove, ServerName};
use serde::Deserialize;

use super::BulkRecord;
use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    routes::place,
    sql::{args, json_ids, rows, sql},
};

#[derive(Deserialize)]
struct Record {
    router: String,
    pool: String,
    server: String,
    to_server: Option<String>,
    max_errors: i64,
    max_response: i64,
    unknown_routes: i64,
    baseline: Option<String>,
}

/// What is stored of a bulk clean-up that moves everybody off a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMove {
    /// Which server, and how carefully.
    pub order: ServerMove,
    /// Routes to it that belonged to nobody known when the list was frozen.
    pub unknown: i64,
    /// The other servers as they were when it began or went on; `None` before.
    pub baseline: Option<Baseline>,
}

fn name(text: String) -> Result<ServerName> {
    ServerName::parse(text).map_err(StoreError::corrupt)
}

impl TryFrom<Record> for StoredMove {
    type Error = StoreError;

    fn try_from(it: Record) -> Result<Self> {
        let limit = |n: i64| u32::try_from(n).map_err(StoreError::corrupt);
        let order = ServerMove {
            place: place(it.router, it.pool)?,
            server: name(it.server)?,
            to: it.to_server.map(name).transpose()?,
            guard: Guard { errors: limit(it.max_errors)?, response: limit(it.max_response)? },
        };
        let baseline = it.baseline.map(|text| serde_json::from_str(&text)).transpose().map_err(StoreError::corrupt)?;
        Ok(Self { order, unknown: it.unknown_routes, baseline })
    }
}

impl Tx {
    /// Writes down that a bulk clean-up moves everybody off a server; `unknown` routes to it belong to nobody known.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn insert_move(&mut self, id: &BulkId, order: &ServerMove, unknown: i64) -> Result<()> {
        let sql = sql!(
            "INSERT INTO bulk_moves (bulk_id, router, pool, server, to_server, max_errors, max_response, unknown_routes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        );
        let ServerMove { place, server, to, guard } = order;
        let to = to.as_ref();
        let values = args![id.as_str(), &place.router, &place.pool, server, to, guard.errors, guard.response, unknown];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Writes down how the other servers are as it begins, or goes on.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_baseline(&mut self, id: &BulkId, baseline: &Baseline) -> Result<()> {
        let text = serde_json::to_string(baseline).map_err(StoreError::corrupt)?;
        let sql = sql!("UPDATE bulk_moves SET baseline = $2 WHERE bulk_id = $1");
        self.exec(sql, args![id.as_str(), text]).await.map(|_| ())
    }

    /// Writes down what these clean-ups move their accounts away from.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn move_away(&mut self, ids: &[CleanupId], away: &Away) -> Result<()> {
        let sql = sql!("UPDATE cleanups SET away_from = $2, move_to = $3 WHERE id", among);
        self.exec(sql, args![json_ids(ids)?, &away.from, away.to.as_ref()]).await.map(|_| ())
    }
}

impl Store {
    /// The server that a bulk clean-up moves everybody off; `None` for any other one.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_move(&self, id: &BulkId) -> Result<Option<StoredMove>> {
        let sql = rows!(
            "router, pool, server, to_server, max_errors, max_response, unknown_routes, baseline",
            "FROM bulk_moves WHERE bulk_id = $1"
        );
        self.row::<Record>(sql, args![id.as_str()]).await?.map(StoredMove::try_from).transpose()
    }

    /// At most `limit` bulk clean-ups that move everybody off a server of a fleet, the newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulks_off(
        &self,
        fleet: &[RouterName],
        pool: &PoolName,
        server: &ServerName,
        limit: u32,
    ) -> Result<Vec<Bulk>> {
        let sql = rows!(
            bulk,
            "FROM bulks WHERE status <> 'freezing' AND id IN (SELECT bulk_id FROM bulk_moves WHERE pool = $2 \
             AND server = $3 AND router",
            among,
            ") ORDER BY created_at DESC, id DESC LIMIT $4"
        );
        all(self.rows::<BulkRecord>(sql, args![json_ids(fleet)?, pool, server, limit]).await?)
    }

    /// The servers off which somebody is being moved, or is about to be, by pool.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn servers_being_left(&self) -> Result<Vec<(PoolName, ServerName)>> {
        let sql = rows!(
            "pool, server" as
            "SELECT DISTINCT m.pool, m.server FROM bulks b JOIN bulk_moves m ON m.bulk_id = b.id \
             WHERE b.status = 'awaiting_approval' OR b.running > 0 OR b.owed > 0 OR b.status = 'running'"
        );
        let found: Vec<(String, String)> = self.rows(sql, &[]).await?;
        found
            .into_iter()
            .map(|(pool, server)| Ok((PoolName::parse(pool).map_err(StoreError::corrupt)?, name(server)?)))
            .collect()
    }

    /// The servers that those of `ids` leave which leave one.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn aways(&self, ids: &[CleanupId]) -> Result<HashMap<CleanupId, Away>> {
        let sql = rows!("id, away_from, move_to", "FROM cleanups WHERE away_from IS NOT NULL AND id", among);
        let found: Vec<(String, String, Option<String>)> = self.rows(sql, args![json_ids(ids)?]).await?;
        let typed = |(id, from, to): (String, String, Option<String>)| {
            let away = Away { from: name(from)?, to: to.map(name).transpose()? };
            Ok((CleanupId::parse(id).map_err(StoreError::corrupt)?, away))
        };
        found.into_iter().map(typed).collect()
    }
}
