//! A transaction on either engine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_recursion::async_recursion as boxed;
use serde::de::DeserializeOwned;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::{
    AuditKeys, Engine, Result,
    conn::Conn,
    sql::{Arg, Sql},
};

/// A transaction. It rolls back when it is dropped.
pub struct Tx {
    inner: Inner,
    pub(crate) keys: Arc<AuditKeys>,
    began: Instant,
    longest: Longest,
}

/// How long the longest transaction of this process took, from its beginning to its end: whoever else writes waited so long.
#[derive(Clone, Default)]
pub(crate) struct Longest(Arc<AtomicU64>);

impl Longest {
    fn note(&self, took: Duration) {
        self.0.fetch_max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    pub fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn sqlite(tx: Transaction<'static, Sqlite>, keys: Arc<AuditKeys>, longest: Longest) -> Self {
        Self { inner: Inner::Sqlite(tx), keys, began: Instant::now(), longest }
    }
    pub(crate) fn postgres(tx: Transaction<'static, Postgres>, keys: Arc<AuditKeys>, longest: Longest) -> Self {
        Self { inner: Inner::Postgres(tx), keys, began: Instant::now(), longest }
    }

    /// Makes everything of the transaction last.
    ///
    /// # Errors
    /// When the database could not: then nothing of it happened, or (the connection broke) nobody knows.
    #[boxed]
    pub async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        self.longest.note(self.began.elapsed());
        Ok(())
    }

    /// Undoes everything of the transaction.
    ///
    /// # Errors
    /// When the connection broke; it is undone all the same.
    #[boxed]
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await?,
            Inner::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match &mut self.inner {
            Inner::Sqlite(tx) => Conn::Sqlite(&mut *tx),
            Inner::Postgres(tx) => Conn::Postgres(&mut *tx),
        }
    }

    pub(crate) async fn exec(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<i64> {
        self.conn().exec(sql, values).await
    }

    pub(crate) async fn rows<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Vec<T>> {
        self.conn().rows(sql, values).await
    }

    pub(crate) async fn row<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Option<T>> {
        self.conn().row(sql, values).await
    }
}
