//! The census, what it found, and repairs of that.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    Instant, Repair, RepairId, RepairPlan, RepairRequest, RouterName, ServerName,
    census::{CensusFinding, CensusKind, FindingAge, FindingFilter, TrendPoint},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id, Params},
    problem,
    shapes::{self, At},
};
use crate::{
    http::Site,
    wire::{CensusAsked, Censuses},
};

/// Accounts of a plan, where nobody says how many.
const ACCOUNTS: u32 = 200;

/// Run a census
///
/// Asks this server to look for everything that is left over anywhere; read it at `/api/v1/census` until it is over. Needs
/// the scope `census:write`.
#[utoipa::path(post, path = "/api/v1/census", tag = "census", operation_id = "runCensus",
    responses((status = 202, body = CensusAsked, description = "It runs"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "One is under way")))]
pub async fn run(
    Backend(actor): Backend,
    State(site): State<Site>,
) -> Result<(StatusCode, Json<CensusAsked>), Problem> {
    site.unstick().ask_census(&actor).await?;
    // Two never run at once, so the newest one is the one that was asked for.
    let newest = site.unstick().store().newest_census().await.map_err(service::Error::from)?;
    Ok((StatusCode::ACCEPTED, Json(CensusAsked { census: newest.map_or(0, |census| census.no) })))
}

/// Read the last census
///
/// The last one that came to its end, and the newest one, which may be under way. Needs the scope `census:read`.
#[utoipa::path(get, path = "/api/v1/census", tag = "census", operation_id = "getCensus",
    responses((status = 200, body = Censuses, description = "Censuses")))]
pub async fn latest(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<Censuses>, Problem> {
    let (last, newest) = site.unstick().censuses(&actor).await?;
    Ok(Json(Censuses { last, newest }))
}

/// How much was found over time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trend {
    /// When past censuses ended, the oldest first.
    #[schema(value_type = Vec<At>)]
    ends: Vec<Instant>,
    /// How many were open then, of the kinds of which any were.
    #[schema(value_type = Vec<shapes::TrendPoint>)]
    points: Vec<TrendPoint>,
}

/// Read the trend of the findings
///
/// How many were open at the end of past censuses, by kind. Needs the scope `census:read`.
#[utoipa::path(get, path = "/api/v1/census/trend", tag = "census", operation_id = "getTrend",
    responses((status = 200, body = Trend, description = "The trend")))]
pub async fn trend(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<Trend>, Problem> {
    let page = Box::pin(site.unstick().findings(&actor, &FindingFilter::default(), None)).await?;
    Ok(Json(Trend { ends: page.ends, points: page.trend }))
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingParams {
    /// Of this kind.
    #[param(value_type = Option<shapes::CensusKind>, example = "stale_route")]
    kind: Option<CensusKind>,
    /// On this router.
    #[param(value_type = Option<String>)]
    router: Option<RouterName>,
    /// About this server.
    #[param(value_type = Option<String>)]
    server: Option<ServerName>,
    /// First seen so long ago: `1h`, `1d` or `7d`.
    #[param(example = "1d")]
    older_than: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

fn filter(
    kind: Option<CensusKind>,
    router: Option<RouterName>,
    server: Option<ServerName>,
    older_than: Option<&str>,
) -> Result<FindingFilter, Problem> {
    let age = match older_than {
        None => FindingAge::Any,
        Some(word) => FindingAge::parse(word)
            .filter(|age| *age != FindingAge::Any)
            .ok_or_else(|| Problem::invalid("older_than", "older_than must be 1h, 1d or 7d"))?,
    };
    Ok(FindingFilter { kind, router, server, age })
}

/// A page of findings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Findings {
    /// The findings that are open, the oldest first.
    #[schema(value_type = Vec<shapes::CensusFinding>)]
    items: Vec<CensusFinding>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// When it was answered.
    #[schema(value_type = At)]
    now: Instant,
}

/// List open findings
///
/// What two censuses saw, a page at a time. Needs the scope `census:read`.
#[utoipa::path(get, path = "/api/v1/findings", tag = "census", operation_id = "listFindings", params(FindingParams),
    responses((status = 200, body = Findings, description = "A page")))]
pub async fn findings(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<FindingParams>,
) -> Result<Json<Findings>, Problem> {
    let FindingParams { kind, router, server, older_than, after } = params;
    let filter = filter(kind, router, server, older_than.as_deref())?;
    let page = Box::pin(site.unstick().findings(&actor, &filter, after.as_deref())).await?;
    Ok(Json(Findings { items: page.page.items, next: page.page.next, now: page.now }))
}

/// Of which findings a repair is planned.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RepairParams {
    /// Of this kind: `orphaned_session` or `stale_route`.
    #[param(value_type = Option<shapes::CensusKind>, example = "stale_route")]
    kind: Option<CensusKind>,
    /// On this router.
    #[param(value_type = Option<String>)]
    router: Option<RouterName>,
    /// About this server.
    #[param(value_type = Option<String>)]
    server: Option<ServerName>,
    /// First seen so long ago: `1h`, `1d` or `7d`.
    older_than: Option<String>,
    /// Accounts of the plan at most.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u32>,
}

/// Plan a repair
///
/// Names every record and every route that it would remove, account by account; nothing is done. Needs the scope
/// `census:write`.
#[utoipa::path(get, path = "/api/v1/repair-plan", tag = "census", operation_id = "planRepair", params(RepairParams),
    responses((status = 200, body = shapes::RepairPlan, description = "The plan")))]
pub async fn plan(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<RepairParams>,
) -> Result<Json<RepairPlan>, Problem> {
    let RepairParams { kind, router, server, older_than, limit } = params;
    let filter = filter(kind, router, server, older_than.as_deref())?;
    Ok(Json(Box::pin(site.unstick().repair_plan(&actor, &filter, limit.unwrap_or(ACCOUNTS))).await?))
}

/// A repair that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairBody {
    /// The plan as `/api/v1/repair-plan` answered it.
    #[schema(value_type = shapes::RepairPlan)]
    repair_plan: serde_json::Value,
    /// Why, in 5 to 400 characters; it goes into the audit log.
    #[schema(example = "left by the outage")]
    reason: String,
    /// The ticket it belongs to.
    #[serde(default)]
    ticket: String,
}

/// Apply a repair plan
///
/// Does exactly what the plan names: one clean-up an account, in mode `stale`, with its ledger and its proof. An account that
/// is not as planned any more is left alone, with the outcome `changed`. Needs the scope `census:write`.
#[utoipa::path(post, path = "/api/v1/repairs", tag = "census", operation_id = "requestRepair",
    request_body(content = RepairBody, example = json!({"repair_plan": {"version": 1, "census": 42,
        "made_at": "2026-11-23T09:14:07Z", "filter": {"kind": "stale_route", "router": null, "server": null, "age": "any"},
        "limit": 200, "items": [], "left_alone": [], "more": false, "hash": "kTz0Fz0Zk0m9vVqJ3sQ1xw"},
        "reason": "left by the outage"})),
    responses((status = 201, body = shapes::Repair, description = "Asked for"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "Every account changed, or the plan names nothing")))]
pub async fn repair(
    Backend(actor): Backend,
    State(site): State<Site>,
    Body(body): Body<RepairBody>,
) -> Result<Response, Problem> {
    let RepairBody { repair_plan, reason, ticket } = body;
    let plan: RepairPlan = serde_json::from_value(repair_plan).map_err(|_| {
        Problem::invalid("repair_plan", "repair_plan must be a plan as GET /api/v1/repair-plan answered it")
    })?;
    let repair = Box::pin(site.unstick().request_repair(&actor, RepairRequest { plan, reason, ticket })).await?;
    let location = [(header::LOCATION, format!("/api/v1/repairs/{}", repair.id))];
    Ok((StatusCode::CREATED, location, Json(repair)).into_response())
}

/// Read a repair
///
/// Its accounts and their clean-ups. Needs the scope `census:read`.
#[utoipa::path(get, path = "/api/v1/repairs/{repair_id}", tag = "census", operation_id = "getRepair",
    params(("repair_id" = String, Path, description = "The repair's id", example = "r_5Jp0wLZk3x")),
    responses((status = 200, body = shapes::Repair, description = "The repair")))]
pub async fn repaired(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<RepairId>,
) -> Result<Json<Repair>, Problem> {
    Ok(Json(site.unstick().repair(&actor, &id).await?))
}
