//! The database that is measured: sample data in a file of its own under `target/bench`, kept for the next run.

use std::{
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use domain::{Account, Actor, Clock, Entropy, Place, PoolInfo, PoolName, RouterKind, RouterName, Scope};
use routers::{Router, embedded::Embedded};
use service::{Parts, SampleSpec, Settings, Unstick};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use store::{AuditKeys, Options, Store};

use crate::{
    Outcome,
    measure::{Table, rate_text},
};

struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the benchmark's composition root")]
    fn now(&self) -> domain::Instant {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        domain::Instant::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

struct System;

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

/// What is measured.
pub struct World {
    pub unstick: Unstick,
    pub store: Store,
    /// The same file through sqlx alone: the bare SQL.
    pub bare: SqlitePool,
    pub folder: PathBuf,
    pub file: PathBuf,
    /// Some accounts, spread over the file.
    pub picks: Vec<Account>,
}

/// Who measures.
pub fn shell() -> Actor {
    Actor::Shell { user: "bench".to_owned(), host: "localhost".to_owned() }
}

impl World {
    pub async fn open(accounts: u64, sessions: u64, table: &mut Table) -> Outcome<Self> {
        let folder = PathBuf::from("target/bench").join(format!("{accounts}x{sessions}"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        keep_key(&folder)?;
        let file = folder.join("unstick.db");
        let url = format!("sqlite://{}", file.display());
        let options = |bulk| Options { readers: 4, audit: AuditKeys::new([1; 32], Vec::new()), migrate: true, bulk };
        let loading = Store::open(&url, options(true)).await?;
        if loading.estimated_accounts().await? == 0 {
            let started = Instant::now();
            let spec = SampleSpec { accounts, sessions_per_account: sessions, seed: 1 };
            let report = unstick(loading.clone()).load_sample(&shell(), spec, &|_, _| ()).await?;
            let rate = rate_text(report.rows(), started.elapsed());
            let what = format!("sample data: {} rows", crate::measure::grouped(report.rows()));
            table.add("P17", what, rate, "", "", "≥ 50,000/s");
        }
        loading.checkpoint_wal().await?;
        loading.close().await;
        let store = Store::open(&url, options(false)).await?;
        let bare = Self::bare(&file).await?;
        let picks = picks(&store, &bare).await?;
        Ok(Self { unstick: unstick(store.clone()), store, bare, folder, file, picks })
    }
}

/// Two hundred accounts, evenly over the file.
impl World {
    /// `file` through sqlx alone.
    pub async fn bare(file: &std::path::Path) -> Outcome<SqlitePool> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(30));
        Ok(SqlitePoolOptions::new().max_connections(4).connect_with(options).await?)
    }

    /// A database with nothing in it, and its folder, called `name`.
    pub async fn empty(name: &str) -> Outcome<(Store, PathBuf)> {
        let folder = PathBuf::from("target/bench").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        keep_key(&folder)?;
        Ok((Self::again(&folder).await?, folder))
    }

    /// The database in `folder`.
    pub async fn again(folder: &Path) -> Outcome<Store> {
        let audit = AuditKeys::new([1; 32], Vec::new());
        let options = Options { readers: 4, audit, migrate: true, bulk: false };
        let url = format!("sqlite://{}", folder.join("unstick.db").display());
        Ok(Store::open(&url, options).await?)
    }
}

/// A server that is measured later reads the key where servers do.
fn keep_key(folder: &std::path::Path) -> Outcome<()> {
    let mut key = std::fs::OpenOptions::new();
    key.write(true).create(true).truncate(true).mode(0o600);
    Ok(writeln!(key.open(folder.join("audit.key"))?, "{}", "01".repeat(32))?)
}

async fn picks(store: &Store, bare: &SqlitePool) -> Outcome<Vec<Account>> {
    let (most,): (i64,) = sqlx::query_as("SELECT max(row_no) FROM accounts").fetch_one(bare).await?;
    let mut picks = Vec::new();
    for place in 0..200 {
        let row = 1 + most * place / 200;
        let (id,): (String,) =
            sqlx::query_as("SELECT id FROM accounts WHERE row_no >= $1 LIMIT 1").bind(row).fetch_one(bare).await?;
        picks.extend(store.account(&domain::AccountId::parse(id)?).await?);
    }
    Ok(picks)
}

fn unstick(store: Store) -> Unstick {
    let fleet = embedded_fleet(&store);
    unstick_with(store, fleet)
}

/// The embedded router with its two pools.
pub fn embedded_fleet(store: &Store) -> Vec<Arc<dyn Router>> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let Ok(name) = RouterName::parse("edge-1") else { unreachable!("a plain name") };
    let table = service::embedded_table(store.clone(), clock, &name);
    let pool = |pool: &str, scope| {
        let Ok(pool) = PoolName::parse(pool) else { unreachable!("a plain name") };
        PoolInfo { place: Place { router: name.clone(), pool }, kind: RouterKind::Embedded, scope, rule: None }
    };
    let pools = vec![pool("app", Scope::Account), pool("files", Scope::Session)];
    vec![Arc::new(Embedded::new(name.clone(), pools, table))]
}

/// The use cases over another fleet.
pub fn unstick_with(store: Store, fleet: Vec<Arc<dyn Router>>) -> Unstick {
    unstick_over(store, fleet, Settings::default())
}

/// The same with other settings.
pub fn unstick_over(store: Store, fleet: Vec<Arc<dyn Router>>, settings: Settings) -> Unstick {
    Unstick::new(Parts { store, fleet, clock: Arc::new(WallClock), entropy: Arc::new(System), settings })
}
