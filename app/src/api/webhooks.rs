//! Webhooks: making them, changing them, and reading and repeating what was sent.

#![expect(clippy::too_many_arguments, reason = "a server function takes the fields of its form one by one")]

use std::collections::BTreeMap;

use domain::{
    AccountId, DeliveryFilter, DeliveryState, EventId, EventKind, WebhookFormat, WebhookId,
    view::{WebhookPage, WebhookRow},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::NewWebhook;

use super::{
    ApiError,
    audit::moment,
    confirm::{self, Form},
    ctx,
    flash::{self, Flash},
};
use crate::routes;

/// Every webhook. Needs `ReadWebhooks`.
pub(crate) async fn list() -> Result<Vec<WebhookRow>, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&[])?;
    Ok(unstick.webhooks(&actor).await?)
}

/// The webhook that the path names. Needs `ReadWebhooks`.
pub(crate) async fn page() -> Result<WebhookPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["state", "event", "account", "after"])?;
    let state = |word: String| {
        DeliveryState::parse(&word).ok_or_else(|| ApiError::invalid("state", format!("nothing is ever {word}")))
    };
    let kind = |word: String| {
        EventKind::parse(&word).ok_or_else(|| ApiError::invalid("event", format!("there is no event {word}")))
    };
    let account = ctx::asked("account").map(AccountId::parse).transpose();
    let filter = DeliveryFilter {
        state: ctx::asked("state").map(state).transpose()?,
        kind: ctx::asked("event").map(kind).transpose()?,
        account: account.map_err(|error| ApiError::invalid("account", error.to_string()))?,
    };
    let text = routes::id_in(&ctx::path()).ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(unstick.webhook_page(&actor, &id(text)?, filter, ctx::asked("after").as_deref()).await?)
}

fn id(text: String) -> Result<WebhookId, ApiError> {
    WebhookId::parse(text).map_err(|_| ApiError::not_found("webhook"))
}

/// Makes a webhook. Needs `ManageWebhooks`. What the person can mend leads back to the form with all that was typed.
#[server(name = AddWebhook, prefix = "/fn", endpoint = "webhooks/add", input = PostUrl)]
pub async fn add_webhook(
    /// The address of the receiver.
    url: String,
    /// How events look.
    #[server(default)]
    format: String,
    /// Whether to tell of sessions that end.
    #[server(default)]
    session_ended: String,
    /// Whether to tell of clean-ups that are done.
    #[server(default)]
    cleanup_done: String,
    /// Whether to tell of what comes back.
    #[server(default)]
    cleanup_came_back: String,
    /// Whether to tell of findings.
    #[server(default)]
    finding_opened: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let asked = [&session_ended, &cleanup_done, &cleanup_came_back, &finding_opened];
    let chosen = EventKind::CHOICES.into_iter().zip(asked).filter(|(_, value)| !value.is_empty());
    let kinds: Vec<EventKind> = chosen.map(|(kind, _)| kind).collect();
    let done = async {
        let format =
            WebhookFormat::parse(&format).ok_or_else(|| ApiError::invalid("format", "choose how events look"))?;
        if kinds.is_empty() {
            return Err(ApiError::invalid("events", "choose at least one event"));
        }
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let made = unstick.add_webhook(&actor, NewWebhook { url: url.clone(), kinds, format }).await?;
        let secret = unstick.seal_once(&actor, &made.secret)?;
        Ok(Flash { secret, ..Flash::good(page_of(&made.hook.id), "The webhook is made.") })
    };
    let form = Form {
        action: routes::action::WEBHOOK_ADD,
        what: "make the webhook",
        fields: &[
            ("url", &url),
            ("format", &format),
            ("session_ended", &session_ended),
            ("cleanup_done", &cleanup_done),
            ("cleanup_came_back", &cleanup_came_back),
            ("finding_opened", &finding_opened),
        ],
        page: routes::WEBHOOKS,
    };
    form.ends(done.await).await
}

/// Gives a webhook a new secret. Needs `ManageWebhooks`.
#[server(name = RotateWebhook, prefix = "/fn", endpoint = "webhooks/rotate", input = PostUrl)]
pub async fn rotate_webhook(
    /// Which.
    id: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let made = unstick.rotate_webhook(&actor, &id).await?;
        let secret = unstick.seal_once(&actor, &made.secret)?;
        Ok(Flash {
            secret,
            ..Flash::good(page_of(&id), "It has a new secret. For a day the one before signs as well.")
        })
    };
    let form = Form {
        action: routes::action::WEBHOOK_ROTATE,
        what: &format!("give the webhook {id} a new secret"),
        fields: &[("id", id.as_str())],
        page: &page_of(&id),
    };
    form.ends(done.await).await
}

/// Switches a webhook on or off. Needs `ManageWebhooks`.
#[server(name = SwitchWebhook, prefix = "/fn", endpoint = "webhooks/switch", input = PostUrl)]
pub async fn switch_webhook(
    /// Which.
    id: String,
    /// `on` or `off`.
    to: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let (on, words) = match to.as_str() {
        "on" => (true, "Switched on. What waited is sent."),
        "off" => (false, "Switched off. Nothing is sent to it, and nothing new is kept for it."),
        _ => return Err(ApiError::invalid("to", "choose on or off")),
    };
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.switch_webhook(&actor, &id, on).await?;
        Ok(Flash::good(page_of(&id), words))
    };
    let form = Form {
        action: routes::action::WEBHOOK_SWITCH,
        what: &format!("switch the webhook {id} {to}"),
        fields: &[("id", id.as_str()), ("to", &to)],
        page: &page_of(&id),
    };
    form.ends(done.await).await
}

/// Deletes a webhook. Needs `ManageWebhooks`.
#[server(name = DeleteWebhook, prefix = "/fn", endpoint = "webhooks/delete", input = PostUrl)]
pub async fn delete_webhook(
    /// Which.
    id: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.delete_webhook(&actor, &id).await?;
        Ok(Flash::good(page_of(&id), "Deleted. What waited for it was given up."))
    };
    let form = Form {
        action: routes::action::WEBHOOK_DELETE,
        what: &format!("delete the webhook {id}"),
        fields: &[("id", id.as_str())],
        page: &page_of(&id),
    };
    form.ends(done.await).await
}

/// Sends a webhook a test. Needs `ManageWebhooks`.
#[server(name = TestWebhook, prefix = "/fn", endpoint = "webhooks/test", input = PostUrl)]
pub async fn test_webhook(
    /// Which.
    id: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let done = unstick.test_webhook(&actor, &id).await.map_err(ApiError::from);
    told(&id, done.map(|_| "A test is on its way: load this page again in a moment.".to_owned())).await
}

/// Sends one event again. Needs `ManageWebhooks`.
#[server(name = SendAgain, prefix = "/fn", endpoint = "webhooks/again", input = PostUrl)]
pub async fn send_again(
    /// To which webhook.
    id: String,
    /// Which event.
    event: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let event = EventId::parse(event).map_err(|_| ApiError::not_found("event"))?;
    let done = unstick.replay_delivery(&actor, &id, &event).await.map_err(ApiError::from);
    told(&id, done.map(|()| "It is sent again, under the same id.".to_owned())).await
}

/// Sends again what happened in a stretch of time. Needs `ManageWebhooks`.
#[server(name = ReplayWebhook, prefix = "/fn", endpoint = "webhooks/replay", input = PostUrl)]
pub async fn replay_webhook(
    /// To which webhook.
    id: String,
    /// What happened from then on.
    from: String,
    /// And before then.
    to: String,
    /// Of that only what was given up.
    #[server(default)]
    failed: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = self::id(id)?;
    let needed = |field, at: Option<_>| at.ok_or_else(|| ApiError::invalid(field, "say when"));
    let read = || Ok((needed("from", moment("from", &from)?)?, needed("to", moment("to", &to)?)?));
    let done = match read() {
        Ok(stretch) => {
            unstick.replay_deliveries(&actor, &id, stretch, !failed.is_empty()).await.map_err(ApiError::from)
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(0) => told(&id, Ok("Nothing of that time was sent, or given up.".to_owned())).await,
        Ok(1) => told(&id, Ok("1 event is sent again.".to_owned())).await,
        Ok(n) => told(&id, Ok(format!("{n} events are sent again."))).await,
        Err(error) if matches!(error.status, 409 | 422 | 503) => {
            let page = page_of(&id);
            let typed = [("from", from), ("to", to), ("failed", failed)];
            let typed = typed.map(|(name, value)| (name.to_owned(), value)).into();
            flash::leave(Flash::bad(&page, &error, typed)).await;
            ctx::see_other(&page);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Back to the page, with what came of it; what a person could not know is no error page.
async fn told(id: &WebhookId, done: Result<String, ApiError>) -> Result<(), ApiError> {
    let page = page_of(id);
    match done {
        Ok(words) => flash::leave(Flash::good(&page, words)).await,
        Err(error) if matches!(error.status, 409 | 503) => {
            flash::leave(Flash::bad(&page, &error, BTreeMap::new())).await;
        }
        Err(error) => return Err(error),
    }
    ctx::see_other(&page);
    Ok(())
}

fn page_of(id: &WebhookId) -> String {
    routes::webhook(id, &DeliveryFilter::default(), None)
}
