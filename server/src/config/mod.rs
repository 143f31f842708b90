//! Configuration: `unstick.toml` and `UNSTICK_*`, read once at start, checked whole. Every problem is told at once, each
//! with its line and what to write instead; nothing starts on a configuration that is not understood.

mod build;
mod fleet;
mod keys;
mod print;
mod raw;
mod redis;
mod router;
mod secrets;
#[cfg(test)]
mod tests;
mod values;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use domain::{FactorRule, RouterName, Span};

pub use self::{
    keys::{KEYS, Key},
    raw::{Origin, Raw},
    redis::RedisRouter,
    router::{RouterConfig, RouterPool},
    secrets::{Secret, create_private, private_text},
    values::{Network, WebOrigin, span, span_text},
};

/// The file that is read when it is there and no other was named.
pub const FILE: &str = "unstick.toml";

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON.
    Json,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub database_url: String,
    /// Folder of the keys and, by default, the database.
    pub data_dir: PathBuf,
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// What browsers see.
    pub public_origin: WebOrigin,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<Network>,
    /// Folder of the console's files, if it was set.
    pub site_dir: Option<PathBuf>,
    /// Console sessions: longest time without use.
    pub session_idle: Span,
    /// Console sessions: longest time.
    pub session_absolute: Span,
    /// How long cleaned sessions are kept.
    pub retention: Span,
    /// From how many open sessions on an account accumulates.
    pub accumulation: i64,
    /// Share of failed requests from which a server is degraded, in percent.
    pub degraded_error_percent: u32,
    /// Mean time to answer from which a server is degraded.
    pub degraded_response: Span,
    /// How long clean-ups that are done are watched; zero switches it off.
    pub watch: Span,
    /// How often routers are looked at.
    pub observe_every: Span,
    /// Tables with more rows are not listed whole.
    pub observe_limit: u64,
    /// How often a census runs by itself; zero for never.
    pub census_every: Span,
    /// What is younger counts in no census.
    pub census_grace: Span,
    /// A pin of the embedded router ends after so long without traffic.
    pub embedded_pin_timeout: Span,
    /// Networks that webhooks may go to although they are not public.
    pub webhook_allow: Vec<Network>,
    /// How long what webhooks delivered is kept.
    pub webhook_keep: Span,
    /// Who must have a second factor.
    pub require_totp: FactorRule,
    /// Bulk clean-ups of more accounts than this need a second admin.
    pub bulk_approval_above: u32,
    /// Rows of a page.
    pub page_size: u32,
    /// Memory of a password hash in KiB.
    pub argon_memory_kib: u32,
    /// Passes of a password hash.
    pub argon_passes: u32,
    /// Password hashes computed at once.
    pub hash_threads: usize,
    /// Connections held at once.
    pub max_connections: usize,
    /// Longest time that a request's head may take.
    pub head_timeout: Span,
    /// Longest time to an answer.
    pub request_timeout: Span,
    /// Longest time that a stopping server waits.
    pub drain_timeout: Span,
    /// Requests a second of one API token.
    pub api_rate: u32,
    /// How long a customer's credential counts at most.
    pub self_credential: Span,
    /// How long a link for a customer opens.
    pub self_link: Span,
    /// Resets of a customer in a day.
    pub self_resets: i64,
    /// Diagnoses and previews of a customer in an hour.
    pub self_reads: i64,
    /// What the service is called towards its customers.
    pub service_name: String,
    /// What is logged.
    pub log: String,
    /// How it looks.
    pub log_format: LogFormat,
    /// The routers.
    pub routers: Vec<RouterConfig>,
    /// Routers of one block: load balancers that share their pools.
    pub fleets: Vec<Vec<RouterName>>,
    /// What was said, and where: for `config print`.
    pub said: BTreeMap<&'static str, Raw>,
}

/// Something that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// What, and what to write instead.
    pub text: String,
}

impl Problem {
    /// A problem at `origin`.
    pub fn new(origin: Origin, text: impl Into<String>) -> Self {
        Self { origin, text: text.into() }
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether something is told of `origin` already.
    pub fn is_told(&self, origin: &Origin) -> bool {
        self.0.iter().any(|problem| problem.origin == *origin)
    }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is not good:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}: {}", problem.origin, problem.text))
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// Reads the file at `path` (without one: [`FILE`], if it is there), then the `variables`.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(path: Option<&Path>, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut said = raw::RawConfig::default();
        let file = path.unwrap_or(Path::new(FILE));
        match std::fs::read_to_string(file) {
            Ok(text) => said.add_file(file, &text, &mut problems),
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let origin = Origin::Whole(file.display().to_string());
                problems.push(Problem::new(origin, format!("cannot be read: {error}")));
            }
        }
        said.add_variables(variables, &mut problems);
        let config = build::build(said, &mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Where the console's files are: what was set, else `site` beside the program or one folder above it (which is
    /// where cargo-leptos leaves them), else `target/site`.
    pub fn site_dir(&self) -> Option<PathBuf> {
        if let Some(dir) = &self.site_dir {
            return Some(dir.clone());
        }
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(Path::parent);
        let above = beside.and_then(Path::parent);
        let places =
            [beside.map(|dir| dir.join("site")), above.map(|dir| dir.join("site")), Some("target/site".into())];
        places.into_iter().flatten().find(|dir| dir.join("pkg").is_dir())
    }

    /// What is wrong with the folder that was set for the console's files, if anything is.
    pub fn site_trouble(&self) -> Option<String> {
        let dir = self.site_dir.as_ref().filter(|dir| !dir.join("pkg").is_dir())?;
        Some(format!(
            "site_dir is {}, where the console's files are not (it has no folder pkg): correct it, or leave it out",
            dir.display()
        ))
    }

    /// The file with the HMAC keys of the audit log.
    pub fn audit_key_file(&self) -> PathBuf {
        self.data_dir.join("audit.key")
    }
    /// The file with the key of the forms' tokens.
    pub fn csrf_key_file(&self) -> PathBuf {
        self.data_dir.join("csrf.key")
    }
    /// The file with the keys of customers' credentials.
    pub fn self_key_file(&self) -> PathBuf {
        self.data_dir.join("self.key")
    }
    /// The file with the key from which the secrets of webhooks follow.
    pub fn webhook_key_file(&self) -> PathBuf {
        self.data_dir.join("webhook.key")
    }
    /// The file with the keys that sign security event tokens, as PEM.
    pub fn token_key_file(&self) -> PathBuf {
        self.data_dir.join("caep.pem")
    }
    /// The file with the keys that second factors' seeds are sealed with.
    pub fn factor_key_file(&self) -> PathBuf {
        self.data_dir.join("factors.key")
    }
    /// The file with the signed heads of the audit log.
    pub fn checkpoint_file(&self) -> PathBuf {
        self.data_dir.join("audit.checkpoints")
    }
    /// The file with the sample staff's generated passphrases.
    pub fn sign_in_file(&self) -> PathBuf {
        self.data_dir.join("sign-in.txt")
    }
}
