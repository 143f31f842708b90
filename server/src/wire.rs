//! What the API answers that is no view of the console: made by the server, read by a shell far away, one type for both.

use domain::{
    Account, AuditEvent, CleanupId, EventId, Finding, FindingKind, Instant, Mode, Place, PlanHash, Route, RouteKey,
    Scope, ServerName, SessionId, Severity, TokenId, TokenScope, Unread, Verdict, VerdictKind, Webhook, World,
    census::Census,
};
use serde::{Deserialize, Serialize};
use service::{RouteChange, TokenInfo, Verification, WithSecret};
use utoipa::ToSchema;

use crate::http::shapes::{self, At};

/// The version of this program: a shell and a server of one version understand each other.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is wrong with an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// The account.
    #[schema(value_type = shapes::Account)]
    pub account: Account,
    /// The verdict.
    pub verdict: ToldVerdict,
    /// The findings, worst first.
    pub findings: Vec<ToldFinding>,
    /// Routes now.
    #[schema(value_type = Vec<shapes::Route>)]
    pub routes: Vec<Route>,
    /// Routers that could not be read.
    #[schema(value_type = Vec<shapes::Unread>)]
    pub unread: Vec<Unread>,
    /// When it was read.
    #[schema(value_type = At)]
    pub read_at: Instant,
}

/// A verdict, in plain text.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ToldVerdict {
    /// How the account is doing.
    #[schema(value_type = shapes::VerdictKind)]
    pub kind: VerdictKind,
    /// The sentence.
    #[schema(example = "Sessions are not the cause.")]
    pub sentence: String,
    /// The clean-up that would help.
    #[schema(value_type = Option<shapes::Mode>)]
    pub advice: Option<Mode>,
}

/// A finding with its evidence, in plain text.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ToldFinding {
    /// What is wrong.
    #[schema(value_type = shapes::FindingKind)]
    pub kind: FindingKind,
    /// How bad it is.
    #[schema(value_type = shapes::Severity)]
    pub severity: Severity,
    /// The sentence.
    pub sentence: String,
    /// Since when.
    #[schema(value_type = Option<At>)]
    pub since: Option<Instant>,
    /// The sessions that it is about.
    #[schema(value_type = Vec<String>)]
    pub sessions: Vec<SessionId>,
    /// How many things it stands for.
    pub count: i64,
}

impl Diagnosis {
    /// What the shell and the API tell of a diagnosis.
    pub fn new(world: World, verdict: &Verdict, findings: Vec<Finding>) -> Self {
        let told = |finding: Finding| ToldFinding {
            kind: finding.kind,
            severity: finding.severity,
            sentence: finding.sentence.to_string(),
            since: finding.since,
            sessions: finding.sessions,
            count: finding.count,
        };
        Self {
            account: world.account,
            verdict: ToldVerdict { kind: verdict.kind, sentence: verdict.sentence.to_string(), advice: verdict.advice },
            findings: findings.into_iter().map(told).collect(),
            routes: world.routes,
            unread: world.unread,
            read_at: world.read_at,
        }
    }
}

/// A change of a route.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ToldChange {
    /// Where.
    #[schema(value_type = shapes::Place)]
    pub place: Place,
    /// The key.
    #[schema(value_type = String)]
    pub key: RouteKey,
    /// What it stands for.
    #[schema(value_type = shapes::Scope)]
    pub scope: Scope,
    /// The session that it belongs to or that made it, where known.
    #[schema(value_type = Option<String>)]
    pub session: Option<SessionId>,
    /// Where it led before; null when there was no route.
    #[schema(value_type = Option<String>)]
    pub from: Option<ServerName>,
    /// Where it led then; null when there was none any more.
    #[schema(value_type = Option<String>)]
    pub to: Option<ServerName>,
    /// When.
    #[schema(value_type = At)]
    pub at: Instant,
    /// Why, in a few words.
    pub why: String,
}

impl From<RouteChange> for ToldChange {
    fn from(change: RouteChange) -> Self {
        let RouteChange { place, key, scope, session, from, to, at, why } = change;
        Self { place, key, scope, session, from, to, at, why }
    }
}

/// What came of asking for a clean-up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CleanupAsked {
    /// The clean-up.
    #[schema(value_type = String, example = "c_5Jp0wLZk3x")]
    pub cleanup_id: CleanupId,
    /// Whether it was under way already, so that nothing new was asked for.
    pub joined: bool,
}

/// The list that is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HashBody {
    /// The hash of the list, as the draft had it.
    #[schema(value_type = String, example = "0qJd0eXb1mTzS3p4Kj9l2Q")]
    pub hash: PlanHash,
}

/// Censuses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Censuses {
    /// The last one that came to its end.
    #[schema(value_type = Option<shapes::Census>)]
    pub last: Option<Census>,
    /// The newest one; it may be under way.
    #[schema(value_type = Option<shapes::Census>)]
    pub newest: Option<Census>,
}

/// A census that was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CensusAsked {
    /// Its number.
    #[schema(example = 42)]
    pub census: i64,
}

/// Whether the audit log is as it was written.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// Whether it is.
    pub intact: bool,
    /// Events that were checked, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
    /// The hash of the last one, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The first event that is not, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Why, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<Verification> for Verified {
    fn from(verification: Verification) -> Self {
        match verification {
            Verification::Intact { events, head } => {
                Self { intact: true, events: Some(events), head: Some(head), seq: None, why: None }
            }
            Verification::Broken { seq, why } => {
                Self { intact: false, events: None, head: None, seq: Some(seq), why: Some(why) }
            }
        }
    }
}

/// A webhook with its secret, which no other answer has.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookMade {
    /// The webhook.
    #[schema(value_type = shapes::Webhook)]
    pub webhook: Webhook,
    /// Give it to the receiver and keep it nowhere else.
    #[schema(example = "whsec_nNhS+b73KU9V9BZjKId9Mvt1vD10/qtJy/sIYpQMnZc=")]
    pub secret: String,
}

impl From<WithSecret> for WebhookMade {
    fn from(WithSecret { hook: webhook, secret }: WithSecret) -> Self {
        Self { webhook, secret }
    }
}

/// A test on its way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TestSent {
    /// The event, as the log has it.
    #[schema(value_type = String, example = "evt_jEGqHHHFV8O2L5oncqnsZ-ro")]
    pub event_id: EventId,
}

/// Events that are sent again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// How many.
    #[schema(example = 12)]
    pub events: i64,
}

/// An event of the audit log with its proof.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Proven {
    /// The event.
    #[schema(value_type = shapes::AuditEvent)]
    pub event: AuditEvent,
    /// Whether it is as it was written: its hash fits its content and the event before.
    pub proven: bool,
}

/// The token that asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    #[schema(value_type = String, example = "t_x3Jd81")]
    pub id: TokenId,
    /// What it is called.
    #[schema(example = "my-back-end")]
    pub name: String,
    /// What it is good for.
    #[schema(value_type = Vec<String>, example = json!(["accounts:read", "cleanups:write"]))]
    pub scopes: Vec<TokenScope>,
    /// When it was made.
    #[schema(value_type = At)]
    pub created_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// When it ends; null when never.
    #[schema(value_type = Option<At>)]
    pub expires_at: Option<Instant>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<At>)]
    pub last_used_at: Option<Instant>,
    /// The version of the server.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// The server's clock.
    #[schema(value_type = At)]
    pub now: Instant,
}

impl TokenView {
    /// What a token is told of itself.
    pub fn new(info: TokenInfo, now: Instant) -> Self {
        let TokenInfo { id, name, scopes, created_at, created_by, expires_at, last_used_at, .. } = info;
        Self { id, name, scopes, created_at, created_by, expires_at, last_used_at, version: VERSION.to_owned(), now }
    }
}
