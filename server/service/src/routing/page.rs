//! The routing page: routers, pools, servers, and what is owed to whom.

use std::{collections::HashMap, sync::Arc};

use domain::{
    Actor, Permission, ServerStatus,
    view::{PoolCard, RouterCard, RoutingPage},
};
use futures::future::join_all;
use routers::Router;

use crate::{Result, Unstick};

impl Unstick {
    /// Every router as it is now.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn routing(&self, actor: &Actor) -> Result<RoutingPage> {
        self.authorize(actor, Permission::ReadRouting, "routing").await?;
        let (records, counts, owed) =
            tokio::try_join!(self.store().servers(), self.store().pinned_counts(), self.store().owed_by_router())?;
        let pinned: HashMap<_, i64> = counts.into_iter().map(|(place, server, n)| ((place, server), n)).collect();
        let owed: HashMap<_, i64> = owed.into_iter().collect();
        let mut servers = self.current_servers(records).await;
        for server in &mut servers {
            let key = (server.place.clone(), server.name.clone());
            server.pinned = server.pinned.or_else(|| pinned.get(&key).copied());
        }
        let cards = join_all(self.fleet().iter().map(|router| async {
            let owed = owed.get(router.name()).copied().unwrap_or(0);
            card(router, &servers, owed).await
        }));
        Ok(RoutingPage { routers: cards.await, now: self.now() })
    }
}

async fn card(router: &Arc<dyn Router>, servers: &[ServerStatus], owed: i64) -> RouterCard {
    let (trouble, about) = match router.about().await {
        Ok(about) => {
            let up = about.uptime.map_or_else(String::new, |span| format!(", up {span}"));
            (None, format!("{}{up}", about.product))
        }
        Err(error) => (Some(error.to_string()), String::new()),
    };
    let pool = |pool: &domain::PoolInfo| PoolCard {
        pool: pool.place.pool.clone(),
        scope: pool.scope,
        servers: servers.iter().filter(|server| server.place == pool.place).cloned().collect(),
    };
    RouterCard {
        name: router.name().clone(),
        kind: router.kind(),
        trouble,
        about,
        pools: router.pools().iter().map(pool).collect(),
        owed,
    }
}
