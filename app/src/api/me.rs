//! One's own sign-ins, and how the console looks.

use domain::{
    Permission, StaffSessionId,
    view::{MePage, StaffSessionRow},
};
use http::header;
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Proof;

use super::{
    ApiError, confirm, ctx,
    flash::{self, Flash},
};
use crate::routes;

/// How the console looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system does.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the cookie and in `data-theme`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "As the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word)
    }
}

/// The theme that the browser's cookie asks for.
pub(crate) fn theme() -> Theme {
    ctx::cookie("theme").and_then(|word| Theme::parse(&word)).unwrap_or_default()
}

/// One's own page. Needs `OwnSessions`.
pub(crate) async fn page() -> Result<MePage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.me_page(&actor).await?)
}

/// Ends one of one's own console sessions. Needs `OwnSessions`.
#[server(name = RevokeSession, prefix = "/fn", endpoint = "me/revoke", input = PostUrl)]
pub async fn revoke_session(
    /// Which.
    id: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = StaffSessionId::parse(id).map_err(|_| ApiError::not_found("sign-in"))?;
    unstick.revoke_own_session(&actor, &id).await?;
    flash::leave(Flash::good(routes::ME, "That sign-in is over: its next request is refused.")).await;
    ctx::see_other(routes::ME);
    Ok(())
}

/// Ends all of one's console sessions but this one. Needs `OwnSessions`.
#[server(name = RevokeOtherSessions, prefix = "/fn", endpoint = "me/revoke-others", input = PostUrl)]
pub async fn revoke_other_sessions() -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let text = match unstick.revoke_other_sessions(&actor).await? {
        0 => "There was no other sign-in.".to_owned(),
        1 => "One other sign-in is over.".to_owned(),
        n => format!("{n} other sign-ins are over."),
    };
    flash::leave(Flash::good(routes::ME, text)).await;
    ctx::see_other(routes::ME);
    Ok(())
}

/// Gives oneself another password, and ends one's other sign-ins. Needs `OwnSessions`.
#[server(name = ChangePassword, prefix = "/fn", endpoint = "me/password", input = PostUrl)]
pub async fn change_password(
    /// The password that one has.
    password: String,
    /// A code of the second factor; nothing for who has none.
    #[server(default)]
    code: String,
    /// The new one.
    new_password: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let ip = ctx::client_ip();
    let proof = Proof { password: &password, code: code.trim(), ip: &ip };
    let done = async {
        unstick.check_new_password(&actor, &password, &new_password).await?;
        // The browser gets the new secret whatever comes next.
        let actor = confirm::renew(unstick.prove(&actor, proof, None).await?).await?;
        unstick.change_password(&actor, &password, &new_password).await.map_err(ApiError::from)
    };
    let flash = match done.await {
        Ok(()) => Flash::good(routes::ME, "Your password is changed; your other sign-ins are over."),
        Err(error) if error.is_mendable() => Flash::bad(routes::ME, &error, std::collections::BTreeMap::new()),
        Err(error) => return Err(error),
    };
    flash::leave(flash).await;
    ctx::see_other(routes::ME);
    Ok(())
}

/// Chooses dark or light, kept in a cookie for a year. Needs `OwnSessions`; changes nothing on the server.
#[server(name = ChooseTheme, prefix = "/fn", endpoint = "me/theme", input = PostUrl)]
pub async fn choose_theme(
    /// Which.
    theme: String,
) -> Result<(), ApiError> {
    let (_, actor) = ctx::mutating()?;
    actor.require(Permission::OwnSessions).map_err(|denied| service::Error::Denied(denied, false))?;
    let theme = Theme::parse(&theme).ok_or_else(|| ApiError::invalid("theme", "there is no such theme"))?;
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax; Secure; HttpOnly", theme.as_str());
    ctx::set_header(header::SET_COOKIE, &cookie);
    flash::leave(Flash::good(routes::ME, format!("The look is “{}” now, in this browser.", theme.label()))).await;
    ctx::see_other(routes::ME);
    Ok(())
}

/// Whether `sessions` has more than the one that asks.
pub(crate) fn others(sessions: &[StaffSessionRow]) -> bool {
    sessions.iter().any(|session| !session.current)
}
