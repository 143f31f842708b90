//! Signatures of the Standard Webhooks specification (`v1`: HMAC-SHA256 over `id.timestamp.body`). Those of security event tokens:
//! [`super::TokenKeys`].

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::EventId;

use super::secret::{Bytes, mac};

/// The header `webhook-signature`: one signature for each of `secrets`.
pub(super) fn signatures(secrets: &[Bytes], id: &EventId, timestamp: i64, body: &str) -> String {
    let timestamp = timestamp.to_string();
    let parts: [&[u8]; 5] = [id.as_str().as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
    let signed = |secret: &Bytes| format!("v1,{}", STANDARD.encode(mac(secret, &parts)));
    secrets.iter().map(signed).collect::<Vec<_>>().join(" ")
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
}
