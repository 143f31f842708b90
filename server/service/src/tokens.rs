//! API tokens of back ends: `sac_` and 256 random bits, shown once, kept as a hash, with scopes and an end.

use async_recursion::async_recursion as boxed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Actor, Freshness, Instant, Permission, Span, TokenId, TokenScope, new_id};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::TokenRecord;

use crate::{Error, Result, Unstick};

/// How exact a token's last use is kept.
const USE_GRAIN: Span = Span::from_secs(60);

/// Longest life of a token that ends: for longer, one that never ends is more honest.
const LONGEST: Span = Span::from_days(3_652);

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Its id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<TokenScope>,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Instant>,
}

impl From<TokenRecord> for TokenInfo {
    fn from(record: TokenRecord) -> Self {
        Self {
            id: record.id,
            name: record.name,
            scopes: record.scopes,
            created_at: record.created_at,
            created_by: record.created_by,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            last_used_at: record.last_used_at,
        }
    }
}

impl Unstick {
    /// Makes a token. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// `Invalid` for the name, no scopes, or an end in the past or further than 10 years away; `Unproved`; `Denied`.
    #[boxed]
    pub async fn create_token(
        &self,
        actor: &Actor,
        name: &str,
        scopes: &[TokenScope],
        expires_at: Option<Instant>,
    ) -> Result<(TokenId, String)> {
        self.authorize_fresh(actor, Permission::ManageTokens, Freshness::FiveMinutes, name).await?;
        if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(Error::invalid("name", "give the token a name of at most 80 characters"));
        }
        if scopes.is_empty() {
            return Err(Error::invalid("scope", "say what the token is for: at least one scope"));
        }
        let now = self.now();
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires", "that is in the past"));
        }
        if expires_at.is_some_and(|at| at > now + LONGEST) {
            let message = "a token ends within 10 years (3652d), or, without an end, never";
            return Err(Error::invalid("expires", message));
        }
        let mut bytes = [0_u8; 32];
        self.entropy().fill(&mut bytes);
        let secret = format!("sac_{}", URL_SAFE_NO_PAD.encode(bytes));
        let id = TokenId::parse(new_id("t", self.entropy())).map_err(Error::internal)?;
        let record = TokenRecord {
            id: id.clone(),
            name: name.to_owned(),
            hash: hash(&secret),
            scopes: scopes.to_vec(),
            created_at: now,
            created_by: actor.label(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let mut draft = self.draft(actor, "token.created", id.as_str());
        draft.detail = serde_json::json!({ "name": name, "scopes": scopes, "expires_at": expires_at });
        transact!(self, tx => {
            tx.add_token(&record).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok((id, secret))
    }

    /// Revokes a token, from the next request on.
    ///
    /// # Errors
    /// `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn revoke_token(&self, actor: &Actor, id: &TokenId) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageTokens, Freshness::FiveMinutes, id.as_str()).await?;
        let now = self.now();
        let draft = self.draft(actor, "token.revoked", id.as_str());
        let revoked = transact!(self, tx => {
            let revoked = tx.revoke_token(id, now).await?;
            if revoked {
                tx.append_audit(&draft).await?;
            }
            Ok(revoked)
        })?;
        if revoked { Ok(()) } else { Err(Error::NotFound("token that could be revoked")) }
    }

    /// Every token.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn tokens(&self, actor: &Actor) -> Result<Vec<TokenInfo>> {
        self.authorize(actor, Permission::ManageTokens, "tokens").await?;
        Ok(self.store().tokens().await?.into_iter().map(TokenInfo::from).collect())
    }

    /// The token that asks.
    ///
    /// # Errors
    /// `Denied` for anybody but a token.
    #[boxed]
    pub async fn own_token(&self, actor: &Actor) -> Result<TokenInfo> {
        self.authorize(actor, Permission::ReadOwnToken, "token").await?;
        let Actor::Token { id, .. } = actor else { return Err(Error::NotFound("token")) };
        self.store().token(id).await?.map(TokenInfo::from).ok_or(Error::NotFound("token"))
    }

    /// Who acts with `secret`.
    ///
    /// # Errors
    /// `SignIn` when it is unknown, revoked or over.
    #[boxed]
    pub async fn actor_of_token(&self, secret: &str) -> Result<Actor> {
        if !secret.starts_with("sac_") || secret.len() > 100 {
            return Err(Error::SignIn);
        }
        let now = self.now();
        let found = self.store().token_by_hash(&hash(secret)).await?;
        let good = |token: &TokenRecord| token.revoked_at.is_none() && token.expires_at.is_none_or(|at| at > now);
        let token = found.filter(good).ok_or(Error::SignIn)?;
        if token.last_used_at.is_none_or(|at| now.since(at) >= USE_GRAIN) {
            transact!(self, tx => { Ok(tx.note_token_use(&token.id, now).await?) })?;
        }
        Ok(Actor::Token { id: token.id, scopes: token.scopes })
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
