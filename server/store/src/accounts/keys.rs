//! Whose a route key is.

use domain::{AccountId, RouteKey, Scope, SessionId};
use serde::Deserialize;

use super::all;
use crate::{
    Result, Store, StoreError,
    sql::{args, json_ids, rows},
};

/// What a route key stands for. One key may stand for an account and, elsewhere, for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key.
    pub key: RouteKey,
    /// What it stands for.
    pub scope: Scope,
    /// The account, or the session's account.
    pub account: AccountId,
    /// The session, where it stands for one.
    pub session: Option<SessionId>,
}

#[derive(Deserialize)]
struct Record {
    key: String,
    account_id: String,
    session_id: Option<String>,
}

impl TryFrom<Record> for KeyOwner {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        let session = record.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?;
        Ok(Self {
            key: RouteKey::parse(record.key).map_err(StoreError::corrupt)?,
            scope: if session.is_some() { Scope::Session } else { Scope::Account },
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            session,
        })
    }
}

impl Store {
    /// What each of `keys` stands for; keys that nobody knows are left out.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn owners_of_keys(&self, keys: &[RouteKey]) -> Result<Vec<KeyOwner>> {
        // A key is stored only where it is not the id itself.
        let sql = rows!(
            "key, account_id, session_id" as
            "SELECT id AS key, id AS account_id, NULL AS session_id FROM accounts \
             WHERE route_key IS NULL AND id", among, " \
             UNION ALL SELECT route_key, id, NULL FROM accounts \
             WHERE route_key IS NOT NULL AND route_key", among, " \
             UNION ALL SELECT id, account_id, id FROM sessions \
             WHERE route_key IS NULL AND id", among, " \
             UNION ALL SELECT route_key, account_id, id FROM sessions \
             WHERE route_key IS NOT NULL AND route_key", among
        );
        all(self.rows::<Record>(sql, args![json_ids(keys)?]).await?)
    }
}
