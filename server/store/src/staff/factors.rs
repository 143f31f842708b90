//! Second factors. What makes each code count once is one conditional UPDATE: of many who bring the same code at once, one
//! changes the row.

use domain::{Instant, StaffId};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

/// A second factor, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorRecord {
    /// Its seed, sealed.
    pub seed: String,
    /// Since when it counts; `None` while it is being set up.
    pub enrolled_at: Option<Instant>,
}

/// The row of a factor.
#[derive(Deserialize)]
struct Record {
    seed: String,
    enrolled_at: Option<i64>,
}

impl Tx {
    /// Keeps the seed of a factor that is being set up, instead of one that was begun before; `false` when there is one that
    /// counts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn begin_factor(&mut self, staff: &StaffId, seed: &str, now: Instant) -> Result<bool> {
        let sql = sql!(
            "INSERT INTO factors (staff_id, seed, last_step, created_at) VALUES ($1, $2, 0, $3) \
             ON CONFLICT (staff_id) DO UPDATE SET seed = $2, created_at = $3 WHERE factors.enrolled_at IS NULL"
        );
        Ok(self.exec(sql, args![staff, seed, now]).await? == 1)
    }

    /// Lets the factor with this sealed seed count from now on, with its first code of clock step `step`; `false` when there
    /// is none that waits for it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn enrol_factor(&mut self, staff: &StaffId, seed: &str, step: i64, now: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE factors SET enrolled_at = $4, last_step = $3 WHERE staff_id = $1 AND seed = $2 AND enrolled_at IS NULL"
        );
        Ok(self.exec(sql, args![staff, seed, step, now]).await? == 1)
    }

    /// Takes the code of clock step `step`; `false` when it, or a later one, was taken before.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn take_factor_step(&mut self, staff: &StaffId, step: i64) -> Result<bool> {
        let sql = sql!(
            "UPDATE factors SET last_step = $2 WHERE staff_id = $1 AND enrolled_at IS NOT NULL AND last_step < $2"
        );
        Ok(self.exec(sql, args![staff, step]).await? == 1)
    }

    /// Takes a second factor and its recovery codes away; `false` when there was none, set up or begun.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn remove_factor(&mut self, staff: &StaffId) -> Result<bool> {
        self.exec(sql!("DELETE FROM recovery_codes WHERE staff_id = $1"), args![staff]).await?;
        Ok(self.exec(sql!("DELETE FROM factors WHERE staff_id = $1"), args![staff]).await? == 1)
    }

    /// Holds the second factor of `staff` until the transaction ends; `false` when they have none that counts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn lock_factor(&mut self, staff: &StaffId) -> Result<bool> {
        let sql = sql!("UPDATE factors SET last_step = last_step WHERE staff_id = $1 AND enrolled_at IS NOT NULL");
        Ok(self.exec(sql, args![staff]).await? == 1)
    }

    /// Gives `staff` recovery codes, by their hashes, instead of those from before.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn set_recovery_codes(&mut self, staff: &StaffId, hashes: &[[u8; 32]]) -> Result<()> {
        self.exec(sql!("DELETE FROM recovery_codes WHERE staff_id = $1"), args![staff]).await?;
        for hash in hashes {
            let sql = sql!("INSERT INTO recovery_codes (hash, staff_id) VALUES ($1, $2)");
            self.exec(sql, args![hex::encode(hash), staff]).await?;
        }
        Ok(())
    }

    /// Uses a recovery code of `staff` up; `false` when it is not theirs, or was used before.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn use_recovery_code(&mut self, staff: &StaffId, hash: &[u8; 32], now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE recovery_codes SET used_at = $3 WHERE hash = $1 AND staff_id = $2 AND used_at IS NULL");
        Ok(self.exec(sql, args![hex::encode(hash), staff, now]).await? == 1)
    }
}

impl Store {
    /// The second factor of `staff`, set up or begun.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn factor(&self, staff: &StaffId) -> Result<Option<FactorRecord>> {
        let sql = rows!("seed, enrolled_at", "FROM factors WHERE staff_id = $1");
        let found: Option<Record> = self.row(sql, args![staff]).await?;
        let record =
            |Record { seed, enrolled_at }| FactorRecord { seed, enrolled_at: enrolled_at.map(Instant::from_micros) };
        Ok(found.map(record))
    }

    /// Whose second factor counts. As many as an organisation has staff.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_with_factor(&self) -> Result<Vec<StaffId>> {
        let sql = rows!("staff_id", "FROM factors WHERE enrolled_at IS NOT NULL ORDER BY staff_id");
        let found: Vec<(String,)> = self.rows(sql, &[]).await?;
        found.into_iter().map(|(id,)| StaffId::parse(id).map_err(StoreError::corrupt)).collect()
    }

    /// How many recovery codes `staff` has left.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn recovery_codes_left(&self, staff: &StaffId) -> Result<i64> {
        let sql = rows!("hash", "FROM recovery_codes WHERE staff_id = $1 AND used_at IS NULL");
        let left: Vec<(String,)> = self.rows(sql, args![staff]).await?;
        Ok(i64::try_from(left.len()).unwrap_or(i64::MAX))
    }
}
