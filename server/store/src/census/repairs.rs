//! Repairs: which plan was confirmed, and which clean-ups were asked for because of it.

use domain::{AccountId, CleanupId, Instant, PlanHash, Repair, RepairId, RepairMade, RepairOutcome};
use serde::Deserialize;
use sqlx::FromRow;

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, cells, json, rows, sql},
};

#[derive(Deserialize, FromRow)]
struct RepairRecord {
    id: String,
    actor: String,
    reason: String,
    ticket: String,
    plan_hash: String,
    requested_at: i64,
}

impl Tx {
    /// Stores a repair, with its accounts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn insert_repair(&mut self, repair: &Repair) -> Result<()> {
        let sql = sql!(
            "INSERT INTO repairs (id, actor, reason, ticket, plan_hash, requested_at) VALUES ($1, $2, $3, $4, $5, $6)"
        );
        let values = args![
            repair.id.as_str(),
            &repair.actor,
            &repair.reason,
            &repair.ticket,
            &repair.plan_hash.0,
            repair.requested_at
        ];
        self.exec(sql, values).await?;
        let sql = sql!(
            "INSERT INTO repair_accounts (repair_id, account_id, outcome, cleanup_id) \
             SELECT $2, value ->> 0, value ->> 1, value ->> 2 FROM ",
            each
        );
        let rows: Vec<_> = repair
            .made
            .iter()
            .map(|made| cells![&made.account, made.outcome.as_str(), made.cleanup.as_ref()])
            .collect();
        self.exec(sql, args![json(&rows)?, repair.id.as_str()]).await.map(|_| ())
    }

    /// Writes what became of an account of a repair.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn repair_made(&mut self, id: &RepairId, made: &RepairMade) -> Result<()> {
        let sql =
            sql!("UPDATE repair_accounts SET outcome = $3, cleanup_id = $4 WHERE repair_id = $1 AND account_id = $2");
        let values = args![id.as_str(), &made.account, made.outcome.as_str(), made.cleanup.as_ref()];
        self.exec(sql, values).await.map(|_| ())
    }
}

impl Store {
    /// The repair called `id`, with at most `limit` of its accounts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn repair(&self, id: &RepairId, limit: u32) -> Result<Option<Repair>> {
        let sql = rows!("id, actor, reason, ticket, plan_hash, requested_at", "FROM repairs WHERE id = $1");
        let Some(record) = self.row::<RepairRecord>(sql, args![id.as_str()]).await? else {
            return Ok(None);
        };
        let sql = rows!(
            "account_id, outcome, cleanup_id",
            "FROM repair_accounts WHERE repair_id = $1 ORDER BY account_id LIMIT $2"
        );
        let made: Vec<(String, String, Option<String>)> = self.rows(sql, args![id.as_str(), limit]).await?;
        let one = |(account, word, cleanup): (String, String, Option<String>)| {
            let outcome = RepairOutcome::parse(&word);
            Ok(RepairMade {
                account: AccountId::parse(account).map_err(StoreError::corrupt)?,
                outcome: outcome.ok_or_else(|| StoreError::corrupt("a repair went in no known way"))?,
                cleanup: cleanup.map(CleanupId::parse).transpose().map_err(StoreError::corrupt)?,
            })
        };
        Ok(Some(Repair {
            id: RepairId::parse(record.id).map_err(StoreError::corrupt)?,
            actor: record.actor,
            reason: record.reason,
            ticket: record.ticket,
            plan_hash: PlanHash(record.plan_hash),
            requested_at: Instant::from_micros(record.requested_at),
            made: made.into_iter().map(one).collect::<Result<_>>()?,
        }))
    }
}
