//! Customers help themselves: the link that staff make, and the pages that it opens. On those pages the actor is the customer
//! of the visit's cookie, whoever else may be signed in to the console in the same browser (the HTTP layer sees to it).

use domain::{
    AccountId, CleanupId, Instant, PlanHash, SessionId, Span, Stays,
    view::{CustomerLinkPage, OwnDiagnosis, OwnPage, ResetPreview, ResetState},
};
use http::header;
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Error;

use super::{
    ApiError, accounts, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// The cookie of a visit. `__Host-` makes browsers insist on Secure, Path=/ and no Domain.
pub const COOKIE: &str = "__Host-customer";
/// The cookie in which a new link goes to the one page that shows it: so it is in no URL, no log and no database.
const LINK_COOKIE: &str = "__Host-link";

/// The SHA-256 of the visit's cookie. Put into the request's extensions by the HTTP layer, with the customer as the actor.
#[derive(Clone, Copy)]
pub struct Visiting(pub [u8; 32]);

/// Why a customer is shown a page again, as a word in its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The sessions changed since the preview was shown.
    Changed,
    /// There was nothing to reset.
    Nothing,
    /// A clean-up was under way.
    UnderWay,
    /// Too often.
    Throttled,
    /// The chosen device is not signed in any more.
    Device,
    /// The service is busy.
    Busy,
    /// The link was used, or is over.
    Link,
    /// The visit is over.
    Over,
}

impl Told {
    const ALL: [Self; 8] = [
        Self::Changed,
        Self::Nothing,
        Self::UnderWay,
        Self::Throttled,
        Self::Device,
        Self::Busy,
        Self::Link,
        Self::Over,
    ];

    /// The word in the URL.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Nothing => "nothing",
            Self::UnderWay => "under-way",
            Self::Throttled => "often",
            Self::Device => "device",
            Self::Busy => "busy",
            Self::Link => "link",
            Self::Over => "over",
        }
    }

    /// What the page says.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Changed => {
                "Your sessions changed since this was shown, so nothing was done. This is what would happen now."
            }
            Self::Nothing => "There is nothing to reset, so nothing was done.",
            Self::UnderWay => {
                "Your account is being cleaned up already, so nothing new was begun. When that is done, you can reset."
            }
            Self::Throttled => {
                "That is often enough for now, so nothing was done. Try again later, or write to support."
            }
            Self::Device => "That device is not signed in any more, so nothing was done. Choose another one, or none.",
            Self::Busy => "The service is busy, so nothing was done. Try again in a moment.",
            Self::Link => "This link was used already, or its time is over. Ask support for a new one.",
            Self::Over => "Your visit here is over. Ask support for a new link if you need one.",
        }
    }
}

/// Why this page is shown again.
pub(crate) fn told() -> Option<Told> {
    let code = ctx::asked("told")?;
    Told::ALL.into_iter().find(|told| told.code() == code)
}

/// What the service is called.
pub(crate) fn service_name() -> String {
    ctx::reading().map(|(unstick, _)| unstick.settings().customers.service_name.clone()).unwrap_or_default()
}

/// Whether the code in the URL would open its link; `None` without one. Changes nothing.
pub(crate) async fn door() -> Result<Option<(String, bool)>, ApiError> {
    let Some(code) = ctx::asked("code") else { return Ok(None) };
    let (unstick, _) = ctx::reading()?;
    let opens = unstick.link_opens(&code).await?;
    Ok(Some((code, opens)))
}

/// The customer's own sessions, and what is wrong with them; `None` for the latter when that was asked too often. Needs
/// `SelfService`.
pub(crate) async fn own() -> Result<(OwnPage, Option<OwnDiagnosis>), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let page = unstick.own_page(&actor).await?;
    match unstick.own_diagnosis(&actor).await {
        Ok(diagnosis) => Ok((page, Some(diagnosis))),
        Err(Error::Throttled { .. }) => Ok((page, None)),
        Err(error) => Err(error.into()),
    }
}

/// Which session stays, by the word in a URL or a form.
fn stays_called(word: &str) -> Result<Stays, ApiError> {
    match word {
        "this" => Ok(Stays::This),
        "nobody" => Ok(Stays::Nobody),
        id => SessionId::parse(id).map(Stays::One).map_err(|_| ApiError::invalid("stays", "there is no such device")),
    }
}

/// Who chooses, and what a reset would do; no preview before something is chosen that has to be. Needs `SelfService`.
pub(crate) async fn preview() -> Result<(OwnPage, String, Option<ResetPreview>), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let page = unstick.own_page(&actor).await?;
    let this = page.sessions.iter().any(|session| session.this);
    let none = page.sessions.is_empty();
    let otherwise = if this {
        "this"
    } else if none {
        "nobody"
    } else {
        ""
    };
    let word = ctx::asked("stays").unwrap_or_else(|| otherwise.to_owned());
    if word.is_empty() {
        return Ok((page, word, None));
    }
    match unstick.reset_preview(&actor, &stays_called(&word)?).await {
        Ok(preview) => Ok((page, word, Some(preview))),
        Err(Error::Invalid { .. }) => Ok((page, String::new(), None)),
        Err(error) => Err(error.into()),
    }
}

/// How far the reset is that the path names. Needs `SelfService`.
pub(crate) async fn state() -> Result<ResetState, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let id = routes::own_reset_in(&ctx::path()).and_then(|text| CleanupId::parse(text).ok());
    let id = id.ok_or_else(|| ApiError::not_found("reset"))?;
    Ok(unstick.reset_state(&actor, &id).await?)
}

/// Opens a link, once. Needs no permission: the code proves.
#[server(name = OpenLink, prefix = "/fn", endpoint = "self/open", input = PostUrl)]
pub async fn open_link(
    /// The link's code.
    code: String,
) -> Result<(), ApiError> {
    let (unstick, _) = ctx::reading()?;
    match unstick.open_link(&code).await {
        Ok(visit) => {
            let age = visit.until.since(unstick.clock().now()).secs();
            let flags = "Path=/; Secure; HttpOnly; SameSite=Strict";
            ctx::set_header(header::SET_COOKIE, &format!("{COOKIE}={}; Max-Age={age}; {flags}", visit.secret));
            ctx::see_other(routes::SELF);
        }
        Err(Error::Gone(_)) => ctx::see_other(&routes::own(Some(Told::Link.code()))),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Resets the customer's own sessions, exactly as it was shown. Needs `SelfService`; without a visit it leads to the door.
#[server(name = ResetOwn, prefix = "/fn", endpoint = "self/reset", input = PostUrl)]
pub async fn reset_own(
    /// Which session stays signed in: `this`, `nobody`, or one by its id.
    stays: String,
    /// What was shown.
    hash: String,
) -> Result<(), ApiError> {
    let Ok((unstick, actor)) = ctx::mutating() else {
        ctx::see_other(&routes::own(Some(Told::Over.code())));
        return Ok(());
    };
    let again = |told: Told| ctx::see_other(&routes::own_reset(&stays, Some(told.code())));
    match unstick.reset(&actor, &stays_called(&stays)?, Some(PlanHash(hash))).await {
        Ok(requested) => ctx::see_other(&routes::own_progress(&requested.id, None)),
        Err(Error::UnderWay(id)) => ctx::see_other(&routes::own_progress(&id, Some(Told::UnderWay.code()))),
        Err(Error::WorldChanged(_) | Error::Conflict(_)) => again(Told::Changed),
        Err(Error::NothingToDo) => again(Told::Nothing),
        Err(Error::Throttled { .. }) => again(Told::Throttled),
        Err(Error::Invalid { .. }) => again(Told::Device),
        Err(Error::Busy) => again(Told::Busy),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Ends the visit. Needs `SelfService`; without a visit it leads to the door.
#[server(name = EndVisit, prefix = "/fn", endpoint = "self/leave", input = PostUrl)]
pub async fn end_visit() -> Result<(), ApiError> {
    if let (Ok((unstick, actor)), Some(Visiting(visit))) = (ctx::mutating(), ctx::visiting()) {
        unstick.end_visit(&actor, &visit).await?;
    }
    ctx::set_header(header::SET_COOKIE, &format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"));
    ctx::see_other(&routes::own(Some(Told::Over.code())));
    Ok(())
}

/// The page on which a link is made for a customer, with the link that was just made. Needs `ReadAccounts`.
pub(crate) async fn link_page() -> Result<(CustomerLinkPage, Option<(String, Instant)>), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let id = accounts::id_in_path()?;
    let page = unstick.customer_link_page(&actor, &id).await?;
    let Some(code) = ctx::cookie(LINK_COOKIE).filter(|_| page.may) else { return Ok((page, None)) };
    // Shown this once.
    ctx::set_header(
        header::SET_COOKIE,
        &format!("{LINK_COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"),
    );
    let until = unstick.made_link(&actor, &id, &code).await?;
    let url = format!("{}{}", unstick.settings().customers.origin, routes::self_service(&code));
    Ok((page, until.map(|until| (url, until))))
}

/// Makes a link for a customer. Needs `HelpCustomers`.
#[server(name = MakeCustomerLink, prefix = "/fn", endpoint = "accounts/link", input = PostUrl)]
pub async fn make_customer_link(
    /// For which account.
    account: String,
    /// The session that the customer is on; empty when it is not known.
    session: String,
    /// Minutes for which it opens; empty for what is set.
    minutes: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let account = AccountId::parse(account).map_err(|_| ApiError::not_found("account"))?;
    let form = routes::account_link(&account);
    let session = (!session.is_empty()).then(|| SessionId::parse(session)).transpose();
    let session = session.map_err(|_| ApiError::invalid("session", "there is no such session"))?;
    let life = (!minutes.is_empty()).then(|| minutes.parse::<u32>()).transpose();
    let life = life.map_err(|_| ApiError::invalid("minutes", "say it in minutes"))?;
    let life = life.map(|minutes| Span::from_secs(i64::from(minutes) * 60));
    match unstick.make_customer_link(&actor, &account, session.as_ref(), life).await {
        Ok(made) => {
            let flags = "Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict";
            ctx::set_header(header::SET_COOKIE, &format!("{LINK_COOKIE}={}; {flags}", made.code));
        }
        Err(Error::Invalid { field, message }) => {
            let text = sentence(&message);
            let flash = Flash { code: "invalid".to_owned(), field: field.to_owned(), ..Flash::good(&form, text) };
            flash::leave(flash).await;
        }
        Err(error) => return Err(error.into()),
    }
    ctx::see_other(&form);
    Ok(())
}
