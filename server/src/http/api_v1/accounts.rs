//! Accounts: `PUT` and `GET /accounts/{account_id}`, `GET /accounts`.

use axum::{Json, extract::State, http::StatusCode};
use domain::{AccountId, Instant};
use serde::Deserialize;
use service::AccountUpsert;
use utoipa::ToSchema;

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Id, Params},
    problem,
    shown::{AccountView, PageParams, PageView, page_limit},
};
use crate::http::Site;

/// What is known of an account. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    /// E-mail address.
    #[schema(example = "dana@example.com")]
    email: Option<String>,
    /// Display name.
    #[schema(example = "Dana Ortiz")]
    name: Option<String>,
    /// Plan or tier.
    #[schema(example = "team")]
    plan: Option<String>,
    /// IANA time zone.
    #[schema(example = "Europe/Lisbon")]
    time_zone: Option<String>,
    /// When the customer joined, from 2000-01-01 to now; by default when it is first reported.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Instant>,
}

impl AccountBody {
    pub fn upsert(self, id: AccountId) -> AccountUpsert {
        let Self { email, name, plan, time_zone, created_at } = self;
        AccountUpsert { id, email, name, plan, time_zone, created_at, sample: false }
    }
}

/// Report an account
///
/// Idempotent. Fields that are left out keep what is stored. Needs the scope `sessions:write`.
#[utoipa::path(put, path = "/api/v1/accounts/{account_id}", tag = "accounts", operation_id = "putAccount",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4")),
    request_body(content = AccountBody, example = json!({"email": "dana@example.com", "name": "Dana Ortiz"})),
    responses((status = 201, body = AccountView, description = "New"), (status = 200, body = AccountView, description = "Known, and updated"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn put(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
    Body(body): Body<AccountBody>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    let stored = site.unstick().upsert_accounts(&actor, vec![body.upsert(id)]).await?;
    let (account, is_new) = stored.into_iter().next().ok_or(service::Error::NotFound("account"))?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(account.into())))
}

/// Read an account
///
/// Needs the scope `sessions:read`.
#[utoipa::path(get, path = "/api/v1/accounts/{account_id}", tag = "accounts", operation_id = "getAccount",
    params(("account_id" = String, Path, description = "The identity system's id", example = "acc_7Q2mX0cVd4")),
    responses((status = 200, body = AccountView, description = "The account"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn get(
    Backend(actor): Backend,
    State(site): State<Site>,
    Id(id): Id<AccountId>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(site.unstick().api_account(&actor, &id).await?.into()))
}

/// List accounts
///
/// By id, a page at a time. Needs the scope `sessions:read`.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", operation_id = "listAccounts", params(PageParams),
    responses((status = 200, body = PageView<AccountView>, description = "A page"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn list(
    Backend(actor): Backend,
    State(site): State<Site>,
    Params(PageParams { after, limit }): Params<PageParams>,
) -> Result<Json<PageView<AccountView>>, Problem> {
    let page = site.unstick().api_accounts(&actor, after.as_deref(), page_limit(limit)?).await?;
    Ok(Json(PageView { items: page.items.into_iter().map(Into::into).collect(), next: page.next }))
}
