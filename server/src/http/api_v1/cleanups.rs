//! Clean-ups of single accounts: the plan, the request, the ledger, the evidence.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    AccountId, CleanupId, Mode, PlanHash, Status, Step,
    view::{CleanupRequest, CleanupRow, LedgerView, PlanPage, Unfinished},
};
use serde::{Deserialize, Serialize};
use service::Evidence;
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id, Params},
    problem, shapes,
};
use crate::{http::Site, wire::CleanupAsked};

/// How much.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlanParams {
    /// How much; by default `stale`.
    #[param(value_type = Option<shapes::Mode>, example = "force")]
    mode: Option<Mode>,
}

/// See what a clean-up would do
///
/// The exact sessions and routes, what the customer will notice, and the plan's hash; nothing is done. Needs the scope
/// `accounts:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/cleanup-plan", tag = "clean-ups", operation_id = "planCleanup",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4"), PlanParams),
    responses((status = 200, body = shapes::PlanPage, description = "The plan")))]
pub async fn plan(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
    Params(PlanParams { mode }): Params<PlanParams>,
) -> Result<Json<PlanPage>, Problem> {
    Ok(Json(Box::pin(site.unstick().plan_page(&actor, &id, mode.unwrap_or_default())).await?))
}

/// A clean-up that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanupBody {
    /// Of which account.
    #[schema(value_type = String, example = "acc_7Q2mX0cVd4")]
    account_id: AccountId,
    /// How much; by default `stale`.
    #[serde(default)]
    #[schema(value_type = Option<shapes::Mode>)]
    mode: Mode,
    /// Why, in 5 to 500 characters; it goes into the audit log.
    #[schema(example = "stuck on every device")]
    reason: String,
    /// The ticket it belongs to.
    #[serde(default)]
    #[schema(example = "T-48213")]
    ticket: String,
    /// The hash of the plan that was looked at; without it, the plan of the moment is carried out.
    #[schema(value_type = Option<String>, example = "kTz0Fz0Zk0m9vVqJ3sQ1xw")]
    plan_hash: Option<PlanHash>,
}

/// Ask for a clean-up
///
/// One that is under way in the same mode is joined (200). When the account is not as it was when its plan was made, nothing
/// is done and the problem carries the plan of now (`world-changed`); when one of another mode is under way, the problem
/// names it (`under-way`). Needs the scope `cleanups:write`.
#[utoipa::path(post, path = "/api/v1/cleanups", tag = "clean-ups", operation_id = "requestCleanup",
    request_body(content = CleanupBody, example = json!({"account_id": "acc_7Q2mX0cVd4", "mode": "force",
        "reason": "stuck on every device", "ticket": "T-48213"})),
    responses((status = 201, body = CleanupAsked, description = "Asked for: follow it at its Location"),
        (status = 200, body = CleanupAsked, description = "Joined: it was under way"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "`world-changed`, `under-way` or `nothing-to-do`")))]
pub async fn request(
    Backend(actor): Backend,
    State(site): State<Site>,
    Body(body): Body<CleanupBody>,
) -> Result<Response, Problem> {
    let CleanupBody { account_id: account, mode, reason, ticket, plan_hash: hash } = body;
    let request = CleanupRequest { account, mode, reason, ticket, hash };
    let requested = Box::pin(site.unstick().request_cleanup(&actor, request)).await?;
    let status = if requested.joined { StatusCode::OK } else { StatusCode::CREATED };
    let location = [(header::LOCATION, format!("/api/v1/cleanups/{}", requested.id))];
    Ok((status, location, Json(CleanupAsked { cleanup_id: requested.id, joined: requested.joined })).into_response())
}

/// Which clean-ups.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CleanupParams {
    /// Only these.
    #[param(value_type = Option<shapes::CleanupStatus>, example = "owed")]
    status: Option<Status>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A page of clean-ups.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cleanups {
    /// The clean-ups, newest first.
    #[schema(value_type = Vec<shapes::CleanupRow>)]
    items: Vec<CleanupRow>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// All that are not finished, counted.
    #[schema(value_type = shapes::Unfinished)]
    unfinished: Unfinished,
}

/// List clean-ups
///
/// The newest first, a page at a time. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/cleanups", tag = "clean-ups", operation_id = "listCleanups", params(CleanupParams),
    responses((status = 200, body = Cleanups, description = "A page")))]
pub async fn list(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(CleanupParams { status, after }): Params<CleanupParams>,
) -> Result<Json<Cleanups>, Problem> {
    let page = site.unstick().cleanups(&actor, status, after.as_deref()).await?;
    Ok(Json(Cleanups { items: page.page.items, next: page.page.next, unfinished: page.unfinished }))
}

/// Read a clean-up
///
/// Where it is in one sentence, its steps, what happened when, the watch, and a reply for the customer once it is done. Needs
/// the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/cleanups/{cleanup_id}", tag = "clean-ups", operation_id = "getCleanup",
    params(("cleanup_id" = String, Path, description = "The clean-up's id", example = "c_5Jp0wLZk3x")),
    responses((status = 200, body = shapes::Ledger, description = "The clean-up")))]
pub async fn get(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<Json<LedgerView>, Problem> {
    Ok(Json(site.unstick().ledger(&actor, &id).await?))
}

/// List all steps of a clean-up
///
/// With when each was cleared, cleared again and verified. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/cleanups/{cleanup_id}/steps", tag = "clean-ups", operation_id = "listSteps",
    params(("cleanup_id" = String, Path, description = "The clean-up's id", example = "c_5Jp0wLZk3x")),
    responses((status = 200, body = Vec<shapes::Step>, description = "Its steps")))]
pub async fn steps(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<Json<Vec<Step>>, Problem> {
    Ok(Json(site.unstick().ledger_steps(&actor, &id).await?))
}

/// Retry a clean-up
///
/// Tries its failed and its owed steps again, now. Needs the scope `cleanups:write`.
#[utoipa::path(post, path = "/api/v1/cleanups/{cleanup_id}/retry", tag = "clean-ups", operation_id = "retryCleanup",
    params(("cleanup_id" = String, Path, description = "The clean-up's id", example = "c_5Jp0wLZk3x")),
    responses((status = 202, body = CleanupAsked, description = "It is tried again"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "Nothing of it waits for a retry")))]
pub async fn retry(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<(StatusCode, Json<CleanupAsked>), Problem> {
    site.unstick().retry_cleanup(&actor, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(CleanupAsked { cleanup_id: id, joined: true })))
}

/// Read a clean-up's evidence
///
/// All that is known of it, for a machine. Needs the scope `cleanups:read`; with `audit:read` its audit events are there too.
#[utoipa::path(get, path = "/api/v1/cleanups/{cleanup_id}/evidence", tag = "clean-ups", operation_id = "getEvidence",
    params(("cleanup_id" = String, Path, description = "The clean-up's id", example = "c_5Jp0wLZk3x")),
    responses((status = 200, body = shapes::Evidence, description = "The evidence")))]
pub async fn evidence(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<Json<Evidence>, Problem> {
    Ok(Json(site.unstick().evidence(&actor, &id).await?))
}

/// Read a clean-up's evidence for the ticket
///
/// The same as Markdown. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/cleanups/{cleanup_id}/evidence.md", tag = "clean-ups", operation_id = "getEvidenceText",
    params(("cleanup_id" = String, Path, description = "The clean-up's id", example = "c_5Jp0wLZk3x")),
    responses((status = 200, body = String, content_type = "text/markdown", description = "The evidence")))]
pub async fn evidence_text(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<Response, Problem> {
    let pack = site.unstick().evidence(&actor, &id).await?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], pack.to_markdown()).into_response())
}
