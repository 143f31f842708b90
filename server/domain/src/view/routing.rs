//! Routers, pools and servers.

use serde::{Deserialize, Serialize};

use crate::{
    Instant, OwedList, PoolName, RouterKind, RouterName, Scope, ServerStatus, SetState, Spread, census::Census,
};

/// A pool on the routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolCard {
    /// Its name.
    pub pool: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// How its router finds the key in a request, where that was written down.
    pub rule: Option<String>,
    /// Its servers.
    pub servers: Vec<ServerStatus>,
    /// How its routes are spread over them.
    pub spread: Spread,
}

/// A router on the routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterCard {
    /// Its name.
    pub name: RouterName,
    /// What it is.
    pub kind: RouterKind,
    /// Why it does not answer; `None` when it does.
    pub trouble: Option<String>,
    /// What cannot be promised as it is configured or runs, a sentence each, with what to do about it.
    pub caveats: Vec<String>,
    /// What it says of itself: `HAProxy 2.6.12, up 3 h`.
    pub about: String,
    /// Its pools.
    pub pools: Vec<PoolCard>,
    /// Steps that wait for it.
    pub owed: i64,
}

/// The routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutingPage {
    /// The routers.
    pub routers: Vec<RouterCard>,
    /// States that were set and are lost: a load balancer that restarts forgets them.
    pub lost: Vec<SetState>,
    /// What is owed to them, oldest first.
    pub owed: OwedList,
    /// The last census that came to its end.
    pub census: Option<Census>,
    /// When it was read.
    pub now: Instant,
}
