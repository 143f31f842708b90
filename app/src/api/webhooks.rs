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
    confirm, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// The code of a message that says that a secret may be shown.
pub(crate) const SECRET: &str = "secret";

/// Every webhook. Needs `ManageWebhooks`.
pub(crate) async fn list() -> Result<Vec<WebhookRow>, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&[])?;
    Ok(unstick.webhooks(&actor).await?)
}

/// The webhook that the path names. Needs `ManageWebhooks`.
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

/// The secret of a webhook that was just made or changed, if nobody was shown it yet. Needs `ManageWebhooks`.
pub(crate) async fn secret(id: &WebhookId) -> Result<Option<String>, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.reveal_webhook(&actor, id).await?)
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
    let asked = [session_ended, cleanup_done, cleanup_came_back, finding_opened];
    let chosen = EventKind::CHOICES.into_iter().zip(&asked).filter(|(_, value)| !value.is_empty());
    let kinds: Vec<EventKind> = chosen.map(|(kind, _)| kind).collect();
    let new = WebhookFormat::parse(&format).map(|format| NewWebhook { url: url.clone(), kinds: kinds.clone(), format });
    let added = match new {
        None => Err(ApiError::invalid("format", "choose how events look")),
        Some(_) if kinds.is_empty() => Err(ApiError::invalid("events", "choose at least one event")),
        Some(new) => {
            let done = async {
                let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
                unstick.add_webhook(&actor, new).await.map_err(ApiError::from)
            };
            done.await
        }
    };
    match added {
        Err(error) if asks_for_proof(&error) => {
            let [ended, done, came_back, opened] = &asked;
            let fields = [
                ("url", url.as_str()),
                ("format", &format),
                ("session_ended", ended),
                ("cleanup_done", done),
                ("cleanup_came_back", came_back),
                ("finding_opened", opened),
            ];
            confirm::carry(routes::action::WEBHOOK_ADD, "make the webhook", &fields, &error).await
        }
        Ok(hook) => {
            let page = routes::webhook(&hook.id, &DeliveryFilter::default(), None);
            flash::leave(Flash { code: SECRET.to_owned(), ..Flash::good(&page, "The webhook is made.") }).await;
            ctx::see_other(&page);
            Ok(())
        }
        Err(error) if matches!(error.status, 409 | 422 | 503) => {
            let (code, text) = (error.code.to_owned(), sentence(&error.message));
            let mut typed: BTreeMap<String, String> =
                kinds.iter().map(|kind| (kind.as_str().to_owned(), "on".to_owned())).collect();
            typed.extend([("url".to_owned(), url), ("format".to_owned(), format)]);
            let field = error.field.unwrap_or_default().to_owned();
            flash::leave(Flash { at: routes::WEBHOOKS.to_owned(), code, text, field, typed, ..Flash::default() }).await;
            ctx::see_other(routes::WEBHOOKS);
            Ok(())
        }
        Err(error) => Err(error),
    }
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
    let words = "It has a new secret. For a day the one before signs as well.";
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.rotate_webhook(&actor, &id).await.map_err(ApiError::from)
    };
    let done = done.await;
    if let Err(error) = &done
        && asks_for_proof(error)
    {
        let what = format!("give the webhook {id} a new secret");
        return confirm::carry(routes::action::WEBHOOK_ROTATE, &what, &[("id", id.as_str())], error).await;
    }
    told(&id, done.map(|()| words.to_owned()), SECRET).await
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
        unstick.switch_webhook(&actor, &id, on).await.map_err(ApiError::from)
    };
    let done = done.await;
    if let Err(error) = &done
        && asks_for_proof(error)
    {
        let what = format!("switch the webhook {id} {to}");
        return confirm::carry(routes::action::WEBHOOK_SWITCH, &what, &[("id", id.as_str()), ("to", &to)], error).await;
    }
    told(&id, done.map(|()| words.to_owned()), "").await
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
    told(&id, done.map(|()| "A test is on its way: load this page again in a moment.".to_owned()), "").await
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
    told(&id, done.map(|()| "It is sent again, under the same id.".to_owned()), "").await
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
        Ok(0) => told(&id, Ok("Nothing of that time was sent, or given up.".to_owned()), "").await,
        Ok(1) => told(&id, Ok("1 event is sent again.".to_owned()), "").await,
        Ok(n) => told(&id, Ok(format!("{n} events are sent again.")), "").await,
        Err(error) if matches!(error.status, 409 | 422 | 503) => {
            let page = routes::webhook(&id, &DeliveryFilter::default(), None);
            let (code, text) = (error.code.to_owned(), sentence(&error.message));
            let typed = [("from", from), ("to", to), ("failed", failed)];
            let typed = typed.map(|(name, value)| (name.to_owned(), value)).into();
            let field = error.field.unwrap_or_default().to_owned();
            flash::leave(Flash { at: page.clone(), code, text, field, typed, ..Flash::default() }).await;
            ctx::see_other(&page);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Whether it was refused for want of a fresh proof, or for one that does not count.
fn asks_for_proof(error: &ApiError) -> bool {
    error.is_unproved() || matches!(error.field, Some("password" | "code"))
}

/// Back to the page, with what came of it; what a person could not know is no error page.
async fn told(id: &WebhookId, done: Result<String, ApiError>, code: &str) -> Result<(), ApiError> {
    let page = routes::webhook(id, &DeliveryFilter::default(), None);
    match done {
        Ok(words) => flash::leave(Flash { code: code.to_owned(), ..Flash::good(&page, words) }).await,
        Err(error) if matches!(error.status, 409 | 503) => {
            let text = sentence(&error.message);
            flash::leave(Flash { code: error.code.to_owned(), ..Flash::good(&page, text) }).await;
        }
        Err(error) => return Err(error),
    }
    ctx::see_other(&page);
    Ok(())
}
