//! Sessions: created, read, touched, ended.

use axum::{Json, extract::State, http::StatusCode};
use domain::{AccountId, Actor, EndReason, Instant, Permission, Session, SessionId, view::SessionFilter};
use serde::{Deserialize, Serialize};
use service::{Asked, Changed, Created, End, SessionCreate, Touch};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id, Params},
    problem,
    shown::{PageView, RouteView, SessionView, embedded, page_limit, pinned, pinned_all},
};
use crate::http::Site;

/// A new session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBody {
    /// Whose it is; reported before.
    #[schema(value_type = String, example = "acc_7Q2mX0cVd4")]
    account_id: AccountId,
    /// The client in a few words.
    #[serde(default)]
    #[schema(example = "Desktop 4.2 · macOS")]
    client: String,
    /// The raw user agent.
    #[serde(default)]
    user_agent: String,
    /// The client's address, IPv4 or IPv6; it is answered in its shortest form.
    #[serde(default)]
    #[schema(example = "203.0.113.9")]
    ip: String,
    /// When it was signed in, from 2000-01-01 to now (your clock may be 5 minutes ahead); by default now.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Instant>,
}

impl SessionBody {
    pub fn create(self, id: SessionId) -> SessionCreate {
        let Self { account_id: account, client, user_agent, ip, created_at } = self;
        SessionCreate { id, account, client, user_agent, ip, created_at }
    }
}

/// A session was seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TouchBody {
    /// The client's address now.
    ip: Option<String>,
    /// When; by default now.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Instant>,
}

impl TouchBody {
    pub fn touch(self, id: SessionId) -> Touch {
        Touch { id, ip: self.ip, at: self.at }
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// By the customer.
    SignedOut,
    /// By time.
    Expired,
    /// By staff or by the identity system.
    Revoked,
}

/// A session ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    /// Why.
    reason: Reason,
    /// Whether you removed its record and its routes yourself. Without, it is left over until a clean-up.
    #[serde(default)]
    released: bool,
    /// When; by default now.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Instant>,
}

impl EndBody {
    pub fn end(self, id: SessionId) -> End {
        let reason = match self.reason {
            Reason::SignedOut => EndReason::SignedOut,
            Reason::Expired => EndReason::Expired,
            Reason::Revoked => EndReason::Revoked,
        };
        End { id, reason, released: self.released, at: self.at }
    }
}

/// Which of an account's sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionParams {
    /// `active`, `ended` or `cleaned`; by default all.
    pub state: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
}

/// What came of creating one session.
pub fn created(outcome: Created) -> Result<(StatusCode, Session), Problem> {
    match outcome {
        Created::New(session) => Ok((StatusCode::CREATED, session)),
        Created::Same(session) => Ok((StatusCode::OK, session)),
        Created::NoAccount => {
            let text = "the account is not known: report it first with PUT /api/v1/accounts/{account_id}";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-account", text).about("account_id"))
        }
        Created::OtherAccount => {
            let text = "there is a session with this id, and it belongs to another account";
            Err(Problem::new(StatusCode::CONFLICT, "other-account", text).about("account_id"))
        }
    }
}

/// What came of touching one session.
pub fn touched(outcome: Changed) -> Result<Session, Problem> {
    match outcome {
        Changed::Yes(session) | Changed::Already(session) => Ok(session),
        Changed::Over(_) => Err(Problem::session_ended()),
        Changed::Missing => Err(service::Error::NotFound("session").into()),
    }
}

/// What came of ending one session. One that was over before is as it should be.
pub fn ended(outcome: Changed) -> Result<Session, Problem> {
    match outcome {
        Changed::Yes(session) | Changed::Already(session) | Changed::Over(session) => Ok(session),
        Changed::Missing => Err(service::Error::NotFound("session").into()),
    }
}

fn only<T>(outcomes: Vec<T>) -> Result<T, Problem> {
    outcomes.into_iter().next().ok_or_else(|| service::Error::NotFound("session").into())
}

/// Report a session
///
/// Idempotent: the same id again answers 200. With the scope `routes:ask` too, and an embedded router, the answer says
/// where its traffic goes, and it is pinned there. Needs the scope `sessions:write`.
#[utoipa::path(put, path = "/api/v1/sessions/{session_id}", tag = "sessions", operation_id = "putSession",
    params(("session_id" = String, Path, description = "An opaque id, never a bearer secret: [A-Za-z0-9_-]{1,64}", example = "s_9fK2x")),
    request_body(content = SessionBody, example = json!({"account_id": "acc_7Q2mX0cVd4", "client": "Desktop 4.2 · macOS", "ip": "203.0.113.9"})),
    responses((status = 201, body = SessionView, description = "New"), (status = 200, body = SessionView, description = "Known"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "It belongs to another account"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn put(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<SessionId>,
    Body(body): Body<SessionBody>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let outcomes = site.unstick().create_sessions(&actor, vec![body.create(id)]).await?;
    let (status, session) = created(only(outcomes)?)?;
    let route = route_of(&site, &actor, &session).await;
    Ok((status, Json(SessionView::new(session, route))))
}

/// Where a live session goes: pinned now if the token may ask, else where it is pinned already.
async fn route_of(site: &Site, actor: &Actor, session: &Session) -> Option<RouteView> {
    let unstick = site.unstick();
    embedded(unstick)?;
    if !session.state.is_live() || !actor.may(Permission::AskRoute) {
        return pinned(unstick, session).await;
    }
    // No server takes anybody: the session is reported all the same.
    let asked = unstick.ask_route(actor, &session.id, None).await.ok()?;
    Some(view(asked))
}

/// [`route_of`] for each of a batch: one transaction for those that may be pinned, one reading for the others.
pub async fn routes_of(site: &Site, actor: &Actor, sessions: &[Session]) -> Vec<Option<RouteView>> {
    let unstick = site.unstick();
    if sessions.is_empty() || embedded(unstick).is_none() {
        return vec![None; sessions.len()];
    }
    if !actor.may(Permission::AskRoute) {
        return pinned_all(unstick, sessions).await;
    }
    let (live, over): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| session.state.is_live());
    let [live, over] = [live, over].map(|part| part.into_iter().cloned().collect::<Vec<_>>());
    // No server takes anybody: the sessions are reported all the same.
    let asked = match unstick.ask_routes(actor, &live).await {
        Ok(asked) => asked.into_iter().map(|asked| Some(view(asked))).collect(),
        Err(_) => vec![None; live.len()],
    };
    let (mut asked, mut read) = (asked.into_iter(), pinned_all(unstick, &over).await.into_iter());
    let route = |session: &Session| if session.state.is_live() { asked.next() } else { read.next() }.flatten();
    sessions.iter().map(route).collect()
}

fn view(asked: Asked) -> RouteView {
    RouteView { router: asked.place.router.into(), pool: asked.place.pool.into(), server: asked.server.into() }
}

/// Read a session
///
/// Needs the scope `sessions:read`.
#[utoipa::path(get, path = "/api/v1/sessions/{session_id}", tag = "sessions", operation_id = "getSession",
    params(("session_id" = String, Path, description = "The session's id", example = "s_9fK2x")),
    responses((status = 200, body = SessionView, description = "The session"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn get(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<SessionId>,
) -> Result<Json<SessionView>, Problem> {
    let session = site.unstick().api_session(&actor, &id).await?;
    let route = pinned(site.unstick(), &session).await;
    Ok(Json(SessionView::new(session, route)))
}

/// List an account's sessions
///
/// The newest first, a page at a time. Needs the scope `sessions:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}/sessions", tag = "sessions", operation_id = "listSessions",
    params(("account_id" = String, Path, description = "The account's id", example = "acc_7Q2mX0cVd4"), SessionParams),
    responses((status = 200, body = PageView<SessionView>, description = "A page"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn list(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
    Params(params): Params<SessionParams>,
) -> Result<Json<PageView<SessionView>>, Problem> {
    let filter = match params.state.as_deref() {
        None => SessionFilter::All,
        Some("active") => SessionFilter::Live,
        Some("ended") => SessionFilter::Ended,
        Some("cleaned") => SessionFilter::Cleaned,
        Some(_) => {
            let text = "state must be active, ended or cleaned";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", text).about("state"));
        }
    };
    let limit = page_limit(params.limit)?;
    let page = site.unstick().api_sessions(&actor, &id, filter, params.after.as_deref(), limit).await?;
    let items = page.items.into_iter().map(|session| SessionView::new(session, None)).collect();
    Ok(Json(PageView { items, next: page.next }))
}

/// Report that a session was seen
///
/// Answers 410 when it is over: the client must be signed out. Needs the scope `sessions:write`.
#[utoipa::path(post, path = "/api/v1/sessions/{session_id}/touch", tag = "sessions", operation_id = "touchSession",
    params(("session_id" = String, Path, description = "The session's id", example = "s_9fK2x")),
    request_body(content = TouchBody, example = json!({"ip": "203.0.113.9"})),
    responses((status = 200, body = SessionView, description = "Noted"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn touch(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<SessionId>,
    Body(body): Body<TouchBody>,
) -> Result<Json<SessionView>, Problem> {
    let outcomes = site.unstick().touch_sessions(&actor, vec![body.touch(id)]).await?;
    Ok(Json(SessionView::new(touched(only(outcomes)?)?, None)))
}

/// Report that a session ended
///
/// With `released` you say that you removed its record and its routes; it is then history. Without, it is left over: a
/// clean-up removes what remains. Idempotent. Needs the scope `sessions:write`.
#[utoipa::path(post, path = "/api/v1/sessions/{session_id}/end", tag = "sessions", operation_id = "endSession",
    params(("session_id" = String, Path, description = "The session's id", example = "s_9fK2x")),
    request_body(content = EndBody, example = json!({"reason": "signed_out", "released": false})),
    responses((status = 200, body = SessionView, description = "Noted"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn end(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<SessionId>,
    Body(body): Body<EndBody>,
) -> Result<Json<SessionView>, Problem> {
    let outcomes = site.unstick().end_sessions(&actor, vec![body.end(id)]).await?;
    Ok(Json(SessionView::new(ended(only(outcomes)?)?, None)))
}
