//! Reading from SQLite, in this thread. sqlx gives each connection a thread of its own and hands every statement over and
//! its row back: two changes of thread, which cost more than most of our statements (facts/performance.md, §0.3). Here a
//! statement begins where it is asked for. One that takes longer than [`HERE`] is broken off and read again on a thread
//! that may block, so that no request waits for another one's search; reading changes nothing, so it may be done twice.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_recursion::async_recursion as boxed;
use rusqlite::{Connection, ErrorCode, OpenFlags, types::Value};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::JoinHandle,
    time::timeout,
};

use super::{WAIT, front::Front};
use crate::{
    Result,
    sql::Arg,
    values::{Cells, Values, record},
};

/// How long a statement may keep the thread of whoever asks. Most take a hundredth of it.
const HERE: Duration = Duration::from_millis(4);

/// After so many steps of SQLite's machine the clock is looked at; a step takes about 50 ns.
const STEPS: i32 = 1_000;

/// No time limit.
const NEVER: u64 = u64::MAX;

/// Connections that only read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Inner>);

struct Inner {
    path: PathBuf,
    cache_kib: u32,
    /// How many connections there may be.
    size: u32,
    /// Whoever holds one of these may take a connection, and make one where none is idle.
    free: Semaphore,
    idle: Mutex<Vec<Reader>>,
    front: Front,
}

/// What is done with each row.
type Take<'a> = &'a mut dyn FnMut(Cells<'_>) -> Result<()>;

struct Reader {
    conn: Connection,
    /// When the statement under way is broken off, in nanoseconds since `began`.
    until: Arc<AtomicU64>,
    began: Instant,
}

impl Readers {
    /// At most `size` connections to the file at `path`, each of which keeps `cache_kib` of it. The first is opened now.
    pub(super) fn open(path: &Path, size: u32, cache_kib: u32) -> Result<Self> {
        let size = size.max(1);
        let free = Semaphore::new(size as usize);
        let inner = Inner { path: path.to_owned(), cache_kib, size, free, idle: Mutex::default(), front: Front::new() };
        let first = Reader::open(&inner)?;
        inner.give_back(first);
        Ok(Self(Arc::new(inner)))
    }

    /// The rows that `sql` reads.
    pub async fn rows<T: DeserializeOwned>(&self, sql: &str, values: &[Arg<'_>]) -> Result<Vec<T>> {
        let permit = self.permit().await?;
        let elsewhere = {
            let _reading = self.0.front.read();
            let mut rows = Vec::new();
            let mut take = |cells: Cells<'_>| {
                rows.push(record(cells)?);
                Ok(())
            };
            match self.here(permit, sql, values, &mut take)? {
                None => return Ok(rows),
                Some(elsewhere) => elsewhere,
            }
        };
        joined(elsewhere).await?.rows()
    }

    /// Waits until a connection is free.
    #[boxed]
    async fn permit<'a>(&'a self) -> Result<SemaphorePermit<'a>> {
        self.give_way().await;
        let waited = timeout(WAIT, self.0.free.acquire()).await;
        Ok(waited.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?)
    }

    /// Gives the rows that `sql` reads to `take`. When that takes too long here, it is begun again elsewhere, and the values
    /// come from there.
    fn here(
        &self,
        permit: SemaphorePermit<'_>,
        sql: &str,
        values: &[Arg<'_>],
        take: Take<'_>,
    ) -> Result<Option<JoinHandle<Result<Values>>>> {
        let reader = self.0.take()?;
        let values: Vec<Value> = values.iter().map(value).collect();
        let read = reader.each(sql, &values, Some(HERE), take);
        if !read.as_ref().is_err_and(is_interrupted) {
            self.0.give_back(reader);
            return read?.map(|()| None);
        }
        // Whoever asked may go away meanwhile; the connection and its place stay taken until the statement has ended.
        permit.forget();
        let (inner, sql) = (Arc::clone(&self.0), sql.to_owned());
        Ok(Some(tokio::task::spawn_blocking(move || {
            let read = reader.values(&sql, &values);
            inner.give_back(reader);
            inner.free.add_permits(1);
            read
        })))
    }

    /// Waits a moment if whoever asks is [`super::behind`] and somebody in front reads.
    pub async fn give_way(&self) {
        self.0.front.give_way().await;
    }

    /// Closes every connection, once what runs on it is done.
    pub async fn close(&self) {
        if let Ok(all) = self.0.free.acquire_many(self.0.size).await {
            all.forget();
        }
        self.0.free.close();
        self.0.idle().clear();
    }
}

/// What was read elsewhere.
#[boxed]
async fn joined(elsewhere: JoinHandle<Result<Values>>) -> Result<Values> {
    elsewhere.await.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?
}

impl Inner {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Reader> {
        let idle = self.idle().pop();
        idle.map_or_else(|| Reader::open(self), Ok)
    }

    fn give_back(&self, reader: Reader) {
        self.idle().push(reader);
    }
}

impl Reader {
    fn open(of: &Inner) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&of.path, flags)?;
        conn.busy_timeout(WAIT)?;
        conn.set_prepared_statement_cache_capacity(256);
        conn.pragma_update(None, "cache_size", -i64::from(of.cache_kib))?;
        conn.pragma_update(None, "temp_store", "memory")?;
        conn.pragma_update(None, "trusted_schema", "off")?;
        let (until, began) = (Arc::new(AtomicU64::new(NEVER)), Instant::now());
        let limit = Arc::clone(&until);
        conn.progress_handler(STEPS, Some(move || nanos(began) > limit.load(Ordering::Relaxed)))?;
        Ok(Self { conn, until, began })
    }

    /// All values that `sql` reads, however long that takes.
    fn values(&self, sql: &str, values: &[Value]) -> Result<Values> {
        let mut all = Values { columns: 0, read: Vec::new() };
        self.each(sql, values, None, &mut |cells| cells.kept(&mut all))??;
        Ok(all)
    }

    /// Gives the rows that `sql` reads to `take`, as long as that likes them.
    fn each(
        &self,
        sql: &str,
        values: &[Value],
        within: Option<Duration>,
        take: Take<'_>,
    ) -> rusqlite::Result<Result<()>> {
        let limit = within.and_then(|within| u64::try_from(within.as_nanos()).ok());
        self.until.store(limit.map_or(NEVER, |limit| nanos(self.began) + limit), Ordering::Relaxed);
        let mut statement = self.conn.prepare_cached(sql)?;
        for place in 1..=statement.parameter_count() {
            // To SQLite `$2` is a name, and the first name that it meets is the first place.
            let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
            let value = values.get(number.unwrap_or(place).wrapping_sub(1));
            statement.raw_bind_parameter(place, value.unwrap_or(&Value::Null))?;
        }
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if let Err(error) = take(Cells::Lent(row, columns)) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(NEVER)
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

fn value(arg: &Arg<'_>) -> Value {
    match arg {
        Arg::Int(None) | Arg::Text(None) => Value::Null,
        Arg::Int(Some(number)) => Value::Integer(*number),
        Arg::Real(number) => Value::Real(*number),
        Arg::Text(Some(text)) => Value::Text(text.clone().into_owned()),
    }
}
