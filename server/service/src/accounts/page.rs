//! The account page: everything about one account, and the diagnosis alone for the shell.

use std::collections::HashMap;

use async_recursion::async_recursion as boxed;
use domain::{
    Account, AccountId, Actor, AuditEvent, Finding, Permission, PoolInfo, RouteKey, Session, Span, Verdict, World,
    diagnose,
    view::{AccountPage, AuditFilter, Page, RouteChip, RouteRow, SessionFilter, SessionRow},
};

use super::{timeline::timeline, why::why};
use crate::{
    Error, Result, Unstick,
    world::{PAGE_SESSIONS, PLAN_SESSIONS},
};

/// How far back the drawing looks.
const DRAWN: Span = Span::from_days(14);

impl Unstick {
    /// Everything about one account.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when `after` is not where a page of sessions ended; `Denied`.
    #[boxed]
    pub async fn account_page(
        &self,
        actor: &Actor,
        id: &AccountId,
        filter: SessionFilter,
        after: Option<&str>,
    ) -> Result<AccountPage> {
        let account = self.readable_account(actor, id).await?;
        let (store, since) = (self.store(), self.now() - DRAWN);
        let of_account = AuditFilter { account: Some(id.clone()), ..AuditFilter::default() };
        // One after the other: side by side they take a connection each, and no less time.
        // Boxed: what it holds is large, and would be part of every future above.
        let world = Box::pin(self.read_world(account, PAGE_SESSIONS)).await?;
        let page = store.sessions_page(id, filter, after, self.settings().page_size).await?;
        let history = store.route_history(id, since, 2_000).await?;
        let recent = store.recent_sessions(id, since, 40).await?;
        let cleanups = store.cleanups_of(id, 5).await?;
        let events = store.audit_page(&of_account, None, 8).await?;
        let (verdict, findings) = diagnose(&world);
        let timeline = timeline(&world, &recent, &history, since);
        Ok(AccountPage {
            sessions: session_rows(&world, page),
            routes: route_rows(&world, &self.pools()),
            timeline,
            servers: servers_of(&world),
            cleanups: self.cleanup_rows(cleanups),
            events: if actor.may(Permission::ReadAccountAudit) { events } else { Vec::<AuditEvent>::new() },
            may_clean_up: actor.may(Permission::CleanUp),
            now: world.read_at,
            account: world.account,
            unread: world.unread,
            truncated: world.truncated,
            verdict,
            findings,
            filter,
        })
    }

    /// The world of one account and what is wrong with it.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn diagnose(&self, actor: &Actor, id: &AccountId) -> Result<(World, Verdict, Vec<Finding>)> {
        let account = self.readable_account(actor, id).await?;
        let world = self.read_world(account, PLAN_SESSIONS).await?;
        let (verdict, findings) = diagnose(&world);
        Ok((world, verdict, findings))
    }

    pub(crate) async fn readable_account(&self, actor: &Actor, id: &AccountId) -> Result<Account> {
        self.authorize(actor, Permission::ReadAccounts, id.as_str()).await?;
        self.store().account(id).await?.ok_or(Error::NotFound("account"))
    }
}

fn session_rows(world: &World, page: Page<Session>) -> Page<SessionRow> {
    let look = world.look();
    let mut chips: HashMap<&RouteKey, Vec<RouteChip>> = HashMap::new();
    for route in world.routes.iter().filter(|route| route.scope == domain::Scope::Session) {
        chips.entry(&route.key).or_default().push(RouteChip {
            router: route.place.router.clone(),
            pool: route.place.pool.clone(),
            server: route.server.clone(),
            health: world.health_of(route),
            left_over: look.is_left_over(route),
        });
    }
    let row = |session: Session| SessionRow { routes: chips.get(&session.key).cloned().unwrap_or_default(), session };
    Page { items: page.items.into_iter().map(row).collect(), next: page.next }
}

fn route_rows(world: &World, pools: &[PoolInfo]) -> Vec<RouteRow> {
    let (look, mut routes) = (world.look(), world.routes.iter().collect::<Vec<_>>());
    routes.sort_by(|a, b| (a.scope, &a.place, &a.key).cmp(&(b.scope, &b.place, &b.key)));
    let row = |route: &domain::Route| {
        // Routes are read from these pools and no others.
        let pool = pools.iter().find(|pool| pool.place == route.place)?;
        Some(RouteRow {
            health: world.health_of(route),
            left_over: look.is_left_over(route),
            why: why(world, route, pool),
            route: route.clone(),
        })
    };
    routes.into_iter().filter_map(row).take(200).collect()
}

/// The servers of the pools that the account is routed in; all of them when it is routed nowhere.
fn servers_of(world: &World) -> Vec<domain::ServerStatus> {
    let routed = |place: &domain::Place| world.routes.iter().any(|route| &route.place == place);
    let all = world.routes.is_empty();
    world.servers.iter().filter(|server| all || routed(&server.place)).cloned().collect()
}
