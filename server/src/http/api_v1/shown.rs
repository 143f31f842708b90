//! Accounts, sessions and routes as the API shows them.

use std::collections::HashMap;

use domain::{Account, EndReason, Instant, PoolName, RouteKey, RouterKind, Scope, ServerName, Session};
use routers::Router;
use serde::{Deserialize, Serialize};
use service::Unstick;
use utoipa::{IntoParams, ToSchema};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// The identity system's id.
    #[schema(example = "acc_7Q2mX0cVd4")]
    account_id: String,
    /// The key that pins all traffic of the account: put it into the cookie `acct`.
    #[schema(example = "acc_7Q2mX0cVd4", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account_key: String,
    /// E-mail address; empty when unknown.
    #[schema(example = "dana@example.com")]
    email: String,
    /// Display name; empty when unknown.
    #[schema(example = "Dana Ortiz")]
    name: String,
    /// Plan or tier; empty when unknown.
    #[schema(example = "team")]
    plan: String,
    /// IANA time zone; empty when unknown.
    #[schema(example = "Europe/Lisbon")]
    time_zone: String,
    /// When the customer joined.
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    /// When any session was last seen.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<Instant>,
    /// Sessions that are signed in.
    live_sessions: i64,
    /// Sessions that ended and were not cleaned.
    leftover_sessions: i64,
    /// All sessions that are kept.
    total_sessions: i64,
    /// Bumped by every forced clean-up: sessions of an older generation are void.
    generation: i64,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            account_id: account.id.into(),
            account_key: account.key.into(),
            email: account.email,
            name: account.name,
            plan: account.plan,
            time_zone: account.time_zone,
            created_at: account.created_at,
            last_seen_at: account.last_seen_at,
            live_sessions: account.live_sessions,
            leftover_sessions: account.leftover_sessions,
            total_sessions: account.total_sessions,
            generation: account.generation,
        }
    }
}

/// Where a session's traffic goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RouteView {
    /// The embedded router.
    #[schema(example = "embedded")]
    pub router: String,
    /// The pool.
    #[schema(example = "app")]
    pub pool: String,
    /// The server.
    #[schema(example = "api-1")]
    pub server: String,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    #[schema(example = "s_9fK2x")]
    session_id: String,
    /// Whose it is.
    #[schema(example = "acc_7Q2mX0cVd4")]
    account_id: String,
    /// The key that pins this session's traffic: put it into the cookie `sess`.
    #[schema(example = "k_x3Jd81", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    session_key: String,
    /// The key that pins all traffic of the account.
    account_key: String,
    /// `active`, `ended` or `cleaned`.
    #[schema(example = "active")]
    state: &'static str,
    /// Why it ended: `signed_out`, `expired` or `revoked`.
    #[schema(value_type = Option<String>)]
    reason: Option<EndReason>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Instant>,
    /// The client in a few words.
    client: String,
    /// The client's address.
    ip: String,
    /// When it was signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    /// When it was last seen.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Instant,
    /// The account's generation when it was made.
    generation: i64,
    /// Where it goes on the embedded router; null without one, or when nothing is pinned.
    route: Option<RouteView>,
}

impl SessionView {
    pub fn new(session: Session, route: Option<RouteView>) -> Self {
        let reason = match session.state {
            domain::SessionState::Active => None,
            domain::SessionState::Ended { reason, .. } | domain::SessionState::Cleaned { reason, .. } => Some(reason),
        };
        Self {
            account_key: RouteKey::of_account(&session.account).into(),
            session_id: session.id.into(),
            account_id: session.account.into(),
            session_key: session.key.into(),
            state: session.state.as_str(),
            reason,
            ended_at: session.state.ended_at(),
            client: session.client,
            ip: session.ip,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            generation: session.generation,
            route,
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageView<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
}

/// Checks a page's size.
pub fn page_limit(limit: Option<u32>) -> Result<u32, super::Problem> {
    match limit {
        None => Ok(100),
        Some(limit @ 1..=1_000) => Ok(limit),
        Some(_) => {
            Err(super::Problem::new(axum::http::StatusCode::BAD_REQUEST, "invalid", "limit must be from 1 to 1000")
                .about("limit"))
        }
    }
}

/// The embedded router and its first pool, if there is one.
pub fn embedded(unstick: &Unstick) -> Option<(&dyn Router, PoolName, Scope)> {
    let router = unstick.fleet().iter().find(|router| router.kind() == RouterKind::Embedded)?;
    let pool = router.pools().first()?;
    Some((router.as_ref(), pool.place.pool.clone(), pool.scope))
}

/// Where `session` is pinned on the embedded router, without pinning it.
pub async fn pinned(unstick: &Unstick, session: &Session) -> Option<RouteView> {
    pinned_all(unstick, std::slice::from_ref(session)).await.pop().flatten()
}

/// Where each of `sessions` is pinned on the embedded router, in one reading.
pub async fn pinned_all(unstick: &Unstick, sessions: &[Session]) -> Vec<Option<RouteView>> {
    let Some((router, pool, scope)) = embedded(unstick) else {
        return vec![None; sessions.len()];
    };
    let key_of = |session: &Session| match scope {
        Scope::Account => RouteKey::of_account(&session.account),
        Scope::Session => session.key.clone(),
    };
    let keys: Vec<RouteKey> = sessions.iter().map(key_of).collect();
    let entries = router.read(&pool, &keys).await.unwrap_or_default();
    let servers: HashMap<RouteKey, ServerName> =
        entries.into_iter().filter_map(|entry| Some((entry.key, entry.server?))).collect();
    let view = |key: &RouteKey| {
        let server = servers.get(key)?.to_string();
        Some(RouteView { router: router.name().to_string(), pool: pool.to_string(), server })
    };
    keys.iter().map(view).collect()
}
