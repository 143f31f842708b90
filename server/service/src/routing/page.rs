//! The routing page: routers, pools, servers and how their customers are spread, what is owed to whom, the last census.

use std::{collections::HashMap, sync::Arc};

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, OwedList, Permission, Place, ServerName, ServerStatus, SetState, Spread,
    view::{PoolCard, RouterCard, RoutingPage},
};
use futures::future::join_all;
use routers::Router;

use crate::{Result, Unstick};

/// Owed steps that the page shows; the others are counted.
const OWED: u32 = 100;

/// What is stored about all routers.
struct Known {
    servers: Vec<ServerStatus>,
    pinned: Vec<(Place, ServerName, i64)>,
    owed: HashMap<domain::RouterName, i64>,
}

impl Unstick {
    /// Every router as it is now.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn routing(&self, actor: &Actor) -> Result<RoutingPage> {
        self.authorize(actor, Permission::ReadRouting, "routing").await?;
        let store = self.store();
        // Boxed: what these hold is large, and would be part of every future above.
        let (records, pinned, owed, steps, census, asked) = Box::pin(async {
            tokio::try_join!(
                store.servers(),
                store.pinned_counts(),
                store.owed_by_router(),
                store.owed_steps(OWED),
                store.last_census(),
                store.server_states(),
            )
        })
        .await?;
        let mut servers = self.current_servers(records).await;
        let lost = lost(asked, &servers);
        for server in &mut servers {
            let counted = pinned.iter().find(|(place, name, _)| *place == server.place && *name == server.name);
            // Where a router's routes are counted, a server that none leads to has none.
            let counts = pinned.iter().any(|(place, ..)| *place == server.place);
            server.pinned = server.pinned.or_else(|| counted.map(|(.., n)| *n)).or(counts.then_some(0));
        }
        let waiting = owed.iter().map(|(_, n)| n).sum::<i64>();
        let more = (waiting - i64::try_from(steps.len()).unwrap_or(i64::MAX)).max(0);
        let known = Known { servers, pinned, owed: owed.into_iter().collect() };
        let cards = join_all(self.fleet().iter().map(|router| card(router, &known))).await;
        Ok(RoutingPage { routers: cards, lost, owed: OwedList { steps, more }, census, now: self.now() })
    }
}

/// Those of the states that somebody set which the servers do not have any more.
pub(crate) fn lost(asked: Vec<SetState>, servers: &[ServerStatus]) -> Vec<SetState> {
    let health = |asked: &SetState| {
        let server = servers.iter().find(|server| server.place == asked.place && server.name == asked.server)?;
        // What was read before it was set tells nothing of it.
        (server.read_at > asked.asked_at).then_some(server.health)
    };
    asked.into_iter().filter(|asked| health(asked).is_some_and(|health| asked.is_lost_at(health))).collect()
}

async fn card(router: &Arc<dyn Router>, known: &Known) -> RouterCard {
    let (trouble, about) = match router.about().await {
        Ok(about) => {
            let up = about.uptime.map_or_else(String::new, |span| format!(", up {span}"));
            (None, format!("{}{up}", about.product))
        }
        Err(error) => (Some(error.to_string()), String::new()),
    };
    RouterCard {
        name: router.name().clone(),
        kind: router.kind(),
        trouble,
        caveats: router.caveats(),
        about,
        pools: router.pools().iter().map(|pool| pool_card(pool, known)).collect(),
        owed: known.owed.get(router.name()).copied().unwrap_or(0),
    }
}

fn pool_card(pool: &domain::PoolInfo, known: &Known) -> PoolCard {
    let servers: Vec<ServerStatus> =
        known.servers.iter().filter(|server| server.place == pool.place).cloned().collect();
    let here = known.pinned.iter().filter(|(place, ..)| *place == pool.place);
    let pinned: Vec<(ServerName, i64)> = here.map(|(_, name, n)| (name.clone(), *n)).collect();
    let spread = Spread::of(&servers, &pinned);
    PoolCard { pool: pool.place.pool.clone(), scope: pool.scope, rule: pool.rule.clone(), servers, spread }
}
