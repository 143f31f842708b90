//! What the census found, running one, and repairing.

#![expect(clippy::too_many_arguments, reason = "a server function takes the fields of its form one by one")]

use std::collections::BTreeMap;

use domain::{
    AccountId, PlanHash, Repair, RepairId, RepairPlan, RepairRequest, RouterName, ServerName,
    census::{CensusKind, FindingAge, FindingFilter, FindingsPage},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};

use super::{
    ApiError, confirm, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// Accounts of one repair in the console: as many as a person can look at.
const ACCOUNTS: u32 = 50;

/// A page of what the census found. Needs `ReadFindings`.
pub(crate) async fn findings() -> Result<FindingsPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.findings(&actor, &filter(ctx::asked)?, ctx::asked("after").as_deref()).await?)
}

/// What a repair page shows.
pub(crate) enum Repairing {
    /// A plan to be confirmed.
    Plan(RepairPlan),
    /// What was made of one.
    Made(Repair),
}

/// The plan of a repair, or a repair that was asked for. Needs `Repair`.
pub(crate) async fn repairing() -> Result<Repairing, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    if let Some(id) = ctx::asked("id") {
        let id = RepairId::parse(id).map_err(|_| ApiError::not_found("repair"))?;
        return Ok(Repairing::Made(unstick.repair(&actor, &id).await?));
    }
    Ok(Repairing::Plan(unstick.repair_plan(&actor, &filter(ctx::asked)?, ACCOUNTS).await?))
}

/// The filter that `value_of` its fields says. What is not understood never means «any».
fn filter(value_of: impl Fn(&str) -> Option<String>) -> Result<FindingFilter, ApiError> {
    let kind = |word: String| {
        CensusKind::parse(&word).ok_or_else(|| ApiError::invalid("kind", format!("no finding is of kind {word}")))
    };
    let age = |word: String| {
        FindingAge::parse(&word).ok_or_else(|| ApiError::invalid("age", format!("{word} is no age: 1h, 1d or 7d")))
    };
    let router = value_of("router").map(RouterName::parse).transpose();
    let server = value_of("server").map(ServerName::parse).transpose();
    Ok(FindingFilter {
        kind: value_of("kind").map(kind).transpose()?,
        router: router.map_err(|error| ApiError::invalid("router", error.to_string()))?,
        server: server.map_err(|error| ApiError::invalid("server", error.to_string()))?,
        age: value_of("age").map(age).transpose()?.unwrap_or_default(),
    })
}

/// Runs a census in the background. Needs `RunCensus`.
#[server(name = RunCensus, prefix = "/fn", endpoint = "census/run", input = PostUrl)]
pub async fn run_census() -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    match unstick.ask_census(&actor).await {
        Ok(()) => {
            flash::leave(Flash::good(routes::FINDINGS, "A census runs now. Load this page again in a moment.")).await;
        }
        Err(error) if error.status() == 409 => {
            let text = sentence(&error.to_string());
            flash::leave(Flash { code: error.code().to_owned(), ..Flash::good(routes::FINDINGS, text) }).await;
        }
        Err(error) => return Err(error.into()),
    }
    ctx::see_other(routes::FINDINGS);
    Ok(())
}

/// What a form says of the plan that it shows: its accounts, each with the hash of its clean-up's plan.
pub(crate) fn shown_text(plan: &RepairPlan) -> String {
    let shown: Vec<_> = plan.items.iter().map(|item| (&item.account, &item.plan)).collect();
    serde_json::to_string(&shown).unwrap_or_else(|_| unreachable!("pairs of text are JSON"))
}

/// Asks for a repair of what was planned and shown. Needs `Repair`. An account that changed since is left alone, and the
/// repair says so; when all of them did, the plan is shown anew. What the person can mend leads back to the plan with all
/// that was typed.
#[server(name = RequestRepair, prefix = "/fn", endpoint = "census/repair", input = PostUrl)]
pub async fn request_repair(
    /// The filter's kind, or nothing.
    kind: String,
    /// Its router, or nothing.
    router: String,
    /// Its server, or nothing.
    server: String,
    /// Its age, or nothing.
    age: String,
    /// What was shown, as `shown_text` wrote it.
    shown: String,
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
    let fields = [("kind", kind), ("router", router), ("server", server), ("age", age)];
    let filter = filter(|name| {
        let value = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.trim().to_owned());
        value.filter(|value| !value.is_empty())
    })?;
    let form = routes::repair(&filter);
    let typed = BTreeMap::from([("reason".to_owned(), reason.clone()), ("ticket".to_owned(), ticket.clone())]);
    let shown: Vec<(AccountId, PlanHash)> = serde_json::from_str(&shown)
        .map_err(|_| ApiError::invalid("shown", "open the plan again: the form did not say what it showed"))?;
    let plan = unstick.repair_as_shown(&actor, &filter, shown).await?;
    let actor = match confirm::prove(&unstick, &actor, (&password, &code), None).await {
        Ok(actor) => actor,
        Err(error) if error.is_mendable() => {
            flash::leave(Flash::bad(&form, &error, typed.clone())).await;
            ctx::see_other(&form);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match unstick.request_repair(&actor, RepairRequest { plan, reason, ticket }).await {
        Ok(repair) => ctx::see_other(&routes::repair_made(&repair.id)),
        Err(error) => {
            let error = ApiError::from(error);
            if !error.is_mendable() {
                return Err(error);
            }
            flash::leave(Flash::bad(&form, &error, typed.clone())).await;
            ctx::see_other(&form);
        }
    }
    Ok(())
}
