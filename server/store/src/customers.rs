//! Links by which customers help themselves. A link is found by the SHA-256 of its code and opens once, with a condition in
//! the UPDATE; the visit that it opened is found by the SHA-256 of its cookie. So what is stored opens nothing.

use domain::{AccountId, Instant, SessionId};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

/// A link for a customer, without its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerLink {
    /// Whose account it is for.
    pub account: AccountId,
    /// The session that the customer is on, where known.
    pub session: Option<SessionId>,
    /// Who made it, as [`domain::Actor::label`].
    pub created_by: String,
    /// When it was made.
    pub created_at: Instant,
    /// Until when it opens.
    pub expires_at: Instant,
    /// When it was opened.
    pub used_at: Option<Instant>,
    /// Until when the visit that it opened lasts.
    pub visit_until: Option<Instant>,
}

#[derive(Deserialize)]
struct Record {
    account_id: String,
    session_id: Option<String>,
    created_by: String,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    visit_until: Option<i64>,
}

impl TryFrom<Record> for CustomerLink {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        Ok(Self {
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            session: record.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?,
            created_by: record.created_by,
            created_at: Instant::from_micros(record.created_at),
            expires_at: Instant::from_micros(record.expires_at),
            used_at: record.used_at.map(Instant::from_micros),
            visit_until: record.visit_until.map(Instant::from_micros),
        })
    }
}

impl Tx {
    /// Keeps a new link under the SHA-256 of its code.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_customer_link(&mut self, hash: &[u8; 32], link: &CustomerLink) -> Result<()> {
        let sql = sql!(
            "INSERT INTO customer_links (hash, account_id, session_id, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        let values = args![
            hex::encode(hash),
            &link.account,
            link.session.as_ref(),
            &link.created_by,
            link.created_at,
            link.expires_at,
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Opens the link with this SHA-256 of its code: from now on it is used, and the visit with the hash `visit` lasts
    /// until `until`. `false` when it was opened before, is over, or is not there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn open_customer_link(
        &mut self,
        hash: &[u8; 32],
        visit: &[u8; 32],
        now: Instant,
        until: Instant,
    ) -> Result<bool> {
        let sql = sql!(
            "UPDATE customer_links SET used_at = $3, visit_hash = $2, visit_until = $4 \
             WHERE hash = $1 AND used_at IS NULL AND expires_at > $3"
        );
        Ok(self.exec(sql, args![hex::encode(hash), hex::encode(visit), now, until]).await? == 1)
    }

    /// Ends the visit with this SHA-256 of its cookie; `false` when there is none.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn end_customer_visit(&mut self, visit: &[u8; 32], now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE customer_links SET visit_until = $2 WHERE visit_hash = $1 AND visit_until > $2");
        Ok(self.exec(sql, args![hex::encode(visit), now]).await? == 1)
    }

    /// Deletes at most `limit` links that were over before `before`. Returns how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn purge_customer_links(&mut self, before: Instant, limit: u32) -> Result<i64> {
        let sql = sql!(
            "DELETE FROM customer_links WHERE hash IN \
             (SELECT hash FROM customer_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
        );
        self.exec(sql, args![before, limit]).await
    }

    /// Notes that the clean-up `id` leaves `session` signed in.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn keep_session(&mut self, id: &domain::CleanupId, session: &SessionId) -> Result<()> {
        self.exec(sql!("UPDATE cleanups SET keep_session = $2 WHERE id = $1"), args![id, session]).await.map(|_| ())
    }
}

impl Store {
    /// The link with this SHA-256 of its code, good or not: whether it is, the record says.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn customer_link(&self, hash: &[u8; 32]) -> Result<Option<CustomerLink>> {
        let sql = rows!(customer_link, "FROM customer_links WHERE hash = $1");
        self.row::<Record>(sql, args![hex::encode(hash)]).await?.map(CustomerLink::try_from).transpose()
    }

    /// The link whose visit has this SHA-256 of its cookie, while the visit lasts at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn customer_visit(&self, visit: &[u8; 32], now: Instant) -> Result<Option<CustomerLink>> {
        let sql =
            rows!(customer_link, "FROM customer_links WHERE visit_hash = $1 AND visit_until > $2 AND used_at <= $3");
        // A visit that began later than any clock's skew was begun by a clock that has been set back since: it is over.
        let values = args![hex::encode(visit), now, now + domain::Span::from_secs(5 * 60)];
        self.row::<Record>(sql, values).await?.map(CustomerLink::try_from).transpose()
    }

    /// The session that the clean-up `id` leaves signed in, if it does.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn kept_session(&self, id: &domain::CleanupId) -> Result<Option<SessionId>> {
        let sql = rows!("keep_session", "FROM cleanups WHERE id = $1 AND keep_session IS NOT NULL");
        let kept: Option<(String,)> = self.row(sql, args![id]).await?;
        kept.map(|(id,)| SessionId::parse(id).map_err(StoreError::corrupt)).transpose()
    }
}
