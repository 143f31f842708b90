//! Everything that runs, and what customers do with it. They reach it as customers do: through the load balancer.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

use crate::{
    Arguments, Outcome,
    backend::{self, Backend},
    confirm,
    console::Console,
    customers::Customers,
    folder::Folder,
    haproxy::{self, Haproxy},
    map::Map,
    proxy::{self, Proxy},
    receiver::Receiver,
    registry::{Registry, opaque},
    sign_in::{self, COOKIES, Enter, Leave, SignIn},
    traffic::Traffic,
};

/// The lab's world.
pub struct World {
    /// The load balancers: at least one.
    pub fleet: Vec<Arc<Haproxy>>,
    pub backends: Vec<Backend>,
    pub app: Arc<SignIn>,
    /// The affinity proxy, where there is one.
    pub proxy: Option<Arc<Proxy>>,
    /// None in a lab without it.
    pub console: Option<Console>,
    /// What gets the console's webhooks; none without a console.
    pub receiver: Option<Receiver>,
    pub folder: Folder,
    pub seed: usize,
    pub traffic: Traffic,
    /// Requests that went in so far.
    turn: AtomicU64,
}

/// A signed-in client: what its cookies say.
#[derive(Debug, Clone, Serialize)]
pub struct Client {
    pub account: String,
    pub session: String,
    pub account_key: String,
    pub session_key: String,
    pub generation: String,
}

/// What a request came back with.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    pub status: u16,
    pub served_by: String,
}

impl Client {
    fn cookies(&self) -> String {
        let values = [&self.account_key, &self.session_key, &self.session, &self.generation];
        COOKIES.iter().zip(values).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

impl World {
    /// Starts everything but the customers. All of it is healthy.
    pub async fn begin(arguments: &Arguments) -> Outcome<Arc<Self>> {
        let folder = Folder::take(&arguments.folder, arguments.keep)?;
        let (customers, questions) = Customers::new();
        let backends = backend::start(&customers).await?;
        let door = sign_in::listen().await?;
        let map = if arguments.redis { Some((Map::start(&folder.path).await?, proxy::listen().await?)) } else { None };
        let docs = map.as_ref().map(|(_, listener)| listener.local_addr()).transpose()?.map(|address| address.port());
        let (sign_in, max_request) = (door.local_addr()?.port(), arguments.max_request());
        let count = if arguments.fleet { 2 } else { 1 };
        let behind = haproxy::Behind { backends: &backends, sign_in, docs, max_request };
        let fleet = haproxy::start(&folder.path, &behind, count).await?;
        let console = if arguments.no_console || arguments.check {
            None
        } else {
            Some(Console::start(arguments, &folder.path, &fleet, map.as_ref().map(|(map, _)| map)).await?)
        };
        let receiver = match &console {
            Some(console) => Some(Receiver::subscribe(console, &folder.path).await?),
            None => None,
        };
        let proxy = map.map(|(map, listener)| Proxy::serve(listener, map, &backends)).transpose()?;
        let app = Arc::new(SignIn { registry: Registry::new(console.as_ref())?, customers });
        sign_in::serve(door, app.clone());
        tokio::spawn(confirm::run(app.clone(), questions));
        Ok(Arc::new(Self {
            fleet,
            backends,
            app,
            proxy,
            console,
            receiver,
            folder,
            seed: arguments.seed,
            traffic: Traffic::default(),
            turn: AtomicU64::new(0),
        }))
    }

    /// Stops the children, and waits until they are gone.
    pub async fn end(&self) -> Outcome<()> {
        self.traffic.paused.store(true, Ordering::Relaxed);
        // First the door: what customers ask meanwhile fails with them and not between the back ends and the console.
        for haproxy in &self.fleet {
            haproxy.stop().await?;
        }
        if let Some(console) = &self.console {
            console.stop().await?;
        }
        if let Some(receiver) = &self.receiver {
            receiver.kill().await?;
        }
        if let Some(proxy) = &self.proxy {
            proxy.map.stop().await?;
        }
        self.folder.forget()
    }

    /// Comes back, with an error, when a child ended that nobody stopped.
    pub async fn child_ended(&self) -> Outcome<()> {
        loop {
            for haproxy in &self.fleet {
                if haproxy.died().await {
                    return Err(format!("{} ended by itself: see its haproxy*.log", haproxy.name).into());
                }
            }
            if let Some(proxy) = &self.proxy
                && proxy.map.died().await
            {
                return Err("redis-server ended by itself: see map.log".into());
            }
            if let Some(console) = &self.console
                && console.died().await
            {
                return Err("the console ended by itself: see console.log".into());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The first load balancer: the one that the controls mean unless they name another.
    pub fn first(&self) -> &Haproxy {
        &self.fleet[0]
    }

    /// The load balancer called `name`; without a name the first.
    pub fn balancer(&self, name: Option<&str>) -> Outcome<&Haproxy> {
        let found = self.fleet.iter().find(|haproxy| name.is_none_or(|name| name == haproxy.name));
        found.map(Arc::as_ref).ok_or_else(|| "there is no such load balancer".into())
    }

    /// Sets the state of a server on every load balancer.
    pub async fn set_state(&self, server: &str, state: &str) -> Outcome<()> {
        for haproxy in &self.fleet {
            haproxy.set_state(server, state).await?;
        }
        if let Some(proxy) = &self.proxy {
            proxy.set_state(server, state);
        }
        Ok(())
    }

    /// Where the next request goes in: through each load balancer that runs, in turn.
    async fn door(&self) -> String {
        let turn = usize::try_from(self.turn.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        for number in 0..self.fleet.len() {
            let haproxy = &self.fleet[(turn + number) % self.fleet.len()];
            if haproxy.runs().await {
                return haproxy.address();
            }
        }
        self.first().address()
    }

    /// The present client of `account`.
    pub async fn client(&self, account: &str) -> Outcome<Client> {
        let clients = self.traffic.clients.lock().await;
        clients.get(account).cloned().ok_or_else(|| format!("{account} is not signed in").into())
    }

    /// Signs `account` in with a brand-new client (a connection, cookies and an address of its own), which becomes the
    /// present one.
    pub async fn fresh(&self, account: &str, kind: &str) -> Outcome<Client> {
        let enter = Enter { account: account.to_owned(), client: kind.to_owned(), ip: somewhere()? };
        let url = format!("{}/sign-in", self.door().await);
        let answer = http()?.post(url).json(&enter).send().await?;
        let (status, cookies) = (answer.status(), answer.headers().clone());
        if !status.is_success() {
            return Err(format!("sign-in answered {status}: {}", answer.text().await?).into());
        }
        let set: Vec<&str> = cookies.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()).collect();
        let value = |name: &str| {
            set.iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.split(';').next())
                .map(str::to_owned)
                .ok_or_else(|| format!("the sign-in set no cookie {name}"))
        };
        let client = Client {
            account: account.to_owned(),
            account_key: value(COOKIES[0])?,
            session_key: value(COOKIES[1])?,
            session: value(COOKIES[2])?,
            generation: value(COOKIES[3])?,
        };
        self.go_back_to(client.clone()).await;
        Ok(client)
    }

    /// Makes `client` the present one of its account.
    pub async fn go_back_to(&self, client: Client) {
        let mut clients = self.traffic.clients.lock().await;
        clients.insert(client.account.clone(), client);
    }

    /// Signs a client out; `badly` cleans nothing up.
    pub async fn sign_out(&self, client: &Client, badly: bool) -> Outcome<()> {
        let url = format!("{}/sign-out", self.door().await);
        let request = http()?.post(url).header("cookie", client.cookies());
        let status = request.json(&Leave { badly }).send().await?.status();
        if status.is_success() {
            return Ok(());
        }
        Err(format!("sign-out answered {status}").into())
    }

    /// What the sign-in app hands `client` so that its customer can help themselves.
    pub async fn credential(&self, client: &Client) -> Outcome<String> {
        let url = format!("{}/credential", self.door().await);
        let answer = http()?.post(url).header("cookie", client.cookies()).send().await?.error_for_status()?;
        let told: serde_json::Value = answer.json().await?;
        Ok(told["credential"].as_str().ok_or("the sign-in app gave no credential")?.to_owned())
    }

    /// A request of `client`, on a connection of its own.
    pub async fn request(&self, client: &Client, path: &str) -> Outcome<Answer> {
        self.request_on(&http()?, client, path).await
    }

    /// A request of `client` on a connection that it may have.
    pub async fn request_on(&self, http: &reqwest::Client, client: &Client, path: &str) -> Outcome<Answer> {
        let url = format!("{}{path}", self.door().await);
        let answer = http.get(url).header("cookie", client.cookies()).send().await?;
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let served_by = answer.headers().get("x-served-by").and_then(|name| name.to_str().ok());
        Ok(Answer { status: answer.status().as_u16(), served_by: served_by.unwrap_or("nobody").to_owned() })
    }
}

/// A client without connections yet.
pub fn http() -> Outcome<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?)
}

/// An address that a customer might come from: of the block for benchmarks, 198.18.0.0/15 (RFC 2544).
fn somewhere() -> Outcome<String> {
    let chance = opaque("x")?;
    let parts = [&chance[2..4], &chance[4..6], &chance[6..8]].map(|hex| u8::from_str_radix(hex, 16));
    let [a, b, c] = parts;
    Ok(Ipv4Addr::new(198, 18 + a? % 2, b?, c?).to_string())
}
