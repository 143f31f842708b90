//! Codes that count once, and proofs that were given for one list alone. Both are used up by a conditional statement in the
//! transaction of what they allow.

use domain::{Instant, Intent, StaffId, StaffSessionId};

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

/// What a one-time code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// Making the first admin.
    FirstRun,
    /// Choosing a password, for somebody new or reset.
    Welcome,
    /// The second half of a sign-in.
    SecondStep,
}

impl CodePurpose {
    /// The word in the database.
    const fn as_str(self) -> &'static str {
        match self {
            Self::FirstRun => "first_run",
            Self::Welcome => "welcome",
            Self::SecondStep => "second_step",
        }
    }
}

/// A one-time code that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode<'a> {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// What it is good for.
    pub purpose: CodePurpose,
    /// Whose it is; nobody's for the first set-up.
    pub staff: Option<&'a StaffId>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
}

impl Tx {
    /// Keeps a one-time code. With each new one, some that are over go.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_one_time_code(&mut self, code: &NewCode<'_>) -> Result<()> {
        let sql = sql!(
            "DELETE FROM one_time_codes WHERE hash IN \
             (SELECT hash FROM one_time_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT 10)"
        );
        self.exec(sql, args![code.created_at]).await?;
        let sql = sql!(
            "INSERT INTO one_time_codes (hash, purpose, staff_id, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        let hash = hex::encode(code.hash);
        let values = args![hash, code.purpose.as_str(), code.staff, &code.created_by, code.created_at, code.expires_at];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Uses a one-time code up; `false` when there is none that is good at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn use_one_time_code(&mut self, hash: &[u8; 32], purpose: CodePurpose, now: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE one_time_codes SET used_at = $3 \
             WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3"
        );
        Ok(self.exec(sql, args![hex::encode(hash), purpose.as_str(), now]).await? == 1)
    }

    /// Makes every one-time code of `staff` for `purpose` useless.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn void_one_time_codes(&mut self, staff: &StaffId, purpose: CodePurpose, now: Instant) -> Result<()> {
        let sql =
            sql!("UPDATE one_time_codes SET used_at = $3 WHERE staff_id = $1 AND purpose = $2 AND used_at IS NULL");
        self.exec(sql, args![staff, purpose.as_str(), now]).await.map(|_| ())
    }

    /// Keeps a proof that was given in `session` for `intent` on `target` alone. With each new one, some that are over go.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_intent(
        &mut self,
        session: &StaffSessionId,
        intent: Intent,
        target: &str,
        now: Instant,
    ) -> Result<()> {
        self.exec(sql!("DELETE FROM intents WHERE expires_at <= $1"), args![now]).await?;
        let sql = sql!(
            "INSERT INTO intents (session_id, verb, target, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (session_id, verb, target) DO UPDATE SET expires_at = $4"
        );
        self.exec(sql, args![session, intent.as_str(), target, now + Intent::GOOD]).await.map(|_| ())
    }

    /// Uses such a proof up; `false` when there is none that is good at `now`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn use_intent(
        &mut self,
        session: &StaffSessionId,
        intent: Intent,
        target: &str,
        now: Instant,
    ) -> Result<bool> {
        let sql = sql!("DELETE FROM intents WHERE session_id = $1 AND verb = $2 AND target = $3 AND expires_at > $4");
        Ok(self.exec(sql, args![session, intent.as_str(), target, now]).await? == 1)
    }
}

impl Store {
    /// Whose the one-time code is, when it is good at `now`: `Some(None)` for one that is nobody's.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn one_time_code(
        &self,
        hash: &[u8; 32],
        purpose: CodePurpose,
        now: Instant,
    ) -> Result<Option<Option<StaffId>>> {
        let sql = rows!(
            "staff_id",
            "FROM one_time_codes WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3"
        );
        let found: Option<(Option<String>,)> = self.row(sql, args![hex::encode(hash), purpose.as_str(), now]).await?;
        let staff = |(id,): (Option<String>,)| id.map(StaffId::parse).transpose().map_err(StoreError::corrupt);
        found.map(staff).transpose()
    }
}
