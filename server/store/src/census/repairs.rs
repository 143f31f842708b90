//! Repairs: which plan was confirmed, and which clean-ups were asked for because of it.

use domain::{AccountId, CleanupId, Instant, PlanHash, Repair, RepairId, RepairMade, RepairOutcome};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, cells, json, rows, sql},
};

#[derive(Deserialize)]
struct RepairRecord {
    id: String,
    actor: String,
    reason: String,
    ticket: String,
    plan_hash: String,
    requested_at: i64,
}

impl Tx {
    /// Stores a repair, with its accounts; `plans` are what was shown of each of these.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn insert_repair(&mut self, repair: &Repair, plans: &[&PlanHash]) -> Result<()> {
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
            "INSERT INTO repair_accounts (repair_id, account_id, outcome, cleanup_id, plan) \
             SELECT $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM ",
            each
        );
        let rows: Vec<_> = repair
            .made
            .iter()
            .zip(plans)
            .map(|(made, plan)| cells![&made.account, made.outcome.as_str(), made.cleanup.as_ref(), &plan.0])
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
    /// At most `limit` repairs that were asked for before `before` and have accounts that nothing became of yet, oldest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn repairs_waiting(&self, before: Instant, limit: u32) -> Result<Vec<RepairId>> {
        let sql = rows!(
            "id",
            "FROM repairs WHERE requested_at < $1 AND id IN (SELECT repair_id FROM repair_accounts \
             WHERE outcome = 'waiting' AND plan IS NOT NULL) ORDER BY requested_at, id LIMIT $2"
        );
        let ids: Vec<(String,)> = self.rows(sql, args![before, limit]).await?;
        ids.into_iter().map(|(id,)| RepairId::parse(id).map_err(StoreError::corrupt)).collect()
    }

    /// At most `limit` accounts of a repair that nothing became of yet, each with the plan that was shown of it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn repair_waiting(&self, id: &RepairId, limit: u32) -> Result<Vec<(AccountId, PlanHash)>> {
        let sql = rows!(
            "account_id, plan",
            "FROM repair_accounts WHERE repair_id = $1 AND outcome = 'waiting' AND plan IS NOT NULL \
             ORDER BY account_id LIMIT $2"
        );
        let waiting: Vec<(String, String)> = self.rows(sql, args![id.as_str(), limit]).await?;
        let one = |(account, plan)| Ok((AccountId::parse(account).map_err(StoreError::corrupt)?, PlanHash(plan)));
        waiting.into_iter().map(one).collect()
    }

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
