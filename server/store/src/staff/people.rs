//! Staff.

use domain::{Instant, Role, StaffId, view::StaffRow};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// A staff member, with what a sign-in needs.
#[derive(Clone, PartialEq, Eq)]
pub struct StaffRecord {
    /// As a list shows it.
    pub row: StaffRow,
    /// The password's hash, in PHC form; `None` when no password was set.
    pub password_hash: Option<String>,
    /// When the password was set.
    pub password_changed_at: Option<Instant>,
}

impl std::fmt::Debug for StaffRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaffRecord").field("row", &self.row).finish_non_exhaustive()
    }
}

/// The piece `staff` as a row.
#[derive(Deserialize)]
struct Record {
    id: String,
    name: String,
    role: String,
    password_hash: Option<String>,
    password_changed_at: Option<i64>,
    created_at: i64,
    disabled_at: Option<i64>,
    last_sign_in_at: Option<i64>,
}

impl TryFrom<Record> for StaffRecord {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        let row = StaffRow {
            id: StaffId::parse(record.id).map_err(StoreError::corrupt)?,
            name: record.name,
            role: role(&record.role)?,
            created_at: Instant::from_micros(record.created_at),
            disabled_at: record.disabled_at.map(Instant::from_micros),
            last_sign_in_at: record.last_sign_in_at.map(Instant::from_micros),
        };
        let password_changed_at = record.password_changed_at.map(Instant::from_micros);
        Ok(Self { row, password_hash: record.password_hash, password_changed_at })
    }
}

/// A role from its word.
pub(super) fn role(word: &str) -> Result<Role> {
    Role::parse(word).ok_or_else(|| StoreError::corrupt("a staff member has no known role"))
}

impl Tx {
    /// Adds a staff member; `false` when the name is taken.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_staff(
        &mut self,
        id: &StaffId,
        name: &str,
        role: Role,
        password_hash: Option<&str>,
        now: Instant,
    ) -> Result<bool> {
        let sql = sql!(
            "INSERT INTO staff (id, name, role, password_hash, password_changed_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING"
        );
        let set_at = password_hash.map(|_| now);
        Ok(self.exec(sql, args![id, name, role.as_str(), password_hash, set_at, now]).await? == 1)
    }

    /// Changes a role; `false` when there is no such staff member.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn set_staff_role(&mut self, id: &StaffId, role: Role) -> Result<bool> {
        Ok(self.exec(sql!("UPDATE staff SET role = $2 WHERE id = $1"), args![id, role.as_str()]).await? == 1)
    }

    /// Sets a password; `false` when there is no such staff member.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn set_staff_password(&mut self, id: &StaffId, hash: &str, now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE staff SET password_hash = $2, password_changed_at = $3 WHERE id = $1");
        Ok(self.exec(sql, args![id, hash, now]).await? == 1)
    }

    /// Disables a staff member; `false` when there is none, or it is disabled. Its console sessions are the caller's part.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn disable_staff(&mut self, id: &StaffId, now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE staff SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL");
        Ok(self.exec(sql, args![id, now]).await? == 1)
    }

    /// Lets a disabled staff member sign in again; `false` when there is none that is disabled.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn enable_staff(&mut self, id: &StaffId) -> Result<bool> {
        let sql = sql!("UPDATE staff SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL");
        Ok(self.exec(sql, args![id]).await? == 1)
    }

    /// Takes a password away; `false` when there is no such staff member.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clear_staff_password(&mut self, id: &StaffId, now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE staff SET password_hash = NULL, password_changed_at = $2 WHERE id = $1");
        Ok(self.exec(sql, args![id, now]).await? == 1)
    }

    /// Leaves a staff member a notice of what was done to their sign-in.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn notify_staff(&mut self, id: &StaffId, notice: &str, now: Instant) -> Result<()> {
        let sql = sql!("UPDATE staff SET notice = $2, notice_at = $3 WHERE id = $1");
        self.exec(sql, args![id, notice, now]).await.map(|_| ())
    }

    /// Whether there is any staff member, disabled or not.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn has_staff(&mut self) -> Result<bool> {
        let found: Option<(String,)> = self.row(rows!("id", "FROM staff LIMIT 1"), &[]).await?;
        Ok(found.is_some())
    }

    /// Notes a sign-in.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn note_sign_in(&mut self, id: &StaffId, now: Instant) -> Result<()> {
        self.exec(sql!("UPDATE staff SET last_sign_in_at = $2 WHERE id = $1"), args![id, now]).await.map(|_| ())
    }

    /// How many admins there are that are not disabled. They stay so until this transaction ends: who takes one away can
    /// see to it that one remains.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn count_admins(&mut self) -> Result<i64> {
        let sql = rows!("id", "FROM staff WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id", lock);
        let admins: Vec<(String,)> = self.rows(sql, &[]).await?;
        Ok(i64::try_from(admins.len()).unwrap_or(i64::MAX))
    }
}

impl Store {
    /// The staff member called `id`, disabled or not.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff(&self, id: &StaffId) -> Result<Option<StaffRecord>> {
        let sql = rows!(staff, "FROM staff WHERE id = $1");
        self.row::<Record>(sql, args![id]).await?.map(StaffRecord::try_from).transpose()
    }

    /// Whether there is any staff member, disabled or not.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn has_staff(&self) -> Result<bool> {
        let found: Option<(String,)> = self.row(rows!("id", "FROM staff LIMIT 1"), &[]).await?;
        Ok(found.is_some())
    }

    /// What was last done to a staff member's sign-in, and when.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_notice(&self, id: &StaffId) -> Result<Option<(String, Instant)>> {
        let sql = rows!("notice, notice_at", "FROM staff WHERE id = $1 AND notice_at IS NOT NULL");
        let found: Option<(String, i64)> = self.row(sql, args![id]).await?;
        Ok(found.map(|(notice, at)| (notice, Instant::from_micros(at))))
    }

    /// All staff, by name. As many as an organisation has.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_list(&self) -> Result<Vec<StaffRow>> {
        Ok(self.staff_records().await?.into_iter().map(|record| record.row).collect())
    }

    /// The same, with what a sign-in needs.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_records(&self) -> Result<Vec<StaffRecord>> {
        all(self.rows::<Record>(rows!(staff, "FROM staff ORDER BY id"), &[]).await?)
    }
}
