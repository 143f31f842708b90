//! What customers send and are shown.

use domain::{
    AccountId, CleanupId, Instant, PlanHash, SessionId, Status, VerdictKind,
    view::{OwnDiagnosis, OwnPage, OwnSession, ResetPreview, ResetState},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of your sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSessionView {
    /// Its id.
    #[schema(value_type = String, example = "s_9fK2x")]
    session_id: SessionId,
    /// The device in a few words; empty when unknown.
    #[schema(example = "Desktop 4.2 · macOS")]
    device: String,
    /// When it was signed in.
    #[schema(value_type = String, format = DateTime)]
    signed_in_at: Instant,
    /// When it was last seen.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Instant,
    /// Whether it is the one that asks.
    this_one: bool,
}

impl From<OwnSession> for OwnSessionView {
    fn from(it: OwnSession) -> Self {
        let OwnSession { id: session_id, client: device, created_at: signed_in_at, last_seen_at, this: this_one } = it;
        Self { session_id, device, signed_in_at, last_seen_at, this_one }
    }
}

/// Who you are here, and where you are signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnView {
    /// Your account.
    #[schema(value_type = String, example = "acc_7Q2mX0cVd4")]
    account_id: AccountId,
    /// Your name; empty when unknown.
    #[schema(example = "Dana Ortiz")]
    name: String,
    /// Sessions that are signed in: the one that asks, then the newest; at most 200.
    sessions: Vec<OwnSessionView>,
    /// How many are signed in.
    signed_in: i64,
    /// How many ended and left something behind.
    left_over: i64,
    /// A reset or another clean-up of your account that is under way.
    #[schema(value_type = Option<String>)]
    under_way: Option<CleanupId>,
}

impl From<OwnPage> for OwnView {
    fn from(page: OwnPage) -> Self {
        let OwnPage { account: account_id, name, sessions, signed_in, left_over, under_way, .. } = page;
        let sessions = sessions.into_iter().map(OwnSessionView::from).collect();
        Self { account_id, name, sessions, signed_in, left_over, under_way }
    }
}

/// Whether your sessions are the cause.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnDiagnosisView {
    /// `clean`, `unsure`, `left_over`, `partly_stuck` or `stuck`.
    #[schema(value_type = String, example = "stuck")]
    verdict: VerdictKind,
    /// The same in plain words.
    says: String,
    /// What was found, one sentence each.
    findings: Vec<String>,
    /// Whether a reset would help.
    reset_helps: bool,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    read_at: Instant,
}

impl From<OwnDiagnosis> for OwnDiagnosisView {
    fn from(it: OwnDiagnosis) -> Self {
        let OwnDiagnosis { verdict, says, findings, reset_helps, now: read_at } = it;
        Self { verdict, says, findings, reset_helps, read_at }
    }
}

/// What a reset would do, exactly. Nothing was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetPreviewView {
    /// `preview`.
    #[schema(example = "preview")]
    outcome: &'static str,
    /// What will happen, in plain words.
    says: Vec<String>,
    /// Sessions that would end.
    ends: Vec<OwnSessionView>,
    /// The session that would stay signed in.
    keeps: Option<OwnSessionView>,
    /// Records of sessions that ended, that would be removed.
    removes: i64,
    /// Whether there is nothing to reset.
    nothing_to_do: bool,
    /// Send it with `confirm` to have exactly this done, or be told that something changed.
    #[schema(value_type = String, example = "mQ7cX0vE2pB1nZ4kT8sWqA")]
    hash: PlanHash,
    /// A clean-up of your account that is under way: a reset joins it or waits for it.
    #[schema(value_type = Option<String>)]
    under_way: Option<CleanupId>,
}

impl From<ResetPreview> for ResetPreviewView {
    fn from(it: ResetPreview) -> Self {
        let ResetPreview { ends, keeps, removes, says, nothing: nothing_to_do, hash, under_way, .. } = it;
        let ends = ends.into_iter().map(OwnSessionView::from).collect();
        let keeps = keeps.map(OwnSessionView::from);
        Self { outcome: "preview", says, ends, keeps, removes, nothing_to_do, hash, under_way }
    }
}

/// How far a reset is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetView {
    /// `accepted` in the answer to the request, else `state`.
    #[schema(example = "accepted")]
    outcome: &'static str,
    /// Its number.
    #[schema(value_type = String, example = "c_Jx0R2v8hU3yq")]
    reset_id: CleanupId,
    /// `running`; `owed`: part of it waits for a load balancer; `needs_attention`: our staff look at it; `done`.
    #[schema(value_type = String, example = "running")]
    status: Status,
    /// The same in plain words.
    says: String,
    /// Sessions that it ended.
    ended: i64,
    /// Whether it was under way already, so that nothing new was begun.
    joined: bool,
    /// Where to ask how far it is.
    #[schema(example = "/api/v1/self/reset/c_Jx0R2v8hU3yq")]
    pub(super) progress: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    requested_at: Instant,
    /// When all of it was done and read back.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Instant>,
}

impl ResetView {
    pub(super) fn new(state: ResetState, outcome: &'static str, joined: bool) -> Self {
        let ResetState { id: reset_id, status, says, ended, requested_at, finished_at, .. } = state;
        let progress = format!("/api/v1/self/reset/{reset_id}");
        Self { outcome, reset_id, status, says, ended, joined, progress, requested_at, finished_at }
    }
}

/// What was shown before is not what would happen now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetChanged {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The status in words.
    pub(super) title: &'static str,
    /// 409.
    pub(super) status: u16,
    /// `world-changed`.
    pub(super) code: &'static str,
    /// What to do.
    pub(super) detail: &'static str,
    /// What would happen now.
    pub(super) preview: ResetPreviewView,
}

/// A reset, shown or done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// Without it, what would happen is shown and nothing is done.
    #[serde(default)]
    pub(super) confirm: bool,
    /// The `hash` of what was shown: something else is not done.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) hash: Option<PlanHash>,
    /// Whether the session that asks ends too.
    #[serde(default)]
    pub(super) including_this_one: bool,
}

/// A credential for a session's client.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialView {
    /// Hand it to the session's client and keep it nowhere. It is a secret: no URL, no log, no command line.
    #[schema(example = "self_eyJhIjoi….QmFzZTY0")]
    pub(super) credential: String,
    /// Until when it counts, if its session lives so long.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires_at: Instant,
}

/// A link for a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    /// The session that the customer is on: it stays signed in. Without, the customer chooses.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "s_9fK2x")]
    pub(super) session_id: Option<SessionId>,
    /// Seconds for which it opens, 60 to 86400; by default the setting `self_link`.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 86400, example = 900)]
    pub(super) expires_in: Option<u32>,
}

/// A link that opens once.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    /// Send it to the customer and keep it nowhere.
    #[schema(example = "https://unstick.example/self?code=…")]
    pub(super) url: String,
    /// Until when it opens.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires_at: Instant,
}
