//! The way to a Redis: one connection, used by all calls at once, a time limit on everything.
//!
//! A stopped (SIGSTOP'd) Redis accepts connections and never answers: a connection that was late once is given up. One
//! that broke off because Redis was restarted is replaced, and what was sent is sent once more: every command of this
//! module bears to be obeyed twice. A command that got no answer may still be obeyed later.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::RouterName;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisConnectionInfo, RedisError,
    TlsCertificates, Value, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use super::{
    config::RedisConfig,
    endpoint::{Address, Endpoint},
};
use crate::RouterError;

/// The answers to a pipeline, one a command.
pub(super) type Answers = Vec<Result<Value, RedisError>>;

/// The way to one Redis.
#[derive(Debug)]
pub(super) struct Transport {
    router: RouterName,
    endpoint: Endpoint,
    client: Client,
    limit: Duration,
    line: Mutex<Line>,
    /// Held while a connection is made, so that a crowd makes one and not twenty.
    gate: tokio::sync::Mutex<()>,
}

/// The connection in use; its number tells it from those before.
#[derive(Debug, Default)]
struct Line {
    number: u64,
    open: Option<MultiplexedConnection>,
}

/// A connection to use for one pipeline.
struct Lent {
    number: u64,
    connection: MultiplexedConnection,
    /// Whether it was open before: then it may have died since.
    used: bool,
}

impl Transport {
    /// Connects to nothing yet.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, String> {
        let client = client(config).map_err(|error| format!("router {}: {error}", config.name))?;
        let limit = config.timeout.to_std();
        let (router, endpoint) = (config.name.clone(), config.endpoint.clone());
        Ok(Self { router, endpoint, client, limit, line: Mutex::default(), gate: tokio::sync::Mutex::default() })
    }

    /// Sends `commands` at once. Answers the number of the connection too, and one answer for each command.
    pub(super) async fn ask(&self, commands: &mut Pipeline) -> Result<(u64, Answers), RouterError> {
        commands.ignore_errors();
        let mut lent = self.lend().await?;
        if lent.used {
            match self.once(commands, &mut lent).await {
                Ok(answers) => return Ok((lent.number, answers)),
                Err(Some(error)) if error.is_connection_dropped() => lent = self.lend().await?,
                Err(error) => return Err(self.lost(error.as_ref())),
            }
        }
        let answers = self.once(commands, &mut lent).await.map_err(|error| self.lost(error.as_ref()))?;
        Ok((lent.number, answers))
    }

    /// `Err(None)`: it was too late. Whatever fails on the way, the connection is not used again.
    async fn once(&self, commands: &Pipeline, lent: &mut Lent) -> Result<Answers, Option<RedisError>> {
        let answers = timeout(self.limit, commands.query_async::<Answers>(&mut lent.connection)).await;
        let result = answers.map_err(|_| None).and_then(|answers| answers.map_err(Some));
        match &result {
            Ok(answers) if answers.len() == commands.len() => {
                // A replica where a primary was: the address may lead elsewhere by now.
                let moved = |answer: &Result<Value, RedisError>| {
                    answer.as_ref().is_err_and(|error| error.code() == Some("READONLY"))
                };
                if answers.iter().any(moved) {
                    self.give_up(lent.number);
                }
                result
            }
            Ok(_) | Err(_) => {
                self.give_up(lent.number);
                result
            }
        }
    }

    fn lost(&self, error: Option<&RedisError>) -> RouterError {
        error.map_or_else(|| self.late("answer"), |error| self.on_the_way(error, "answer"))
    }

    /// The connection, made when there is none.
    async fn lend(&self) -> Result<Lent, RouterError> {
        if let Some(lent) = self.open() {
            return Ok(lent);
        }
        let connect = async {
            let _gate = self.gate.lock().await;
            if let Some(lent) = self.open() {
                return Ok(lent);
            }
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(self.limit))
                .set_response_timeout(Some(self.limit));
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            // Whether anybody speaks Redis there is seen with one command only: in a pipeline it looks like a hang-up.
            match redis::cmd("PING").query_async::<Value>(&mut connection).await {
                Err(error) if error.code().is_none() => return Err(error),
                _ => {}
            }
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.number += 1;
            line.open = Some(connection.clone());
            Ok(Lent { number: line.number, connection, used: false })
        };
        match timeout(self.limit, connect).await {
            Ok(made) => made.map_err(|error: RedisError| self.on_the_way(&error, "accept a connection")),
            Err(_) => Err(self.late("accept a connection")),
        }
    }

    fn open(&self) -> Option<Lent> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.open.clone().map(|connection| Lent { number: line.number, connection, used: true })
    }

    fn give_up(&self, number: u64) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.number == number {
            line.open = None;
        }
    }

    /// How long one answer may take.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn late(&self, what: &str) -> RouterError {
        self.unreachable(&format!("did not {what} within {:?}", self.limit))
    }

    /// An error for a router that may answer later.
    pub(super) fn unreachable(&self, what: &str) -> RouterError {
        RouterError::Unreachable(format!("{} ({}) {what}", self.router, self.endpoint))
    }

    /// An error for a router that can be read, and changed later.
    pub(super) fn not_now(&self, what: &str) -> RouterError {
        RouterError::NotNow(format!("{} ({}) {what}", self.router, self.endpoint))
    }

    /// An error that somebody has to do something about.
    pub(super) fn refused(&self, what: &str) -> RouterError {
        RouterError::Refused(format!("{} ({}) {what}", self.router, self.endpoint))
    }

    /// An error for an answer that no Redis gives.
    pub(super) fn foreign(&self) -> RouterError {
        self.refused("does not answer like Redis; correct the endpoint (rediss:// if it speaks TLS)")
    }
}

fn client(config: &RedisConfig) -> Result<Client, String> {
    let endpoint = &config.endpoint;
    let address = match &endpoint.address {
        Address::Tcp(host, port) => ConnectionAddr::Tcp(host.clone(), *port),
        Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Address::Tls(host, port) => {
            // Somebody else in this process may have chosen before; then that counts.
            let _ = rustls::crypto::ring::default_provider().install_default();
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        }
    };
    let is_tls = matches!(address, ConnectionAddr::TcpTls { .. });
    let mut login = RedisConnectionInfo::default().set_db(i64::from(endpoint.db)).set_skip_set_lib_name();
    if let Some(user) = &endpoint.user {
        login = login.set_username(user);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.reveal());
    }
    let info = address.into_connection_info().map_err(|error| error.to_string())?.set_redis_settings(login);
    let made = match &config.ca {
        Some(_) if !is_tls => return Err("ca_file is for rediss:// endpoints only".to_owned()),
        Some(pem) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }),
        None => Client::open(info),
    };
    made.map_err(|error| error.to_string())
}
