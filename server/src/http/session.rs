//! Console sessions in `staff_sessions`, for tower-sessions.
//!
//! What differs from a stock store, and why (facts/leptos-axum-sqlx.md):
//! - Rows are keyed by SHA-256 of the id: who reads the database cannot use what he reads.
//! - Saving is an UPDATE of a row that is not revoked, never an upsert: a request that was under way while its session was
//!   signed out cannot bring it back.
//! - A session that nobody signed in to is not stored, and every stored one gets a fresh id from our entropy: an id that a
//!   stranger planted is never taken over.
//! - A session that got a new secret ([`service::Proved`]) keeps its row: the use case changed the hash already, so the new
//!   id is only told to the browser. That way a proof lengthens no session's absolute end.
//! - Idle and absolute ends are columns. The idle end slides when the session is read, at most once a minute, so that a
//!   page costs no write.

use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, header};
use domain::{Entropy, Instant, Span, StaffId, StaffSessionId, new_id};
use serde_json::Value;
use service::Unstick;
use sha2::{Digest, Sha256};
use store::{NewStaffSession, StaffSession, StoreError};
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store,
};

use super::Site;

/// The cookie. `__Host-` makes browsers insist on Secure, Path=/ and no Domain: no neighbour can plant one.
pub const COOKIE: &str = "__Host-sid";

/// Data keys that are columns.
pub mod keys {
    /// Who signed in.
    pub const STAFF: &str = "staff";
    /// From where.
    pub const IP: &str = "ip";
    /// With which browser.
    pub const USER_AGENT: &str = "user_agent";
    /// The public handle.
    pub const HANDLE: &str = "handle";
    /// The name to show.
    pub const NAME: &str = "name";
    /// In what role, of this moment.
    pub const ROLE: &str = "role";
    /// When the person last proved who they are, in microseconds.
    pub const PROVED_AT: &str = "proved_at";
    /// Whether their second factor counts.
    pub const HAS_FACTOR: &str = "has_factor";
    /// The new secret that a use case gave the session.
    pub const RENEWED: &str = app::api::RENEWED;
}
const COLUMNS: [&str; 9] = [
    keys::STAFF,
    keys::IP,
    keys::USER_AGENT,
    keys::HANDLE,
    keys::NAME,
    keys::ROLE,
    keys::PROVED_AT,
    keys::HAS_FACTOR,
    keys::RENEWED,
];

/// How exactly the last use is kept.
const GRAIN: Span = Span::from_secs(60);

/// The layer that knows sessions by their cookie.
pub fn layer(site: &Site) -> SessionManagerLayer<StaffStore> {
    let store = StaffStore { unstick: site.unstick().clone(), entropy: site.0.entropy.clone() };
    SessionManagerLayer::new(store)
        .with_name(COOKIE)
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// What the database knows an id by.
pub fn hash(id: Id) -> [u8; 32] {
    Sha256::digest(id.0.to_le_bytes()).into()
}

/// The store.
#[derive(Clone)]
pub struct StaffStore {
    unstick: Unstick,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for StaffStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaffStore")
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn backend(error: StoreError) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn text(data: &HashMap<String, Value>, key: &str, most: usize) -> String {
    let text = data.get(key).and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// The data without what is in columns, as JSON.
fn rest(data: &HashMap<String, Value>) -> Result<String, session_store::Error> {
    let rest: HashMap<&String, &Value> = data.iter().filter(|(key, _)| !COLUMNS.contains(&key.as_str())).collect();
    serde_json::to_string(&rest).map_err(|error| session_store::Error::Encode(error.to_string()))
}

impl StaffStore {
    fn now(&self) -> Instant {
        self.unstick.clock().now()
    }

    async fn insert(&self, new: &NewStaffSession) -> Result<(), StoreError> {
        let mut tx = self.unstick.store().begin().await?;
        tx.create_staff_session(new).await?;
        tx.commit().await
    }

    async fn update(&self, hash: &[u8; 32], data: &str) -> Result<bool, StoreError> {
        let idle_until = self.now() + self.unstick.settings().session_idle;
        let mut tx = self.unstick.store().begin().await?;
        let saved = tx.save_staff_session(hash, data, idle_until).await?;
        tx.commit().await?;
        Ok(saved)
    }

    async fn slide(&self, hash: &[u8; 32], now: Instant) -> Result<(), StoreError> {
        let mut tx = self.unstick.store().begin().await?;
        tx.touch_staff_session(hash, now, now + self.unstick.settings().session_idle).await?;
        tx.commit().await
    }

    async fn revoke(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        let mut tx = self.unstick.store().begin().await?;
        tx.revoke_staff_session_by_hash(hash, self.now()).await?;
        tx.commit().await
    }
}

/// The row as tower-sessions knows it.
fn record(id: Id, row: StaffSession) -> Result<Record, session_store::Error> {
    let mut data: HashMap<String, Value> =
        serde_json::from_str(&row.data).map_err(|error| session_store::Error::Decode(error.to_string()))?;
    data.insert(keys::STAFF.to_owned(), row.staff.as_str().into());
    data.insert(keys::NAME.to_owned(), row.name.into());
    data.insert(keys::ROLE.to_owned(), row.role.as_str().into());
    data.insert(keys::HANDLE.to_owned(), row.id.as_str().into());
    data.insert(keys::PROVED_AT.to_owned(), row.proved_at.micros().into());
    data.insert(keys::HAS_FACTOR.to_owned(), row.has_factor.into());
    data.insert(keys::IP.to_owned(), row.ip.into());
    data.insert(keys::USER_AGENT.to_owned(), row.user_agent.into());
    let ends = OffsetDateTime::from_unix_timestamp(row.idle_until.min(row.expires_at).micros() / 1_000_000);
    Ok(Record { id, data, expiry_date: ends.unwrap_or(OffsetDateTime::UNIX_EPOCH) })
}

/// The secret that a use case gave this session.
fn renewed(data: &HashMap<String, Value>) -> Option<[u8; 16]> {
    serde_json::from_value(data.get(keys::RENEWED)?.clone()).ok()
}

#[async_trait]
impl SessionStore for StaffStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        if let Some(secret) = renewed(&record.data) {
            record.id = Id(i128::from_le_bytes(secret));
            record.data.remove(keys::RENEWED);
            return self.save(record).await;
        }
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        record.id = Id(i128::from_le_bytes(bytes));
        let Ok(staff) = StaffId::parse(text(&record.data, keys::STAFF, 64)) else {
            // Nobody signed in: there is nothing worth remembering.
            return Ok(());
        };
        let handle = StaffSessionId::parse(new_id("w", self.entropy.as_ref()));
        let now = self.now();
        let settings = self.unstick.settings();
        let new = NewStaffSession {
            hash: hash(record.id),
            id: handle.map_err(|error| session_store::Error::Encode(error.to_string()))?,
            staff,
            data: rest(&record.data)?,
            user_agent: text(&record.data, keys::USER_AGENT, 200),
            ip: text(&record.data, keys::IP, 45),
            created_at: now,
            idle_until: now + settings.session_idle,
            expires_at: now + settings.session_absolute,
        };
        record.data.insert(keys::HANDLE.to_owned(), new.id.as_str().into());
        self.insert(&new).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        if !self.update(&hash(record.id), &rest(&record.data)?).await.map_err(backend)? {
            tracing::debug!("a session ended while its request was under way; it stays ended");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let (hash, now) = (hash(*id), self.now());
        let Some(row) = self.unstick.store().staff_session(&hash, now).await.map_err(backend)? else {
            return Ok(None);
        };
        let grain = GRAIN.min(Span::from_micros(self.unstick.settings().session_idle.micros() / 10));
        if now.since(row.last_seen_at) >= grain
            && let Err(error) = self.slide(&hash, now).await
        {
            // Reading goes on when nothing can be written (a full disk): the session then ends a little early.
            tracing::warn!(%error, "a session's last use could not be kept");
        }
        record(*id, row).map(Some)
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.revoke(&hash(*id)).await.map_err(backend)
    }
}

/// tower-cookies removes a cookie without `Secure`, which browsers ignore for a `__Host-` name. Says it as it must be
/// said, and asks the browser to forget what it kept of the pages.
pub fn tidy_cookies(headers: &mut HeaderMap) {
    const REMOVED: &str = "__Host-sid=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
    let removes = |value: &HeaderValue| value.as_bytes().starts_with(b"__Host-sid=;");
    if !headers.get_all(header::SET_COOKIE).iter().any(removes) {
        return;
    }
    let others: Vec<HeaderValue> =
        headers.get_all(header::SET_COOKIE).iter().filter(|value| !removes(value)).cloned().collect();
    headers.insert(header::SET_COOKIE, HeaderValue::from_static(REMOVED));
    for other in others {
        headers.append(header::SET_COOKIE, other);
    }
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_cookie_is_removed_so_that_browsers_obey() {
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("theme=dark"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("__Host-sid=; Path=/; Max-Age=0"));
        tidy_cookies(&mut headers);
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(cookies.len(), 2);
        assert!(cookies[0].contains("Secure") && cookies[1] == "theme=dark");
        assert!(headers.contains_key("clear-site-data"));
    }

    #[test]
    fn other_answers_are_left_alone() {
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("__Host-sid=abc; Secure"));
        tidy_cookies(&mut headers);
        assert_eq!(headers.len(), 1);
    }
}
