//! Webhooks: made, tried, changed and deleted, and what was sent to them. A secret is in the answer to the call that made
//! it, and in none after that.

use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    AccountId, Delivery, DeliveryFilter, DeliveryState, EventId, EventKind, Instant, WebhookFormat, WebhookId,
    view::WebhookRow,
};
use serde::{Deserialize, Serialize};
use service::NewWebhook;
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id, Params},
    once::HasSecret,
    problem,
    shapes::{self, At},
    shown::PageView,
};
use crate::{
    http::Site,
    wire::{Replayed, TestSent, WebhookMade},
};

/// Every webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhooks {
    /// The newest first; at most 50.
    #[schema(value_type = Vec<shapes::WebhookRow>)]
    items: Vec<WebhookRow>,
}

/// List webhooks
///
/// All of them, with what waits for each. Needs the scope `webhooks:read`.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    responses((status = 200, body = Webhooks, description = "All of them")))]
pub async fn list(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<Webhooks>, Problem> {
    Ok(Json(Webhooks { items: site.unstick().webhooks(&actor).await? }))
}

/// A webhook that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// The address of the receiver: https; http only to the server's own machine.
    #[schema(example = "https://receiver.example/unstick", max_length = 500)]
    url: String,
    /// What it is told; without, all that its format has.
    #[serde(default)]
    #[schema(value_type = Vec<shapes::EventKind>)]
    events: Vec<EventKind>,
    /// How events look; by default `unstick`.
    #[serde(default)]
    #[schema(value_type = Option<shapes::WebhookFormat>)]
    format: WebhookFormat,
}

/// Make a webhook
///
/// Its secret is in this answer and in none after it. Needs the scope `webhooks:write`.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "addWebhook",
    request_body(content = WebhookBody, example = json!({"url": "https://receiver.example/unstick",
        "events": ["session.ended", "cleanup.done"], "format": "unstick"})),
    responses((status = 201, body = WebhookMade, description = "Made, with its secret"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "There are as many as there may be")))]
pub async fn add(
    Backend(actor): Backend,
    State(site): State<Site>,
    Body(WebhookBody { url, events, format }): Body<WebhookBody>,
) -> Result<Response, Problem> {
    let made = site.unstick().add_webhook(&actor, NewWebhook { url, kinds: events, format }).await?;
    let location = [(header::LOCATION, format!("/api/v1/webhooks/{}", made.hook.id))];
    Ok((StatusCode::CREATED, location, Extension(HasSecret), Json(WebhookMade::from(made))).into_response())
}

/// Read a webhook
///
/// How it is, and what waits for it; for a while also one that was deleted. Needs the scope `webhooks:read`.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook_id}", tag = "webhooks", operation_id = "getWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    responses((status = 200, body = shapes::WebhookRow, description = "The webhook")))]
pub async fn get(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookRow>, Problem> {
    Ok(Json(site.unstick().webhook(&actor, &id).await?))
}

/// Delete a webhook
///
/// Nothing is sent to it any more, and what waits for it is given up. What was sent to it can be read for as long as it is
/// kept. Needs the scope `webhooks:write`.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook_id}", tag = "webhooks", operation_id = "deleteWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    responses((status = 200, body = shapes::WebhookRow, description = "The webhook as it then is"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It is deleted already")))]
pub async fn delete(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookRow>, Problem> {
    Ok(Json(site.unstick().delete_webhook(&actor, &id).await?))
}

/// What is done with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Serve it; what waited is sent.
    Enable,
    /// Stop; nothing new is kept for it.
    Disable,
}

/// What is done with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    /// What.
    what: Switch,
}

/// Switch a webhook on or off
///
/// Also one that was paused because it failed for too long. Needs the scope `webhooks:write`.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook_id}/control", tag = "webhooks", operation_id = "controlWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    request_body(content = SwitchBody, example = json!({"what": "disable"})),
    responses((status = 200, body = shapes::WebhookRow, description = "The webhook as it then is"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It is so already, or deleted")))]
pub async fn control(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
    Body(SwitchBody { what }): Body<SwitchBody>,
) -> Result<Json<WebhookRow>, Problem> {
    Ok(Json(site.unstick().switch_webhook(&actor, &id, what == Switch::Enable).await?))
}

/// Give a webhook a new secret
///
/// It is in this answer and in none after it. For a day the one before signs as well. Needs the scope `webhooks:write`.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook_id}/secret", tag = "webhooks", operation_id = "rotateWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    responses((status = 200, body = WebhookMade, description = "The webhook, with its new secret"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json",
            description = "Somebody else changes it at this moment, or it is deleted")))]
pub async fn rotate(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
) -> Result<(Extension<HasSecret>, Json<WebhookMade>), Problem> {
    Ok((Extension(HasSecret), Json(site.unstick().rotate_webhook(&actor, &id).await?.into())))
}

/// Send a webhook a test
///
/// An event that means nothing, past everything that waits. What came of it is in the log. Needs the scope `webhooks:write`.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook_id}/test", tag = "webhooks", operation_id = "testWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    responses((status = 202, body = TestSent, description = "It is on its way"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It is not served")))]
pub async fn test(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
) -> Result<(StatusCode, Json<TestSent>), Problem> {
    let event = site.unstick().test_webhook(&actor, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(TestSent { event_id: event })))
}

/// What is sent again: one event, or what happened in a stretch of time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// One event.
    #[schema(value_type = Option<String>, example = "evt_jEGqHHHFV8O2L5oncqnsZ-ro")]
    event_id: Option<EventId>,
    /// What happened from then on.
    #[schema(value_type = Option<At>)]
    from: Option<Instant>,
    /// And before then.
    #[schema(value_type = Option<At>)]
    to: Option<Instant>,
    /// Of that only what was given up.
    #[serde(default)]
    failed_only: bool,
}

/// Send events again
///
/// Under the ids that they had, in order for each account: one event, or what happened in a stretch of time. Needs the scope
/// `webhooks:write`.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook_id}/replay", tag = "webhooks", operation_id = "replayWebhook",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E")),
    request_body(content = ReplayBody, example = json!({"from": "2026-11-23T09:00:00Z", "to": "2026-11-23T10:00:00Z", "failed_only": true})),
    responses((status = 202, body = Replayed, description = "They are on their way"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It is not served")))]
pub async fn replay(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
    Body(ReplayBody { event_id, from, to, failed_only }): Body<ReplayBody>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let events = match (event_id, from, to) {
        (Some(event), None, None) if !failed_only => {
            site.unstick().replay_delivery(&actor, &id, &event).await?;
            1
        }
        (None, Some(from), Some(to)) => site.unstick().replay_deliveries(&actor, &id, (from, to), failed_only).await?,
        _ => return Err(Problem::invalid("event_id", "say which event, or from when to when")),
    };
    Ok((StatusCode::ACCEPTED, Json(Replayed { events })))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryParams {
    /// Only those that are there.
    #[param(value_type = Option<shapes::DeliveryState>, example = "failed")]
    state: Option<DeliveryState>,
    /// Only those of this kind.
    #[param(value_type = Option<shapes::EventKind>, example = "session.ended")]
    event: Option<EventKind>,
    /// Only those about this account.
    #[param(value_type = Option<String>, example = "acc_7Q2mX0cVd4")]
    account: Option<AccountId>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// List what was sent to a webhook
///
/// And what is to be, the newest first, a page at a time, with what came of each. Needs the scope `webhooks:read`.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook_id}/deliveries", tag = "webhooks", operation_id = "listDeliveries",
    params(("webhook_id" = String, Path, description = "The webhook's id", example = "wh_7EXRlZb3iqhwmY3E"), DeliveryParams),
    responses((status = 200, body = shapes::Deliveries, description = "A page")))]
pub async fn deliveries(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<WebhookId>,
    Params(DeliveryParams { state, event, account, after }): Params<DeliveryParams>,
) -> Result<Json<PageView<Delivery>>, Problem> {
    let filter = DeliveryFilter { state, kind: event, account };
    let page = site.unstick().webhook_page(&actor, &id, filter, after.as_deref()).await?.log;
    Ok(Json(PageView { items: page.items, next: page.next }))
}
