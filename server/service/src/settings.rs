//! What can be set, with the defaults.

use std::path::PathBuf;

use domain::{FactorRule, HealthPolicy, Policy, RouterName, Span};

use crate::SealKeys;

use crate::{WebhookSettings, customers::CustomerSettings};

/// The cost of a password hash (argon2id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgonParams {
    /// Memory in KiB; at least 19,456 (OWASP Password Storage Cheat Sheet).
    pub memory_kib: u32,
    /// Passes over it; at least 2.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Settings of the use cases and workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Times of a clean-up; each router adds its longest request.
    pub policy: Policy,
    /// When a server is degraded.
    pub health: HealthPolicy,
    /// From how many open sessions an account accumulates.
    pub accumulation: i64,
    /// How long cleaned sessions are kept as history.
    pub retention: Span,
    /// How long a worker may be silent before another takes its clean-up over.
    pub lease: Span,
    /// How long it is looked, after a clean-up is done, whether anything came back; zero switches it off.
    pub watch: Span,
    /// How often routers are looked at.
    pub observe_every: Span,
    /// Tables with more rows are not listed whole.
    pub observe_limit: u64,
    /// How often a census runs by itself; zero for never.
    pub census_every: Span,
    /// What is younger counts in no census.
    pub census_grace: Span,
    /// Rows of a page.
    pub page_size: u32,
    /// A console session ends after this time without use.
    pub session_idle: Span,
    /// A console session ends after this time in any case.
    pub session_absolute: Span,
    /// Who must have a second factor.
    pub factor_rule: FactorRule,
    /// The keys that second factors' seeds are sealed with; without one, nobody can set one up.
    pub seal_keys: SealKeys,
    /// Password hashes computed at once.
    pub hash_threads: usize,
    /// Their cost.
    pub argon: ArgonParams,
    /// A pin of the embedded router ends after this time without traffic.
    pub embedded_pin_timeout: Span,
    /// Bulk clean-ups of more accounts than this need a second admin.
    pub bulk_approval_above: u32,
    /// How long a second admin has to approve.
    pub bulk_approval_time: Span,
    /// Customers who help themselves.
    pub customers: CustomerSettings,
    /// Load balancers that share their pools, fleet by fleet: what is set on one is set on all. A router that is in none is
    /// alone.
    pub fleets: Vec<Vec<RouterName>>,
    /// Where signed checkpoints of the audit log go: a file outside the database.
    pub checkpoint_file: Option<PathBuf>,
    /// Events between two checkpoints.
    pub checkpoint_every: i64,
    /// Webhooks.
    pub webhooks: WebhookSettings,
    /// This process, as the holder of leases: `host:pid`.
    pub instance: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            health: HealthPolicy::default(),
            accumulation: 50,
            retention: Span::from_days(90),
            lease: Span::from_secs(30),
            watch: Span::from_secs(10 * 60),
            observe_every: Span::from_secs(5),
            observe_limit: 50_000,
            census_every: Span::from_secs(15 * 60),
            census_grace: Span::from_secs(5 * 60),
            page_size: 50,
            session_idle: Span::from_secs(30 * 60),
            session_absolute: Span::from_secs(8 * 3_600),
            factor_rule: FactorRule::Off,
            seal_keys: SealKeys::default(),
            hash_threads: 2,
            argon: ArgonParams { memory_kib: 19_456, passes: 2, lanes: 1 },
            embedded_pin_timeout: Span::from_secs(30 * 60),
            bulk_approval_above: 50,
            bulk_approval_time: Span::from_secs(30 * 60),
            customers: CustomerSettings::default(),
            fleets: Vec::new(),
            checkpoint_file: None,
            checkpoint_every: 1_000,
            webhooks: WebhookSettings::default(),
            instance: "unstick".to_owned(),
        }
    }
}
