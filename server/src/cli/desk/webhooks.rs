//! Webhooks.

use domain::{
    DeliveryFilter, EventId, Instant, WebhookId,
    view::{Page, WebhookPage, WebhookRow},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use service::NewWebhook;

use super::Desk;
use crate::{
    cli::Failure,
    wire::{Replayed, TestSent, WebhookMade},
};

/// All webhooks.
#[derive(Deserialize)]
struct Webhooks {
    items: Vec<WebhookRow>,
}

/// What is sent again.
pub enum Again {
    /// One event.
    One(EventId),
    /// What happened from then on and before then; of that only what was given up, if so.
    Stretch(Instant, Instant, bool),
}

impl Desk {
    /// Every webhook.
    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.webhooks(actor).await?),
            Self::There(remote) => Ok(remote.get::<Webhooks>("webhooks", &[]).await?.items),
        }
    }

    /// Makes a webhook.
    pub async fn add_webhook(&self, new: NewWebhook) -> Result<WebhookMade, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.add_webhook(actor, new).await?.into()),
            Self::There(remote) => {
                let NewWebhook { url, kinds, format } = new;
                let body = json!({ "url": url, "events": kinds, "format": format });
                remote.change(Method::POST, "webhooks", &body).await
            }
        }
    }

    /// Gives a webhook a new secret.
    pub async fn rotate_webhook(&self, id: &WebhookId) -> Result<WebhookMade, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.rotate_webhook(actor, id).await?.into()),
            Self::There(remote) => remote.change(Method::POST, &format!("webhooks/{id}/secret"), &json!({})).await,
        }
    }

    /// Switches a webhook on or off.
    pub async fn switch_webhook(&self, id: &WebhookId, on: bool) -> Result<WebhookRow, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.switch_webhook(actor, id, on).await?),
            Self::There(remote) => {
                let body = json!({ "what": if on { "enable" } else { "disable" } });
                remote.change(Method::POST, &format!("webhooks/{id}/control"), &body).await
            }
        }
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<WebhookRow, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.delete_webhook(actor, id).await?),
            Self::There(remote) => remote.delete(&format!("webhooks/{id}")).await,
        }
    }

    /// Sends a webhook a test; answers which event that is.
    pub async fn test_webhook(&self, id: &WebhookId) -> Result<EventId, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.test_webhook(actor, id).await?),
            Self::There(remote) => {
                let path = format!("webhooks/{id}/test");
                Ok(remote.change::<TestSent>(Method::POST, &path, &json!({})).await?.event_id)
            }
        }
    }

    /// Sends events again; answers how many.
    pub async fn replay(&self, id: &WebhookId, again: Again) -> Result<i64, Failure> {
        let (unstick, actor) = match self {
            Self::Here { unstick, actor } => (unstick, actor),
            Self::There(remote) => {
                let body = match again {
                    Again::One(event) => json!({ "event_id": event }),
                    Again::Stretch(from, to, failed) => json!({ "from": from, "to": to, "failed_only": failed }),
                };
                let path = format!("webhooks/{id}/replay");
                return Ok(remote.change::<Replayed>(Method::POST, &path, &body).await?.events);
            }
        };
        match again {
            Again::One(event) => unstick.replay_delivery(actor, id, &event).await.map(|()| 1),
            Again::Stretch(from, to, failed) => unstick.replay_deliveries(actor, id, (from, to), failed).await,
        }
        .map_err(Failure::from)
    }

    /// A webhook with a page of what was sent to it.
    pub async fn webhook_log(
        &self,
        id: &WebhookId,
        filter: DeliveryFilter,
        after: Option<String>,
    ) -> Result<(WebhookRow, Page<domain::Delivery>), Failure> {
        match self {
            Self::Here { unstick, actor } => {
                let WebhookPage { row, log, .. } = unstick.webhook_page(actor, id, filter, after.as_deref()).await?;
                Ok((row, log))
            }
            Self::There(remote) => {
                let DeliveryFilter { state, kind, account } = filter;
                let query: Vec<(&str, String)> = [
                    ("state", state.map(|it| it.as_str().to_owned())),
                    ("event", kind.map(|it| it.as_str().to_owned())),
                    ("account", account.map(|it| it.to_string())),
                    ("after", after),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
                let row = remote.get(&format!("webhooks/{id}"), &[]).await?;
                Ok((row, remote.get(&format!("webhooks/{id}/deliveries"), &query).await?))
            }
        }
    }
}
