//! The way in and out.

use domain::{Permission, Role};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Error;
use tower_sessions::Session;

use super::{ApiError, ctx};
use crate::routes;

/// Why a sign-in did not work, as the page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Name or password is wrong.
    Wrong,
    /// Too many tries.
    Throttled,
    /// Too much at once.
    Busy,
}

impl Refusal {
    const ALL: [Self; 3] = [Self::Wrong, Self::Throttled, Self::Busy];

    /// The word in the URL.
    const fn code(self) -> &'static str {
        match self {
            Self::Wrong => "sign-in",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
        }
    }
    /// What the page says.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Wrong => "That name and password do not fit.",
            Self::Throttled => "Too many tries. Wait a little longer each time before you try again.",
            Self::Busy => "The service is busy. Try again in a moment.",
        }
    }
}

/// Why the last try did not work, from the URL.
pub(crate) fn refusal() -> Option<Refusal> {
    let code = ctx::asked("error")?;
    Refusal::ALL.into_iter().find(|refusal| refusal.code() == code)
}

/// Signs a staff member in and goes on at `next`. Needs no permission; the use case throttles.
#[server(name = SignIn, prefix = "/fn", endpoint = "sign-in", input = PostUrl)]
pub async fn sign_in(
    /// The staff name.
    name: String,
    /// The password.
    password: String,
    /// Where to go on.
    #[server(default)]
    next: String,
) -> Result<(), ApiError> {
    let (unstick, _) = ctx::reading()?;
    let next = routes::local(&next);
    let refused = match unstick.sign_in(name.trim(), &password, &ctx::client_ip()).await {
        Ok(signed_in) => {
            let session = ctx::session().ok_or_else(|| ApiError::internal("no console session"))?;
            enter(&session, signed_in.staff.as_str()).await.map_err(|error| {
                tracing::error!(%error, "a console session could not be kept");
                ApiError::internal("no console session")
            })?;
            ctx::see_other(if next == routes::HOME { first_page(signed_in.role) } else { next });
            return Ok(());
        }
        Err(Error::SignIn | Error::Invalid { .. }) => Refusal::Wrong,
        Err(Error::Throttled { .. }) => Refusal::Throttled,
        Err(Error::Busy) => Refusal::Busy,
        Err(error) => return Err(error.into()),
    };
    ctx::see_other(&routes::sign_in(next, refused.code()));
    Ok(())
}

/// Where `role` begins: who may not see accounts begins at the audit log.
pub(crate) const fn first_page(role: Role) -> &'static str {
    if role.may(Permission::ReadAccounts) { routes::HOME } else { routes::AUDIT }
}

/// Fills a console session under a new id: one that somebody may have planted before is worth nothing.
async fn enter(session: &Session, staff: &str) -> Result<(), tower_sessions::session::Error> {
    session.flush().await?;
    session.insert("staff", staff).await?;
    session.insert("ip", ctx::client_ip()).await?;
    session.insert("user_agent", ctx::user_agent()).await
}

/// Signs out. The session ends on the server; the HTTP layer has the browser forget what it kept of the console.
#[server(name = SignOut, prefix = "/fn", endpoint = "sign-out", input = PostUrl)]
pub async fn sign_out() -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    unstick.signed_out(&actor).await?;
    if let Some(session) = ctx::session()
        && let Err(error) = session.flush().await
    {
        // It is revoked already: the use case did that.
        tracing::warn!(%error, "a console session was revoked and could not be removed");
    }
    ctx::see_other(routes::SIGN_IN);
    Ok(())
}
