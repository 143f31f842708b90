//! Tokens of back ends. Like console sessions, they are found by a hash.

use domain::{Instant, TokenId, TokenScope};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// A token, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its public handle.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it is good for.
    pub scopes: Vec<TokenScope>,
    /// When it was made.
    pub created_at: Instant,
    /// By whom.
    pub created_by: String,
    /// When it ends, if it does.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was last used.
    pub last_used_at: Option<Instant>,
}

/// The piece `token` as a row.
#[derive(Deserialize)]
struct Record {
    id: String,
    name: String,
    hash: String,
    scopes: String,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<Record> for TokenRecord {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(&record.hash, &mut hash).map_err(StoreError::corrupt)?;
        let scope = |word| TokenScope::parse(word).ok_or_else(|| StoreError::corrupt("a token has an unknown scope"));
        Ok(Self {
            id: TokenId::parse(record.id).map_err(StoreError::corrupt)?,
            name: record.name,
            hash,
            scopes: record.scopes.split_whitespace().map(scope).collect::<Result<_>>()?,
            created_at: Instant::from_micros(record.created_at),
            created_by: record.created_by,
            expires_at: record.expires_at.map(Instant::from_micros),
            revoked_at: record.revoked_at.map(Instant::from_micros),
            last_used_at: record.last_used_at.map(Instant::from_micros),
        })
    }
}

impl Tx {
    /// Adds a token; `false` when its id or hash is there already.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_token(&mut self, t: &TokenRecord) -> Result<bool> {
        let sql =
            sql!("INSERT INTO tokens (", token, ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING");
        let scopes: Vec<&str> = t.scopes.iter().map(|scope| scope.as_str()).collect();
        let values = args![
            &t.id,
            &t.name,
            hex::encode(t.hash),
            scopes.join(" "),
            t.created_at,
            &t.created_by,
            t.expires_at,
            t.revoked_at,
            t.last_used_at,
        ];
        Ok(self.exec(sql, values).await? == 1)
    }

    /// Revokes a token; `false` when there is none that is not revoked.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_token(&mut self, id: &TokenId, now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
        Ok(self.exec(sql, args![id, now]).await? == 1)
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn note_token_use(&mut self, id: &TokenId, now: Instant) -> Result<()> {
        self.exec(sql!("UPDATE tokens SET last_used_at = $2 WHERE id = $1"), args![id, now]).await.map(|_| ())
    }
}

impl Store {
    /// The token with this SHA-256 of its secret, good or not: whether it is, its record says.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>> {
        let sql = rows!(token, "FROM tokens WHERE hash = $1");
        self.row::<Record>(sql, args![hex::encode(hash)]).await?.map(TokenRecord::try_from).transpose()
    }

    /// A token by its handle.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn token(&self, id: &TokenId) -> Result<Option<TokenRecord>> {
        let sql = rows!(token, "FROM tokens WHERE id = $1");
        self.row::<Record>(sql, args![id]).await?.map(TokenRecord::try_from).transpose()
    }

    /// All tokens, newest first; at most 1,000.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>> {
        let sql = rows!(token, "FROM tokens ORDER BY created_at DESC, id LIMIT 1000");
        all(self.rows::<Record>(sql, &[]).await?)
    }
}
