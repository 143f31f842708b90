//! The way in and out.

use domain::{Permission, Role};
use http::header;
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::{Entry, Error};

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
    /// The code does not count.
    Code,
    /// It took too long.
    Over,
}

/// The cookie that joins both steps of a sign-in.
const TICKET: &str = "__Host-second";

impl Refusal {
    const ALL: [Self; 5] = [Self::Wrong, Self::Throttled, Self::Busy, Self::Code, Self::Over];

    /// The word in the URL.
    const fn code(self) -> &'static str {
        match self {
            Self::Wrong => "sign-in",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
            Self::Code => "code",
            Self::Over => "over",
        }
    }
    /// What the page says.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Wrong => "That name and password do not fit.",
            Self::Throttled => "Too many tries. Wait a little longer each time before you try again.",
            Self::Busy => "The service is busy. Try again in a moment.",
            Self::Code => "That code does not fit, or was used already. Wait for the next one.",
            Self::Over => "That took too long. Begin again.",
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
        Ok(Entry::In(signed_in)) => {
            enter(signed_in.staff.as_str()).await?;
            ctx::see_other(if next == routes::HOME { first_page(signed_in.role) } else { next });
            return Ok(());
        }
        Ok(Entry::Second(ticket)) => {
            let cookie = format!("{TICKET}={ticket}; Path=/; Max-Age=300; Secure; HttpOnly; SameSite=Lax");
            ctx::set_header(header::SET_COOKIE, &cookie);
            ctx::see_other(&routes::sign_in_code(next, ""));
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

/// Whether a sign-in waits for its second step.
pub(crate) fn waits_for_code() -> bool {
    ctx::cookie(TICKET).is_some_and(|ticket| !ticket.is_empty())
}

/// The second step of a sign-in: the code. Needs no permission but the ticket of the first step; the use case throttles.
#[server(name = SignInCode, prefix = "/fn", endpoint = "sign-in/code", input = PostUrl)]
pub async fn sign_in_code(
    /// A code of the app, or a recovery code.
    code: String,
    /// Where to go on.
    #[server(default)]
    next: String,
) -> Result<(), ApiError> {
    let (unstick, _) = ctx::reading()?;
    let next = routes::local(&next);
    let ticket = ctx::cookie(TICKET).unwrap_or_default();
    let refused = match unstick.sign_in_second(&ticket, code.trim(), &ctx::client_ip()).await {
        Ok(signed_in) => {
            enter(signed_in.staff.as_str()).await?;
            let cookie = format!("{TICKET}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
            ctx::set_header(header::SET_COOKIE, &cookie);
            ctx::see_other(if next == routes::HOME { first_page(signed_in.role) } else { next });
            return Ok(());
        }
        Err(Error::SignIn) => Refusal::Code,
        Err(Error::Throttled { .. }) => Refusal::Throttled,
        Err(Error::Busy) => Refusal::Busy,
        Err(Error::Gone(_)) => {
            ctx::see_other(&routes::sign_in(next, Refusal::Over.code()));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    ctx::see_other(&routes::sign_in_code(next, refused.code()));
    Ok(())
}

/// Where `role` begins: who may not see accounts begins at the audit log.
pub(crate) const fn first_page(role: Role) -> &'static str {
    if role.may(Permission::ReadAccounts) { routes::HOME } else { routes::AUDIT }
}

/// Fills a console session under a new id: one that somebody may have planted before is worth nothing.
pub(super) async fn enter(staff: &str) -> Result<(), ApiError> {
    let session = ctx::session().ok_or_else(|| ApiError::internal("no console session"))?;
    let entered = async {
        session.flush().await?;
        session.insert("staff", staff).await?;
        session.insert("ip", ctx::client_ip()).await?;
        session.insert("user_agent", ctx::user_agent()).await
    };
    entered.await.map_err(|error: tower_sessions::session::Error| {
        tracing::error!(%error, "a console session could not be kept");
        ApiError::internal("no console session")
    })
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
