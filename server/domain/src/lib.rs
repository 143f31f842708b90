//! The rules of Unstick and nothing else: what an account, a session and a route are, what is wrong with them, what a
//! clean-up would do, and which step comes next. No I/O, no clock, no randomness of its own: those are arguments, so
//! every rule is tested in milliseconds and the same code runs in the browser.

mod access;
mod account;
mod account_filter;
mod audit;
mod bulk;
pub mod census;
mod cleanup;
mod clock;
mod customer;
mod diagnosis;
mod fold;
mod freshness;
mod health;
mod ids;
mod instant;
pub mod invariants;
pub mod ip;
mod key;
mod machine;
#[cfg(test)]
mod model_tests;
mod one_time_code;
mod plan;
mod query;
mod re_pin;
mod repair;
mod rich;
mod route;
mod routing;
mod server_move;
mod server_state;
mod session;
pub mod view;
mod watch;
mod webhook;

pub use access::{Actor, Denied, Permission, Role, TokenScope};
pub use account::{Account, AccountBrief};
pub use account_filter::{AccountFilter, FilterError};
pub use audit::{AuditDraft, AuditEvent, AuditLink, AuditOutcome, GENESIS};
pub use bulk::{
    Bulk, BulkAccount, BulkCounts, BulkHasher, BulkMove, BulkOrder, BulkOutcome, BulkRoutes, BulkSelection, BulkStatus,
    ListProblem, ListReport, MOST_ACCOUNTS,
};
pub use cleanup::{Cleanup, Mode, Stage, Status, Step, StepKind, Target, Trouble};
pub use clock::{Clock, Entropy, ManualClock, SeededEntropy, new_id};
pub use customer::{Stays, WAITS_FOR_PART, diagnosis_words, preview_words, state_words};
pub use diagnosis::{Finding, FindingKind, Look, Severity, Unread, Verdict, VerdictKind, World, diagnose};
pub use fold::{fold, marks};
pub use freshness::{FactorRule, Freshness, Intent, Unproved};
pub use health::{Counters, Health, HealthPolicy, HealthWindow, ServerStatus};
pub use ids::{
    AccountId, BulkId, CleanupId, EventId, FindingId, IdError, PoolName, RepairId, RouterName, ServerName, SessionId,
    StaffId, StaffSessionId, TokenId, WebhookId,
};
pub use instant::{Instant, ParseInstantError, Span};
pub use ip::IpRange;
pub use key::{KeyError, RouteKey};
pub use machine::{Policy, Progress, Reading, Work, next_work, rebased, status_of};
pub use one_time_code::{new_one_time_code, read_one_time_code};
pub use plan::{Plan, PlanHash, PlannedRoute, PoolInfo, plan, plan_keeping};
pub use query::{Query, QueryError, Term};
pub use re_pin::{PinAnswer, RePinPage, RePinRequest, RePinned};
pub use repair::{Repair, RepairItem, RepairMade, RepairOutcome, RepairPage, RepairPlan, RepairRequest, Unrepairable};
pub use rich::{Piece, Rich};
pub use route::{Place, Route, RouterKind, Scope};
pub use routing::{OwedList, OwedStep, Spread};
pub use server_move::{Away, Baseline, Guard, Measured, MovePage, MoveView, ServerMove};
pub use server_state::{
    ServerState, SetState, StateAnswer, StateAt, StateEnd, StatePlan, StateReading, StateRequest, StateSet,
};
pub use session::{EndReason, Session, SessionState, fingerprint};
pub use watch::{Circumstances, Return, Watch, Way, likely_way};
pub use webhook::{
    Answered, CAEP_SESSION_REVOKED, Delivery, DeliveryFilter, DeliveryState, EventKind, Refusal,
    Verdict as DeliveryVerdict, Webhook, WebhookEvent, WebhookFormat, WebhookPace, WebhookState, refusal,
    security_event, verdict as delivery_verdict,
};
