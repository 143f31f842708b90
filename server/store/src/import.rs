//! How far each import came, so that one that was interrupted goes on where it stopped.

use domain::Instant;

use crate::{
    Result, Store, Tx,
    sql::{args, rows, sql},
};

impl Tx {
    /// Notes that `source` was imported up to `line`, in the transaction that imported it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_import(&mut self, source: &str, line: i64, now: Instant) -> Result<()> {
        let sql = sql!(
            "INSERT INTO imports (source, line, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (source) DO UPDATE SET line = excluded.line, updated_at = excluded.updated_at"
        );
        self.exec(sql, args![source, line, now]).await.map(|_| ())
    }

    /// Forgets how far `source` came: it is done.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clear_import(&mut self, source: &str) -> Result<()> {
        self.exec(sql!("DELETE FROM imports WHERE source = $1"), args![source]).await.map(|_| ())
    }
}

impl Store {
    /// How far `source` came, if it was begun and is not done.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn import_line(&self, source: &str) -> Result<Option<i64>> {
        let line: Option<(i64,)> = self.row(rows!("line", "FROM imports WHERE source = $1"), args![source]).await?;
        Ok(line.map(|(line,)| line))
    }
}
