//! Accounts as support sees them: found, filtered, diagnosed, with their routes now and before.

use axum::{Json, extract::State};
use domain::{
    AccountFilter, AccountId, Instant, ServerStatus, Span, Unread,
    view::{AccountRow, RouteRow, SearchPage, SessionFilter, Timeline},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Id, Params},
    shapes::{self, At},
};
use crate::{
    http::Site,
    wire::{Diagnosis, ToldChange},
};

/// How far back changes of routes are told without `since`.
const BACK: Span = Span::from_days(14);

/// What is searched for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// An account's id, a part of an e-mail address or a name, a session's id or fingerprint, or an IP address.
    #[param(example = "dana@example.com", min_length = 1, max_length = 200)]
    q: String,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Search accounts
///
/// Exact hits come first; each says why it is one. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/search", tag = "accounts", operation_id = "searchAccounts", params(SearchParams),
    responses((status = 200, body = shapes::SearchPage, description = "A page of hits")))]
pub async fn search(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(SearchParams { q, after }): Params<SearchParams>,
) -> Result<Json<SearchPage>, Problem> {
    Ok(Json(site.unstick().search(&actor, &q, after.as_deref()).await?))
}

/// Which accounts. All that is said must hold.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FilterParams {
    /// A part of id, e-mail or name, 3 to 100 characters.
    #[param(example = "example.com")]
    pub text: Option<String>,
    /// The last census has an open finding of this kind about it.
    #[param(value_type = Option<shapes::CensusKind>, example = "stale_route")]
    #[schema(value_type = Option<shapes::CensusKind>)]
    pub kind: Option<String>,
    /// It has a route on this router, in `pool`, to `server`: all three together.
    pub router: Option<String>,
    /// The pool.
    pub pool: Option<String>,
    /// The server.
    pub server: Option<String>,
    /// So many sessions are left over, or more.
    #[param(minimum = 1)]
    #[schema(minimum = 1)]
    pub leftover: Option<i64>,
    /// It was last seen before this day or instant.
    pub seen_before: Option<String>,
    /// It is on this plan.
    pub plan: Option<String>,
    /// The `next` of the page before.
    #[schema(ignore)]
    pub after: Option<String>,
}

impl FilterParams {
    /// What they say, read as the console reads it.
    ///
    /// # Errors
    /// A problem about the field that is not understood.
    pub fn filter(&self) -> Result<AccountFilter, Problem> {
        let value = |name: &str| match name {
            "text" => self.text.clone(),
            "kind" => self.kind.clone(),
            "router" => self.router.clone(),
            "pool" => self.pool.clone(),
            "server" => self.server.clone(),
            "leftover" => self.leftover.map(|n| n.to_string()),
            "seen_before" => self.seen_before.clone(),
            "plan" => self.plan.clone(),
            _ => None,
        };
        AccountFilter::parse(value).map_err(|error| Problem::invalid(error.field, error.message))
    }
}

/// A page of accounts that pass a filter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Filtered {
    /// The accounts, by id.
    #[schema(value_type = Vec<shapes::AccountRow>)]
    items: Vec<AccountRow>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// List the accounts that pass a filter
///
/// The same filter as in the console and for bulk clean-ups; one that says nothing lists all. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/filtered-accounts", tag = "accounts", operation_id = "filterAccounts", params(FilterParams),
    responses((status = 200, body = Filtered, description = "A page")))]
pub async fn filtered(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<FilterParams>,
) -> Result<Json<Filtered>, Problem> {
    let page = site.unstick().accounts(&actor, &params.filter()?, params.after.as_deref()).await?;
    Ok(Json(Filtered { items: page.items, next: page.next }))
}

/// Diagnose an account
///
/// Reads its sessions and asks every router: the verdict in one sentence, and findings with their evidence. Needs the scope
/// `accounts:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/diagnosis", tag = "accounts", operation_id = "diagnoseAccount",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4")),
    responses((status = 200, body = Diagnosis, description = "What is wrong")))]
pub async fn diagnose(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
) -> Result<Json<Diagnosis>, Problem> {
    let (world, verdict, findings) = Box::pin(site.unstick().diagnose(&actor, &id)).await?;
    Ok(Json(Diagnosis::new(world, &verdict, findings)))
}

/// An account's routes now, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoutesNow {
    /// The routes; at most 200.
    #[schema(value_type = Vec<shapes::RouteRow>)]
    routes: Vec<RouteRow>,
    /// The servers of the pools that they are in.
    #[schema(value_type = Vec<shapes::ServerStatus>)]
    servers: Vec<ServerStatus>,
    /// Routers that could not be read.
    #[schema(value_type = Vec<shapes::Unread>)]
    unread: Vec<Unread>,
    /// When they were read.
    #[schema(value_type = At)]
    now: Instant,
}

/// List an account's routes
///
/// Each with its server's health, whether it is left over, and why the next request will go there. Needs the scope
/// `accounts:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/routes", tag = "accounts", operation_id = "listRoutes",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4")),
    responses((status = 200, body = RoutesNow, description = "Its routes")))]
pub async fn routes(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
) -> Result<Json<RoutesNow>, Problem> {
    let page = Box::pin(site.unstick().account_page(&actor, &id, SessionFilter::Open, None)).await?;
    Ok(Json(RoutesNow { routes: page.routes, servers: page.servers, unread: page.unread, now: page.now }))
}

/// Where each session of an account went
///
/// The last 14 days: stretches of time on servers, the account's own route first. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/timeline", tag = "accounts", operation_id = "getTimeline",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4")),
    responses((status = 200, body = shapes::Timeline, description = "Where each session went")))]
pub async fn timeline(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
) -> Result<Json<Timeline>, Problem> {
    let page = Box::pin(site.unstick().account_page(&actor, &id, SessionFilter::Open, None)).await?;
    Ok(Json(page.timeline))
}

/// Since when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryParams {
    /// Not before; by default 14 days ago.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-20T00:00:00Z")]
    since: Option<Instant>,
}

/// How an account's routes changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// The changes, newest first; at most 1,000.
    items: Vec<ToldChange>,
    /// Whether there are more: ask for a shorter time.
    more: bool,
}

/// List how an account's routes changed
///
/// When which key moved from which server to which, newest first. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/route-history", tag = "accounts", operation_id = "listRouteChanges",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4"), HistoryParams),
    responses((status = 200, body = History, description = "The changes")))]
pub async fn history(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
    Params(HistoryParams { since }): Params<HistoryParams>,
) -> Result<Json<History>, Problem> {
    let since = since.unwrap_or_else(|| site.unstick().clock().now() - BACK);
    let (changes, more) = site.unstick().route_history(&actor, &id, since).await?;
    Ok(Json(History { items: changes.into_iter().map(Into::into).collect(), more }))
}
