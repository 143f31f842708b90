//! An affinity proxy in front of one application, as many a company wrote one: it keeps in Redis where each account goes, and
//! writes the entry when the answer is there. It does what the README asks of such a proxy: it looks at the fence in the
//! script that writes, and believes no entry that is older than the customer's session.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{
    Outcome,
    backend::Backend,
    map::{Map, PREFIX},
    sign_in::cookie,
    world::http,
};

/// An entry lives for so many seconds after the last request.
const LIVES: u32 = 1_800;
/// The entry, unless the customer's session is younger than it: then something brought it back.
const READ: &str = "local text = redis.call('GET', KEYS[1]) \
                    if not text then return false end \
                    local fine, entry = pcall(cjson.decode, text) \
                    if not fine or (tonumber(entry.gen) or 0) < tonumber(ARGV[1]) then return false end \
                    return entry.server";
/// Writes it, unless the key is fenced.
const WRITE: &str = "if redis.call('EXISTS', KEYS[1] .. ':fence') == 1 then return 0 end \
                     redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return 1";

/// The proxy.
pub struct Proxy {
    pub map: Map,
    backends: Vec<Backend>,
    http: reqwest::Client,
    turn: AtomicUsize,
    /// Servers that take no new customers, and those that take none at all.
    drained: Mutex<HashSet<String>>,
    closed: Mutex<HashSet<String>>,
}

/// The proxy's port, before there is a proxy: HAProxy's configuration names it.
pub async fn listen() -> Outcome<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

impl Proxy {
    /// Serves it in front of `backends`.
    pub fn serve(listener: TcpListener, map: Map, backends: &[Backend]) -> Outcome<Arc<Self>> {
        let proxy = Arc::new(Self {
            map,
            backends: backends.to_vec(),
            http: http()?,
            turn: AtomicUsize::new(0),
            drained: Mutex::default(),
            closed: Mutex::default(),
        });
        let router = Router::new().route("/health", get(|| async { "ok" })).fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(proxy)
    }

    /// Sets the state of a server: `ready`, `drain` or `maint`.
    pub fn set_state(&self, server: &str, state: &str) {
        for (set, word) in [(&self.drained, "drain"), (&self.closed, "maint")] {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            if state == word {
                set.insert(server.to_owned())
            } else {
                set.remove(server)
            };
        }
    }

    fn is_in(set: &Mutex<HashSet<String>>, server: &str) -> bool {
        set.lock().unwrap_or_else(PoisonError::into_inner).contains(server)
    }

    /// The pinned server, drained or not; else the next that takes customers.
    async fn choose(&self, key: &str, generation: &str) -> Outcome<&Backend> {
        let mut script = redis::cmd("EVAL");
        script.arg(READ).arg(1).arg(format!("{PREFIX}{key}")).arg(generation);
        let pinned: Option<String> = self.map.ask(script).await?;
        let found = self.backends.iter().find(|backend| Some(backend.name) == pinned.as_deref());
        if let Some(backend) = found.filter(|backend| !Self::is_in(&self.closed, backend.name)) {
            return Ok(backend);
        }
        let takes =
            |backend: &&Backend| !Self::is_in(&self.closed, backend.name) && !Self::is_in(&self.drained, backend.name);
        let open: Vec<&Backend> = self.backends.iter().filter(takes).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        open.get(turn % open.len().max(1)).copied().ok_or_else(|| "no server takes customers".into())
    }

    async fn answer(&self, request: &Parts) -> Outcome<Response> {
        let headers = &request.headers;
        let key = cookie(headers, "acct").filter(|key| !key.is_empty());
        let generation = cookie(headers, "gen").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let backend = match key {
            Some(key) => self.choose(key, &generation.to_string()).await?,
            None => &self.backends[0],
        };
        let path = request.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        let mut asked = self.http.get(format!("http://127.0.0.1:{}{path}", backend.port));
        for line in headers.get_all("cookie") {
            asked = asked.header("cookie", line.as_bytes());
        }
        let told = asked.send().await?;
        let (status, told_headers) = (told.status(), told.headers().clone());
        let body = told.text().await?;
        // At the end, as HAProxy does it: a request that was long under way brings back what was cleared meanwhile.
        if let Some(key) = key.filter(|_| status != StatusCode::UNAUTHORIZED) {
            let value = serde_json::json!({ "server": backend.name, "gen": generation });
            let mut script = redis::cmd("EVAL");
            script.arg(WRITE).arg(1).arg(format!("{PREFIX}{key}")).arg(value.to_string()).arg(LIVES);
            self.map.ask::<i64>(script).await?;
        }
        let mut kept = HeaderMap::new();
        for name in ["x-served-by", "set-cookie"] {
            for value in told_headers.get_all(name) {
                kept.append(name, value.clone());
            }
        }
        Ok((status, kept, body).into_response())
    }
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match proxy.answer(&head).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
