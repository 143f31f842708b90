//! The parts of a test's Unstick, and what is easy to make of them.

use std::sync::Arc;

use axum::Router;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    AccountId, Actor, CleanupId, Clock, Counters, EndReason, Entropy, Health, Instant, ManualClock, Mode, PoolName,
    Role, ServerName, SessionId, Span, StaffId, StaffSessionId, TokenScope,
    census::FindingFilter,
    new_id,
    view::{AuditFilter, CleanupRequest},
};
use server::{
    compose::{self, Purpose, SystemEntropy, World},
    config::Config,
    http::{self, Site, SiteParts},
};
use service::{AccountUpsert, End, SessionCreate, Unstick};
use sha2::{Digest, Sha256};
use store::NewStaffSession;
use tempfile::TempDir;
use tokio::sync::watch;

use super::Browser;

/// An Unstick of a test's own.
pub struct TestApp {
    pub unstick: Unstick,
    pub clock: Arc<ManualClock>,
    pub folder: TempDir,
    pub config: Arc<Config>,
    router: Router,
    stop: watch::Sender<bool>,
}

/// A stuck account: a live session and one that ended without clean-up, both pinned to the draining server.
pub struct Stuck {
    pub account: AccountId,
    pub live: SessionId,
    pub ended: SessionId,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings by their variables.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        std::fs::write(site.join("pkg/unstick.css"), "body { color: black }").unwrap();
        std::fs::write(site.join("pkg/unstick.css.br"), "not really brotli").unwrap();
        std::fs::write(site.join("icon.svg"), "<svg/>").unwrap();
        let own = [
            ("UNSTICK_DATA_DIR".to_owned(), folder.path().join("data").display().to_string()),
            ("UNSTICK_SITE_DIR".to_owned(), site.display().to_string()),
        ];
        let more = settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let config = Arc::new(Config::load(None, own.into_iter().chain(more)).unwrap());
        let clock = Arc::new(ManualClock::new(Instant::parse("2026-11-23T09:00:00Z").unwrap()));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let world = World { clock: clock.clone(), entropy: entropy.clone() };
        let unstick = compose::open(&config, Purpose::Work, &world).await.unwrap();
        let csrf_key = compose::csrf_key(&config, &world).unwrap();
        let (stop, stopped) = watch::channel(false);
        let parts = SiteParts { unstick: unstick.clone(), config: config.clone(), csrf_key, entropy, stop: stopped };
        let router = http::router(&Site::new(parts));
        Self { unstick, clock, folder, config, router, stop }
    }

    /// The router itself.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Tells the process to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A person, without a password: nobody has to hash one.
    pub async fn person(&self, name: &str, role: Role) -> StaffId {
        let id = StaffId::parse(name).unwrap();
        let mut tx = self.unstick.store().begin().await.unwrap();
        tx.add_staff(&id, name, role, None, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A person who can sign in.
    pub async fn person_with_password(&self, name: &str, role: Role) -> StaffId {
        let id = StaffId::parse(name).unwrap();
        self.unstick.add_staff(&Actor::System, &id, name, role, super::PASSWORD).await.unwrap();
        id
    }

    /// A browser in which a person of `role`, called like it, is signed in.
    pub async fn signed_in(&self, role: Role) -> Browser {
        let id = StaffId::parse(role.as_str()).unwrap();
        if self.unstick.store().staff(&id).await.unwrap().is_none() {
            self.person(role.as_str(), role).await;
        }
        self.session_of(&id).await
    }

    /// A browser with a fresh session of `staff`.
    pub async fn session_of(&self, staff: &StaffId) -> Browser {
        let mut bytes = [0; 16];
        SystemEntropy.fill(&mut bytes);
        let (now, settings) = (self.clock.now(), self.unstick.settings());
        let session = NewStaffSession {
            hash: Sha256::digest(bytes).into(),
            id: StaffSessionId::parse(new_id("w", &SystemEntropy)).unwrap(),
            staff: staff.clone(),
            data: "{}".to_owned(),
            user_agent: "Tests/1.0".to_owned(),
            ip: "203.0.113.7".to_owned(),
            created_at: now,
            idle_until: now + settings.session_idle,
            expires_at: now + settings.session_absolute,
        };
        let mut tx = self.unstick.store().begin().await.unwrap();
        tx.create_staff_session(&session).await.unwrap();
        tx.commit().await.unwrap();
        let mut browser = self.browser();
        browser.cookie = Some(URL_SAFE_NO_PAD.encode(bytes));
        browser
    }

    /// The console sessions of `staff` that are good, the newest first.
    pub async fn sessions(&self, staff: &StaffId) -> Vec<store::StaffSession> {
        self.unstick.store().staff_sessions_of(staff, self.clock.now()).await.unwrap()
    }

    /// `staff` as who acts, in their newest session.
    pub async fn actor(&self, staff: &StaffId, role: Role) -> Actor {
        let session = self.sessions(staff).await.remove(0);
        Actor::Staff { id: staff.clone(), role, session: session.id, proved_at: session.proved_at, must_enrol: false }
    }

    /// A token with `scopes`.
    pub async fn token(&self, scopes: &[TokenScope]) -> String {
        self.unstick.create_token(&Actor::System, "test", scopes, None).await.unwrap().1
    }

    /// Two servers in the pool `app`: `good` takes everybody, `bad` is drained.
    pub async fn servers(&self) {
        let pool = PoolName::parse("app").unwrap();
        for (name, state) in [("good", Health::Healthy), ("bad", Health::Draining)] {
            let server = ServerName::parse(name).unwrap();
            self.unstick.feed_server(&Actor::System, &pool, &server, state, Counters::default()).await.unwrap();
        }
    }

    /// An account with one live session, one that is left over, and a route that follows it.
    pub async fn stuck(&self, name: &str) -> Stuck {
        let (actor, account) = (Actor::System, AccountId::parse(name).unwrap());
        self.servers().await;
        let upsert = AccountUpsert {
            id: account.clone(),
            email: Some(format!("{}@example.com", name.to_lowercase())),
            name: Some("Dana Ortiz".to_owned()),
            plan: None,
            time_zone: None,
            created_at: None,
            sample: false,
        };
        self.unstick.upsert_accounts(&actor, vec![upsert]).await.unwrap();
        let session = |kind: &str| SessionId::parse(format!("s_{kind}_{name}")).unwrap();
        let stuck = Stuck { account: account.clone(), live: session("live"), ended: session("ended") };
        for id in [&stuck.ended, &stuck.live] {
            let create = SessionCreate {
                id: id.clone(),
                account: account.clone(),
                client: "Desktop 4.2".to_owned(),
                user_agent: String::new(),
                ip: "198.51.100.4".to_owned(),
                created_at: None,
            };
            self.unstick.create_sessions(&actor, vec![create]).await.unwrap();
        }
        self.unstick.ask_route(&actor, &stuck.ended, None).await.unwrap();
        let end = End { id: stuck.ended.clone(), reason: EndReason::SignedOut, released: false, at: None };
        self.unstick.end_sessions(&actor, vec![end]).await.unwrap();
        self.clock.advance(Span::from_secs(1));
        stuck
    }

    /// The hash of the plan of now.
    pub async fn plan_hash(&self, account: &AccountId, mode: Mode) -> String {
        self.unstick.plan_page(&Actor::System, account, mode).await.unwrap().hash.to_string()
    }

    /// Two censuses of a world in which everything is old enough: what is left over is open.
    pub async fn censuses(&self) {
        self.clock.advance(Span::from_secs(600));
        for _ in 0..2 {
            self.unstick.run_census(&Actor::System, &|_, _| ()).await.unwrap();
        }
    }

    /// What a form says of the repair plan of now, for what two censuses found.
    pub async fn repair_shown(&self) -> String {
        self.censuses().await;
        let plan = self.unstick.repair_plan(&Actor::System, &FindingFilter::default(), 50).await.unwrap();
        assert!(!plan.items.is_empty(), "there is something to repair");
        let shown: Vec<_> = plan.items.iter().map(|item| (&item.account, &item.plan)).collect();
        serde_json::to_string(&shown).unwrap()
    }

    /// A clean-up that was asked for and not begun.
    pub async fn cleanup(&self, account: &AccountId) -> CleanupId {
        let request = CleanupRequest {
            account: account.clone(),
            mode: Mode::Force,
            reason: "stuck on every device".to_owned(),
            ticket: String::new(),
            hash: None,
        };
        self.unstick.request_cleanup(&Actor::System, request).await.unwrap().id
    }

    /// A bulk clean-up of `account` alone, which nobody asked for yet.
    pub async fn bulk(&self, account: &str) -> domain::BulkId {
        self.bulk_of(&Actor::System, account).await.0
    }

    /// The same, made by `actor`; with its hash.
    pub async fn bulk_of(&self, actor: &Actor, account: &str) -> (domain::BulkId, String) {
        let source = service::BulkSource::List(Box::new(std::io::Cursor::new(account.to_owned().into_bytes())));
        let order = domain::BulkOrder {
            mode: Mode::Stale,
            reason: "left by the outage".to_owned(),
            ticket: String::new(),
            wave: 10,
            rate: 10,
            failure_limit: 5,
        };
        let bulk = self.unstick.draft_bulk(actor, source, order).await.unwrap();
        (bulk.id, bulk.hash.0)
    }

    /// A webhook to a receiver that is not there.
    pub async fn webhook(&self) -> domain::WebhookId {
        let url = "https://receiver.example/unstick".to_owned();
        let new = service::NewWebhook { url, kinds: vec![], format: domain::WebhookFormat::Unstick };
        self.unstick.add_webhook(&Actor::System, new).await.unwrap().hook.id
    }

    /// An event that is on its way to `hook`.
    pub async fn sent_event(&self, hook: &domain::WebhookId) -> domain::EventId {
        self.unstick.test_webhook(&Actor::System, hook).await.unwrap();
        let filter = domain::DeliveryFilter::default();
        let page = self.unstick.webhook_page(&Actor::System, hook, filter, None).await.unwrap();
        page.log.items[0].event.clone()
    }

    /// The database's file, with all that was written.
    pub async fn raw_database(&self) -> Vec<u8> {
        self.unstick.store().checkpoint_wal().await.unwrap();
        std::fs::read(self.folder.path().join("data/unstick.db")).unwrap()
    }

    /// The number of the newest audit event.
    pub async fn events(&self) -> i64 {
        self.unstick.store().audit_head().await.unwrap().0
    }

    /// The newest audit event's action, actor and outcome.
    pub async fn newest_event(&self) -> (String, String, &'static str) {
        let events = self.unstick.store().audit_page(&AuditFilter::default(), None, 1).await.unwrap();
        let draft = &events[0].draft;
        (draft.action.clone(), draft.actor.clone(), draft.outcome.as_str())
    }
}
