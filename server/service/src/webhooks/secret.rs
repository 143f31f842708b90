//! Secrets of webhooks. None is stored: each follows from the key in `webhook.key`, the webhook's id and its generation. So
//! a copy of the database signs nothing, and a webhook keeps its secret wherever the server runs that has the key.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Instant, Webhook, WebhookId};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::WebhookKey;

/// A secret as bytes.
pub(super) type Bytes = [u8; 32];

/// HMAC-SHA256 of `parts`, one after the other.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Bytes {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The secret number `generation` of webhook `id`.
pub(super) fn secret(key: &WebhookKey, id: &WebhookId, generation: i64) -> Bytes {
    mac(&key.0, &[b"unstick webhook v1\0", id.as_str().as_bytes(), b"\0", &generation.to_be_bytes()])
}

/// The secret as a person copies it: the form of the Standard Webhooks specification.
pub(super) fn text(secret: &Bytes) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The first 12 hexadecimal digits of the SHA-256 of what a person copies: tells whether two have the same one.
pub(super) fn fingerprint(secret: &Bytes) -> String {
    let hash = Sha256::digest(text(secret).as_bytes());
    hash.iter().take(6).fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// The secrets that sign at `now`, the newest first. Nothing when the key is not the one that the webhook was made with.
pub(super) fn signing(key: &WebhookKey, hook: &Webhook, now: Instant) -> Vec<Bytes> {
    let newest = secret(key, &hook.id, hook.generation);
    if fingerprint(&newest) != hook.fingerprint {
        return Vec::new();
    }
    let old = hook.old_until.is_some_and(|until| now < until);
    let mut all = vec![newest];
    all.extend(old.then(|| secret(key, &hook.id, hook.generation - 1)));
    all
}
