//! Admins make webhooks, change their secrets, stop them and try them.

use std::net::IpAddr;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, EventId, EventKind, Freshness, Permission, Span, Webhook, WebhookEvent, WebhookFormat, WebhookId,
    WebhookState, new_id, refusal, view::WebhookRow,
};
use store::NewSecret;
use url::{Host, Url};

use super::{NewWebhook, TokenKeys, WithSecret, secret};
use crate::{Error, Result, Unstick};

/// Webhooks that there may be: each event is written once for each that wants it.
const MOST: usize = 50;
/// How long the secret before a new one signs too.
const OVERLAP: Span = Span::from_days(1);

impl Unstick {
    /// Makes a webhook. Its secret is answered this once.
    ///
    /// # Errors
    /// `Invalid` for the address and for what the format has no form for; `Conflict` when there are too many; `Unproved`; `Denied`.
    #[boxed]
    pub async fn add_webhook(&self, actor: &Actor, new: NewWebhook) -> Result<WithSecret> {
        self.authorize_fresh(actor, Permission::ManageWebhooks, Freshness::FiveMinutes, "webhooks").await?;
        let url = self.checked_url(&new.url)?;
        let kinds = checked_kinds(new.kinds, new.format)?;
        if new.format == WebhookFormat::Caep && self.token_keys().is_empty() {
            return Err(Error::Conflict("caep.pem holds no key to sign security event tokens with".to_owned()));
        }
        if self.store().webhooks().await?.len() >= MOST {
            return Err(Error::Conflict(format!(
                "there are {MOST} webhooks already, which is the most that there may be"
            )));
        }
        let id = WebhookId::parse(new_id("wh", self.entropy())).map_err(Error::internal)?;
        let secret = secret::secret(&self.settings().webhooks.key, &id, 1);
        let hook = Webhook {
            fingerprint: secret::fingerprint(&secret),
            id,
            url: url.to_string(),
            kinds,
            format: new.format,
            state: WebhookState::Active,
            why: String::new(),
            generation: 1,
            old_until: None,
            created_at: self.now(),
            created_by: actor.label(),
            failures: 0,
            failing_since: None,
            retry_at: None,
            succeeded_at: None,
            deleted_at: None,
        };
        let mut draft = self.draft(actor, "webhook.added", hook.id.as_str());
        // Without its query: some receivers want a secret there.
        let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
        draft.detail = serde_json::json!({ "url": place, "events": hook.kinds, "format": hook.format });
        transact!(self, tx => {
            tx.add_webhook(&hook).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(WithSecret { hook, secret: secret::text(&secret) })
    }

    /// Gives a webhook a new secret, which is answered this once. For a day the one before signs as well.
    ///
    /// # Errors
    /// `Conflict` when somebody else does the same at this moment; `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn rotate_webhook(&self, actor: &Actor, id: &WebhookId) -> Result<WithSecret> {
        self.authorize_fresh(actor, Permission::ManageWebhooks, Freshness::FiveMinutes, id.as_str()).await?;
        let hook = self.kept_webhook(id).await?;
        let generation = hook.generation + 1;
        let secret = secret::secret(&self.settings().webhooks.key, id, generation);
        let fingerprint = secret::fingerprint(&secret);
        let next = NewSecret { generation, fingerprint, old_until: self.now() + OVERLAP };
        let mut draft = self.draft(actor, "webhook.secret_rotated", id.as_str());
        draft.detail = serde_json::json!({ "generation": generation, "old_until": next.old_until });
        let rotated = transact!(self, tx => {
            let rotated = tx.rotate_webhook(&hook, &next).await?;
            if rotated {
                tx.append_audit(&draft).await?;
            }
            Ok(rotated)
        })?;
        if !rotated {
            return Err(Error::Conflict("somebody else changed it: look at it again".to_owned()));
        }
        let NewSecret { generation, fingerprint, old_until } = next;
        let hook = Webhook { generation, fingerprint, old_until: Some(old_until), ..hook };
        Ok(WithSecret { hook, secret: secret::text(&secret) })
    }

    /// Serves a webhook, or stops doing so. Answers it as it then is.
    ///
    /// # Errors
    /// `Conflict` when it is so already; `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn switch_webhook(&self, actor: &Actor, id: &WebhookId, on: bool) -> Result<WebhookRow> {
        self.authorize_fresh(actor, Permission::ManageWebhooks, Freshness::FiveMinutes, id.as_str()).await?;
        self.kept_webhook(id).await?;
        let (state, why, action) = if on {
            (WebhookState::Active, String::new(), "webhook.enabled")
        } else {
            (WebhookState::Disabled, format!("{} switched it off", actor.label()), "webhook.disabled")
        };
        let draft = self.draft(actor, action, id.as_str());
        let switched = transact!(self, tx => {
            let switched = tx.set_webhook_state(id, state, &why).await?;
            if switched {
                tx.append_audit(&draft).await?;
            }
            Ok(switched)
        })?;
        if !switched {
            return Err(Error::Conflict(format!("it is switched {} already", if on { "on" } else { "off" })));
        }
        self.webhook_row(self.webhook_by_id(id).await?).await
    }

    /// Sends a webhook an event that means nothing. Answers which.
    ///
    /// # Errors
    /// `Conflict` while it is not served; `NotFound`; `Denied`.
    #[boxed]
    pub async fn test_webhook(&self, actor: &Actor, id: &WebhookId) -> Result<EventId> {
        self.authorize(actor, Permission::ManageWebhooks, id.as_str()).await?;
        self.served_webhook(id).await?;
        let now = self.now();
        let event = WebhookEvent::test(&new_id("test", self.entropy()), now);
        let mut draft = self.draft(actor, "webhook.tested", id.as_str());
        draft.detail = serde_json::json!({ "event": event.id });
        transact!(self, tx => {
            tx.emit_to(id, &event, now).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(event.id)
    }

    /// What signs security event tokens; what of it verifies them is for everybody.
    pub fn token_keys(&self) -> &TokenKeys {
        &self.settings().webhooks.token_keys
    }

    pub(super) async fn webhook_by_id(&self, id: &WebhookId) -> Result<Webhook> {
        self.store().webhook(id).await?.ok_or(Error::NotFound("webhook"))
    }

    /// A webhook that was not deleted.
    ///
    /// # Errors
    /// `Conflict` when it was; `NotFound`.
    pub(super) async fn kept_webhook(&self, id: &WebhookId) -> Result<Webhook> {
        let hook = self.webhook_by_id(id).await?;
        if hook.deleted_at.is_some() { Err(Error::Conflict("it is deleted".to_owned())) } else { Ok(hook) }
    }

    /// A webhook that events are sent to.
    ///
    /// # Errors
    /// `Conflict` while it is not served; `NotFound`.
    pub(super) async fn served_webhook(&self, id: &WebhookId) -> Result<()> {
        let state = self.kept_webhook(id).await?.state;
        if state == WebhookState::Active {
            return Ok(());
        }
        Err(Error::Conflict(format!("it is {}: switch it on first", state.as_str())))
    }

    fn checked_url(&self, text: &str) -> Result<Url> {
        let wrong = |why: &str| Error::invalid("url", format!("{why}; write https://receiver.example/unstick"));
        let text = text.trim();
        if text.len() > 500 {
            return Err(wrong("an address is at most 500 characters"));
        }
        let url = Url::parse(text).map_err(|_| wrong("that is no address"))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("it must begin with https://")),
        };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(wrong("it may have no name, password or # part"));
        }
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain("localhost")) => Some(IpAddr::from([127, 0, 0, 1])),
            Some(Host::Domain(_)) => None,
            None => return Err(wrong("it names no machine")),
        };
        if ip.is_none() && !tls {
            return Err(wrong("only https goes to another machine"));
        }
        match ip.and_then(|ip| refusal(ip, tls, &self.settings().webhooks.allow)) {
            Some(refused) => Err(wrong(&refused.to_string())),
            None => Ok(url),
        }
    }
}

fn checked_kinds(mut kinds: Vec<EventKind>, format: WebhookFormat) -> Result<Vec<EventKind>> {
    if kinds.is_empty() {
        kinds = EventKind::CHOICES.into_iter().filter(|kind| format.has(*kind)).collect();
    }
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.contains(&EventKind::Test) {
        return Err(Error::invalid("events", "a test is sent when somebody asks for it"));
    }
    if kinds.iter().any(|kind| !format.has(*kind)) {
        return Err(Error::invalid(
            "events",
            "CAEP has a form for session.ended alone: choose only that, or another format",
        ));
    }
    Ok(kinds)
}
