//! Asking a server with a customer's credential. The credential goes into one header, over TLS or to this machine, and nowhere
//! else; no redirect is followed with it.

use std::{io::Read, path::Path, time::Duration};

use reqwest::{Method, StatusCode, Url, header, redirect};
use serde_json::Value;

use super::{
    super::{Exit, Failure},
    Remote,
};
use crate::config::private_text;

/// The variable with the credential.
const VARIABLE: &str = "UNSTICK_CREDENTIAL";
/// Longest credential that is read, in bytes; more is none.
const LONGEST: u64 = 4_096;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_mins(1);

/// What the server's refusals are called, as far as they are told by a word of their own.
const CODES: [&str; 8] =
    ["credential", "session-ended", "throttled", "world-changed", "nothing-to-do", "under-way", "invalid", "not-found"];

/// Why there is no answer.
pub enum Refusal {
    /// The server says why.
    Told {
        /// In a word.
        code: &'static str,
        /// In a sentence.
        text: String,
    },
    /// It was asked wrongly.
    Usage(String),
    /// There was no answer, or none that means anything.
    Unreachable(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Told { code, text } => Self::told(Exit::Refused, code.to_owned(), text, None),
            Refusal::Usage(text) => Self::usage("invalid", text),
            Refusal::Unreachable(text) => Self::failed(text),
        }
    }
}

/// A server, and a credential for it.
pub struct Client {
    http: reqwest::Client,
    server: Url,
    credential: String,
}

impl Client {
    /// # Errors
    /// No server, one that would get the credential in clear, or no credential.
    pub fn new(remote: &Remote, named: Option<&str>) -> Result<Self, Failure> {
        let server = server(remote.server.as_deref().or(named))?;
        let credential = credential(remote.credential_file.as_deref())?;
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("admin-tool/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::failed(format!("no connections can be made: {error}")))?;
        Ok(Self { http, server, credential })
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.call(Method::GET, path, None).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let away =
            |why: &dyn std::fmt::Display| Refusal::Unreachable(format!("{} does not answer: {why}", self.server));
        let url = self.server.join(path).map_err(|error| away(&error))?;
        let mut credential = header::HeaderValue::try_from(format!("Bearer {}", self.credential))
            .map_err(|_| Refusal::Usage("the credential holds signs that no credential has".to_owned()))?;
        credential.set_sensitive(true);
        let mut request = self.http.request(method, url).header(header::AUTHORIZATION, credential);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| away(&root(&error)))?;
        let status = answer.status();
        let told: Value = answer.json().await.unwrap_or_default();
        if status.is_success() && told.is_object() {
            return Ok(told);
        }
        Err(refused(status, &told, &self.server))
    }
}

/// What an answer that is none of success means.
fn refused(status: StatusCode, told: &Value, server: &Url) -> Refusal {
    let (Some(code), Some(detail)) = (told["code"].as_str(), told["detail"].as_str()) else {
        return Refusal::Unreachable(format!(
            "{server} answered {status}, and not as Unstick does: is the address right?"
        ));
    };
    if status.is_server_error() {
        return Refusal::Unreachable(detail.to_owned());
    }
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) {
        return Refusal::Usage(detail.to_owned());
    }
    let code = CODES.into_iter().find(|known| *known == code).unwrap_or("refused");
    Refusal::Told { code, text: detail.to_owned() }
}

/// What is at the root of `error`: its own text names the address again.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn server(given: Option<&str>) -> Result<Url, Failure> {
    let wrong = |text: String| Failure::usage("usage", text).about("server");
    let Some(text) = given else {
        return Err(wrong("say which server to ask: --server https://unstick.example, or UNSTICK_SERVER".to_owned()));
    };
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| wrong(format!("{text:?} is no address; write https://unstick.example")))?;
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(wrong(format!("{text} would get your credential in clear: write https://"))),
    }
}

fn credential(file: Option<&Path>) -> Result<String, Failure> {
    let wrong = |text: String| Failure::usage("credential", text).about("credential_file");
    let text = match file {
        Some(file) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .take(LONGEST)
                .read_to_string(&mut text)
                .map_err(|error| wrong(format!("standard input cannot be read: {error}")))?;
            Some(text)
        }
        Some(file) => {
            let text = private_text(file).map_err(wrong)?;
            Some(text.ok_or_else(|| wrong(format!("{} is not there", file.display())))?)
        }
        None => std::env::var(VARIABLE).ok(),
    };
    let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| {
        let text = "give the credential of your session in UNSTICK_CREDENTIAL, in --credential-file FILE, or on standard input \
                    with --credential-file -";
        wrong(text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_over_tls_or_to_this_machine_alone() {
        for good in
            ["https://unstick.example", "https://unstick.example:8443/", "http://127.0.0.1:3000", "http://[::1]:1"]
        {
            assert!(server(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://unstick.example",
            "http://10.0.0.2",
            "unstick.example",
            "ftp://x",
            "",
            "http://127.0.0.1.evil.example",
        ] {
            assert!(server(Some(bad)).is_err(), "{bad}");
        }
        assert!(server(None).is_err());
    }

    #[test]
    fn what_is_no_answer_of_unstick_is_not_taken_for_one() {
        let server = Url::parse("https://unstick.example").unwrap();
        let told = |status: u16, body: Value| refused(StatusCode::from_u16(status).unwrap(), &body, &server);
        assert!(matches!(told(404, Value::Null), Refusal::Unreachable(text) if text.contains("address right")));
        let gone = serde_json::json!({ "code": "session-ended", "detail": "your session is over: sign in again" });
        assert!(matches!(told(410, gone.clone()), Refusal::Told { code: "session-ended", .. }));
        assert!(matches!(told(422, gone.clone()), Refusal::Usage(_)));
        assert!(matches!(told(503, gone), Refusal::Unreachable(_)));
        let odd = serde_json::json!({ "code": "brand-new", "detail": "x" });
        assert!(matches!(told(409, odd), Refusal::Told { code: "refused", .. }));
    }
}
