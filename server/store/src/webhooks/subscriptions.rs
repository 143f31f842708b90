//! Webhooks themselves: made, changed, listed.

use domain::{Instant, Webhook, WebhookId, WebhookState};

use super::{WebhookRecord, words};
use crate::{
    Result, Store, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// A webhook's next secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Which it is.
    pub generation: i64,
    /// The beginning of its SHA-256.
    pub fingerprint: String,
    /// Until when the one before it signs too.
    pub old_until: Instant,
}

impl Tx {
    /// Adds a webhook.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_webhook(&mut self, hook: &Webhook) -> Result<()> {
        let sql = sql!(
            "INSERT INTO webhooks (",
            webhook,
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        );
        let values = args![
            &hook.id,
            &hook.url,
            words(&hook.kinds),
            hook.format.as_str(),
            hook.state.as_str(),
            &hook.why,
            hook.generation,
            &hook.fingerprint,
            hook.old_until,
            hook.created_at,
            &hook.created_by,
            hook.failures,
            hook.failing_since,
            hook.retry_at,
            hook.succeeded_at,
            hook.deleted_at,
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Gives a webhook the secret after `hook`'s. Returns whether it did: not when somebody else was faster.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn rotate_webhook(&mut self, hook: &Webhook, to: &NewSecret) -> Result<bool> {
        let sql = sql!(
            "UPDATE webhooks SET generation = $3, fingerprint = $4, old_until = $5 \
             WHERE id = $1 AND generation = $2 AND deleted_at IS NULL"
        );
        let values = args![&hook.id, hook.generation, to.generation, &to.fingerprint, to.old_until];
        Ok(self.exec(sql, values).await? == 1)
    }

    /// Serves a webhook, or not, and says why not. What it failed before is forgotten. Returns whether that changed anything.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn set_webhook_state(&mut self, id: &WebhookId, state: WebhookState, why: &str) -> Result<bool> {
        let sql = sql!(
            "UPDATE webhooks SET state = $2, why = $3, failures = 0, failing_since = NULL, retry_at = NULL \
             WHERE id = $1 AND state <> $2 AND deleted_at IS NULL"
        );
        Ok(self.exec(sql, args![id, state.as_str(), why]).await? == 1)
    }
}

impl Store {
    /// Every webhook that was not deleted, the newest first; at most 1,000.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        let sql = rows!(webhook, "FROM webhooks WHERE deleted_at IS NULL ORDER BY created_at DESC, id LIMIT 1000");
        all(self.rows::<WebhookRecord>(sql, &[]).await?)
    }

    /// The webhook called `id`, deleted or not.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>> {
        let sql = rows!(webhook, "FROM webhooks WHERE id = $1");
        self.row::<WebhookRecord>(sql, args![id]).await?.map(Webhook::try_from).transpose()
    }
}
