//! API tokens of back ends, for admins.

use std::collections::BTreeMap;

use domain::{Instant, Span, TokenId, TokenScope};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::TokenInfo;

use super::{
    ApiError, confirm, ctx,
    flash::{self, Flash},
};
use crate::routes;

/// How long a token may live, as the form offers it: the word, days, and what is shown.
pub(crate) const LIVES: [(&str, i64, &str); 4] =
    [("30", 30, "30 days"), ("90", 90, "90 days"), ("365", 365, "a year"), ("never", 0, "for ever")];

/// Every token, and the present. Needs `ManageTokens`.
pub(crate) async fn list() -> Result<(Vec<TokenInfo>, Instant), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok((unstick.tokens(&actor).await?, unstick.clock().now()))
}

/// Makes a token; its secret is shown once, on the next page. Needs `ManageTokens`.
#[server(name = CreateToken, prefix = "/fn", endpoint = "tokens/create", input = PostUrl)]
pub async fn create_token(
    /// What it is called.
    name: String,
    /// What it is good for, in words with blanks between, as it is carried along.
    #[server(default)]
    scope: String,
    /// What it is good for, one by one.
    #[server(default)]
    scopes: Vec<String>,
    /// How long it lives.
    #[server(default)]
    life: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let words: Vec<&str> = scopes.iter().map(String::as_str).chain(scope.split_whitespace()).collect();
    let done = async {
        let scope = |word: &&str| {
            TokenScope::parse(word).ok_or_else(|| ApiError::invalid("scope", format!("there is no scope {word}")))
        };
        let scopes: Vec<TokenScope> = words.iter().map(scope).collect::<Result<_, _>>()?;
        let known = LIVES.iter().find(|(word, ..)| *word == life);
        let (_, days, _) = known.ok_or_else(|| ApiError::invalid("life", "choose how long it is good"))?;
        let ends = (*days > 0).then(|| unstick.clock().now() + Span::from_days(*days));
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let (id, secret) = unstick.create_token(&actor, name.trim(), &scopes, ends).await?;
        Ok::<_, ApiError>((unstick.seal_once(&actor, &secret)?, id))
    };
    let joined = words.join(" ");
    let flash = match done.await {
        Ok((secret, id)) => Flash { secret, ..Flash::good(routes::TOKENS, format!("Token {id} is made.")) },
        Err(error) if error.is_unproved() || matches!(error.field, Some("password" | "code")) => {
            let fields = [("name", name.as_str()), ("scope", &joined), ("life", &life)];
            let what = format!("make the token {}", name.trim());
            return confirm::carry(routes::action::TOKEN_CREATE, &what, &fields, &error).await;
        }
        Err(error) if error.is_mendable() => {
            let pairs = [("name", name), ("scope", joined), ("life", life)];
            let typed: BTreeMap<_, _> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Flash::bad(routes::TOKENS, &error, typed)
        }
        Err(error) => return Err(error),
    };
    flash::leave(flash).await;
    ctx::see_other(routes::TOKENS);
    Ok(())
}

/// Revokes a token. Needs `ManageTokens`.
#[server(name = RevokeToken, prefix = "/fn", endpoint = "tokens/revoke", input = PostUrl)]
pub async fn revoke_token(
    /// Which.
    id: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let token = TokenId::parse(id).map_err(|_| ApiError::not_found("token"))?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.revoke_token(&actor, &token).await.map_err(ApiError::from)
    };
    let flash = match done.await {
        Ok(()) => Flash::good(routes::TOKENS, format!("Token {token} is refused from the next request on.")),
        Err(error) if error.is_unproved() || matches!(error.field, Some("password" | "code")) => {
            let what = format!("revoke the token {token}");
            return confirm::carry(routes::action::TOKEN_REVOKE, &what, &[("id", token.as_str())], &error).await;
        }
        Err(error) if error.is_mendable() => Flash::bad(routes::TOKENS, &error, BTreeMap::new()),
        Err(error) => return Err(error),
    };
    flash::leave(flash).await;
    ctx::see_other(routes::TOKENS);
    Ok(())
}
