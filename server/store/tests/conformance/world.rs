//! A database for a test, and the words in which tests speak.

use domain::{
    AccountId, AuditDraft, AuditOutcome, EndReason, Instant, Place, PoolName, RouteKey, RouterName, ServerName,
    SessionId, Span,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::{AccountUpsert, End, Engine, SessionCreate, Store, Touch, testing};

/// A database of one test.
pub struct Db {
    pub store: Store,
    pub url: String,
    /// Where SQLite's file is, until the test ends.
    _folder: Option<tempfile::TempDir>,
}

/// Makes tests of functions that take a database: each runs on both engines.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::world::Db;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(&Db::sqlite().await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(&Db::postgres().await).await;
            }
        }
    )+};
}

/// Runs `$work` in a transaction of `$db` and commits it.
macro_rules! tx {
    ($db:expr, $tx:ident => $work:expr) => {{
        let mut $tx = $db.store.begin().await.unwrap();
        let done = $work.await.unwrap();
        $tx.commit().await.unwrap();
        done
    }};
}

impl Db {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("data/unstick.db").display());
        let store = Store::open(&url, testing::options()).await.unwrap();
        Self { store, url, _folder: Some(folder) }
    }

    pub async fn postgres() -> Self {
        let url = testing::postgres().await;
        let store = Store::open(&url, testing::options()).await.unwrap();
        Self { store, url, _folder: None }
    }

    /// A database that a test opened for itself.
    pub fn at(store: Store, url: &str) -> Self {
        Self { store, url: url.to_owned(), _folder: None }
    }

    /// Executes `sql` past the store, as somebody with a shell on the database would.
    pub async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.store.engine() {
            Engine::Sqlite => {
                let mut conn = SqliteConnection::connect(&self.url).await?;
                let done = sqlx::query(sql).execute(&mut conn).await?;
                conn.close().await?;
                Ok(done.rows_affected())
            }
            Engine::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await?;
                let done = sqlx::query(sql).execute(&mut conn).await?;
                conn.close().await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// The one number that `sql` selects.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.store.engine() {
            Engine::Sqlite => {
                let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
            Engine::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
        }
    }

    /// Makes accounts with nothing but an id.
    pub async fn accounts(&self, ids: &[&str]) {
        let items: Vec<AccountUpsert> = ids.iter().map(|id| upsert(id)).collect();
        tx!(self, tx => tx.upsert_accounts(&items, at(0)));
    }

    /// Makes a live session at `second`.
    pub async fn session(&self, session: &str, account: &str, second: i64) {
        tx!(self, tx => tx.create_sessions(&[create(session, account, second)], at(second)));
    }

    /// Ends a session at `second`.
    pub async fn end(&self, session: &str, second: i64, released: bool) {
        let end = End { id: sid(session), reason: EndReason::SignedOut, released, at: None };
        tx!(self, tx => tx.end_sessions(&[end], at(second)));
    }
}

/// The instant `second` seconds into the tests' time.
pub const fn at(second: i64) -> Instant {
    Instant::from_secs(1_800_000_000 + second)
}
pub const fn secs(seconds: i64) -> Span {
    Span::from_secs(seconds)
}
pub fn aid(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}
pub fn sid(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}
pub fn key(text: &str) -> RouteKey {
    RouteKey::parse(text).unwrap()
}
pub fn server(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}
pub fn pool(text: &str) -> PoolName {
    PoolName::parse(text).unwrap()
}
pub fn place(router: &str, pool: &str) -> Place {
    Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse(pool).unwrap() }
}
pub fn upsert(id: &str) -> AccountUpsert {
    AccountUpsert { id: aid(id), email: None, name: None, plan: None, time_zone: None, created_at: None, sample: false }
}
pub fn person(id: &str, email: &str, name: &str) -> AccountUpsert {
    AccountUpsert { email: Some(email.to_owned()), name: Some(name.to_owned()), ..upsert(id) }
}
pub fn create(session: &str, account: &str, second: i64) -> SessionCreate {
    SessionCreate {
        id: sid(session),
        account: aid(account),
        client: "CLI 2.4".to_owned(),
        user_agent: "cli/2.4".to_owned(),
        ip: "192.0.2.7".to_owned(),
        created_at: Some(at(second)),
    }
}
pub fn touch(session: &str, second: i64) -> Touch {
    Touch { id: sid(session), ip: None, at: Some(at(second)) }
}
pub fn draft(second: i64, actor: &str, action: &str) -> AuditDraft {
    AuditDraft {
        at: at(second),
        actor: actor.to_owned(),
        action: action.to_owned(),
        target: String::new(),
        account: None,
        reason: "because".to_owned(),
        ticket: String::new(),
        outcome: AuditOutcome::Done,
        detail: serde_json::json!({ "n": second }),
    }
}

/// What [`domain::SeededEntropy`] gives, as indexes: the tests' dice.
pub struct Dice(domain::SeededEntropy);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(domain::SeededEntropy::new(seed))
    }
    /// A number below `bound`.
    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound as u64)).unwrap()
    }
    /// One of `items`.
    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
