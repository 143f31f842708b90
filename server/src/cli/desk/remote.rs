//! A server far away: its API, with a token, over https (or http on this machine). Nothing is sent anywhere else: no
//! redirect is followed, no proxy of the environment is used for a loopback address, and the token is in no argument and no
//! log.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, Url, header};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::super::{Exit, Failure};
use crate::{
    config::private_text,
    wire::{TokenView, VERSION},
};

/// The variable with the token.
pub const TOKEN: &str = "UNSTICK_TOKEN";
/// Longest time until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest time until an answer is whole; a server gives up before (`request_timeout`), but for long files.
const ANSWER: Duration = Duration::from_mins(5);

/// Which server, and what is needed to ask it.
#[derive(Debug, Clone)]
pub struct Target {
    /// `https://unstick.example`.
    pub url: String,
    /// A file with the token.
    pub token_file: Option<PathBuf>,
    /// A file with the certificates to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// A server that answered.
pub struct Remote {
    client: Client,
    base: Url,
    token: String,
    about: TokenView,
}

fn wrong(code: &'static str, text: impl Into<String>) -> Failure {
    Failure::usage(code, text)
}

impl Remote {
    /// Finds the server and asks what the token is good for.
    ///
    /// # Errors
    /// An address, a token or a certificate that cannot be used; a server that does not answer, does not know the token, or
    /// is of another version.
    pub async fn connect(target: &Target) -> Result<Self, Failure> {
        let base = base(&target.url)?;
        let token = token(target)?;
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(format!("admin-tool/{VERSION}"))
            .use_preconfigured_tls(tls(&base, target)?);
        if base.scheme() != "https" {
            // Plain http is of this machine.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| Failure::failed(format!("the client cannot be made: {error}")))?;
        let url = join(&base, "token")?;
        let answer = client.get(url).bearer_auth(&token).send().await.map_err(|error| unreachable(&base, &error))?;
        let about: TokenView = match read(answer).await {
            Ok(about) => about,
            Err(failure) if failure.code() == "not-found" || failure.code() == "no-answer" => {
                let text = format!("{} is no Unstick of this version ({VERSION}): {}", shown(&base), failure.text());
                return Err(Failure::failed_as("version", text));
            }
            Err(failure) => return Err(failure),
        };
        let same = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
        if same(&about.version) != same(VERSION) {
            let text = format!(
                "{} is Unstick {}, this is {VERSION}: use an admin-tool of the server's version",
                shown(&base),
                about.version
            );
            return Err(Failure::failed_as("version", text));
        }
        Ok(Self { client, base, token, about })
    }

    /// What the server said of the token.
    pub const fn about(&self) -> &TokenView {
        &self.about
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        shown(&self.base)
    }

    /// Reads.
    ///
    /// # Errors
    /// What the server says.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        read(self.send(self.ask(Method::GET, path)?.query(query)).await?).await
    }

    /// Reads a text.
    ///
    /// # Errors
    /// What the server says.
    pub async fn text(&self, path: &str) -> Result<String, Failure> {
        let answer = good(self.send(self.ask(Method::GET, path)?).await?).await?;
        answer.text().await.map_err(|error| broke_off(&error))
    }

    /// Reads a file, piece by piece.
    ///
    /// # Errors
    /// What the server says; what `take` says; an answer that breaks off.
    pub async fn file(
        &self,
        path: &str,
        query: &[(&str, String)],
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut answer = good(self.send(self.ask(Method::GET, path)?.query(query)).await?).await?;
        while let Some(piece) = answer.chunk().await.map_err(|error| broke_off(&error))? {
            take(&piece)?;
        }
        Ok(())
    }

    /// Changes something.
    ///
    /// # Errors
    /// What the server says.
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        read(self.send(self.ask(method, path)?.json(body)).await?).await
    }

    /// Deletes something.
    ///
    /// # Errors
    /// What the server says.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.send(self.ask(Method::DELETE, path)?).await?).await
    }

    /// Changes something by posting a text.
    ///
    /// # Errors
    /// What the server says.
    pub async fn post_text<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let request = self.ask(Method::POST, path)?.query(query).header(header::CONTENT_TYPE, "text/csv").body(body);
        read(self.send(request).await?).await
    }

    fn ask(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        Ok(self.client.request(method, join(&self.base, path)?).bearer_auth(&self.token))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| unreachable(&self.base, &error))
    }
}

/// The server's address, checked: a token never travels in the clear.
fn base(text: &str) -> Result<Url, Failure> {
    let example = "write it as https://unstick.example";
    let url = Url::parse(text).map_err(|error| wrong("server", format!("--server {text}: {error}; {example}")))?;
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let has_secret = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        _ if has_secret || url.query().is_some() || url.fragment().is_some() || url.path() != "/" => {
            Err(wrong("server", format!("--server is an address alone, without path, name or password: {example}")))
        }
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => {
            let text = "over http the token could be read on the way: use https (http is for this machine alone)";
            Err(wrong("server", text))
        }
        _ => Err(wrong("server", example)),
    }
}

fn token(target: &Target) -> Result<String, Failure> {
    let text = match &target.token_file {
        Some(file) => match private_text(file) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(wrong("token", format!("{} is not there", file.display()))),
            Err(text) => return Err(wrong("token", text)),
        },
        None => std::env::var(TOKEN).map_err(|_| {
            let text = "give the token in UNSTICK_TOKEN, or in a file of yours alone with --token-file; make one with \
                        `admin-tool token create`";
            wrong("token", text)
        })?,
    };
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong("token", "that is no token: it begins with sac_ and has no blanks"));
    }
    Ok(text.to_owned())
}

/// Whom to trust: the certificates in the file that was given, else the system's; over plain http nobody has to be.
fn tls(base: &Url, target: &Target) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    if base.scheme() != "https" {
        // No certificate is looked at.
    } else if let Some(file) = &target.ca_file {
        let trouble = |text: String| wrong("ca-file", format!("{}: {text}", file.display()));
        let all = CertificateDer::pem_file_iter(file).map_err(|error| trouble(error.to_string()))?;
        for certificate in all {
            let certificate = certificate.map_err(|error| trouble(error.to_string()))?;
            roots.add(certificate).map_err(|error| trouble(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(trouble("has no certificate in it".to_owned()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "this machine has no certificates to trust: install ca-certificates, or give --ca-file";
            return Err(wrong("ca-file", text));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| Failure::failed(format!("TLS cannot be used: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// An address as people write it.
fn shown(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

fn join(base: &Url, path: &str) -> Result<Url, Failure> {
    base.join(&format!("/api/v1/{path}")).map_err(|error| Failure::failed(error.to_string()))
}

/// `id` as a part of an address.
pub fn part(id: &str) -> String {
    // A form's `+` for a blank would be a plus here.
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

fn unreachable(base: &Url, error: &reqwest::Error) -> Failure {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
    Failure::failed_as("unreachable", format!("{} {what}: {inner}", shown(base)))
}

fn broke_off(error: &reqwest::Error) -> Failure {
    Failure::failed_as("unreachable", format!("the server's answer broke off: {error}"))
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    let answer = good(answer).await?;
    let bytes = answer.bytes().await.map_err(|error| broke_off(&error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::failed_as("no-answer", format!("the server's answer is not understood: {error}")))
}

/// An answer that is no problem; else the problem as a failure.
async fn good(answer: Response) -> Result<Response, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let problem: Value = answer.json().await.unwrap_or_default();
    let text = |name: &str| problem[name].as_str().map(str::to_owned);
    let (Some(code), Some(detail)) = (text("code"), text("detail")) else {
        let text = format!("the server answered {status}, and not as Unstick does: is the address right?");
        return Err(Failure::failed_as("no-answer", text));
    };
    let exit = match status.as_u16() {
        400 | 413 | 415 | 422 => Exit::Usage,
        status if status >= 500 => Exit::Failed,
        _ => Exit::Refused,
    };
    let detail = match (exit, text("correlation_id")) {
        (Exit::Failed, Some(id)) => format!("{detail} (request {id})"),
        _ => detail,
    };
    Err(Failure::told(exit, code, detail, text("field")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_travels_in_the_clear() {
        for good in
            ["https://unstick.example", "https://unstick.example:8443/", "http://127.0.0.1:3000", "http://[::1]:1"]
        {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://unstick.example",
            "http://10.0.0.1",
            "ftp://unstick.example",
            "unstick.example",
            "https://user:pass@unstick.example",
            "https://unstick.example/console",
            "https://unstick.example/?token=x",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_one_part_of_an_address() {
        assert_eq!(part("a/b ?c%+ü"), "a%2Fb%20%3Fc%25%2B%C3%BC");
    }
}
