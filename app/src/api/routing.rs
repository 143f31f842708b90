//! Routers, pools, servers; setting the state of a server, and pinning a key to one.

#![expect(clippy::too_many_arguments, reason = "a server function takes the fields of its form one by one")]

use std::collections::BTreeMap;

use domain::{
    Place, PoolName, RePinPage, RePinRequest, RouteKey, RouterName, ServerName, ServerState, StateEnd, StatePlan,
    StateRequest, view::RoutingPage,
};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Error;

use super::{
    ApiError, confirm, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// Every router as it is now. Needs `ReadRouting`.
pub(crate) async fn routing() -> Result<RoutingPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.routing(&actor).await?)
}

/// A server on each load balancer of its fleet. Needs `ReadRouting`.
pub(crate) async fn state_plan() -> Result<StatePlan, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["router", "pool", "server"])?;
    let asked = |name| ctx::asked(name).unwrap_or_default();
    let place = place(asked("router"), asked("pool"))?;
    Ok(unstick.state_plan(&actor, &place, &server(asked("server"))?).await?)
}

/// A key, and where it could be pinned. Needs `ReadAccounts`.
pub(crate) async fn re_pin_page() -> Result<RePinPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["router", "pool", "key"])?;
    let asked = |name| ctx::asked(name).unwrap_or_default();
    let place = place(asked("router"), asked("pool"))?;
    Ok(unstick.re_pin_page(&actor, &place, &key(asked("key"))?).await?)
}

fn place(router: String, pool: String) -> Result<Place, ApiError> {
    let router = RouterName::parse(router).map_err(|_| ApiError::not_found("router"))?;
    let pool = PoolName::parse(pool).map_err(|_| ApiError::not_found("pool"))?;
    Ok(Place { router, pool })
}

fn server(name: String) -> Result<ServerName, ApiError> {
    ServerName::parse(name).map_err(|_| ApiError::not_found("server"))
}

fn key(text: String) -> Result<RouteKey, ApiError> {
    RouteKey::parse(text).map_err(|_| ApiError::not_found("key"))
}

/// Sets the state of a server on every load balancer of its fleet. Needs `SetServerState`. What the person can mend leads
/// back to the form with all that was typed.
#[server(name = SetServerState, prefix = "/fn", endpoint = "routing/server-state", input = PostUrl)]
pub async fn set_server_state(
    /// On which router; its whole fleet is meant.
    router: String,
    /// In which pool.
    pool: String,
    /// Which server.
    server: String,
    /// Which state; nothing when none was chosen.
    #[server(default)]
    state: String,
    /// Why.
    reason: String,
    /// The ticket, or nothing.
    ticket: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let (place, server) = (place(router, pool)?, self::server(server)?);
    let form = routes::server(&place, &server);
    let typed = typed([("state", &state), ("reason", &reason), ("ticket", &ticket)]);
    let Some(state) = ServerState::parse(&state) else {
        let error = ApiError::invalid("state", "choose one of ready, drain and maint".to_owned());
        return back(&form, error, typed).await;
    };
    let actor = match confirm::prove(&unstick, &actor, (&password, &code), None).await {
        Ok(actor) => actor,
        Err(error) if error.is_mendable() => return back(&form, error, typed).await,
        Err(error) => return Err(error),
    };
    let request = StateRequest { place, server, state, reason, ticket };
    match unstick.set_server_state(&actor, request).await {
        Ok(set) => {
            let code = if set.end() == StateEnd::Done { "" } else { "not-everywhere" };
            flash::leave(Flash { code: code.to_owned(), ..Flash::good(&form, set.sentence()) }).await;
            ctx::see_other(&form);
            Ok(())
        }
        Err(error) => mend(&form, error, typed).await,
    }
}

/// Pins a key to a chosen server on every load balancer of the fleet. Needs `RePin`. What the person can mend leads back to
/// the form with all that was typed.
#[server(name = RePinKey, prefix = "/fn", endpoint = "routing/re-pin", input = PostUrl)]
pub async fn re_pin_key(
    /// On which router; its whole fleet is meant.
    router: String,
    /// In which pool.
    pool: String,
    /// Which key.
    key: String,
    /// To which server; nothing when none was chosen.
    #[server(default)]
    server: String,
    /// Why.
    reason: String,
    /// The ticket, or nothing.
    ticket: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let (place, key) = (place(router, pool)?, self::key(key)?);
    let form = routes::re_pin(&place, &key);
    let typed = typed([("server", &server), ("reason", &reason), ("ticket", &ticket)]);
    let Ok(server) = ServerName::parse(server) else {
        return back(&form, ApiError::invalid("server", "choose a server".to_owned()), typed).await;
    };
    let request = RePinRequest { place, key, server, reason, ticket };
    match unstick.re_pin(&actor, request).await {
        Ok(told) => {
            let code = if told.is_done() { "" } else { "not-everywhere" };
            flash::leave(Flash { code: code.to_owned(), ..Flash::good(&form, told.sentence()) }).await;
            ctx::see_other(&form);
            Ok(())
        }
        Err(error) => mend(&form, error, typed).await,
    }
}

fn typed<const N: usize>(pairs: [(&str, &String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// Back to the form if the person can mend it, else the error.
async fn mend(form: &str, error: Error, typed: BTreeMap<String, String>) -> Result<(), ApiError> {
    let error = ApiError::from(error);
    if error.is_mendable() { back(form, error, typed).await } else { Err(error) }
}

async fn back(form: &str, error: ApiError, typed: BTreeMap<String, String>) -> Result<(), ApiError> {
    let field = error.field.unwrap_or_default().to_owned();
    // A choice has no place of its own for what is wrong with it: it is told above the form.
    let field = if matches!(field.as_str(), "state" | "server") { String::new() } else { field };
    let (code, text) = (error.code.to_owned(), sentence(&error.message));
    flash::leave(Flash { at: form.to_owned(), code, text, field, typed, secret: String::new() }).await;
    ctx::see_other(form);
    Ok(())
}
