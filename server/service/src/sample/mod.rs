//! Sample data: made-up accounts with realistic names, clients and times, a heavy tail of sessions, and stuck cases of
//! every kind. The same seed makes the same data.

mod account;
mod people;

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Counters, Health, Instant, Permission, PoolInfo, RouterKind, SeededEntropy, ServerName, ServerState,
    view::AuditFilter,
};
use serde_json::json;
use store::{EmbeddedServer, StoreError};
use tokio::task::JoinHandle;

use self::account::Batch;
use crate::{Error, Result, Unstick};

/// The most accounts of one load.
const MOST_ACCOUNTS: u64 = 10_000_000;

/// Accounts that are loaded at once, in one transaction: with some forty thousand rows it takes less than a second.
const BATCH: u64 = 4_000;

/// The same into a database without sessions. Each transaction writes most pages of the indexes that are in another order
/// than accounts, so fewer of them write less; and nobody waits for the writer yet.
const FIRST_BATCH: u64 = 16_000;

/// The most of them: some 950,000 rows, and the next ones are made meanwhile.
const LARGEST_BATCH: u64 = 50_000;

/// The event of sample data that was loaded to its end.
const LOADED: &str = "sample.loaded";

/// How often a batch is tried before the database is called busy.
const TRIES: u32 = 5;

/// How much sample data to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleSpec {
    /// Accounts.
    pub accounts: u64,
    /// Sessions of an account, on average.
    pub sessions_per_account: u64,
    /// What the data depends on, and nothing else but the present.
    pub seed: u64,
}

/// How much sample data was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SampleReport {
    /// Accounts.
    pub accounts: u64,
    /// Sessions.
    pub sessions: u64,
    /// Routes.
    pub routes: u64,
    /// Moves of routes: their history.
    pub moves: u64,
}

impl SampleReport {
    /// Rows of all kinds.
    pub const fn rows(&self) -> u64 {
        self.accounts + self.sessions + self.routes + self.moves
    }
}

/// Where sample routes are: the embedded routers' pools.
pub(crate) struct Pools {
    pub(crate) account: Vec<PoolInfo>,
    pub(crate) session: Vec<PoolInfo>,
}

/// What sample data is made from.
struct Source {
    pools: Pools,
    entropy: SeededEntropy,
    spec: SampleSpec,
    now: Instant,
    batch: u64,
}

impl Source {
    /// Makes the accounts from number `from` on, a batch of them, beside whoever waits for it.
    fn make(self: Arc<Self>, from: u64) -> JoinHandle<Batch> {
        tokio::task::spawn_blocking(move || {
            let mut batch = Batch::new(self.now);
            for number in from..(from + self.batch).min(self.spec.accounts) {
                batch.add_account(number, &self.spec, &self.pools, &self.entropy);
            }
            batch
        })
    }
}

impl Unstick {
    /// Loads sample data. `progress` is told the rows so far and the rows expected.
    ///
    /// # Errors
    /// `Conflict` without an embedded router, or when the sample data of the seed is there; `Invalid` for nothing or too much; `Denied`.
    #[boxed]
    pub async fn load_sample(
        &self,
        actor: &Actor,
        spec: SampleSpec,
        progress: &(dyn Fn(i64, i64) + Sync),
    ) -> Result<SampleReport> {
        self.authorize(actor, Permission::ManageStaff, "sample").await?;
        if !(1..=MOST_ACCOUNTS).contains(&spec.accounts) || !(1..=1_000).contains(&spec.sessions_per_account) {
            return Err(Error::invalid("accounts", "make 1 to 10,000,000 accounts with 1 to 1,000 sessions each"));
        }
        self.refuse_known_sample(spec).await?;
        let pools = self.sample_pools()?;
        self.begin_sample(actor, spec, &pools).await?;
        // The larger those indexes become, the more each transaction writes of them.
        let first = (spec.accounts / 20).clamp(FIRST_BATCH, LARGEST_BATCH);
        let batch = if self.store().bulk_begin().await? { first } else { BATCH };
        let entropy = SeededEntropy::new(spec.seed);
        let source = Arc::new(Source { pools, entropy, spec, now: self.now(), batch });
        let loaded = self.load_all(&source, progress).await;
        // Also after a failure, of which the first one is told.
        let ended = self.store().bulk_end().await;
        let report = loaded?;
        ended?;
        let mut draft = self.draft(actor, LOADED, "sample");
        draft.detail = json!({ "accounts": report.accounts, "sessions": report.sessions, "seed": spec.seed });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })?;
        self.observe_once().await?;
        Ok(report)
    }

    /// Loads `source`, batch after batch.
    async fn load_all(&self, source: &Arc<Source>, progress: &(dyn Fn(i64, i64) + Sync)) -> Result<SampleReport> {
        let spec = source.spec;
        let expected = i64::try_from(spec.accounts * (spec.sessions_per_account + 9)).unwrap_or(i64::MAX);
        let mut report = SampleReport::default();
        let (mut from, mut next) = (0, source.clone().make(0));
        while from < spec.accounts {
            let batch = next.await.map_err(Error::internal)?;
            from += source.batch;
            // The next piece is made while this one is written. One after the other: they share one source of chance.
            next = source.clone().make(from);
            report.accounts += batch.accounts.len() as u64;
            report.sessions += batch.sessions.len() as u64;
            report.routes += batch.pins.len() as u64;
            report.moves += batch.history.len() as u64;
            self.load_batch(&batch, spec).await?;
            progress(i64::try_from(report.rows()).unwrap_or(i64::MAX), expected);
        }
        Ok(report)
    }

    /// The same seed makes the same ids: its first account tells whether its data is there. Nothing is loaded on top.
    async fn refuse_known_sample(&self, spec: SampleSpec) -> Result<()> {
        let first = account::first(spec.seed, self.now());
        let known = match first {
            Some(id) => self.store().account(&id).await?.is_some(),
            None => false,
        };
        if !known {
            return Ok(());
        }
        let (seed, whole) = (spec.seed, self.was_loaded(spec.seed).await?);
        let how =
            if whole { "is there already" } else { "is being loaded at this moment, or was not loaded to its end" };
        Err(Error::Conflict(format!(
            "the sample data of seed {seed} {how}, and nothing was added: give another seed for more of it"
        )))
    }

    /// Whether the audit log knows that the sample data of `seed` was loaded to its end.
    async fn was_loaded(&self, seed: u64) -> Result<bool> {
        let filter = AuditFilter { action: Some(LOADED.to_owned()), ..AuditFilter::default() };
        let events = self.store().audit_page(&filter, None, 1_000).await?;
        Ok(events.iter().any(|event| event.draft.detail["seed"] == seed))
    }

    /// Loads a batch whole or not at all. Tries again where another transaction was in the way, unless that one loads the
    /// same data.
    async fn load_batch(&self, batch: &Batch, spec: SampleSpec) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.store().bulk_load(&batch.accounts, &batch.sessions, &batch.pins, &batch.history).await {
                Err(StoreError::Raced) => {
                    self.refuse_known_sample(spec).await?;
                    return Err(Error::Busy);
                }
                Err(error) if error.is_busy() && tries < TRIES => {
                    tracing::debug!(%error, tries, "a batch of sample data is loaded again");
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// The embedded pools.
    fn sample_pools(&self) -> Result<Pools> {
        let (account, session): (Vec<_>, Vec<_>) = self
            .pools()
            .into_iter()
            .filter(|pool| pool.kind == RouterKind::Embedded)
            .partition(|pool| pool.scope == domain::Scope::Account);
        if account.is_empty() || session.is_empty() {
            let message = "sample data needs an embedded router with an account pool and a session pool";
            return Err(Error::Conflict(message.to_owned()));
        }
        Ok(Pools { account, session })
    }

    /// Makes three servers in each pool, of which one fails 16 % of its requests and is being drained. Writes down whose rows
    /// come now, with the first of them: should the process end in the middle, nothing else tells it.
    async fn begin_sample(&self, actor: &Actor, spec: SampleSpec, pools: &Pools) -> Result<()> {
        let now = self.now();
        let mut servers = Vec::new();
        for pool in pools.account.iter().chain(&pools.session) {
            for (name, state, errors, response_ms) in [
                ("api-1", Health::Healthy, 31, 42),
                ("api-2", Health::Draining, 8_000, 612),
                ("api-3", Health::Healthy, 18, 39),
            ] {
                servers.push(EmbeddedServer {
                    pool: crate::routing::stored_pool(&pool.place.router, &pool.place.pool),
                    name: ServerName::parse(name).map_err(Error::internal)?,
                    state,
                    held: ServerState::Ready,
                    counters: Counters { requests: 50_000, errors, response_ms },
                    updated_at: now,
                });
            }
        }
        let mut draft = self.draft(actor, "sample.begun", "sample");
        draft.detail = json!({ "accounts": spec.accounts, "seed": spec.seed });
        transact!(self, tx => {
            for server in &servers {
                tx.save_embedded_server(server).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })
    }
}
