//! Confirming who one is. Forms whose action needs a fresh proof ask for it themselves when the last one is old; all others
//! are carried along: what was sent is kept in the console session, a page asks for the password, and one post from there
//! does what was asked for. Nothing that was typed is lost, and nothing needs scripts.

use std::collections::BTreeMap;

use domain::{Actor, Freshness, Intent, PlanHash, Span};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::{Proof, Proved, Unstick};

use super::{
    ApiError, ctx,
    flash::{self, Flash},
};
use crate::routes;

/// The session's key for its new secret, which the HTTP layer hands to the browser.
pub const RENEWED: &str = "renewed";

/// A form asks for a proof that has less time left than it takes to fill the form in.
const EARLY: Span = Span::from_secs(60);

/// What a carried form is kept by: where it goes, and what it does.
const ACTION: &str = "!action";
const WHAT: &str = "!what";

/// What a form asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// Whether a code is asked for beside the password.
    pub(crate) has_factor: bool,
}

/// What a form must ask for, so that its post brings a proof that is fresh enough; `None` when the last one will do.
pub(crate) fn needed(freshness: Freshness) -> Option<Ask> {
    let (me, now) = (ctx::me()?, ctx::now()?);
    (!freshness.admits(me.proved_at, now + EARLY)).then_some(Ask { has_factor: me.has_factor })
}

/// What a form asks for whose proof counts for its list alone.
pub(crate) fn always() -> Option<Ask> {
    ctx::me().map(|me| Ask { has_factor: me.has_factor })
}

/// Who acts, with the proof that came with the form, if one did: `actor` as before when nothing was given.
///
/// # Errors
/// For a proof that does not count.
pub(crate) async fn prove(
    unstick: &Unstick,
    actor: &Actor,
    (password, code): (&str, &str),
    intent: Option<(Intent, &PlanHash)>,
) -> Result<Actor, ApiError> {
    if password.is_empty() && code.is_empty() {
        return Ok(actor.clone());
    }
    let ip = ctx::client_ip();
    let proved = unstick.prove(actor, Proof { password, code: code.trim(), ip: &ip }, intent).await?;
    renew(proved).await
}

/// Gives the browser the session's new secret.
pub(crate) async fn renew(proved: Proved) -> Result<Actor, ApiError> {
    let session = ctx::session().ok_or_else(|| ApiError::internal("no console session"))?;
    let renewed = async {
        session.insert(RENEWED, proved.secret).await?;
        session.cycle_id().await
    };
    renewed.await.map_err(|error: tower_sessions::session::Error| {
        tracing::error!(%error, "a console session could not be renewed");
        ApiError::internal("a console session could not be renewed")
    })?;
    Ok(proved.actor)
}

/// A form whose post needs a proof, and what is to become of it.
pub(crate) struct Form<'a> {
    /// Where it goes.
    pub(crate) action: &'a str,
    /// What it does: «disable dana».
    pub(crate) what: &'a str,
    /// Its fields.
    pub(crate) fields: &'a [(&'a str, &'a str)],
    /// The page that it is on.
    pub(crate) page: &'a str,
}

impl Form<'_> {
    /// Goes on with what came of it: to the page of the good news; without a proof that counts, to the page that asks for
    /// one, which carries the form along; and back to the form, with all that was typed, where the person can mend it.
    ///
    /// # Errors
    /// What nobody can mend there.
    pub(crate) async fn ends(self, done: Result<Flash, ApiError>) -> Result<(), ApiError> {
        let Self { action, what, fields, page } = self;
        let mut typed: BTreeMap<String, String> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let flash = match done {
            Ok(flash) => flash,
            Err(error) if error.is_unproved() || matches!(error.field, Some("password" | "code")) => {
                typed.extend([(ACTION.to_owned(), action.to_owned()), (WHAT.to_owned(), what.to_owned())]);
                Flash::bad(routes::CONFIRM, &error, typed)
            }
            Err(error) if error.is_mendable() => Flash::bad(page, &error, typed),
            Err(error) => return Err(error),
        };
        let next = flash.at.clone();
        flash::leave(flash).await;
        ctx::see_other(&next);
        Ok(())
    }
}

/// A form that is carried.
pub(crate) struct Carried {
    /// Where it goes.
    pub(crate) action: String,
    /// What it does.
    pub(crate) what: String,
    /// Its fields.
    pub(crate) fields: Vec<(String, String)>,
}

/// What the page shows: what is carried, if anything is, and what was wrong with the last proof.
///
/// # Errors
/// 401 for nobody.
pub(crate) async fn page() -> Result<(Option<Carried>, Option<Flash>), ApiError> {
    ctx::mutating()?;
    let flash = flash::peek().await;
    let carried = flash.as_ref().and_then(|flash| {
        let (action, what) = (flash.typed.get(ACTION)?.clone(), flash.typed.get(WHAT)?.clone());
        let fields = flash.typed.iter().filter(|(name, _)| !name.starts_with('!'));
        let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        Some(Carried { action, what, fields })
    });
    Ok((carried, flash))
}

/// Confirms who one is, and goes on at `next`. Needs `OwnSessions`.
#[server(name = ConfirmMe, prefix = "/fn", endpoint = "me/confirm", input = PostUrl)]
pub async fn confirm_me(
    /// The password.
    password: String,
    /// A code of the second factor; nothing for who has none.
    #[server(default)]
    code: String,
    /// Where to go on.
    #[server(default)]
    next: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let next = routes::local(&next);
    let ip = ctx::client_ip();
    let proved = unstick.prove(&actor, Proof { password: &password, code: code.trim(), ip: &ip }, None).await;
    match proved.map_err(ApiError::from) {
        Ok(proved) => {
            renew(proved).await?;
            ctx::see_other(next);
            Ok(())
        }
        Err(error) if error.is_mendable() => {
            let typed = BTreeMap::from([("next".to_owned(), next.to_owned())]);
            flash::leave(Flash::bad(routes::CONFIRM, &error, typed)).await;
            ctx::see_other(routes::CONFIRM);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
