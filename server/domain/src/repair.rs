//! A repair: what the census found left over, removed account by account, exactly as a hashed plan names it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    AccountId, CleanupId, Instant, Plan, PlanHash, PlannedRoute, RepairId, RouterName, ServerName, SessionId,
    census::FindingFilter,
};

/// What a repair would remove of one account: its clean-up's plan in mode `stale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairItem {
    /// Of which account.
    pub account: AccountId,
    /// The hash of its clean-up's plan.
    pub plan: PlanHash,
    /// Records of ended sessions that are cleaned.
    pub records: Vec<SessionId>,
    /// Entries that are cleared.
    pub routes: Vec<PlannedRoute>,
    /// Routers that did not answer: their part would be owed.
    pub unread: Vec<RouterName>,
}

impl RepairItem {
    /// The item for an account's `plan`.
    pub fn of(plan: &Plan) -> Self {
        let there = plan.routes.iter().filter(|route| route.server.is_some());
        Self {
            account: plan.account.clone(),
            plan: plan.hash(),
            records: plan.deletes.clone(),
            routes: there.cloned().collect(),
            unread: plan.unread.clone(),
        }
    }

    /// The item for an `account` that is not any more as the hash `plan` says: it names nothing.
    pub const fn changed(account: AccountId, plan: PlanHash) -> Self {
        Self { account, plan, records: Vec::new(), routes: Vec::new(), unread: Vec::new() }
    }
}

/// Something open that a repair leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrepairable {
    /// What, in words.
    pub what: String,
    /// Why, and what helps instead.
    pub why: String,
}

/// What a repair would do, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairPlan {
    /// The form of this document: 1.
    pub version: u32,
    /// The census that it rests on.
    pub census: i64,
    /// When it was made.
    pub made_at: Instant,
    /// Which findings it is about.
    pub filter: FindingFilter,
    /// How many accounts were asked for at most.
    pub limit: u32,
    /// Account by account, in the order of ids.
    pub items: Vec<RepairItem>,
    /// What it leaves alone.
    pub left_alone: Vec<Unrepairable>,
    /// Whether there are more accounts than the limit.
    pub more: bool,
    /// [`Self::hash_now`] when it was made.
    pub hash: PlanHash,
}

impl RepairPlan {
    /// The form that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// The hash over everything that the plan would do: two plans with one hash do the same.
    pub fn hash_now(&self) -> PlanHash {
        let mut hasher = Sha256::new();
        let mut field = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        field("repair v1");
        for item in &self.items {
            field("account");
            field(item.account.as_str());
            field(&item.plan.0);
            for record in &item.records {
                field("record");
                field(record.as_str());
            }
            for route in &item.routes {
                field("route");
                field(route.place.router.as_str());
                field(route.place.pool.as_str());
                field(route.scope.as_str());
                field(route.key.as_str());
                field(route.server.as_ref().map_or("", ServerName::as_str));
            }
            for router in &item.unread {
                field("unread");
                field(router.as_str());
            }
        }
        let mut text = URL_SAFE_NO_PAD.encode(hasher.finalize());
        text.truncate(22);
        PlanHash(text)
    }

    /// How many records it cleans.
    pub fn records(&self) -> usize {
        self.items.iter().map(|item| item.records.len()).sum()
    }
    /// How many entries it clears.
    pub fn routes(&self) -> usize {
        self.items.iter().map(|item| item.routes.len()).sum()
    }
}

/// A repair that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairRequest {
    /// The plan, as it was confirmed.
    pub plan: RepairPlan,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
}

/// What became of an account of a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// Nothing yet.
    Waiting,
    /// A clean-up was asked for.
    Requested,
    /// It changed after the plan was made, so it was left alone.
    Changed,
    /// It could not be asked for.
    Failed,
}

impl RepairOutcome {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Requested => "requested",
            Self::Changed => "changed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Requested, Self::Changed, Self::Failed].into_iter().find(|it| it.as_str() == word)
    }

    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "not asked for yet",
            Self::Requested => "clean-up asked for",
            Self::Changed => "changed meanwhile, left alone",
            Self::Failed => "failed",
        }
    }
}

/// An account of a repair, and its clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairMade {
    /// Which account.
    pub account: AccountId,
    /// What became of it.
    pub outcome: RepairOutcome,
    /// The clean-up.
    pub cleanup: Option<CleanupId>,
}

/// A repair that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Its id.
    pub id: RepairId,
    /// Who asked for it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// The plan's hash.
    pub plan_hash: PlanHash,
    /// When.
    pub requested_at: Instant,
    /// Account by account.
    pub made: Vec<RepairMade>,
}

/// The page of a repair: a plan to be confirmed, or what was made of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairPage {
    /// The plan.
    pub plan: RepairPlan,
    /// When it was answered.
    pub now: Instant,
}
