//! The composition root: the only place that knows the wall clock, the machine's randomness, and which parts make up a
//! running Unstick.

use std::{io, path::Path, sync::Arc};

use domain::{Clock, Entropy, HealthPolicy, Instant, IpRange, Place, PoolInfo, RouterKind};
use routers::{Breaker, Fleet, Router, embedded::Embedded, haproxy::Haproxy, redis::Redis};
use service::{
    ArgonParams, CustomerKeys, CustomerSettings, Parts, SealKeys, Settings, TokenKeys, Unstick, WebhookKey,
    WebhookSettings,
};
use store::{AuditKeys, Options, Store};

use crate::config::{Config, RouterConfig, RouterPool, Secret, create_private, private_text};

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the composition root is where the wall clock is read")]
    fn now(&self) -> Instant {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Instant::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without random numbers no secret is one: nothing may go on.
            tracing::error!(%error, "the operating system gives no random numbers");
            std::process::abort();
        }
    }
}

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// A folder or file, with what to do.
    #[error("{0}")]
    Files(String),
    /// The database.
    #[error("the database at {0} cannot be used: {1}")]
    Database(String, #[source] store::StoreError),
    /// The audit log's key is not the one it was written with.
    #[error(
        "{0} is missing, but the audit log has {1} events under it: put the file back (a new key would make the log unprovable)"
    )]
    KeyMissing(String, i64),
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Requests and commands.
    Work,
    /// Loading very many rows.
    Bulk,
    /// Reading everything once.
    Scan,
}

/// Time and randomness: the real ones, or a test's.
#[derive(Clone)]
pub struct World {
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Unguessable bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for World {
    fn default() -> Self {
        Self { clock: Arc::new(WallClock), entropy: Arc::new(SystemEntropy) }
    }
}

/// Puts everything together as `config` says.
///
/// # Errors
/// [`ComposeError`], in words for an operator.
pub async fn open(config: &Config, purpose: Purpose, world: &World) -> Result<Unstick, ComposeError> {
    prepare_folder(&config.data_dir)?;
    let store = open_store(config, purpose, world.entropy.as_ref()).await?;
    let fleet = fleet(config, &store, &world.clock)?;
    let (clock, entropy) = (world.clock.clone(), world.entropy.clone());
    let mut settings = settings(config);
    settings.customers.keys = customer_keys(config, world)?;
    settings.webhooks.key = WebhookKey(key_in(&config.webhook_key_file(), world)?.0);
    settings.webhooks.token_keys = token_keys(&config.token_key_file())?;
    settings.seal_keys =
        SealKeys::new(keys_in(&config.factor_key_file(), world)?.into_iter().map(|key| key.0).collect());
    Ok(Unstick::new(Parts { store, fleet, clock, entropy, settings }))
}

/// The key of the forms' tokens; made at the first start.
///
/// # Errors
/// A key file that cannot be used.
pub fn csrf_key(config: &Config, world: &World) -> Result<Secret, ComposeError> {
    key_in(&config.csrf_key_file(), world)
}

/// The first key in `file`; made when there is no such file.
fn key_in(file: &Path, world: &World) -> Result<Secret, ComposeError> {
    let first = keys_in(file, world)?.into_iter().next();
    first.ok_or_else(|| ComposeError::Files(format!("{} holds no key", file.display())))
}

/// The keys in `file`, the one in use first; made at the first start.
fn keys_in(file: &Path, world: &World) -> Result<Vec<Secret>, ComposeError> {
    loop {
        if let Some(keys) = Secret::read_all(file).map_err(ComposeError::Files)? {
            return Ok(keys);
        }
        Secret::new(world.entropy.as_ref()).keep(file).map_err(ComposeError::Files)?;
    }
}

/// The keys in `file` that sign security event tokens; one is made at the first start.
fn token_keys(file: &Path) -> Result<TokenKeys, ComposeError> {
    let named = |text: String| ComposeError::Files(format!("{}: {text}", file.display()));
    loop {
        if let Some(pem) = private_text(file).map_err(ComposeError::Files)? {
            return TokenKeys::from_pem(&pem).map_err(named);
        }
        let made = TokenKeys::new_pem().map_err(named)?;
        if let Err(error) = create_private(file, &made) {
            // Everything else works without it, and whoever makes such a webhook is told.
            tracing::warn!("{} cannot be written ({error}): nobody can be told in CAEP's words", file.display());
            return Ok(TokenKeys::default());
        }
    }
}

/// The keys of customers' credentials; the first is made at the first start. One that was put before it signs from then on,
/// and what was signed under the older ones counts for as long as they stand there.
fn customer_keys(config: &Config, world: &World) -> Result<CustomerKeys, ComposeError> {
    let file = config.self_key_file();
    loop {
        if let Some(keys) = Secret::read_all(&file).map_err(ComposeError::Files)? {
            return Ok(CustomerKeys(keys.into_iter().map(|key| key.0).collect()));
        }
        if let Err(text) = Secret::new(world.entropy.as_ref()).keep(&file) {
            // Everything else works without it, and a doctor has to say so.
            tracing::warn!("{text}: customers get no credentials");
            return Ok(CustomerKeys::default());
        }
    }
}

fn prepare_folder(folder: &Path) -> Result<(), ComposeError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let trouble = |error: io::Error| ComposeError::Files(format!("{} cannot be made: {error}", folder.display()));
    builder.create(folder).map_err(trouble)?;
    match folder_mode(folder).map_err(trouble)? {
        mode if mode & 0o022 != 0 => Err(ComposeError::Files(open_to_others(folder, mode))),
        _ => Ok(()),
    }
}

/// Who may do what with `folder`.
///
/// # Errors
/// A folder that is not there, or cannot be looked at.
#[cfg(unix)]
pub fn folder_mode(folder: &Path) -> io::Result<u32> {
    Ok(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder)?.permissions()) & 0o777)
}

/// Who may do what with `folder`: its owner, where nothing else is known.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn folder_mode(_folder: &Path) -> io::Result<u32> {
    Ok(0o700)
}

/// What to do about a data folder of such a mode: who may write there could put a key of theirs in place of ours.
pub fn open_to_others(folder: &Path, mode: u32) -> String {
    let (what, name) = (if mode & 0o022 == 0 { "look into" } else { "change" }, folder.display());
    format!("data_dir {name} holds keys and data, and others can {what} it (mode {mode:o}): chmod 700 {name}")
}

/// Opens the database under the audit keys. A missing key is made for an empty log only.
async fn open_store(config: &Config, purpose: Purpose, entropy: &dyn Entropy) -> Result<Store, ComposeError> {
    let file = config.audit_key_file();
    loop {
        let kept = Secret::read_all(&file).map_err(ComposeError::Files)?;
        let is_new = kept.is_none();
        let mut keys = kept.unwrap_or_else(|| vec![Secret::new(entropy)]).into_iter();
        let Some(current) = keys.next() else { continue };
        let audit = AuditKeys::new(current.0, keys.map(|key| key.0).collect());
        let readers = u32::try_from(std::thread::available_parallelism().map_or(2, usize::from) * 2).unwrap_or(8);
        // A scan reads one stream after the other.
        let readers = if purpose == Purpose::Scan { 2 } else { readers.clamp(4, 32) };
        let options = Options { readers, audit, migrate: true, bulk: purpose == Purpose::Bulk };
        let trouble = |error| ComposeError::Database(config.masked_database_url(), error);
        let store = Store::open(&config.database_url, options).await.map_err(trouble)?;
        if !is_new {
            return Ok(store);
        }
        let (events, _) = store.audit_head().await.map_err(trouble)?;
        if events > 0 {
            return Err(ComposeError::KeyMissing(file.display().to_string(), events));
        }
        if current.keep(&file).map_err(ComposeError::Files)? {
            return Ok(store);
        }
        // Another process made the key in the meantime: that one counts.
        store.close().await;
    }
}

fn fleet(config: &Config, store: &Store, clock: &Arc<dyn Clock>) -> Result<Fleet, ComposeError> {
    let mut fleet: Fleet = Vec::new();
    for router in &config.routers {
        let made: Arc<dyn Router> = match router {
            RouterConfig::Embedded { name, pools } => {
                let info = |pool: &RouterPool| PoolInfo {
                    place: Place { router: name.clone(), pool: pool.name.clone() },
                    kind: RouterKind::Embedded,
                    scope: pool.scope,
                    rule: pool.rule.clone(),
                };
                let table = service::embedded_table(store.clone(), clock.clone(), name);
                Arc::new(Embedded::new(name.clone(), pools.iter().map(info).collect(), table))
            }
            RouterConfig::Haproxy { .. } => {
                let Some(config) = router.haproxy() else { continue };
                Arc::new(Breaker::new(Arc::new(Haproxy::new(config).map_err(ComposeError::Files)?)))
            }
            RouterConfig::Redis(router) => {
                Arc::new(Breaker::new(Arc::new(Redis::new(router.config.clone()).map_err(ComposeError::Files)?)))
            }
        };
        fleet.push(made);
    }
    Ok(fleet)
}

fn settings(config: &Config) -> Settings {
    let health = HealthPolicy {
        error_permille: config.degraded_error_percent * 10,
        response_ms: u32::try_from(config.degraded_response.millis()).unwrap_or(u32::MAX),
        ..HealthPolicy::default()
    };
    Settings {
        health,
        accumulation: config.accumulation,
        retention: config.retention,
        watch: config.watch,
        observe_every: config.observe_every,
        observe_limit: config.observe_limit,
        census_every: config.census_every,
        census_grace: config.census_grace,
        factor_rule: config.require_totp,
        bulk_approval_above: config.bulk_approval_above,
        page_size: config.page_size,
        session_idle: config.session_idle,
        session_absolute: config.session_absolute,
        hash_threads: config.hash_threads,
        argon: ArgonParams { memory_kib: config.argon_memory_kib, passes: config.argon_passes, lanes: 1 },
        embedded_pin_timeout: config.embedded_pin_timeout,
        customers: CustomerSettings {
            credential: config.self_credential,
            link: config.self_link,
            resets: config.self_resets,
            reads: config.self_reads,
            service_name: config.service_name.clone(),
            origin: config.public_origin.to_string(),
            ..CustomerSettings::default()
        },
        fleets: config.fleets.clone(),
        checkpoint_file: Some(config.checkpoint_file()),
        webhooks: webhooks(config),
        instance: format!("{}:{}", crate::machine::host(), std::process::id()),
        ..Settings::default()
    }
}

/// Settings of webhooks, still without their key.
fn webhooks(config: &Config) -> WebhookSettings {
    WebhookSettings {
        allow: config.webhook_allow.iter().flat_map(|network| IpRange::parse(&network.to_string())).collect(),
        keep: config.webhook_keep,
        issuer: config.public_origin.to_string(),
        ..WebhookSettings::default()
    }
}
