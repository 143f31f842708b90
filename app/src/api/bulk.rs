//! Bulk clean-ups: choosing, asking, approving, steering.

#![expect(clippy::too_many_arguments, reason = "a server function takes the fields of its form one by one")]

use std::collections::BTreeMap;

use domain::{
    AccountFilter, BulkId, BulkMove, BulkOrder, BulkOutcome, Intent, Mode, PlanHash,
    view::{BulkPage, BulksPage},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::BulkSource;

use super::{
    ApiError,
    confirm::{self, Form},
    ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// Longest list that is kept in the session for the form that is shown again, in bytes.
const KEPT: usize = 64 << 10;

/// A page of bulk clean-ups. Needs `ReadCleanups`.
pub(crate) async fn list() -> Result<BulksPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["after"])?;
    Ok(unstick.bulks(&actor, ctx::asked("after").as_deref()).await?)
}

/// The bulk clean-up that the path names. Needs `ReadCleanups`.
pub(crate) async fn page() -> Result<BulkPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["outcome", "after"])?;
    let text = routes::id_in(&ctx::path()).ok_or_else(|| ApiError::not_found("bulk clean-up"))?;
    let outcome = |word: String| {
        BulkOutcome::parse(&word).ok_or_else(|| ApiError::invalid("outcome", format!("no account is ever {word}")))
    };
    let outcome = ctx::asked("outcome").map(outcome).transpose()?;
    let after = ctx::asked("after").map_or(Ok(0), |text| text.parse());
    let after = after.map_err(|_| ApiError::invalid("after", "that page does not exist: start again".to_owned()))?;
    Ok(unstick.bulk_page(&actor, &id(text)?, outcome, after).await?)
}

/// The filter that the query names, for a new one. Needs `BulkCleanUp`, which is asked when it is made.
pub(crate) fn asked_filter() -> Result<AccountFilter, ApiError> {
    ctx::only(&AccountFilter::FIELDS)?;
    Ok(AccountFilter::parse(ctx::asked)?)
}

fn id(text: String) -> Result<BulkId, ApiError> {
    BulkId::parse(text).map_err(|_| ApiError::not_found("bulk clean-up"))
}

/// Freezes a list of accounts. Needs `BulkCleanUp`. What the person can mend leads back to the form with all that was typed.
#[server(name = DraftBulk, prefix = "/fn", endpoint = "bulk/draft", input = PostUrl)]
pub async fn draft_bulk(
    /// Ids, one a line or as CSV; nothing where the filter chooses.
    #[server(default)]
    list: String,
    /// The filter, or nothing: a part of id, e-mail or name.
    #[server(default)]
    text: String,
    /// An open finding of this kind.
    #[server(default)]
    kind: String,
    /// A route on this router,
    #[server(default)]
    router: String,
    /// in this pool,
    #[server(default)]
    pool: String,
    /// to this server.
    #[server(default)]
    server: String,
    /// At least so many left-over sessions.
    #[server(default)]
    leftover: String,
    /// Last seen before.
    #[server(default)]
    seen_before: String,
    /// On this plan.
    #[server(default)]
    plan: String,
    /// How much of each account.
    #[server(default)]
    mode: String,
    /// Accounts under way at once.
    #[server(default)]
    wave: String,
    /// Accounts begun a second.
    #[server(default)]
    rate: String,
    /// Accounts in trouble before it stops by itself.
    #[server(default)]
    failure_limit: String,
    /// Why.
    reason: String,
    /// The ticket, or nothing.
    ticket: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let fields = [
        ("text", text),
        ("kind", kind),
        ("router", router),
        ("pool", pool),
        ("server", server),
        ("leftover", leftover),
        ("seen_before", seen_before),
        ("plan", plan),
        ("mode", mode),
        ("wave", wave),
        ("rate", rate),
        ("failure_limit", failure_limit),
        ("reason", reason),
        ("ticket", ticket),
        ("list", list),
    ];
    let mut typed: BTreeMap<String, String> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let drafted = match read(&mut typed) {
        Ok((source, order)) => unstick.draft_bulk(&actor, source, order).await.map_err(ApiError::from),
        Err(error) => Err(error),
    };
    match drafted {
        Ok(bulk) => {
            ctx::see_other(&routes::bulk(&bulk.id, None, None));
            Ok(())
        }
        Err(error) if matches!(error.status, 409 | 422 | 503) => {
            let form = routes::BULK_NEW.to_owned();
            let (code, text) = (error.code.to_owned(), sentence(&error.message));
            let field = error.field.unwrap_or_default().to_owned();
            flash::leave(Flash { at: form.clone(), code, text, field, typed, secret: String::new() }).await;
            ctx::see_other(&form);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What was typed as what is meant. A long list is taken out of `typed`, which is kept in the session if it must be shown
/// again.
fn read(typed: &mut BTreeMap<String, String>) -> Result<(BulkSource, BulkOrder), ApiError> {
    let filter = AccountFilter::parse(|name| typed.get(name).cloned())?;
    let list = typed.get("list").map(|list| list.trim().to_owned()).unwrap_or_default();
    if list.len() > KEPT {
        typed.remove("list");
    }
    let source = match (filter.is_empty(), list.is_empty()) {
        (false, false) => {
            let message = "choose by a filter or by a list, not by both: empty one of them".to_owned();
            return Err(ApiError::invalid("list", message));
        }
        (true, true) => {
            let message = "say which accounts are meant: nothing does not mean all of them".to_owned();
            return Err(ApiError::invalid("list", message));
        }
        (false, true) => BulkSource::Filter(filter),
        (true, false) => BulkSource::List(Box::new(std::io::Cursor::new(list.into_bytes()))),
    };
    let word = |name: &str| typed.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let number = |name: &'static str, otherwise: u32| match word(name) {
        text if text.is_empty() => Ok(otherwise),
        text => text.parse().map_err(|_| ApiError::invalid(name, format!("write a whole number, not {text}"))),
    };
    let mode = Mode::parse(&word("mode")).ok_or_else(|| ApiError::invalid("mode", "choose a mode".to_owned()))?;
    let order = BulkOrder {
        mode,
        reason: word("reason"),
        ticket: word("ticket"),
        wave: number("wave", BulkOrder::WAVE)?,
        rate: number("rate", BulkOrder::RATE)?,
        failure_limit: number("failure_limit", BulkOrder::FAILURE_LIMIT)?,
    };
    Ok((source, order))
}

/// Asks for the bulk clean-up as it was shown; the proof that comes with it counts for this list alone. Needs `BulkCleanUp`.
#[server(name = RequestBulk, prefix = "/fn", endpoint = "bulk/request", input = PostUrl)]
pub async fn request_bulk(
    /// Which.
    id: String,
    /// The list that was shown.
    hash: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let (id, hash) = (self::id(id)?, PlanHash(hash));
    let asked = async {
        let intent = Some((Intent::RequestBulk, &hash));
        let actor = confirm::prove(&unstick, &actor, (&password, &code), intent).await?;
        let bulk = unstick.request_bulk(&actor, &id, &hash).await?;
        Ok(match bulk.approve_until {
            Some(_) => "Asked for. It begins when another admin approves it.",
            None => "It runs.",
        })
    };
    told(&id, asked.await).await
}

/// Approves the bulk clean-up as it was shown, as a second admin; the proof that comes with it counts for this list alone.
/// Needs `BulkCleanUp`.
#[server(name = ApproveBulk, prefix = "/fn", endpoint = "bulk/approve", input = PostUrl)]
pub async fn approve_bulk(
    /// Which.
    id: String,
    /// The list that was shown.
    hash: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let (id, hash) = (self::id(id)?, PlanHash(hash));
    let approved = async {
        let intent = Some((Intent::ApproveBulk, &hash));
        let actor = confirm::prove(&unstick, &actor, (&password, &code), intent).await?;
        unstick.approve_bulk(&actor, &id, &hash).await?;
        Ok("Approved. It runs.")
    };
    told(&id, approved.await).await
}

/// Pauses, resumes, cancels or retries a bulk clean-up. Needs `BulkCleanUp`.
#[server(name = ControlBulk, prefix = "/fn", endpoint = "bulk/control", input = PostUrl)]
pub async fn control_bulk(
    /// Which.
    id: String,
    /// `pause`, `resume`, `cancel` or `retry`.
    what: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let (way, words) = match what.as_str() {
        "pause" => (BulkMove::Pause, "Paused. What is under way ends; nothing new begins."),
        "resume" => (BulkMove::Resume, "It goes on."),
        "cancel" => (BulkMove::Cancel, "Cancelled. What is under way ends; nothing new begins."),
        "retry" => (BulkMove::Retry, "What could not be asked for is tried again."),
        _ => return Err(ApiError::invalid("what", "choose pause, resume, cancel or retry".to_owned())),
    };
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.control_bulk(&actor, &id, way).await?;
        Ok(Flash::good(routes::bulk(&id, None, None), words))
    };
    let form = Form {
        action: routes::action::BULK_CONTROL,
        what: if way == BulkMove::Resume { "let the bulk clean-up go on" } else { "try again what failed" },
        fields: &[("id", id.as_str()), ("what", &what)],
        page: &routes::bulk(&id, None, None),
    };
    form.ends(done.await).await
}

/// Back to the page, with what came of it; what a person could not know is no error page.
async fn told(id: &BulkId, done: Result<&'static str, ApiError>) -> Result<(), ApiError> {
    let page = routes::bulk(id, None, None);
    match done {
        Ok(words) => flash::leave(Flash::good(&page, words)).await,
        Err(error) if error.is_mendable() => flash::leave(Flash::bad(&page, &error, BTreeMap::new())).await,
        Err(error) => return Err(error),
    }
    ctx::see_other(&page);
    Ok(())
}
