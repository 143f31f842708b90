//! Keys that sign security event tokens. Not those of webhooks: whoever hears of a session's end must be able to see that it is
//! true, and not to say it. So what verifies is published, as the Shared Signals Framework asks for.

use std::{fmt, sync::Arc};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Characters of a line of PEM (RFC 7468, section 2).
const LINE: usize = 64;

/// The keys, the one that signs first; the others are published beside it, while what they signed is under way or before they
/// sign. Never print themselves.
#[derive(Clone, Default)]
pub struct TokenKeys(Arc<[TokenKey]>);

struct TokenKey {
    /// The thumbprint of RFC 7638.
    id: String,
    /// What verifies, as RFC 7517 has it.
    public: Value,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl TokenKeys {
    /// The private keys in `pem`: RSA of 2,048 to 4,096 bits sign `RS256`, which the CAEP interoperability profile asks for, P-256
    /// `ES256`.
    ///
    /// # Errors
    /// In words for an operator, without any of `pem`.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let keys: Result<Vec<TokenKey>, String> = PrivateKeyDer::pem_slice_iter(pem.as_bytes())
            .map(|key| TokenKey::new(&key.map_err(|_| "it is no PEM".to_owned())?))
            .collect();
        match keys? {
            keys if keys.is_empty() => Err("it has no private key".to_owned()),
            keys => Ok(Self(keys.into())),
        }
    }

    /// A new P-256 key, as PEM.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new_pem() -> Result<String, String> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let der = STANDARD.encode(made.map_err(|_| "the system has no randomness to give".to_owned())?);
        let lines: Vec<&str> =
            (0..der.len()).step_by(LINE).filter_map(|at| der.get(at..der.len().min(at + LINE))).collect();
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What verifies, as a JSON Web Key Set (RFC 7517).
    pub fn published(&self) -> Value {
        json!({ "keys": self.0.iter().map(|key| &key.public).collect::<Vec<_>>() })
    }

    /// `claims` as a signed security event token (RFC 8417, RFC 7515).
    ///
    /// # Errors
    /// Where there is no key, or it does not sign.
    pub(super) fn token(&self, claims: &Value) -> Result<String, &'static str> {
        let key = self.0.first().ok_or("caep.pem holds no key to sign with")?;
        let header = json!({ "alg": key.pair.algorithm(), "typ": "secevent+jwt", "kid": key.id });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = key.pair.sign(signed.as_bytes()).map_err(|_| "the key in caep.pem does not sign")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl TokenKey {
    fn new(key: &PrivateKeyDer<'_>) -> Result<Self, String> {
        let pair = Pair::new(key)
            .ok_or("a key in it is neither RSA of 2,048 to 4,096 bits nor P-256: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")?;
        let (required, mut public) = pair.public();
        // RFC 7638: what is required of the key, in the order of its names, without spaces; which is how serde_json writes it.
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(required));
        if let Some(public) = public.as_object_mut() {
            let more = [("use", "sig"), ("alg", pair.algorithm()), ("kid", &id)];
            public.extend(more.map(|(name, value)| (name.to_owned(), json!(value))));
        }
        Ok(Self { id, public, pair })
    }
}

impl Pair {
    fn new(key: &PrivateKeyDer<'_>) -> Option<Self> {
        match key {
            PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()).ok().map(Self::Rsa),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ec = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
                rsa::KeyPair::from_pkcs8(der).map(Self::Rsa).or_else(|_| ec().map(Self::Ec)).ok()
            }
            _ => None,
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    /// What RFC 7638 requires of the public key, as text and as a value.
    fn public(&self) -> (String, Value) {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let value = match self {
            Self::Ec(pair) => {
                // 0x04, then both numbers (SEC 1, section 2.3.3).
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "crv": "P-256", "kty": "EC", "x": number(x), "y": number(y) })
            }
            Self::Rsa(pair) => {
                let rsa::PublicKeyComponents { n, e } = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "e": number(&e), "kty": "RSA", "n": number(&n) })
            }
        };
        (value.to_string(), value)
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(pair) => Ok(pair.sign(&random, text)?.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    fn openssl(args: &[&str]) -> String {
        let made = Command::new("openssl").args(args).output().expect("this test needs openssl: .ci/setup installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    }

    fn rsa(bits: u32) -> String {
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")])
    }

    fn bytes(value: &Value) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
    }

    /// Checks a token with nothing but what is published, and answers its header.
    fn verified(keys: &TokenKeys, token: &str) -> Value {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let header: Value = serde_json::from_slice(&bytes(&json!(signed.split('.').next().unwrap()))).unwrap();
        let published = keys.published();
        let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert_eq!(key["alg"], header["alg"]);
        let (signed, signature) = (signed.as_bytes(), bytes(&json!(signature)));
        if header["alg"] == "RS256" {
            let public = rsa::PublicKeyComponents { n: bytes(&key["n"]), e: bytes(&key["e"]) };
            public.verify(&RSA_PKCS1_2048_8192_SHA256, signed, &signature).unwrap();
        } else {
            let point = [&[4], bytes(&key["x"]).as_slice(), &bytes(&key["y"])].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, &signature).unwrap();
        }
        header
    }

    #[test]
    fn what_is_published_verifies_what_is_signed() {
        let (own, bought) = (TokenKeys::new_pem().unwrap(), rsa(2048));
        for (pem, algorithm, keys) in
            [(&own, "ES256", 1), (&bought, "RS256", 1), (&format!("{bought}{own}"), "RS256", 2)]
        {
            let all = TokenKeys::from_pem(pem).unwrap();
            let header = verified(&all, &all.token(&json!({ "iss": "x" })).unwrap());
            assert_eq!((&header["alg"], &header["typ"]), (&algorithm.into(), &"secevent+jwt".into()));
            assert_eq!(all.published()["keys"].as_array().unwrap().len(), keys);
            let public = all.published().to_string();
            assert!(!public.contains("\"d\""), "nothing private is published");
        }
    }

    /// The example of RFC 7638, section 3.1.
    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let required = json!({ "kty": "RSA", "n": n, "e": "AQAB" }).to_string();
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(required)), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn what_cannot_sign_is_refused_in_words() {
        for pem in ["", "hunter2", &rsa(1024), &openssl(&["genpkey", "-algorithm", "ED25519"])] {
            let error = TokenKeys::from_pem(pem).unwrap_err();
            assert!(!error.contains("hunter2") && error.len() > 10, "{error}");
        }
        assert!(TokenKeys::default().token(&json!({})).is_err());
    }
}
