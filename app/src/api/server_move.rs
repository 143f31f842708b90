//! Moving everybody off one server.

#![expect(clippy::too_many_arguments, reason = "a server function takes the fields of its form one by one")]

use std::collections::BTreeMap;

use domain::{BulkOrder, Guard, Mode, MovePage, Place, PoolName, RouterName, ServerMove, ServerName};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::BulkSource;

use super::{
    ApiError, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// A server, before everybody is moved off it. Needs `ReadRouting`.
pub(crate) async fn page() -> Result<MovePage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    ctx::only(&["router", "pool", "server"])?;
    let asked = |name| ctx::asked(name).unwrap_or_default();
    let (place, server) = named(asked("router"), asked("pool"), asked("server"))?;
    Ok(unstick.move_page(&actor, &place, &server).await?)
}

fn named(router: String, pool: String, server: String) -> Result<(Place, ServerName), ApiError> {
    let router = RouterName::parse(router).map_err(|_| ApiError::not_found("router"))?;
    let pool = PoolName::parse(pool).map_err(|_| ApiError::not_found("pool"))?;
    let server = ServerName::parse(server).map_err(|_| ApiError::not_found("server"))?;
    Ok((Place { router, pool }, server))
}

/// Freezes the list of those who are on a server now, to move them off it. Needs `BulkCleanUp`. What the person can mend
/// leads back to the form with all that was typed.
#[server(name = DraftMove, prefix = "/fn", endpoint = "bulk/move-off", input = PostUrl)]
pub async fn draft_move(
    /// On which router; its whole fleet is meant.
    router: String,
    /// In which pool.
    pool: String,
    /// Which server.
    server: String,
    /// To which server all are pinned; nothing: the load balancer chooses.
    #[server(default)]
    to: String,
    /// Accounts under way at once.
    #[server(default)]
    wave: String,
    /// Accounts begun a second.
    #[server(default)]
    rate: String,
    /// Accounts in trouble before it stops by itself.
    #[server(default)]
    failure_limit: String,
    /// Percentage points by which another server's errors may rise.
    #[server(default)]
    max_errors: String,
    /// Percent that another server may take longer.
    #[server(default)]
    max_response: String,
    /// Why.
    reason: String,
    /// The ticket, or nothing.
    ticket: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let (place, server) = named(router, pool, server)?;
    let form = routes::move_off(&place, &server);
    let fields = [
        ("to", to),
        ("wave", wave),
        ("rate", rate),
        ("failure_limit", failure_limit),
        ("max_errors", max_errors),
        ("max_response", max_response),
        ("reason", reason),
        ("ticket", ticket),
    ];
    let typed: BTreeMap<String, String> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let drafted = match read(&typed, place, server) {
        Ok((off, order)) => {
            unstick.draft_bulk(&actor, BulkSource::Server(Box::new(off)), order).await.map_err(ApiError::from)
        }
        Err(error) => Err(error),
    };
    match drafted {
        Ok(bulk) => {
            ctx::see_other(&routes::bulk(&bulk.id, None, None));
            Ok(())
        }
        Err(error) if matches!(error.status, 409 | 422 | 503) => {
            let (code, text) = (error.code.to_owned(), sentence(&error.message));
            let field = error.field.unwrap_or_default().to_owned();
            flash::leave(Flash { at: form.clone(), code, text, field, typed, ..Flash::default() }).await;
            ctx::see_other(&form);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What was typed as what is meant.
fn read(
    typed: &BTreeMap<String, String>,
    place: Place,
    server: ServerName,
) -> Result<(ServerMove, BulkOrder), ApiError> {
    let word = |name: &str| typed.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let number = |name: &'static str, otherwise: u32| match word(name) {
        text if text.is_empty() => Ok(otherwise),
        text => text.parse().map_err(|_| ApiError::invalid(name, format!("write a whole number, not {text}"))),
    };
    let to = match word("to") {
        name if name.is_empty() => None,
        name => Some(ServerName::parse(name).map_err(|error| ApiError::invalid("to", error.to_string()))?),
    };
    let usual = Guard::default();
    let guard =
        Guard { errors: number("max_errors", usual.errors)?, response: number("max_response", usual.response)? };
    let order = BulkOrder {
        mode: Mode::Unstick,
        reason: word("reason"),
        ticket: word("ticket"),
        wave: number("wave", BulkOrder::WAVE)?,
        rate: number("rate", BulkOrder::MOVE_RATE)?,
        failure_limit: number("failure_limit", BulkOrder::FAILURE_LIMIT)?,
    };
    Ok((ServerMove { place, server, to, guard }, order))
}
