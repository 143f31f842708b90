//! What Unstick does: one use case a file, each with the permission check inside, and the workers that carry on what a
//! use case began. Effects on load balancers happen only here, after the transaction that asked for them.

#[macro_use]
mod transact;

mod accounts;
mod audit;
mod bulk;
mod census;
mod check;
mod cleanups;
pub mod crash;
mod customers;
mod doctor;
mod error;
mod idempotency;
mod import;
mod routing;
mod sample;
mod sessions;
mod settings;
mod staff;
mod tokens;
mod webhooks;
mod workers;
mod world;

use std::sync::Arc;

use domain::{Actor, AuditDraft, AuditOutcome, CleanupId, Clock, Entropy, Freshness, Instant, Permission, Policy};
use routers::{Fleet, Router};
use store::Store;
use tokio::sync::{Notify, Semaphore, broadcast};

pub use self::{
    bulk::BulkSource,
    cleanups::{Evidence, Numbers, Requested},
    customers::{Credential, CustomerKeys, CustomerSettings, MadeLink, Visit},
    doctor::{Check, CheckOutcome},
    error::Error,
    idempotency::{CallEnd, Once, as_claimed},
    import::{Ending, ImportBatch, ImportRecord, Reached},
    routing::{Asked, embedded_table},
    sample::{SampleReport, SampleSpec},
    settings::{ArgonParams, Settings},
    staff::{Entry, Proof, Proved, SealKeys, SignedIn, Standing, me},
    tokens::TokenInfo,
    webhooks::{NewWebhook, TokenKeys, WebhookKey, WebhookSettings, WithSecret},
};
pub use store::{
    AccountUpsert, Changed, Checkpoint, Created, End, KeptAnswer, KeyClaim, RouteChange, SessionCreate, Touch,
    Verification,
};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What Unstick is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The routers.
    pub fleet: Fleet,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Unguessable bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Settings.
    pub settings: Settings,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Unstick(Arc<Inner>);

struct Inner {
    parts: Parts,
    policy: Policy,
    /// Says that a clean-up may be due.
    kick: Notify,
    /// Says that a bulk clean-up may have work.
    bulk_kick: Notify,
    /// Says whose ledger changed in this process.
    changed: broadcast::Sender<CleanupId>,
    /// Password hashes that may be computed at once.
    hashing: Arc<Semaphore>,
    reporter: sessions::Reporter,
    observer: routing::ObserverState,
    returned: cleanups::Returned,
    census: census::Desk,
    webhooks: webhooks::Desk,
}

impl Unstick {
    /// Puts the parts together. Nothing runs until [`Self::run_workers`].
    pub fn new(parts: Parts) -> Self {
        let mut policy = parts.settings.policy.clone();
        for router in &parts.fleet {
            policy.drain.entry(router.name().clone()).or_insert_with(|| router.drain());
        }
        let hashing = Arc::new(Semaphore::new(parts.settings.hash_threads.max(1)));
        Self(Arc::new(Inner {
            policy,
            kick: Notify::new(),
            bulk_kick: Notify::new(),
            changed: broadcast::channel(256).0,
            hashing,
            reporter: sessions::Reporter::default(),
            observer: routing::ObserverState::default(),
            returned: cleanups::Returned::default(),
            census: census::Desk::default(),
            webhooks: webhooks::Desk::default(),
            parts,
        }))
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }
    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.0.parts.clock.as_ref()
    }
    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }
    /// The routers.
    pub fn fleet(&self) -> &Fleet {
        &self.0.parts.fleet
    }
    /// Ids of clean-ups whose ledger changed in this process. Another process may work too: whoever shows a ledger also
    /// looks at the database now and then.
    pub fn watch(&self) -> broadcast::Receiver<CleanupId> {
        self.0.changed.subscribe()
    }

    fn now(&self) -> Instant {
        self.clock().now()
    }
    fn entropy(&self) -> &dyn Entropy {
        self.0.parts.entropy.as_ref()
    }
    fn policy(&self) -> &Policy {
        &self.0.policy
    }
    fn router(&self, name: &domain::RouterName) -> Option<&Arc<dyn Router>> {
        self.fleet().iter().find(|router| router.name() == name)
    }
    fn pools(&self) -> Vec<domain::PoolInfo> {
        self.fleet().iter().flat_map(|router| router.pools().to_vec()).collect()
    }

    /// Goes on only when `actor` has `permission`; a denial of somebody known is written to the audit log.
    async fn authorize(&self, actor: &Actor, permission: Permission, target: &str) -> Result<()> {
        let Err(denied) = actor.require(permission) else {
            return Ok(());
        };
        if actor.must_enrol() {
            return Err(Error::EnrolFirst);
        }
        if *actor == Actor::Anonymous {
            return Err(Error::Denied(denied, true));
        }
        let mut draft = self.draft(actor, "access.denied", target);
        draft.outcome = AuditOutcome::Denied;
        draft.detail = serde_json::json!({ "permission": permission });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })?;
        Err(Error::Denied(denied, false))
    }

    /// As [`Self::authorize`], and only with a proof of who `actor` is that is fresh enough.
    async fn authorize_fresh(
        &self,
        actor: &Actor,
        permission: Permission,
        freshness: Freshness,
        target: &str,
    ) -> Result<()> {
        self.authorize(actor, permission, target).await?;
        Ok(actor.require_fresh(freshness, self.now())?)
    }

    /// An audit event by `actor`, to be completed.
    fn draft(&self, actor: &Actor, action: &str, target: &str) -> AuditDraft {
        AuditDraft {
            at: self.now(),
            actor: actor.label(),
            action: action.to_owned(),
            target: target.to_owned(),
            account: None,
            reason: String::new(),
            ticket: String::new(),
            outcome: AuditOutcome::Done,
            detail: serde_json::json!({}),
        }
    }
}
