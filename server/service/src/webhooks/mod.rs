//! Webhooks: made and looked at by admins, and the worker that sends.
//!
//! What is sent is asked for by [`store::Tx::emit`], in the transaction of the change. The worker claims what is due under
//! leases, as it does with clean-ups, sends it, and writes what came of it. Whoever dies between sending and writing has it
//! sent twice, under one id: at least once, never lost.

mod connect;
mod delete;
mod deliver;
mod health;
mod manage;
mod page;
mod replay;
mod secret;
mod send;
mod sign;
mod token_keys;

use std::{fmt, sync::OnceLock};

use domain::{EventKind, IpRange, Span, Webhook, WebhookFormat, WebhookPace};

pub use self::token_keys::TokenKeys;

/// The key from which every webhook's secret follows. Never prints itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WebhookKey(pub [u8; 32]);

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey(…)")
    }
}

/// Settings of webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The key of their secrets. The default is no secret: the composition root sets one.
    pub key: WebhookKey,
    /// What signs security event tokens. The default is none: the composition root sets some.
    pub token_keys: TokenKeys,
    /// Networks that are no public ones and may be connected to all the same.
    pub allow: Vec<IpRange>,
    /// How often, and how long.
    pub pace: WebhookPace,
    /// How long what was delivered is kept.
    pub keep: Span,
    /// Who tells: `iss` of security event tokens.
    pub issuer: String,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            key: WebhookKey([0; 32]),
            token_keys: TokenKeys::default(),
            allow: Vec::new(),
            pace: WebhookPace::default(),
            keep: Span::from_days(7),
            issuer: "http://127.0.0.1:3000".to_owned(),
        }
    }
}

/// A webhook to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// The address of the receiver.
    pub url: String,
    /// What it wants to know; nothing for all that its format has.
    pub kinds: Vec<EventKind>,
    /// How events look.
    pub format: WebhookFormat,
}

/// A webhook with its secret, for whoever just made it. The secret is kept nowhere and never answered again.
#[derive(Clone, PartialEq, Eq)]
pub struct WithSecret {
    /// It.
    pub hook: Webhook,
    /// `whsec_…`.
    pub secret: String,
}

impl fmt::Debug for WithSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WithSecret({}, …)", self.hook.id)
    }
}

/// The way out, which is opened with the first event.
#[derive(Default)]
pub(crate) struct Desk(OnceLock<send::Sender>);
