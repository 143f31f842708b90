//! Who acts: found out afresh for every request, so that a role that was taken away, a disabled person or a revoked
//! session count from the next one on.

use app::api::Csrf;
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use domain::{Actor, Instant, Role, StaffId, StaffSessionId, view::Me};
use service::{Standing, Unstick, me};
use sha2::{Digest, Sha256};
use tower_sessions::Session;

use super::{
    Site, answer, customer,
    frame::ActedBy,
    session::{hash, keys},
    token,
};

/// A session that somebody is signed in to.
#[derive(Clone)]
pub struct SignedIn {
    /// Who acts.
    pub actor: Actor,
    /// The same for pages.
    pub me: Me,
    /// What the database knows the session by.
    pub hash: [u8; 32],
    /// The public handle of the session. It stays when the secret is renewed, so that a proof of who one is in one window
    /// breaks no form that is open in another.
    handle: StaffSessionId,
}

impl SignedIn {
    /// What the tokens in the session's forms are made for.
    pub fn form_key(&self) -> [u8; 32] {
        Sha256::digest(self.handle.as_str().as_bytes()).into()
    }
}

/// Why nobody could be found out: the database does not answer.
pub struct Unknowable;

/// Who is signed in to `session`.
pub async fn identify(unstick: &Unstick, session: &Session) -> Result<Option<SignedIn>, Unknowable> {
    let text = async |key: &str| session.get::<String>(key).await.map_err(|_| Unknowable);
    if session.id().is_none() {
        return Ok(None);
    }
    let (Some(staff), Some(handle)) = (text(keys::STAFF).await?, text(keys::HANDLE).await?) else {
        return Ok(None);
    };
    let (Some(name), Some(role)) = (text(keys::NAME).await?, text(keys::ROLE).await?) else {
        return Ok(None);
    };
    let (Ok(staff), Ok(handle), Some(role)) =
        (StaffId::parse(staff), StaffSessionId::parse(handle), Role::parse(&role))
    else {
        return Ok(None);
    };
    let proved_at = session.get::<i64>(keys::PROVED_AT).await.map_err(|_| Unknowable)?.unwrap_or_default();
    let has_factor = session.get::<bool>(keys::HAS_FACTOR).await.map_err(|_| Unknowable)?.unwrap_or_default();
    let Some(id) = session.id() else { return Ok(None) };
    let (proved_at, must_enrol) = (Instant::from_micros(proved_at), unstick.must_enrol(role, has_factor));
    let me = me(staff.clone(), name, role, Standing { proved_at, has_factor, must_enrol });
    let actor = Actor::Staff { id: staff, role, session: handle.clone(), proved_at, must_enrol };
    Ok(Some(SignedIn { actor, me, hash: hash(id), handle }))
}

/// Whether `known` is signed in still, and as what. Does not count as use of the session: a page that is left open for
/// days must not keep it alive.
pub async fn still(site: &Site, known: &SignedIn) -> Result<Option<Actor>, Unknowable> {
    let unstick = site.unstick();
    let row = unstick.store().staff_session(&known.hash, unstick.clock().now()).await.map_err(|_| Unknowable)?;
    Ok(row.map(|row| Actor::Staff {
        must_enrol: unstick.must_enrol(row.role, row.has_factor),
        id: row.staff,
        role: row.role,
        session: row.id,
        proved_at: row.proved_at,
    }))
}

pub async fn who(State(site): State<Site>, session: Session, mut request: Request, next: Next) -> Response {
    if customer::is_theirs(request.uri().path()) {
        return customer::who(site, request, next).await;
    }
    let Ok(found) = identify(site.unstick(), &session).await else {
        return answer::refuse(
            request.uri().path(),
            StatusCode::SERVICE_UNAVAILABLE,
            "The database does not answer just now. Try again in a moment.",
            None,
        );
    };
    let extensions = request.extensions_mut();
    if let Some(signed_in) = found {
        if let Some(acted) = extensions.get::<ActedBy>() {
            acted.note(&signed_in.actor);
        }
        extensions.insert(Csrf(token::mint(site.csrf_key(), site.entropy(), &signed_in.form_key())));
        extensions.insert(signed_in.actor.clone());
        extensions.insert(signed_in.me.clone());
        extensions.insert(signed_in);
    } else {
        extensions.insert(Csrf(String::new()));
        extensions.insert(Actor::Anonymous);
    }
    next.run(request).await
}
