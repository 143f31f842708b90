//! Moving everybody off one server: who is on it is read from the routers at the moment when the list is frozen, and while it
//! works the other servers are looked after.

use std::{collections::BTreeSet, sync::Arc};

use async_recursion::async_recursion as boxed;
use domain::{
    AccountId, Actor, Away, Baseline, Bulk, BulkId, Health, Measured, MovePage, MoveView, Permission, Place, PoolInfo,
    RouteKey, RouterName, ServerMove, ServerName, ServerStatus,
};
use futures::future::join_all;
use routers::{Entry, Listing, Router};
use store::{ServerRecord, StoredMove};

use crate::{Error, Result, Unstick};

/// Keys whose owners are asked for at once.
const PIECE: usize = 1_000;
/// Jobs that the page of a server shows.
const JOBS: u32 = 5;

/// A bulk clean-up that moves everybody off a server, while it works.
pub(super) struct Moving {
    pub(super) stored: StoredMove,
    pub(super) fleet: Vec<RouterName>,
}

impl Moving {
    /// What each of its clean-ups leaves.
    pub(super) fn away(&self) -> Away {
        Away { from: self.stored.order.server.clone(), to: self.stored.order.to.clone() }
    }
}

/// Who is on a server.
pub(super) struct OnServer {
    /// Whoever is, in the order of ids.
    pub(super) accounts: Vec<AccountId>,
    /// Routes that belong to nobody known.
    pub(super) unknown: i64,
}

impl Unstick {
    /// A server, before everybody is moved off it.
    ///
    /// # Errors
    /// `NotFound` for the router, the pool or the server; `Denied`.
    #[boxed]
    pub async fn move_page(&self, actor: &Actor, place: &Place, server: &ServerName) -> Result<MovePage> {
        self.authorize(actor, Permission::ReadRouting, server.as_str()).await?;
        let fleet = self.names_of_fleet(place)?;
        let (records, held, jobs) = tokio::try_join!(
            self.store().servers(),
            self.store().pinned_counts(),
            self.store().bulks_off(&fleet, &place.pool, server, JOBS),
        )?;
        let servers = self.current_servers(records).await;
        let of_pool: Vec<ServerStatus> =
            servers.into_iter().filter(|it| it.place.pool == place.pool && fleet.contains(&it.place.router)).collect();
        if !of_pool.iter().any(|it| it.name == *server) {
            return Err(Error::NotFound("server"));
        }
        let others: BTreeSet<ServerName> =
            of_pool.iter().filter(|it| takes(it, server)).map(|it| it.name.clone()).collect();
        Ok(MovePage {
            place: place.clone(),
            server: server.clone(),
            held: held_by(&held, &fleet, place, server),
            is_closed: is_closed(&of_pool, server),
            others: others.into_iter().collect(),
            jobs,
            may_ask: actor.may(Permission::BulkCleanUp),
            now: self.now(),
        })
    }

    pub(super) fn names_of_fleet(&self, place: &Place) -> Result<Vec<RouterName>> {
        Ok(self.fleet_of(place)?.iter().map(|router| router.name().clone()).collect())
    }

    /// Checks what is asked before anything is written.
    ///
    /// # Errors
    /// `Invalid` for a limit, a server that the pool does not have, or a target that takes nobody; `NotFound` for the router
    /// or the pool.
    pub(super) async fn check_move(&self, order: &ServerMove) -> Result<()> {
        if let Some((field, message)) = order.guard.problem() {
            return Err(Error::invalid(field, message));
        }
        let fleet = self.names_of_fleet(&order.place)?;
        let servers = self.current_servers(self.store().servers().await?).await;
        let of_pool = || servers.iter().filter(|it| order.is_at(&it.place, &fleet));
        if !of_pool().any(|it| it.name == order.server) {
            let message = format!("the pool {} has no server called {}", order.place.pool, order.server);
            return Err(Error::invalid("server", message));
        }
        if !of_pool().any(|it| takes(it, &order.server)) {
            let message = format!("no other server of the pool {} is well: there is nowhere to go", order.place.pool);
            return Err(Error::invalid("server", message));
        }
        let Some(to) = &order.to else { return Ok(()) };
        let target: Vec<&ServerStatus> = of_pool().filter(|it| it.name == *to).collect();
        if target.is_empty() || *to == order.server {
            return Err(Error::invalid(
                "to",
                format!("choose another server of the pool {} than {to}", order.place.pool),
            ));
        }
        match target.iter().find(|it| !it.health.takes_customers()) {
            Some(bad) => {
                let message =
                    format!("{to} is {} on {}: choose a server that is healthy", bad.health.as_str(), bad.place.router);
                Err(Error::invalid("to", message))
            }
            None => Ok(()),
        }
    }

    /// Whoever is on the server now, as every load balancer of the fleet says. What it says is kept, as the observer keeps it.
    ///
    /// # Errors
    /// `Conflict` when one of them could not be read, for nobody knows then who is meant; `Invalid` when there are too many.
    pub(super) async fn who_is_on(&self, order: &ServerMove, most: usize) -> Result<OnServer> {
        let members = self.fleet_of(&order.place)?;
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_mul(4);
        let answers = join_all(members.iter().map(|it| it.of_server(&order.place.pool, &order.server, limit))).await;
        let mut on = OnServer { accounts: Vec::new(), unknown: 0 };
        let mut found: BTreeSet<AccountId> = BTreeSet::new();
        for (router, answer) in members.iter().zip(answers) {
            let entries = match answer {
                Ok(Listing::All(entries)) => entries,
                Ok(Listing::TooMany(n)) => {
                    let message = format!("{n} routes on {} lead to it: more than one job takes", router.name());
                    return Err(Error::invalid("server", message));
                }
                Err(error) => {
                    return Err(Error::Conflict(format!(
                        "{} could not be read, so nobody knows who is on {}: {error}",
                        router.name(),
                        order.server
                    )));
                }
            };
            let Some(pool) = pool_at(router, order) else { return Err(Error::NotFound("pool")) };
            on.unknown += self.owners_on(pool, &entries, &mut found).await?;
            self.save_entries(pool, entries).await?;
        }
        on.accounts = found.into_iter().collect();
        Ok(on)
    }

    /// Adds the owners of `entries` to `found`; how many entries have none.
    async fn owners_on(&self, pool: &PoolInfo, entries: &[Entry], found: &mut BTreeSet<AccountId>) -> Result<i64> {
        let mut unknown = 0;
        for piece in entries.chunks(PIECE) {
            let keys: Vec<RouteKey> = piece.iter().map(|entry| entry.key.clone()).collect();
            let mut owners = self.store().owners_of_keys(&keys).await?;
            owners.retain(|owner| owner.scope == pool.scope);
            let known: BTreeSet<&RouteKey> = owners.iter().map(|owner| &owner.key).collect();
            unknown += i64::try_from(keys.iter().filter(|key| !known.contains(key)).count()).unwrap_or(0);
            found.extend(owners.iter().map(|owner| owner.account.clone()));
        }
        Ok(unknown)
    }

    /// The move of a bulk clean-up, and the load balancers that belong together; `None` for any other bulk clean-up.
    pub(super) async fn moving(&self, id: &BulkId) -> Result<Option<Moving>> {
        let Some(stored) = self.store().bulk_move(id).await? else { return Ok(None) };
        let fleet = self.names_of_fleet(&stored.order.place)?;
        Ok(Some(Moving { stored, fleet }))
    }

    /// Why a bulk clean-up must stop because of the other servers; the first time it only looks how they are.
    pub(super) async fn others_are_worse(&self, bulk: &Bulk, moving: &Moving) -> Result<Option<String>> {
        let now = self.measured(moving).await?;
        if let Some(baseline) = &moving.stored.baseline {
            return Ok(baseline.worse(moving.stored.order.guard, &now));
        }
        let baseline = Baseline { at: self.now(), servers: now };
        transact!(self, tx => { Ok(tx.save_baseline(&bulk.id, &baseline).await?) })?;
        Ok(None)
    }

    /// The other servers of the fleet's pool as they were last read; read now where nobody did lately.
    async fn measured(&self, moving: &Moving) -> Result<Vec<Measured>> {
        let order = &moving.stored.order;
        let known = self.store().servers().await?;
        let oldest = self.now() - domain::Span::from_micros(self.settings().observe_every.micros().saturating_mul(6));
        let fresh = known.iter().any(|it| it.status.read_at > oldest);
        let records = if fresh { known } else { self.read_servers(&known).await };
        let meant = |it: &ServerRecord| order.is_at(&it.status.place, &moving.fleet) && it.status.name != order.server;
        let measured = |ServerRecord { status, window }: ServerRecord| Measured {
            place: status.place,
            name: status.name,
            health: status.health,
            error_permille: status.error_permille,
            response_ms: status.response_ms,
            counters: window.seen,
        };
        Ok(records.into_iter().filter(meant).map(measured).collect())
    }

    /// What the page of a bulk clean-up shows of its move, and where those go who are moved.
    pub(super) async fn move_view(
        &self,
        id: &BulkId,
        servers: &[ServerStatus],
    ) -> Result<Option<(MoveView, Vec<RouterName>, Vec<ServerStatus>)>> {
        let Some(Moving { stored, fleet }) = self.moving(id).await? else { return Ok(None) };
        let StoredMove { order, unknown, .. } = stored;
        let counts = self.store().pinned_counts().await?;
        let of_pool: Vec<ServerStatus> = servers.iter().filter(|it| order.is_at(&it.place, &fleet)).cloned().collect();
        let mut targets: Vec<ServerStatus> = match &order.to {
            Some(to) => of_pool.iter().filter(|it| it.name == *to).cloned().collect(),
            None => of_pool.iter().filter(|it| takes(it, &order.server)).cloned().collect(),
        };
        for target in &mut targets {
            let counted = counts.iter().find(|(place, name, _)| *place == target.place && *name == target.name);
            target.pinned = target.pinned.or_else(|| counted.map(|(.., n)| *n));
        }
        let held = held_by(&counts, &fleet, &order.place, &order.server);
        let view = MoveView { is_closed: is_closed(&of_pool, &order.server), held, unknown, order };
        Ok(Some((view, fleet, targets)))
    }
}

fn pool_at<'a>(router: &'a Arc<dyn Router>, order: &ServerMove) -> Option<&'a PoolInfo> {
    router.pools().iter().find(|pool| pool.place.pool == order.place.pool)
}

/// Whether customers who leave `left` may go to `server`.
fn takes(server: &ServerStatus, left: &ServerName) -> bool {
    server.name != *left && server.health.takes_customers()
}

/// Whether nobody new is sent to `server` anywhere.
fn is_closed(servers: &[ServerStatus], server: &ServerName) -> bool {
    let closed = |it: &ServerStatus| matches!(it.health, Health::Draining | Health::Maintenance | Health::Down);
    servers.iter().filter(|it| it.name == *server).all(closed)
}

fn held_by(
    counts: &[(Place, ServerName, i64)],
    fleet: &[RouterName],
    place: &Place,
    server: &ServerName,
) -> Vec<(RouterName, i64)> {
    let of = |router: &RouterName| {
        let mut here = counts.iter().filter(|(at, ..)| at.router == *router && at.pool == place.pool);
        here.find(|(_, name, _)| name == server).map_or(0, |(.., n)| *n)
    };
    fleet.iter().map(|router| (router.clone(), of(router))).collect()
}
