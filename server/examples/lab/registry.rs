//! Where sessions are reported to and keys come from: Unstick's API, or, in a lab without the console, nowhere: the
//! sign-in app then makes opaque keys itself.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Outcome, console::Console, people::Person};

/// A request waits for a touch, and gives up before its own customer does.
const TOUCH_LIMIT: Duration = Duration::from_secs(1);

/// What a session's traffic is pinned by: opaque, `[A-Za-z0-9_-]{1,64}`.
#[derive(Debug, Clone, Deserialize)]
pub struct Keys {
    pub account_key: String,
    pub session_key: String,
    /// The account's generation: grows with every forced clean-up.
    #[serde(default)]
    pub generation: i64,
}

/// A session that begins.
pub struct Beginning<'a> {
    pub account: &'a str,
    pub session: &'a str,
    pub client: &'a str,
    pub ip: &'a str,
}

/// Who keeps the sessions.
pub enum Registry {
    /// Unstick does.
    Unstick(Api),
    /// Nobody does; the keys of accounts, by account.
    Nobody(Mutex<HashMap<String, String>>),
}

impl Registry {
    /// The console when there is one.
    pub fn new(console: Option<&Console>) -> Outcome<Self> {
        Ok(match console {
            Some(console) => Self::Unstick(Api::new(console)?),
            None => Self::Nobody(Mutex::default()),
        })
    }

    /// Tells of an account.
    pub async fn account(&self, person: &Person) -> Outcome<()> {
        let Self::Unstick(api) = self else { return Ok(()) };
        let body = json!({
            "email": person.email, "name": person.name, "plan": person.plan, "time_zone": person.time_zone,
        });
        let path = format!("accounts/{}", person.account);
        api.call(api.http.put(api.url(&path)).json(&body)).await.map(drop)
    }

    /// Tells of a new session; answers the keys of its cookies.
    pub async fn begin(&self, beginning: &Beginning<'_>) -> Outcome<Keys> {
        match self {
            Self::Unstick(api) => {
                let body = json!({
                    "account_id": beginning.account, "client": beginning.client, "user_agent": "lab/1.0", "ip": beginning.ip,
                });
                let path = format!("sessions/{}", beginning.session);
                Ok(api.call(api.http.put(api.url(&path)).json(&body)).await?.json().await?)
            }
            Self::Nobody(accounts) => {
                let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
                let account_key = match accounts.get(beginning.account) {
                    Some(key) => key.clone(),
                    None => opaque("a")?,
                };
                accounts.insert(beginning.account.to_owned(), account_key.clone());
                Ok(Keys { account_key, session_key: opaque("k")?, generation: 0 })
            }
        }
    }

    /// Tells that a session was signed out, and whether it was cleaned up after.
    pub async fn end(&self, session: &str, released: bool) -> Outcome<()> {
        let Self::Unstick(api) = self else { return Ok(()) };
        let body = json!({ "reason": "signed_out", "released": released });
        let path = format!("sessions/{session}/end");
        api.call(api.http.post(api.url(&path)).json(&body)).await.map(drop)
    }

    /// The credential with which the client of a live session sees and resets its customer's sessions.
    pub async fn credential(&self, session: &str) -> Outcome<String> {
        let Self::Unstick(api) = self else { return Err("there is no console that could give one".into()) };
        let answer: Value =
            api.call(api.http.post(api.url(&format!("sessions/{session}/self-token")))).await?.json().await?;
        Ok(answer["credential"].as_str().ok_or("no credential came")?.to_owned())
    }

    /// Tells which sessions were met; answers those that are over.
    pub async fn touch(&self, sessions: &HashSet<&str>) -> Outcome<HashSet<String>> {
        let Self::Unstick(api) = self else {
            return Ok(HashSet::new());
        };
        let items: Vec<Value> = sessions.iter().map(|id| json!({ "session_id": id })).collect();
        let request = api.http.post(api.url("batch/touches")).timeout(TOUCH_LIMIT);
        let answer: Value = api.call(request.json(&json!({ "items": items }))).await?.json().await?;
        let results = answer["results"].as_array().into_iter().flatten();
        let over = results.filter(|result| result["status"] == 410);
        Ok(over.filter_map(|result| Some(result["id"].as_str()?.to_owned())).collect())
    }
}

/// Unstick's API.
pub struct Api {
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Api {
    fn new(console: &Console) -> Outcome<Self> {
        Ok(Self {
            address: format!("{}/api/v1", console.address),
            token: console.token.clone(),
            http: reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Outcome<reqwest::Response> {
        let answer = request.bearer_auth(&self.token).send().await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, url) = (answer.status(), answer.url().clone());
        Err(format!("{url} answered {status}: {}", answer.text().await.unwrap_or_default()).into())
    }
}

/// 72 bits of chance.
pub fn opaque(prefix: &str) -> Outcome<String> {
    let mut bytes = [0_u8; 9];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{prefix}_{}", bytes.map(|byte| format!("{byte:02x}")).concat()))
}
