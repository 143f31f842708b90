//! Signatures: of the Standard Webhooks specification (`v1`: HMAC-SHA256 over `id.timestamp.body`), and of JSON Web Tokens
//! (RFC 7515, `HS256`) for security event tokens.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{EventId, WebhookId};
use serde_json::{Value, json};

use super::secret::{Bytes, mac};

/// The header `webhook-signature`: one signature for each of `secrets`.
pub(super) fn signatures(secrets: &[Bytes], id: &EventId, timestamp: i64, body: &str) -> String {
    let timestamp = timestamp.to_string();
    let parts: [&[u8]; 5] = [id.as_str().as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
    let signed = |secret: &Bytes| format!("v1,{}", STANDARD.encode(mac(secret, &parts)));
    secrets.iter().map(signed).collect::<Vec<_>>().join(" ")
}

/// `claims` as a signed token. Its `kid` names the webhook and which of its secrets it is.
pub(super) fn token(secret: &Bytes, hook: &WebhookId, generation: i64, claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "typ": "secevent+jwt", "kid": format!("{hook}.{generation}") });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(secret, &[signed.as_bytes()]));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification, «Symmetric signature».
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = mac(&secret, &[b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", body.as_bytes()]);
        assert_eq!(STANDARD.encode(signed), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let id = EventId::parse("msg_p5jXN8AQM9LWM0D4loKWxJek").unwrap();
        let both = signatures(&[[1; 32], [2; 32]], &id, 1_614_265_330, body);
        let expected = mac(&[1; 32], &[b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", body.as_bytes()]);
        assert!(both.starts_with(&format!("v1,{} v1,", STANDARD.encode(expected))), "{both}");
    }

    #[test]
    fn a_token_is_what_any_library_reads() {
        let hook = WebhookId::parse("wh_1").unwrap();
        let token = token(&[7; 32], &hook, 3, &json!({ "iss": "x" }));
        let parts: Vec<&str> = token.split('.').collect();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        assert_eq!(header["kid"], "wh_1.3");
        let signed = mac(&[7; 32], &[parts[0].as_bytes(), b".", parts[1].as_bytes()]);
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap(), signed);
    }
}
