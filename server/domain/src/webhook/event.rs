//! Events: what is told, and under which id. No secret, no name, no address of a customer is in one; a session is named by
//! the id that Unstick has of it, which is a fingerprint where the real one is a bearer secret.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::EventKind;
use crate::{
    AccountId, Cleanup, CleanupId, EndReason, EventId, Instant, Return, SessionId, Step, StepKind,
    census::CensusFinding,
};

/// What stands before a lane that is no account's: no account id begins with a blank.
const ASIDE: char = ' ';
/// Returns that one event names; it counts all of them.
const NAMED: usize = 20;

/// Something that happened, to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookEvent {
    /// The same for the same thing, however often it is told.
    pub id: EventId,
    /// What.
    pub kind: EventKind,
    /// To whom.
    pub account: Option<AccountId>,
    /// When.
    pub at: Instant,
    /// The particulars.
    pub data: Value,
}

impl WebhookEvent {
    fn new(kind: EventKind, account: Option<&AccountId>, at: Instant, parts: &[&str], data: Value) -> Self {
        let mut hasher = Sha256::new();
        let micros = at.micros().to_string();
        for field in ["event v1", kind.as_str(), &micros].iter().chain(parts) {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        let mut text = URL_SAFE_NO_PAD.encode(hasher.finalize());
        text.truncate(24);
        let id = EventId::parse(format!("evt_{text}")).unwrap_or_else(|_| unreachable!("base64url is a token"));
        Self { id, kind, account: account.cloned(), at, data }
    }

    /// A session ended: by itself or its back end, or by a clean-up.
    pub fn session_ended(
        session: &SessionId,
        account: &AccountId,
        reason: EndReason,
        at: Instant,
        by: Option<&CleanupId>,
    ) -> Self {
        let initiator = match (reason, by) {
            (_, Some(_)) => "admin",
            (EndReason::SignedOut, None) => "user",
            (EndReason::Expired, None) => "policy",
            (EndReason::Revoked, None) => "system",
        };
        let data = json!({
            "session_id": session, "reason": reason, "ended_at": at, "initiated_by": initiator, "cleanup_id": by,
        });
        Self::new(EventKind::SessionEnded, Some(account), at, &[session.as_str(), account.as_str()], data)
    }

    /// A clean-up came to its end at `at`.
    pub fn cleanup_done(cleanup: &Cleanup, steps: &[Step], at: Instant) -> Self {
        let records = steps.iter().filter(|step| step.kind == StepKind::Delete).count();
        let data = json!({
            "cleanup_id": cleanup.id, "mode": cleanup.mode, "ticket": cleanup.ticket,
            "requested_at": cleanup.requested_at, "verified_at": at, "records_cleaned": records,
            "routes_cleared": steps.iter().filter(|step| step.had.is_some()).count(),
        });
        Self::new(EventKind::CleanupDone, Some(&cleanup.account), at, &[cleanup.id.as_str()], data)
    }

    /// What a clean-up had cleaned is there again.
    pub fn came_back(cleanup: &Cleanup, found: &[Return], at: Instant) -> Self {
        let entry = |it: &Return| {
            let (router, pool) = (&it.place.router, &it.place.pool);
            json!({ "router": router, "pool": pool, "scope": it.scope, "server": it.server, "likely_way": it.way })
        };
        let named: Vec<Value> = found.iter().take(NAMED).map(entry).collect();
        let data = json!({
            "cleanup_id": cleanup.id, "ticket": cleanup.ticket, "verified_at": cleanup.finished_at,
            "entries": found.len(), "found": named,
        });
        Self::new(EventKind::CleanupCameBack, Some(&cleanup.account), at, &[cleanup.id.as_str()], data)
    }

    /// A census believes a finding.
    pub fn finding_opened(finding: &CensusFinding) -> Self {
        let seen = &finding.seen;
        let (router, pool) = seen.place.as_ref().map(|place| (&place.router, &place.pool)).unzip();
        let data = json!({
            "finding_id": finding.id, "kind": seen.kind, "severity": seen.severity, "router": router, "pool": pool,
            "server": seen.server, "session_id": seen.session, "since": seen.since, "count": seen.count,
            "first_seen_at": finding.first_seen,
        });
        let at = finding.last_seen;
        Self::new(EventKind::FindingOpened, seen.account.as_ref(), at, &[finding.id.as_str()], data)
    }

    /// Nothing happened; `unique` is any text that no other test has.
    pub fn test(unique: &str, at: Instant) -> Self {
        Self::new(EventKind::Test, None, at, &[unique], json!({ "message": "This is a test of a webhook." }))
    }

    /// Its lane: events of one lane go one after the other.
    pub fn lane(&self) -> String {
        match (&self.account, self.kind) {
            (Some(account), _) => account.to_string(),
            (None, EventKind::Test) => format!("{ASIDE}{}", self.id),
            (None, _) => format!("{ASIDE}{}", self.kind.as_str()),
        }
    }

    /// What a receiver gets. `sequence` is its number among the account's events: it only grows, whatever clocks say.
    pub fn body(&self, sequence: i64) -> String {
        json!({
            "id": self.id, "type": self.kind, "timestamp": self.at, "account_id": self.account, "sequence": sequence,
            "data": self.data,
        })
        .to_string()
    }
}
