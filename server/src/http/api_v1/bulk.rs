//! Bulk clean-ups: a list is frozen and hashed, asked for, carried out in waves, reported. A token can ask; above the limit
//! a person approves, in the console.

use std::io::Cursor;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    Bulk, BulkAccount, BulkId, BulkMove, BulkOrder, BulkOutcome, Guard, Mode, Place, PoolName, RouterName, ServerMove,
    ServerName,
    view::{BulkPage, Page},
};
use serde::{Deserialize, Serialize};
use service::BulkSource;
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    diagnosis::FilterParams,
    extract::{Body, Id, Params, body_problem, kind_of},
    problem, shapes,
    shown::PageView,
};
use crate::{
    http::{ExportFormat, Site, bulk as report},
    wire::HashBody,
};

/// A bulk clean-up that is drafted: a filter or a list, and how it is to be carried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    /// The accounts that pass this filter; one that says nothing is an error, never all.
    filter: Option<FilterParams>,
    /// These accounts, at most 200,000. Unknown ids and repeats are reported line by line.
    #[schema(example = json!(["acc_7Q2mX0cVd4", "acc_9aLp0"]))]
    account_ids: Option<Vec<String>>,
    /// Those who are on a server now: their routes to it, and nothing else, are cleared.
    off_server: Option<OffServer>,
    /// How much of each account; by default `stale`, with `off_server` always `unstick`.
    #[schema(value_type = Option<shapes::Mode>)]
    mode: Option<Mode>,
    /// Why, in 5 to 500 characters; it goes into the audit log.
    #[schema(example = "left by the outage")]
    reason: String,
    /// The ticket it belongs to.
    ticket: Option<String>,
    /// Accounts under way at once; by default 100.
    #[schema(minimum = 1, maximum = 1000)]
    wave: Option<u32>,
    /// Accounts begun a second, at most; by default 500, with `off_server` 20.
    #[schema(minimum = 1, maximum = 1000)]
    rate: Option<u32>,
    /// It stops by itself when more accounts than this are in trouble; by default 25.
    #[schema(minimum = 0, maximum = 100_000)]
    failure_limit: Option<u32>,
}

/// A server that everybody is moved off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OffServer {
    /// A router; its whole fleet is meant.
    #[schema(value_type = String, example = "lb-1")]
    router: RouterName,
    /// The pool.
    #[schema(value_type = String, example = "app")]
    pool: PoolName,
    /// The server that everybody leaves.
    #[schema(value_type = String, example = "api-2")]
    server: ServerName,
    /// The server that all of them are pinned to; without, the load balancer chooses.
    #[schema(value_type = Option<String>, example = "api-3")]
    to: Option<ServerName>,
    /// It stops by itself when the errors of another server rise by more than so many percentage points; by default 3, 0 for
    /// never.
    #[schema(minimum = 0, maximum = 100)]
    max_errors: Option<u32>,
    /// It stops by itself when another server takes so many percent longer to answer; by default 100, 0 for never.
    #[schema(minimum = 0, maximum = 10_000)]
    max_response: Option<u32>,
}

impl OffServer {
    fn source(self) -> BulkSource {
        let Self { router, pool, server, to, max_errors, max_response } = self;
        let usual = Guard::default();
        let guard =
            Guard { errors: max_errors.unwrap_or(usual.errors), response: max_response.unwrap_or(usual.response) };
        BulkSource::Server(Box::new(ServerMove { place: Place { router, pool }, server, to, guard }))
    }
}

/// How it is to be carried out, where the body is a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderParams {
    /// With a list as the body: how much of each account; by default `stale`.
    #[param(value_type = Option<shapes::Mode>)]
    mode: Option<Mode>,
    /// With a list as the body: why. Needed then.
    #[param(example = "left by the outage")]
    reason: Option<String>,
    /// With a list as the body: the ticket it belongs to.
    ticket: Option<String>,
    /// With a list as the body: accounts under way at once; by default 100.
    #[param(minimum = 1, maximum = 1000)]
    wave: Option<u32>,
    /// With a list as the body: accounts begun a second, at most; by default 500.
    #[param(minimum = 1, maximum = 1000)]
    rate: Option<u32>,
    /// With a list as the body: it stops by itself when more accounts than this are in trouble; by default 25.
    #[param(minimum = 0, maximum = 100_000)]
    failure_limit: Option<u32>,
}

impl OrderParams {
    fn order(self) -> BulkOrder {
        BulkOrder {
            mode: self.mode.unwrap_or_default(),
            reason: self.reason.unwrap_or_default(),
            ticket: self.ticket.unwrap_or_default(),
            wave: self.wave.unwrap_or(BulkOrder::WAVE),
            rate: self.rate.unwrap_or(BulkOrder::RATE),
            failure_limit: self.failure_limit.unwrap_or(BulkOrder::FAILURE_LIMIT),
        }
    }

    const fn is_empty(&self) -> bool {
        let Self { mode, reason, ticket, wave, rate, failure_limit } = self;
        mode.is_none()
            && reason.is_none()
            && ticket.is_none()
            && wave.is_none()
            && rate.is_none()
            && failure_limit.is_none()
    }
}

impl BulkBody {
    fn parts(self) -> Result<(BulkSource, BulkOrder), Problem> {
        let Self { filter, account_ids, off_server, mode, reason, ticket, wave, rate, failure_limit } = self;
        let (mode, rate) = match &off_server {
            Some(_) => (mode.or(Some(Mode::Unstick)), rate.or(Some(BulkOrder::MOVE_RATE))),
            None => (mode, rate),
        };
        let order = OrderParams { mode, reason: Some(reason), ticket, wave, rate, failure_limit }.order();
        let source = match (filter, account_ids, off_server) {
            (None, None, Some(off)) => off.source(),
            (Some(filter), None, None) if filter.after.is_some() => {
                return Err(Problem::invalid("after", "a filter has no field after here"));
            }
            (Some(filter), None, None) => BulkSource::Filter(filter.filter()?),
            (None, Some(ids), None) => {
                // A line break would make two ids of one.
                if let Some(bad) = ids.iter().find(|id| id.chars().any(char::is_control)) {
                    let text = format!("{} is no account id", bad.escape_debug());
                    return Err(Problem::invalid("account_ids", text));
                }
                BulkSource::List(Box::new(Cursor::new(ids.join("\n").into_bytes())))
            }
            _ => {
                return Err(Problem::invalid(
                    "filter",
                    "say which accounts are meant: filter, account_ids or off_server",
                ));
            }
        };
        Ok((source, order))
    }
}

/// What a draft is made of: JSON, or a list as text with its order in the query.
pub struct Draft {
    source: BulkSource,
    order: BulkOrder,
}

impl FromRequest<Site> for Draft {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Params(order) =
            <Params<OrderParams> as axum::extract::FromRequestParts<Site>>::from_request_parts(&mut parts, site)
                .await?;
        let kind = kind_of(&parts.headers);
        let request = Request::from_parts(parts, body);
        if !matches!(kind.as_str(), "text/csv" | "text/plain") {
            if !order.is_empty() {
                let text = "with a JSON body everything is in the body: leave the query empty";
                return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", text));
            }
            let Body(body) = Body::<BulkBody>::from_request(request, site).await?;
            let (source, order) = body.parts()?;
            return Ok(Self { source, order });
        }
        let bytes = Bytes::from_request(request, site).await.map_err(|rejection| body_problem(&rejection))?;
        Ok(Self { source: BulkSource::List(Box::new(Cursor::new(bytes))), order: order.order() })
    }
}

/// Draft a bulk clean-up
///
/// Freezes the list, counts it, and answers its hash; nothing is done to anybody before it is asked for. The accounts are
/// chosen by the filter of the list of accounts, by a list of ids (in JSON, or as a body of `text/csv` with a column
/// `account_id` or one id a line, when the order stands in the query), or as those who are on a server now, to move
/// everybody off it. Needs the scope `bulk:write`.
#[utoipa::path(post, path = "/api/v1/bulk-cleanups", tag = "bulk clean-ups", operation_id = "draftBulk", params(OrderParams),
    request_body(content((BulkBody = "application/json", example = json!({"filter": {"kind": "stale_route", "leftover": 3},
        "mode": "stale", "reason": "left by the outage", "ticket": "T-48213"})), (String = "text/csv",
        example = "account_id\nacc_7Q2mX0cVd4\nacc_9aLp0\n"))),
    responses((status = 201, body = shapes::Bulk, description = "Drafted: look at it, then ask for its hash"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "A load balancer cannot be read, so nobody knows who is on the server")))]
pub async fn draft(Backend(actor): Backend, State(site): State<Site>, draft: Draft) -> Result<Response, Problem> {
    let bulk = Box::pin(site.unstick().draft_bulk(&actor, draft.source, draft.order)).await?;
    let location = [(header::LOCATION, format!("/api/v1/bulk-cleanups/{}", bulk.id))];
    Ok((StatusCode::CREATED, location, Json(bulk)).into_response())
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AfterParams {
    /// The `next` of the page before.
    after: Option<String>,
}

/// A page of bulk clean-ups.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bulks {
    /// The newest first.
    #[schema(value_type = Vec<shapes::Bulk>)]
    items: Vec<Bulk>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// List bulk clean-ups
///
/// The newest first, a page at a time. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/bulk-cleanups", tag = "bulk clean-ups", operation_id = "listBulks", params(AfterParams),
    responses((status = 200, body = Bulks, description = "A page")))]
pub async fn list(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(AfterParams { after }): Params<AfterParams>,
) -> Result<Json<Bulks>, Problem> {
    let page = site.unstick().bulks(&actor, after.as_deref()).await?.page;
    Ok(Json(Bulks { items: page.items, next: page.next }))
}

/// Read a bulk clean-up
///
/// With its preview (servers that its accounts are pinned to, how long it takes) and the first of its accounts. Needs the
/// scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/bulk-cleanups/{bulk_id}", tag = "bulk clean-ups", operation_id = "getBulk",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    responses((status = 200, body = shapes::BulkPage, description = "The bulk clean-up")))]
pub async fn get(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
) -> Result<Json<BulkPage>, Problem> {
    Ok(Json(Box::pin(site.unstick().bulk_page(&actor, &id, None, 0)).await?))
}

/// Which accounts of a bulk clean-up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountParams {
    /// Only those that are there.
    #[param(value_type = Option<shapes::BulkOutcome>, example = "failed")]
    outcome: Option<BulkOutcome>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// List the accounts of a bulk clean-up
///
/// In the list's order, a page at a time, with what became of each. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/bulk-cleanups/{bulk_id}/accounts", tag = "bulk clean-ups", operation_id = "listBulkAccounts",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x"), AccountParams),
    responses((status = 200, body = shapes::BulkAccounts, description = "A page")))]
pub async fn accounts(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
    Params(AccountParams { outcome, after }): Params<AccountParams>,
) -> Result<Json<PageView<BulkAccount>>, Problem> {
    let after = after.map(|text| text.parse::<i64>()).transpose();
    let after = after.map_err(|_| Problem::invalid("after", "that page does not exist: start again"))?.unwrap_or(0);
    let Page { items, next } = Box::pin(site.unstick().bulk_page(&actor, &id, outcome, after)).await?.accounts;
    Ok(Json(PageView { items, next }))
}

/// Ask for a bulk clean-up
///
/// Exactly the list with this hash. Above `approval_above` accounts it then waits for a second admin, who approves it in the
/// console; else it begins. Only the token that drafted it can ask for it. Needs the scope `bulk:write`.
#[utoipa::path(post, path = "/api/v1/bulk-cleanups/{bulk_id}/request", tag = "bulk clean-ups", operation_id = "requestBulk",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    request_body(content = HashBody, example = json!({"hash": "0qJd0eXb1mTzS3p4Kj9l2Q"})),
    responses((status = 202, body = shapes::Bulk, description = "It runs, or waits for approval: see its status"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "Another list, another's list, or asked for already")))]
pub async fn request(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
    Body(body): Body<HashBody>,
) -> Result<(StatusCode, Json<Bulk>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(site.unstick().request_bulk(&actor, &id, &body.hash).await?)))
}

/// Approve a bulk clean-up (no token can)
///
/// Four eyes are two people: a second admin approves it, signed in to the console. This address says so, always with 403, and
/// the try is in the audit log.
#[utoipa::path(post, path = "/api/v1/bulk-cleanups/{bulk_id}/approve", tag = "bulk clean-ups", operation_id = "approveBulk",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    request_body(content = HashBody, example = json!({"hash": "0qJd0eXb1mTzS3p4Kj9l2Q"})),
    responses((status = 403, body = problem::Shown, content_type = "application/problem+json",
        description = "`needs-a-person`: a second admin approves it, in the console")))]
pub async fn approve(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
    Body(body): Body<HashBody>,
) -> Problem {
    let text = match site.unstick().approve_bulk(&actor, &id, &body.hash).await {
        Err(service::Error::Conflict(text)) => text,
        Err(error) => return error.into(),
        // The use case lets no token through; were it to, this would still not say so.
        Ok(_) => "a second admin approves it, signed in to the console".to_owned(),
    };
    Problem::new(StatusCode::FORBIDDEN, "needs-a-person", text)
}

/// What is done with a bulk clean-up.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Begin nothing new; what is under way ends.
    Pause,
    /// Let it go on.
    Resume,
    /// End it.
    Cancel,
    /// Give the accounts for which no clean-up could be asked for another turn.
    Retry,
}

/// What is done with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    /// What.
    what: Move,
}

/// Pause, resume, cancel or retry a bulk clean-up
///
/// Clean-ups that are under way end in any case. Needs the scope `bulk:write`.
#[utoipa::path(post, path = "/api/v1/bulk-cleanups/{bulk_id}/control", tag = "bulk clean-ups", operation_id = "controlBulk",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    request_body(content = MoveBody, example = json!({"what": "pause"})),
    responses((status = 200, body = shapes::Bulk, description = "Done"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It cannot be done now")))]
pub async fn control(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
    Body(MoveBody { what }): Body<MoveBody>,
) -> Result<Json<Bulk>, Problem> {
    let what = match what {
        Move::Pause => BulkMove::Pause,
        Move::Resume => BulkMove::Resume,
        Move::Cancel => BulkMove::Cancel,
        Move::Retry => BulkMove::Retry,
    };
    Ok(Json(site.unstick().control_bulk(&actor, &id, what).await?))
}

/// Read a bulk clean-up's report as CSV
///
/// Every account and what became of it; cells that a spreadsheet would take for a formula begin with an apostrophe. Needs
/// the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/bulk-cleanups/{bulk_id}/report.csv", tag = "bulk clean-ups", operation_id = "getBulkCsv",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    responses((status = 200, body = String, content_type = "text/csv", description = "The report")))]
pub async fn csv(Backend(actor): Backend, State(site): State<Site>, Id(id): Id<BulkId>) -> Result<Response, Problem> {
    Ok(report::report_of(&site, actor, id, ExportFormat::Csv).await?)
}

/// Read a bulk clean-up's report as NDJSON
///
/// Every account and what became of it, one object a line. Needs the scope `cleanups:read`.
#[utoipa::path(get, path = "/api/v1/bulk-cleanups/{bulk_id}/report.ndjson", tag = "bulk clean-ups", operation_id = "getBulkNdjson",
    params(("bulk_id" = String, Path, description = "The bulk clean-up's id", example = "b_5Jp0wLZk3x")),
    responses((status = 200, body = String, content_type = "application/x-ndjson", description = "The report")))]
pub async fn ndjson(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<BulkId>,
) -> Result<Response, Problem> {
    Ok(report::report_of(&site, actor, id, ExportFormat::Ndjson).await?)
}
