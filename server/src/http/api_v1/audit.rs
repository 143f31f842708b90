//! The audit log: searched, one event with its proof, exported, verified.

use app::api::audit::AuditQuery;
use axum::{Json, extract::State, response::Response};
use domain::{AuditEvent, Instant, view::AuditFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Id, Params},
    shapes::{self, At},
};
use crate::{
    http::{ExportFormat, Site, audit_export},
    wire::{Proven, Verified},
};

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditParams {
    /// Who; a name alone is a staff member's.
    #[param(example = "staff:dana")]
    actor: Option<String>,
    /// About which account.
    account: Option<String>,
    /// Which action, or its beginning up to a dot.
    #[param(example = "cleanup")]
    action: Option<String>,
    /// Of which ticket.
    ticket: Option<String>,
    /// Not before this day or instant.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this day or instant.
    to: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl AuditParams {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let query = AuditQuery::read(|name| match name {
            "actor" => self.actor.clone(),
            "account" => self.account.clone(),
            "action" => self.action.clone(),
            "ticket" => self.ticket.clone(),
            "from" => self.from.clone(),
            "to" => self.to.clone(),
            _ => None,
        });
        query.parse().map_err(|error| {
            let problem = Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.message);
            match error.field {
                Some(field) => problem.about(field),
                None => problem,
            }
        })
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// The events, newest first.
    #[schema(value_type = Vec<shapes::AuditEvent>)]
    items: Vec<AuditEvent>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// Numbers of those events that are not as they were written: the log was tampered with.
    unproven: Vec<i64>,
    /// When it was answered.
    #[schema(value_type = At)]
    now: Instant,
}

/// Search the audit log
///
/// The newest first, a page at a time. Needs the scope `audit:read`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "searchAudit", params(AuditParams),
    responses((status = 200, body = Events, description = "A page")))]
pub async fn search(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<AuditParams>,
) -> Result<Json<Events>, Problem> {
    let page = site.unstick().audit(&actor, &params.filter()?, params.after.as_deref()).await?;
    Ok(Json(Events { items: page.page.items, next: page.page.next, unproven: page.unproven, now: page.now }))
}

/// Read an audit event with its proof
///
/// Needs the scope `audit:read`.
#[utoipa::path(get, path = "/api/v1/audit/{seq}", tag = "audit", operation_id = "getAuditEvent",
    params(("seq" = i64, Path, description = "The event's number", example = 1)),
    responses((status = 200, body = Proven, description = "The event")))]
pub async fn event(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(seq): Id<Seq>,
) -> Result<Json<Proven>, Problem> {
    let (event, proven) = site.unstick().audit_event(&actor, seq.0).await?;
    Ok(Json(Proven { event, proven }))
}

/// An event's number in an address.
pub struct Seq(i64);

impl std::str::FromStr for Seq {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "the number of an event is a whole number")
    }
}

/// Verify the audit log
///
/// Recomputes the chain from its first event and holds it against the signed checkpoints; a long log takes a while. Needs
/// the scope `audit:read`.
#[utoipa::path(get, path = "/api/v1/audit/verification", tag = "audit", operation_id = "verifyAudit",
    responses((status = 200, body = Verified, description = "Whether it is as it was written")))]
pub async fn verify(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<Verified>, Problem> {
    Ok(Json(site.unstick().verify_audit(&actor, &|_| ()).await?.into()))
}

/// Export the audit log as CSV
///
/// The newest first, with the filter of the search; that it was exported is itself written down. Cells that a spreadsheet
/// would take for a formula begin with an apostrophe. Needs the scope `audit:read`.
#[utoipa::path(get, path = "/api/v1/audit/export.csv", tag = "audit", operation_id = "exportAuditCsv", params(AuditParams),
    responses((status = 200, body = String, content_type = "text/csv", description = "The events")))]
pub async fn csv(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<AuditParams>,
) -> Result<Response, Problem> {
    Ok(audit_export::export_of(&site, actor, params.whole()?, ExportFormat::Csv).await?)
}

/// Export the audit log as NDJSON
///
/// The newest first, one event a line, with the filter of the search; that it was exported is itself written down. Needs the
/// scope `audit:read`.
#[utoipa::path(get, path = "/api/v1/audit/export.ndjson", tag = "audit", operation_id = "exportAuditNdjson", params(AuditParams),
    responses((status = 200, body = String, content_type = "application/x-ndjson", description = "The events")))]
pub async fn ndjson(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(params): Params<AuditParams>,
) -> Result<Response, Problem> {
    Ok(audit_export::export_of(&site, actor, params.whole()?, ExportFormat::Ndjson).await?)
}

impl AuditParams {
    /// The filter of an export, which has no pages.
    fn whole(&self) -> Result<AuditFilter, Problem> {
        if self.after.is_some() {
            return Err(Problem::invalid("after", "an export is whole: leave after out"));
        }
        self.filter()
    }
}
