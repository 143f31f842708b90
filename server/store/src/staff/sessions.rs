//! Console sessions of staff. They are found by the SHA-256 of their secret, so what is stored signs nobody in. Saving is
//! an UPDATE of a session that is not revoked, never an upsert: a request that began before a sign-out cannot bring the
//! session back (facts/leptos-axum-sqlx.md: the stock store does).

use domain::{Instant, Role, Span, StaffId, StaffSessionId};
use serde::Deserialize;

use super::people::role;
use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// How far the clocks of two machines may be apart. A session that began later than that was begun by a clock that has
/// been set back since: how long it has lasted is not known, so it is over.
const SKEW: Span = Span::from_secs(5 * 60);

/// A console session that begins.
#[derive(Clone, PartialEq, Eq)]
pub struct NewStaffSession {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// Its public handle.
    pub id: StaffSessionId,
    /// Whose it is.
    pub staff: StaffId,
    /// What the session layer keeps in it.
    pub data: String,
    /// The browser.
    pub user_agent: String,
    /// The address.
    pub ip: String,
    /// When it begins.
    pub created_at: Instant,
    /// When it ends without use.
    pub idle_until: Instant,
    /// When it ends in any case.
    pub expires_at: Instant,
}

/// A console session that is good, of somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffSession {
    /// Its public handle.
    pub id: StaffSessionId,
    /// Whose it is.
    pub staff: StaffId,
    /// The person's name to show.
    pub name: String,
    /// The person's role, of this moment.
    pub role: Role,
    /// What the session layer keeps in it.
    pub data: String,
    /// The browser.
    pub user_agent: String,
    /// The address.
    pub ip: String,
    /// When it began.
    pub created_at: Instant,
    /// When it was last used.
    pub last_seen_at: Instant,
    /// When it ends without use.
    pub idle_until: Instant,
    /// When it ends in any case.
    pub expires_at: Instant,
    /// When the person last proved who they are.
    pub proved_at: Instant,
    /// Whether the person's second factor counts.
    pub has_factor: bool,
}

/// The pieces `staff_session` as a row.
#[derive(Deserialize)]
struct Record {
    id: String,
    staff_id: String,
    name: String,
    role: String,
    data: String,
    user_agent: String,
    ip: String,
    created_at: i64,
    last_seen_at: i64,
    idle_until: i64,
    expires_at: i64,
    proved_at: i64,
    enrolled_at: Option<i64>,
}

impl TryFrom<Record> for StaffSession {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        Ok(Self {
            id: StaffSessionId::parse(record.id).map_err(StoreError::corrupt)?,
            staff: StaffId::parse(record.staff_id).map_err(StoreError::corrupt)?,
            name: record.name,
            role: role(&record.role)?,
            data: record.data,
            user_agent: record.user_agent,
            ip: record.ip,
            created_at: Instant::from_micros(record.created_at),
            last_seen_at: Instant::from_micros(record.last_seen_at),
            idle_until: Instant::from_micros(record.idle_until),
            expires_at: Instant::from_micros(record.expires_at),
            proved_at: Instant::from_micros(record.proved_at),
            has_factor: record.enrolled_at.is_some(),
        })
    }
}

impl Tx {
    /// Begins a console session, which is a proof of who begins it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn create_staff_session(&mut self, s: &NewStaffSession) -> Result<()> {
        let sql = sql!(
            "INSERT INTO staff_sessions (hash, id, staff_id, data, user_agent, ip, created_at, last_seen_at, \
             idle_until, expires_at, proved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $7)"
        );
        let values = args![
            hex::encode(s.hash),
            &s.id,
            &s.staff,
            &s.data,
            &s.user_agent,
            &s.ip,
            s.created_at,
            s.idle_until,
            s.expires_at,
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Saves what the session layer keeps; `false` when the session is revoked or not there, and then nothing is saved.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_staff_session(&mut self, hash: &[u8; 32], data: &str, idle_until: Instant) -> Result<bool> {
        let sql = sql!("UPDATE staff_sessions SET data = $2, idle_until = $3 WHERE hash = $1 AND revoked_at IS NULL");
        Ok(self.exec(sql, args![hex::encode(hash), data, idle_until]).await? == 1)
    }

    /// Notes that a session was used; `false` when it is revoked, over, or not there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn touch_staff_session(&mut self, hash: &[u8; 32], now: Instant, idle_until: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE staff_sessions SET last_seen_at = $2, idle_until = $3 \
             WHERE hash = $1 AND revoked_at IS NULL AND idle_until > $2 AND expires_at > $2 AND created_at <= $4"
        );
        Ok(self.exec(sql, args![hex::encode(hash), now, idle_until, now + SKEW]).await? == 1)
    }

    /// Gives a session of `staff` a new secret, by its SHA-256, for they proved who they are; `false` when there is none that
    /// is not revoked. The old secret opens nothing from then on.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn renew_staff_session(
        &mut self,
        staff: &StaffId,
        id: &StaffSessionId,
        hash: &[u8; 32],
        now: Instant,
    ) -> Result<bool> {
        let sql = sql!(
            "UPDATE staff_sessions SET hash = $3, proved_at = $4 WHERE staff_id = $1 AND id = $2 AND revoked_at IS NULL"
        );
        Ok(self.exec(sql, args![staff, id, hex::encode(hash), now]).await? == 1)
    }

    /// Makes every proof of `staff` too old: whatever needs one asks for it again. Returns for how many open sessions.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn expire_proofs(&mut self, staff: &StaffId) -> Result<i64> {
        let sql = sql!("UPDATE staff_sessions SET proved_at = 0 WHERE staff_id = $1 AND revoked_at IS NULL");
        self.exec(sql, args![staff]).await
    }

    /// Revokes a session of `staff` by its public handle; `false` when there is none that is not revoked.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_staff_session(&mut self, staff: &StaffId, id: &StaffSessionId, now: Instant) -> Result<bool> {
        let sql =
            sql!("UPDATE staff_sessions SET revoked_at = $3 WHERE staff_id = $1 AND id = $2 AND revoked_at IS NULL");
        Ok(self.exec(sql, args![staff, id, now]).await? == 1)
    }

    /// Revokes a session by the SHA-256 of its secret; `false` when there is none that is not revoked.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_staff_session_by_hash(&mut self, hash: &[u8; 32], now: Instant) -> Result<bool> {
        let sql = sql!("UPDATE staff_sessions SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL");
        Ok(self.exec(sql, args![hex::encode(hash), now]).await? == 1)
    }

    /// Revokes all sessions of `staff`, except one if asked. Returns how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_staff_sessions(
        &mut self,
        staff: &StaffId,
        except: Option<&StaffSessionId>,
        now: Instant,
    ) -> Result<i64> {
        let sql =
            sql!("UPDATE staff_sessions SET revoked_at = $3 WHERE staff_id = $1 AND id <> $2 AND revoked_at IS NULL");
        self.exec(sql, args![staff, except.map_or("", StaffSessionId::as_str), now]).await
    }

    /// Deletes at most `limit` sessions that ended in any case before `before`. Returns how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn purge_staff_sessions(&mut self, before: Instant, limit: u32) -> Result<i64> {
        let sql = sql!(
            "DELETE FROM staff_sessions WHERE hash IN \
             (SELECT hash FROM staff_sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
        );
        self.exec(sql, args![before, limit]).await
    }
}

impl Store {
    /// The session with this SHA-256 of its secret, when it is good at `now` and its owner is not disabled.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_session(&self, hash: &[u8; 32], now: Instant) -> Result<Option<StaffSession>> {
        let sql = rows!(
            staff_session as staff_session_rows,
            "s.hash = $1 AND s.idle_until > $2 AND s.expires_at > $2 AND s.created_at <= $3"
        );
        self.row::<Record>(sql, args![hex::encode(hash), now, now + SKEW])
            .await?
            .map(StaffSession::try_from)
            .transpose()
    }

    /// How many sessions that are good at `now` each staff member has who has any. As many rows as staff.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn open_staff_sessions(&self, now: Instant) -> Result<Vec<(StaffId, i64)>> {
        let sql = rows!(
            "staff_id, n" as
            "SELECT staff_id, count(*) AS n FROM staff_sessions WHERE revoked_at IS NULL AND idle_until > $1 \
             AND expires_at > $1 AND created_at <= $2 GROUP BY staff_id"
        );
        let found: Vec<(String, i64)> = self.rows(sql, args![now, now + SKEW]).await?;
        found.into_iter().map(|(id, n)| Ok((StaffId::parse(id).map_err(StoreError::corrupt)?, n))).collect()
    }

    /// The sessions of `staff` that are good at `now`, newest first; at most 200; none of somebody disabled.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn staff_sessions_of(&self, staff: &StaffId, now: Instant) -> Result<Vec<StaffSession>> {
        let sql = rows!(
            staff_session as staff_session_rows,
            "s.staff_id = $1 AND s.idle_until > $2 AND s.expires_at > $2 AND s.created_at <= $3 \
             ORDER BY s.created_at DESC, s.id LIMIT 200"
        );
        all(self.rows::<Record>(sql, args![staff, now, now + SKEW]).await?)
    }
}
