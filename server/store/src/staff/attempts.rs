//! Failed tries, counted in the database: a restart forgets none, and every process sees all.

use domain::{Instant, Span};
use sha2::{Digest, Sha256};

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

/// Failed tries in the window that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How many.
    pub failures: i64,
    /// When the last one was.
    pub last_at: Option<Instant>,
    /// When the window began.
    pub window_start: Option<Instant>,
}

impl Tx {
    /// Counts a failed try under `key`. The window begins with the first one and is over after `window`; then counting
    /// begins anew.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn note_attempt(&mut self, key: &str, now: Instant, window: Span) -> Result<Attempts> {
        // Keys come from outside, and each is a row: with each new one, some that are over go.
        let sql = sql!(
            "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE window_end <= $1 AND key <> $2 LIMIT 10)"
        );
        let key = stored_key(key);
        self.exec(sql, args![now, &key]).await?;
        let sql = sql!(
            "INSERT INTO attempts (key, failures, window_start, window_end, last_at) VALUES ($1, 1, $2, $3, $2) \
             ON CONFLICT (key) DO UPDATE SET \
             failures = CASE WHEN attempts.window_end <= $2 THEN 1 ELSE attempts.failures + 1 END, \
             window_start = CASE WHEN attempts.window_end <= $2 THEN $2 ELSE attempts.window_start END, \
             window_end = CASE WHEN attempts.window_end <= $2 THEN $3 ELSE attempts.window_end END, \
             last_at = $2 RETURNING failures, last_at, window_start"
        );
        let counted: Option<(i64, i64, i64)> = self.conn().returned(sql, args![&key, now, now + window]).await?;
        counted.map(attempts).ok_or_else(|| StoreError::corrupt("a try was not counted"))
    }

    /// Forgets the failed tries under `key`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clear_attempts(&mut self, key: &str) -> Result<()> {
        self.exec(sql!("DELETE FROM attempts WHERE key = $1"), args![stored_key(key)]).await.map(|_| ())
    }
}

impl Store {
    /// The failed tries under `key` in the window that runs at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn attempts(&self, key: &str, now: Instant) -> Result<Attempts> {
        let sql = rows!("failures, last_at, window_start", "FROM attempts WHERE key = $1 AND window_end > $2");
        let counted: Option<(i64, i64, i64)> = self.row(sql, args![stored_key(key), now]).await?;
        Ok(counted.map_or_else(Attempts::default, attempts))
    }
}

fn attempts((failures, last_at, window_start): (i64, i64, i64)) -> Attempts {
    let at = |micros| Some(Instant::from_micros(micros));
    Attempts { failures, last_at: at(last_at), window_start: at(window_start) }
}

/// The key as it is stored: whatever somebody typed as a name, it is short and tells nothing that was typed by mistake.
fn stored_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}
