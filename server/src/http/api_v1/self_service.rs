//! Customers help themselves: `/api/v1/self`, for the service's own client with its session's credential, and what a back end
//! hands out for it. Plain words for people, stable words for programs; no server, router or key is named.

mod views;

use std::num::NonZeroU32;

use app::api::ClientIp;
use axum::{
    Extension, Json,
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::{AccountId, Actor, CleanupId, SessionId, Span, Stays};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use self::views::{
    CredentialView, LinkBody, LinkView, OwnDiagnosisView, OwnView, ResetBody, ResetChanged, ResetPreviewView, ResetView,
};
use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id},
    once::HasSecret,
    problem,
};
use crate::http::{Site, frame::ActedBy};

/// Calls a second of one account; six times as many at once. What asks the load balancers has a limit of its own, which the
/// database counts.
const CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

/// How often each customer may call.
pub struct CustomerLimits(DefaultKeyedRateLimiter<AccountId>);

impl Default for CustomerLimits {
    fn default() -> Self {
        let burst = CALLS.saturating_mul(NonZeroU32::MIN.saturating_add(5));
        Self(RateLimiter::keyed(Quota::per_second(CALLS).allow_burst(burst)))
    }
}

impl CustomerLimits {
    fn count(&self, account: &AccountId) -> Result<(), Problem> {
        let too_often =
            |_| Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "that is too often: wait a moment");
        self.0.check_key(account).map_err(too_often).map_err(|problem| problem.after(1))
    }

    /// Forgets who has not asked for a while.
    pub fn tidy(&self) {
        self.0.retain_recent();
    }
}

/// The customer who asks, by the credential of a live session. What they may is checked in the use case.
pub struct Customer(Actor);

impl FromRequestParts<Site> for Customer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Problem> {
        let address = parts.extensions.get::<ClientIp>().map_or("unknown", |ip| ip.0.as_str());
        let wrong = || {
            let problem = site.limits().wrong(address);
            if problem.status() == StatusCode::UNAUTHORIZED.as_u16() { unknown() } else { problem }
        };
        let Some(secret) = super::auth::bearer(&parts.headers) else { return Err(wrong()) };
        match site.unstick().actor_of_credential(secret).await {
            Ok(actor) => {
                if let Some(acted) = parts.extensions.get::<ActedBy>() {
                    acted.note(&actor);
                }
                if let Actor::Customer { account, .. } = &actor {
                    site.customer_limits().count(account)?;
                }
                Ok(Self(actor))
            }
            Err(service::Error::SignIn) => Err(wrong()),
            Err(error) => Err(told(error)),
        }
    }
}

/// The credential is missing or does not count; one text for all, so that nobody learns which.
fn unknown() -> Problem {
    let text = "send a credential that counts: Authorization: Bearer self_…; your client gets one when it signs in";
    Problem::new(StatusCode::UNAUTHORIZED, "credential", text)
}

/// Why it was not done, in the customer's words.
fn told(error: service::Error) -> Problem {
    let new = |status, code, text: String| Problem::new(status, code, text);
    match error {
        service::Error::Gone("session") => {
            new(StatusCode::GONE, "session-ended", "your session is over: sign in again".to_owned())
        }
        service::Error::NothingToDo => {
            let text = "there is nothing to reset: you are signed in nowhere else, and nothing is left over";
            new(StatusCode::CONFLICT, "nothing-to-do", text.to_owned())
        }
        service::Error::UnderWay(id) => {
            let text = format!("your account is being cleaned up just now ({id}): wait until that is done, then reset");
            new(StatusCode::CONFLICT, "under-way", text)
        }
        service::Error::Throttled { wait } => {
            let text = format!("that is often enough for now: try again in {wait}");
            new(StatusCode::TOO_MANY_REQUESTS, "throttled", text).after(wait.secs())
        }
        error => error.into(),
    }
}

/// Who am I
///
/// The account of the credential's session, and where it is signed in. For the service's own client, with the credential of
/// a live session.
#[utoipa::path(get, path = "/api/v1/self", tag = "self", operation_id = "getSelf", security(("credential" = [])),
    responses((status = 200, body = OwnView, description = "Your sessions"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn who(Customer(actor): Customer, State(site): State<Site>) -> Result<Json<OwnView>, Problem> {
    Ok(Json(site.unstick().own_page(&actor).await.map_err(told)?.into()))
}

/// Are my sessions the cause
///
/// Asks every load balancer, so it may be asked `self_reads` times an hour (60), previews counted.
#[utoipa::path(get, path = "/api/v1/self/diagnosis", tag = "self", operation_id = "diagnoseSelf", security(("credential" = [])),
    responses((status = 200, body = OwnDiagnosisView, description = "In plain words"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = 429, body = problem::Shown, content_type = "application/problem+json", description = "Too often; Retry-After says when"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn diagnosis(Customer(actor): Customer, State(site): State<Site>) -> Result<Json<OwnDiagnosisView>, Problem> {
    Ok(Json(site.unstick().own_diagnosis(&actor).await.map_err(told)?.into()))
}

/// Reset my sessions
///
/// Without `confirm`: what would happen, and nothing is done. With it: ends your other sessions, and what led your account
/// to a bad server goes; this session stays signed in unless `including_this_one`. At most `self_resets` a day (5).
#[utoipa::path(post, path = "/api/v1/self/reset", tag = "self", operation_id = "resetSelf", security(("credential" = [])),
    request_body(content = ResetBody, example = json!({"confirm": true, "hash": "mQ7cX0vE2pB1nZ4kT8sWqA", "including_this_one": false})),
    responses((status = 200, body = ResetPreviewView, description = "What would happen"),
        (status = 202, body = ResetView, description = "Begun; Location says where to ask how far it is"),
        (status = 409, body = ResetChanged, content_type = "application/problem+json", description = "Something changed: what would happen now is in `preview`; or there is nothing to do; or another clean-up is under way"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = 429, body = problem::Shown, content_type = "application/problem+json", description = "Too often; Retry-After says when"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn reset(
    Customer(actor): Customer,
    State(site): State<Site>,
    Body(body): Body<ResetBody>,
) -> Result<Response, Problem> {
    let stays = if body.including_this_one { Stays::Nobody } else { Stays::This };
    let unstick = site.unstick();
    if !body.confirm {
        let preview = unstick.reset_preview(&actor, &stays).await.map_err(told)?;
        return Ok(Json(ResetPreviewView::from(preview)).into_response());
    }
    let requested = match unstick.reset(&actor, &stays, body.hash).await {
        Ok(requested) => requested,
        Err(service::Error::WorldChanged(_)) => return changed(&site, &actor, &stays).await,
        Err(error) => return Err(told(error)),
    };
    let state = unstick.reset_state(&actor, &requested.id).await.map_err(told)?;
    let view = ResetView::new(state, "accepted", requested.joined);
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(&view.progress) {
        headers.insert(header::LOCATION, location);
    }
    Ok((StatusCode::ACCEPTED, headers, Json(view)).into_response())
}

async fn changed(site: &Site, actor: &Actor, stays: &Stays) -> Result<Response, Problem> {
    let preview = site.unstick().reset_preview(actor, stays).await.map_err(told)?.into();
    let body = ResetChanged {
        kind: "urn:unstick:problem:world-changed",
        title: "Conflict",
        status: 409,
        code: "world-changed",
        detail: "your sessions changed since that was shown: look at what would happen now, and confirm it",
        preview,
    };
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    Ok((StatusCode::CONFLICT, kind, Json(body)).into_response())
}

/// How far is my reset
///
/// In one stable word for programs, and in plain ones for people. As often as it is needed.
#[utoipa::path(get, path = "/api/v1/self/reset/{reset_id}", tag = "self", operation_id = "getReset", security(("credential" = [])),
    params(("reset_id" = String, Path, description = "The reset's number", example = "c_Jx0R2v8hU3yq")),
    responses((status = 200, body = ResetView, description = "In plain words"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn progress(
    Customer(actor): Customer,
    State(site): State<Site>,
    Id(id): Id<CleanupId>,
) -> Result<Json<ResetView>, Problem> {
    let state = site.unstick().reset_state(&actor, &id).await.map_err(told)?;
    Ok(Json(ResetView::new(state, "state", false)))
}

/// Hand out a session's credential
///
/// For the session's own client, so that the customer can see and reset their sessions. It counts while the session is live,
/// at most `self_credential` (30 days); nothing of it is kept, so it is safe to ask again. Needs the scope `self:issue`.
#[utoipa::path(post, path = "/api/v1/sessions/{session_id}/self-token", tag = "self", operation_id = "issueSelfToken",
    params(("session_id" = String, Path, description = "The session's id", example = "s_4348e900")),
    responses((status = 200, body = CredentialView, description = "The credential"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn issue(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<SessionId>,
) -> Result<(Extension<HasSecret>, Json<CredentialView>), Problem> {
    let made = site.unstick().issue_credential(&actor, &id).await?;
    Ok((Extension(HasSecret), Json(CredentialView { credential: made.secret, expires_at: made.expires_at })))
}

/// Make a link for a customer
///
/// It opens once, for minutes, a page on which the customer sees and resets their sessions. Needs the scope `self:issue`.
#[utoipa::path(post, path = "/api/v1/accounts/{account_id}/self-link", tag = "self", operation_id = "makeSelfLink",
    params(("account_id" = String, Path, description = "The account's id", example = "acc_7Q2mX0cVd4")),
    request_body(content = LinkBody, example = json!({"session_id": "s_9fK2x", "expires_in": 900})),
    responses((status = 201, body = LinkView, description = "The link, shown this once"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn link(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
    Body(body): Body<LinkBody>,
) -> Result<(StatusCode, Extension<HasSecret>, Json<LinkView>), Problem> {
    let life = body.expires_in.map(|seconds| Span::from_secs(seconds.into()));
    let made = site.unstick().make_customer_link(&actor, &id, body.session_id.as_ref(), life).await?;
    let url = format!("{}{}", site.config().public_origin, app::routes::self_service(&made.code));
    Ok((StatusCode::CREATED, Extension(HasSecret), Json(LinkView { url, expires_at: made.expires_at })))
}
