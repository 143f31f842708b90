//! A small world: a database of its own, one embedded router whose every call can fail, and an account that is stuck.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    AccountId, Actor, CleanupId, Clock, Counters, EndReason, Health, Instant, Mode, Place, Policy, PoolInfo, PoolName,
    RouteKey, RouterKind, RouterName, Scope, SeededEntropy, ServerName, ServerState, SessionId, Span, StateReading,
    Status, TokenId, TokenScope,
    invariants::{self, Facts},
    view::CleanupRequest,
};
use routers::{About, Breaker, Entry, Listing, Router, RouterError, ServerReading, embedded::Embedded};
use service::{AccountUpsert, End, Parts, SessionCreate, Settings, Unstick};
use store::{Store, testing};
use tempfile::TempDir;
use tokio::sync::Notify;

/// The wall clock, plus what a test adds.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    #[expect(clippy::disallowed_methods, reason = "this is the test's composition root")]
    fn now(&self) -> Instant {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Instant::from_micros(i64::try_from(since.as_micros()).unwrap() + self.0.load(Ordering::SeqCst))
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives.
    LostRequest,
    /// It arrives and is done, but the answer is lost.
    LostReply,
    /// The router says no.
    Refused,
}

/// Where a call waits, until a test lets it go on.
#[derive(Default)]
pub struct Gate {
    /// Told when the call is there.
    pub reached: Notify,
    /// Lets it go on.
    pub open: Notify,
}

/// When a call stops at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Before the router did anything.
    Before,
    /// When it did, and the answer is on its way.
    After,
}

/// What the router does beside its work.
#[derive(Default)]
pub struct Script {
    pub calls: AtomicU64,
    /// The call with this number stops here.
    pub gate: Mutex<Option<(u64, Stop, Arc<Gate>)>>,
    /// The process stops itself (SIGSTOP) before the call with this number is done, or after.
    pub freeze: Mutex<Option<(u64, Stop)>>,
    /// It is about to: no other call begins any more.
    freezing: AtomicBool,
    /// Calls that work at this moment.
    pub busy: AtomicU64,
    /// Whatever concerns a key that begins so is refused.
    pub poison: Mutex<Option<String>>,
    /// Whether the router has a fence, and whether lifting it is refused.
    pub fenced: AtomicBool,
    pub never_lifts: AtomicBool,
    /// The next fencing stops here, before it is done.
    pub fence_gate: Mutex<Option<Arc<Gate>>>,
    /// Whether it has no order of its keys, as load balancers have none: it is listed whole.
    pub listed_whole: AtomicBool,
    /// The keys that it was asked for, and whether by work that gives way to pages.
    pub asked: Mutex<HashSet<(RouteKey, bool)>>,
    /// The most entries that it gave in one answer.
    pub most_entries: AtomicUsize,
    /// The keys that are fenced.
    pub fences: Mutex<HashSet<RouteKey>>,
    /// Calls with these numbers fail so.
    pub faults: Mutex<Vec<(u64, Fault)>>,
    /// Every call gets no answer, and is given up after so long.
    pub black_hole: Mutex<Option<Duration>>,
    /// Every call fails so, until it is taken away.
    pub always: Mutex<Option<Fault>>,
    /// A request in flight writes these back, on this server, after the next clearing; once.
    pub writes_back: Mutex<Vec<(PoolName, RouteKey, Scope)>>,
}

/// The embedded router, with a script between it and whoever calls.
pub struct Scripted {
    inner: Embedded,
    pub script: Arc<Script>,
    store: Store,
    clock: Arc<TestClock>,
}

impl Scripted {
    async fn call<T>(&self, work: impl Future<Output = Result<T, RouterError>>) -> Result<T, RouterError> {
        self.answers().await?;
        while self.script.freezing.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let number = self.script.calls.fetch_add(1, Ordering::SeqCst);
        self.stop(number, Stop::Before).await;
        self.script.busy.fetch_add(1, Ordering::SeqCst);
        let outcome = self.answered(number, work).await;
        self.script.busy.fetch_sub(1, Ordering::SeqCst);
        self.stop(number, Stop::After).await;
        outcome
    }

    /// Remembers how many entries it gave at once.
    fn gave(&self, listing: &Listing) {
        if let Listing::All(entries) = listing {
            self.script.most_entries.fetch_max(entries.len(), Ordering::SeqCst);
        }
    }

    /// An error, after a while, when it is a black hole.
    async fn answers(&self) -> Result<(), RouterError> {
        let black_hole = *self.script.black_hole.lock().unwrap();
        let Some(given_up) = black_hole else { return Ok(()) };
        tokio::time::sleep(given_up).await;
        Err(RouterError::Unreachable("edge does not answer".into()))
    }

    /// Stops the call, or the whole process, if the script says so.
    async fn stop(&self, number: u64, when: Stop) {
        let gate = self.script.gate.lock().unwrap().take_if(|(at, stop, _)| *at == number && *stop == when);
        if let Some((_, _, gate)) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        let freeze = self.script.freeze.lock().unwrap().take_if(|it| *it == (number, when));
        if freeze.is_some() {
            // Not with a transaction of another call open: its locks would stop everybody. The calls to the pools go side by
            // side, so none may begin either between here and the signal.
            self.script.freezing.store(true, Ordering::SeqCst);
            while self.script.busy.load(Ordering::SeqCst) > 0 {
                tokio::task::yield_now().await;
            }
            stop_this_process();
            self.script.freezing.store(false, Ordering::SeqCst);
        }
    }

    /// Remembers who asks for `keys`; an error where one of them is poisoned.
    fn takes(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.script.asked.lock().unwrap().extend(keys.iter().map(|key| (key.clone(), store::is_behind())));
        match &*self.script.poison.lock().unwrap() {
            Some(prefix) if keys.iter().any(|key| key.as_str().starts_with(prefix)) => {
                Err(RouterError::Refused("poisoned".into()))
            }
            _ => Ok(()),
        }
    }

    async fn answered<T>(
        &self,
        number: u64,
        work: impl Future<Output = Result<T, RouterError>>,
    ) -> Result<T, RouterError> {
        let scripted = self.script.faults.lock().unwrap().iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        let always = *self.script.always.lock().unwrap();
        match scripted.or(always) {
            None => work.await,
            Some(Fault::LostRequest) => Err(RouterError::Unreachable("the request was lost".into())),
            Some(Fault::Refused) => Err(RouterError::Refused("not now".into())),
            Some(Fault::LostReply) => {
                work.await?;
                Err(RouterError::Unreachable("the reply was lost".into()))
            }
        }
    }
}

#[async_trait]
impl Router for Scripted {
    fn name(&self) -> &RouterName {
        self.inner.name()
    }
    fn kind(&self) -> RouterKind {
        self.inner.kind()
    }
    fn pools(&self) -> &[PoolInfo] {
        self.inner.pools()
    }
    fn drain(&self) -> Span {
        self.inner.drain()
    }
    fn can_fence(&self) -> bool {
        self.script.fenced.load(Ordering::SeqCst)
    }
    async fn about(&self) -> Result<About, RouterError> {
        self.call(self.inner.about()).await
    }
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        self.answers().await?;
        self.inner.servers().await
    }
    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.takes(keys)?;
        self.call(self.inner.read(pool, keys)).await
    }
    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.takes(keys)?;
        let left = self.call(self.inner.clear(pool, keys)).await?;
        let back: Vec<_> = std::mem::take(&mut *self.script.writes_back.lock().unwrap());
        for (pool, key, scope) in back {
            pin(&self.store, self.clock.now(), pool.as_str(), &key, scope, "api-2", None, None).await;
        }
        Ok(left)
    }
    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        let gate = self.script.fence_gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        self.script.fences.lock().unwrap().extend(keys.iter().cloned());
        self.inner.fence(keys).await
    }
    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        if self.script.never_lifts.load(Ordering::SeqCst) {
            return Err(RouterError::Refused("the file is not there".into()));
        }
        self.script.fences.lock().unwrap().retain(|key| !keys.contains(key));
        self.inner.lift(keys).await
    }
    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<StateReading, RouterError> {
        self.call(self.inner.state_of(pool, server)).await
    }
    async fn set_state(
        &self,
        pool: &PoolName,
        server: &ServerName,
        state: ServerState,
    ) -> Result<StateReading, RouterError> {
        self.call(self.inner.set_state(pool, server, state)).await
    }
    async fn pin(&self, pool: &PoolName, key: &RouteKey, server: &ServerName) -> Result<Option<Entry>, RouterError> {
        self.call(self.inner.pin(pool, key, server)).await
    }
    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        self.call(self.inner.list(pool, limit)).await.inspect(|listing| self.gave(listing))
    }
    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        self.call(self.inner.of_server(pool, server, limit)).await.inspect(|listing| self.gave(listing))
    }
    async fn page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, RouterError> {
        if self.script.listed_whole.load(Ordering::SeqCst) {
            return Ok(None);
        }
        self.call(self.inner.page(pool, server, after, limit)).await
    }
}

fn pin_of(
    now: Instant,
    pool: &str,
    key: &RouteKey,
    scope: Scope,
    server: &str,
    account: Option<&AccountId>,
    session: Option<&SessionId>,
) -> store::Pin {
    store::Pin {
        pool: PoolName::parse(format!("edge:{pool}")).unwrap(),
        key: key.clone(),
        scope,
        server: ServerName::parse(server).unwrap(),
        account: account.cloned(),
        session: session.cloned(),
        pinned_at: now,
        expires_at: now + Span::from_days(1),
    }
}

/// An account of which a back end tells nothing but its id.
pub fn bare_account(id: &AccountId) -> AccountUpsert {
    AccountUpsert {
        id: id.clone(),
        email: None,
        name: None,
        plan: None,
        time_zone: None,
        created_at: None,
        sample: false,
    }
}

/// A session of `account` of which a back end tells nothing else.
pub fn bare_session(account: &AccountId, id: SessionId) -> SessionCreate {
    SessionCreate {
        id,
        account: account.clone(),
        client: String::new(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: None,
    }
}

/// Pins `keys` of sessions to `server`, for nobody.
pub async fn pin_all(store: &Store, now: Instant, keys: &[RouteKey], server: &str) {
    let pins: Vec<_> = keys.iter().map(|key| pin_of(now, "files", key, Scope::Session, server, None, None)).collect();
    let mut tx = store.begin().await.unwrap();
    tx.import_pins(&pins).await.unwrap();
    tx.commit().await.unwrap();
}

#[expect(clippy::too_many_arguments, reason = "the fields of a pin")]
pub async fn pin(
    store: &Store,
    now: Instant,
    pool: &str,
    key: &RouteKey,
    scope: Scope,
    server: &str,
    account: Option<&AccountId>,
    session: Option<&SessionId>,
) {
    let pin = pin_of(now, pool, key, scope, server, account, session);
    let mut tx = store.begin().await.unwrap();
    tx.pin(&pin, now).await.unwrap();
    tx.commit().await.unwrap();
}

pub struct World {
    pub unstick: Unstick,
    pub store: Store,
    pub script: Arc<Script>,
    pub clock: Arc<TestClock>,
    folder: Option<TempDir>,
}

/// The address of a SQLite file in `folder`.
pub fn sqlite_in(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("unstick.db").display())
}

/// How often: as `make torture` says in `variable`, or `few` times.
pub fn times(variable: &str, few: usize) -> usize {
    std::env::var(variable).ok().map_or(few, |text| text.parse().unwrap())
}

/// Where the file is that says to a process that stopped itself: you were stopped, and woken.
pub const WOKEN: &str = "UNSTICK_TEST_WOKEN";

/// Stops this process (SIGSTOP) until somebody wakes it. The signal is only on its way when `kill` has ended: on a busy machine
/// this process runs for milliseconds more, so nothing is done before it is told that it stood still.
pub fn stop_this_process() {
    let (id, woken) = (std::process::id().to_string(), std::env::var(WOKEN).unwrap());
    assert!(std::process::Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    while !std::path::Path::new(&woken).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Of several processes on one database each makes ids of its own.
fn seed() -> u64 {
    let turn = std::env::var("UNSTICK_TEST_TURN").ok();
    turn.and_then(|text| text.split(' ').next()?.parse::<u64>().ok()).map_or(1, |turn| turn + 2)
}

pub fn shell() -> Actor {
    Actor::Shell { user: "test".into(), host: "here".into() }
}

pub fn back_end() -> Actor {
    Actor::Token { id: TokenId::parse("t_test").unwrap(), scopes: vec![TokenScope::SessionsWrite] }
}

pub fn account(name: &str) -> AccountId {
    AccountId::parse(name).unwrap()
}

pub fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

pub fn request(account: &str, mode: Mode) -> CleanupRequest {
    CleanupRequest {
        account: AccountId::parse(account).unwrap(),
        mode,
        reason: "stuck, see ticket".into(),
        ticket: "T-1".into(),
        hash: None,
    }
}

/// Makes tests of functions that take a world: each runs on both engines.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::world::World;

            #[tokio::test]
            async fn sqlite() {
                super::$name(World::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(World::postgres().await).await;
            }
        }
    )+};
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self::open(&sqlite_in(&folder), Span::ZERO).await;
        world.folder = Some(folder);
        world
    }

    pub async fn postgres() -> Self {
        Self::open(&testing::postgres().await, Span::ZERO).await
    }

    /// A world on the database at `url`, whose router's longest request takes `drain`.
    pub async fn open(url: &str, drain: Span) -> Self {
        let policy = Policy {
            backoff: Span::from_millis(1),
            max_backoff: Span::from_millis(2),
            max_backoff_away: Span::from_millis(2),
            ..Policy::default()
        };
        Self::made(url, drain, policy, |router| router).await
    }

    /// A world on a database of its own whose routers are `fleet`, each behind a breaker, with the usual waits and what `change`
    /// sets.
    pub async fn of(fleet: Vec<Arc<dyn Router>>, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&sqlite_in(&folder), testing::options()).await.unwrap();
        let fleet = fleet.into_iter().map(|router| Arc::new(Breaker::new(router)) as Arc<dyn Router>).collect();
        let (clock, script) = (Arc::new(TestClock(AtomicI64::new(0))), Arc::default());
        let world = Self::put_together(store, clock, script, fleet, change);
        Self { folder: Some(folder), ..world }
    }

    /// The same as [`Self::open`], whose router is behind a breaker, as those that are somewhere else are, and with the usual
    /// waits.
    pub async fn behind_a_breaker(url: &str) -> Self {
        Self::made(url, Span::ZERO, Policy::default(), |router| Arc::new(Breaker::new(router))).await
    }

    /// The same as [`Self::open`] with the usual waits.
    pub async fn patient(url: &str) -> Self {
        Self::made(url, Span::ZERO, Policy::default(), |router| router).await
    }

    async fn made(
        url: &str,
        drain: Span,
        policy: Policy,
        before: impl FnOnce(Arc<dyn Router>) -> Arc<dyn Router>,
    ) -> Self {
        let store = Store::open(url, testing::options()).await.unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let name = RouterName::parse("edge").unwrap();
        let pool = |pool: &str, scope| PoolInfo {
            place: Place { router: name.clone(), pool: PoolName::parse(pool).unwrap() },
            kind: RouterKind::Embedded,
            scope,
            rule: None,
        };
        let table = service::embedded_table(store.clone(), clock.clone(), &name);
        let pools = vec![pool("app", Scope::Account), pool("files", Scope::Session)];
        let inner = Embedded::new(name.clone(), pools, table);
        let script = Arc::new(Script::default());
        let router = Scripted { inner, script: script.clone(), store: store.clone(), clock: clock.clone() };
        let drain = [(name, drain)].into();
        let fleet = vec![before(Arc::new(router))];
        let world = Self::put_together(store, clock, script, fleet, |settings| {
            settings.policy = Policy { drain, ..policy };
        });
        world.servers().await;
        world
    }

    fn put_together(
        store: Store,
        clock: Arc<TestClock>,
        script: Arc<Script>,
        fleet: Vec<Arc<dyn Router>>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        // The cheapest hash that argon2 takes: these tests are not about its cost.
        settings.seal_keys = service::SealKeys::new(vec![[7; 32]]);
        settings.argon = service::ArgonParams { memory_kib: 64, passes: 1, lanes: 1 };
        settings.webhooks = crate::webhooks::settings();
        change(&mut settings);
        let unstick = Unstick::new(Parts {
            store: store.clone(),
            fleet,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed())),
            settings,
        });
        Self { unstick, store, script, clock, folder: None }
    }

    /// A staff member who just proved who they are. There is no such row: only who acts counts here.
    pub fn staff(&self, name: &str, role: domain::Role) -> Actor {
        Actor::Staff {
            id: domain::StaffId::parse(name).unwrap(),
            role,
            session: domain::StaffSessionId::parse(format!("w_{name}")).unwrap(),
            proved_at: self.clock.now(),
            must_enrol: false,
        }
    }

    /// A proof that `actor` gave for `intent` on exactly the list `hash`.
    pub async fn intent(&self, actor: &Actor, intent: domain::Intent, hash: &domain::PlanHash) {
        let Actor::Staff { session, .. } = actor else { panic!("{actor:?} gives none") };
        let mut tx = self.store.begin().await.unwrap();
        tx.add_intent(session, intent, &hash.0, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn servers(&self) {
        for pool in ["app", "files"] {
            for (name, state) in [("api-1", Health::Healthy), ("api-2", Health::Draining)] {
                let (pool, name) = (PoolName::parse(pool).unwrap(), ServerName::parse(name).unwrap());
                let counters = Counters { requests: 1_000, errors: 0, response_ms: 9 };
                self.unstick.feed_server(&shell(), &pool, &name, state, counters).await.unwrap();
            }
        }
        self.unstick.observe_once().await.unwrap();
    }

    /// An account with a live session and two that ended; all on the draining server, the account's route too.
    pub async fn stuck(&self, name: &str) -> AccountId {
        let id = account(name);
        let upsert = AccountUpsert {
            id: id.clone(),
            email: Some(format!("{name}@example.org")),
            name: Some("Mira Castellanos".into()),
            plan: None,
            time_zone: None,
            created_at: None,
            sample: false,
        };
        self.unstick.upsert_accounts(&back_end(), vec![upsert]).await.unwrap();
        let ids: Vec<SessionId> =
            ["live", "old1", "old2"].iter().map(|kind| session(&format!("{name}_{kind}"))).collect();
        let create = |id: &SessionId| SessionCreate {
            id: id.clone(),
            account: account(name),
            client: "CLI 2.4".into(),
            user_agent: String::new(),
            ip: "203.0.113.7".into(),
            created_at: None,
        };
        self.unstick.create_sessions(&back_end(), ids.iter().map(create).collect()).await.unwrap();
        let end = |id: &SessionId| End { id: id.clone(), reason: EndReason::SignedOut, released: false, at: None };
        self.unstick.end_sessions(&back_end(), ids[1..].iter().map(end).collect()).await.unwrap();
        for id in &ids {
            let key = RouteKey::parse(id.as_str()).unwrap();
            pin(&self.store, self.clock.now(), "files", &key, Scope::Session, "api-2", Some(&account(name)), Some(id))
                .await;
        }
        let key = RouteKey::of_account(&account(name));
        pin(&self.store, self.clock.now(), "app", &key, Scope::Account, "api-2", Some(&account(name)), Some(&ids[1]))
            .await;
        id
    }

    /// `n` accounts as [`Self::stuck`] makes them, called `acc0` and so on, in as few transactions as it takes.
    pub async fn crowd(&self, n: usize) {
        let all: Vec<String> = (0..n).map(|at| format!("acc{at}")).collect();
        for names in all.chunks(500) {
            let upsert = |name: &String| AccountUpsert {
                id: account(name),
                email: None,
                name: None,
                plan: None,
                time_zone: None,
                created_at: None,
                sample: false,
            };
            self.unstick.upsert_accounts(&back_end(), names.iter().map(upsert).collect()).await.unwrap();
            let kinds = ["live", "old1", "old2"];
            for kind in kinds {
                self.sessions(names.iter().map(|name| (name.as_str(), format!("{name}_{kind}")))).await;
            }
            let end = |id: String| End { id: session(&id), reason: EndReason::SignedOut, released: false, at: None };
            let ended = names.iter().flat_map(|name| kinds[1..].iter().map(move |kind| format!("{name}_{kind}")));
            self.unstick.end_sessions(&back_end(), ended.map(end).collect()).await.unwrap();
            let mut tx = self.store.begin().await.unwrap();
            for name in names {
                for kind in kinds {
                    let id = session(&format!("{name}_{kind}"));
                    let key = RouteKey::parse(id.as_str()).unwrap();
                    let pin = pin_of(
                        self.clock.now(),
                        "files",
                        &key,
                        Scope::Session,
                        "api-2",
                        Some(&account(name)),
                        Some(&id),
                    );
                    tx.pin(&pin, self.clock.now()).await.unwrap();
                }
                let (key, id) = (RouteKey::of_account(&account(name)), session(&format!("{name}_old1")));
                let pin =
                    pin_of(self.clock.now(), "app", &key, Scope::Account, "api-2", Some(&account(name)), Some(&id));
                tx.pin(&pin, self.clock.now()).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    }

    /// Live sessions with these ids, of these accounts.
    pub async fn sessions(&self, ids: impl Iterator<Item = (&str, String)>) {
        let create = |(owner, id): (&str, String)| SessionCreate {
            id: session(&id),
            account: account(owner),
            client: "CLI 2.4".into(),
            user_agent: String::new(),
            ip: "203.0.113.7".into(),
            created_at: None,
        };
        self.unstick.create_sessions(&back_end(), ids.map(create).collect()).await.unwrap();
    }

    /// The same world, as a service with other settings sees it.
    pub fn with(&self, change: impl FnOnce(&mut Settings)) -> Unstick {
        let mut settings = self.unstick.settings().clone();
        change(&mut settings);
        Unstick::new(Parts {
            store: self.store.clone(),
            fleet: self.unstick.fleet().clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed() + 3_000)),
            settings,
        })
    }

    /// The same world, as a service with other settings of webhooks sees it.
    pub fn with_webhooks(&self, change: impl FnOnce(&mut service::WebhookSettings)) -> Unstick {
        let mut settings = self.unstick.settings().clone();
        change(&mut settings.webhooks);
        Unstick::new(Parts {
            store: self.store.clone(),
            fleet: Vec::new(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed() + 1_000)),
            settings,
        })
    }

    /// Another process on the database at `url`, by the same clock.
    pub async fn beside(&self, url: &str) -> Unstick {
        Unstick::new(Parts {
            store: Store::open(url, testing::options()).await.unwrap(),
            fleet: Vec::new(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed() + 2_000)),
            settings: self.unstick.settings().clone(),
        })
    }

    /// The present.
    pub fn clock_now(&self) -> Instant {
        self.clock.now()
    }

    /// An account without sessions.
    pub async fn account(&self, name: &str) {
        let upsert = AccountUpsert {
            id: account(name),
            email: None,
            name: None,
            plan: None,
            time_zone: None,
            created_at: None,
            sample: false,
        };
        self.unstick.upsert_accounts(&back_end(), vec![upsert]).await.unwrap();
    }

    /// Pins `key` in the router's `pool` to `server`.
    pub async fn pin(
        &self,
        pool: &str,
        key: &RouteKey,
        scope: Scope,
        server: &str,
        account: &AccountId,
        session: &SessionId,
    ) {
        pin(&self.store, self.clock.now(), pool, key, scope, server, Some(account), Some(session)).await;
    }

    /// Drives a clean-up as often as it takes, up to `times`, and answers where it ended.
    pub async fn drive(&self, id: &CleanupId, times: usize) -> Status {
        let mut status = Status::Running;
        for _ in 0..times {
            status = self.unstick.drive(id, &|_| ()).await.unwrap();
            if status != Status::Owed {
                break;
            }
            self.clock.advance(Span::from_secs(20));
        }
        status
    }

    /// At most `limit` clean-ups that want a worker now.
    pub async fn due(&self, limit: u32) -> Vec<CleanupId> {
        self.store.due_cleanups(self.clock.now(), limit).await.unwrap().into_iter().map(|due| due.id).collect()
    }

    /// Pins that are left for the keys of `account`.
    pub async fn pins(&self, account: &AccountId) -> usize {
        let now = self.clock.now();
        let mut found = 0;
        for (pool, keys) in [
            ("edge:app", vec![RouteKey::of_account(account)]),
            (
                "edge:files",
                ["live", "old1", "old2"].iter().map(|k| RouteKey::parse(format!("{account}_{k}")).unwrap()).collect(),
            ),
        ] {
            found += self.store.pins(&PoolName::parse(pool).unwrap(), &keys, now).await.unwrap().len();
        }
        found
    }

    /// How many audit events of `action` concern `account`.
    pub async fn events(&self, account: &AccountId, action: &str) -> usize {
        let filter = domain::view::AuditFilter {
            account: Some(account.clone()),
            action: Some(action.to_owned()),
            ..Default::default()
        };
        self.store.audit_page(&filter, None, 1_000).await.unwrap().len()
    }

    /// What always holds holds of every clean-up.
    pub async fn assert_invariants(&self, context: &str) {
        let ids = self.store.cleanups_to_check(100_000).await.unwrap();
        for ids in ids.chunks(500) {
            for facts in self.store.facts(ids).await.unwrap() {
                let broken = invariants::broken(&facts, &Policy::default());
                assert_eq!(broken, [], "{context}: {facts:#?}");
            }
        }
    }

    /// What is known of clean-up `id` now.
    pub async fn facts(&self, id: &CleanupId) -> Facts {
        let read = async || self.store.facts(std::slice::from_ref(id)).await.unwrap().remove(0);
        let facts = read().await;
        // A commit of a worker that just died may come between the statements: what counts is a second look.
        if invariants::broken(&facts, &Policy::default()).is_empty() { facts } else { read().await }
    }

    /// Router calls so far.
    pub fn calls(&self) -> u64 {
        self.script.calls.load(Ordering::SeqCst)
    }

    /// Stops the `nth` call from now on at a gate.
    pub fn gate(&self, nth: u64, stop: Stop) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        *self.script.gate.lock().unwrap() = Some((self.calls() + nth, stop, gate.clone()));
        gate
    }

    /// Stops the next fencing at a gate.
    pub fn gate_fence(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        *self.script.fence_gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    /// How many keys are fenced.
    pub fn fences(&self) -> usize {
        self.script.fences.lock().unwrap().len()
    }

    /// What must hold after a forced clean-up, whatever happened on the way.
    pub async fn assert_clean(&self, account: &AccountId, context: &str) {
        let now = self.store.account(account).await.unwrap().unwrap();
        assert_eq!((now.live_sessions, now.leftover_sessions, now.total_sessions), (0, 0, 3), "{context}: counters");
        assert_eq!(self.pins(account).await, 0, "{context}: pins");
        assert_eq!(self.events(account, "cleanup.requested").await, 1, "{context}: requests");
        assert_eq!(self.events(account, "cleanup.done").await, 1, "{context}: completions");
        self.assert_invariants(context).await;
        let verified = self.store.verify_audit(&[], &|_| ()).await.unwrap();
        assert!(matches!(verified, store::Verification::Intact { .. }), "{context}: {verified:?}");
    }
}
