//! API tokens of back ends, for admins.

use domain::{Instant, Span, TokenId, TokenScope};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::TokenInfo;

use super::{
    ApiError,
    confirm::{self, Form},
    ctx,
    flash::Flash,
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
        let secret = unstick.seal_once(&actor, &secret)?;
        Ok(Flash { secret, ..Flash::good(routes::TOKENS, format!("Token {id} is made.")) })
    };
    let joined = words.join(" ");
    let form = Form {
        action: routes::action::TOKEN_CREATE,
        what: &format!("make the token {}", name.trim()),
        fields: &[("name", &name), ("scope", &joined), ("life", &life)],
        page: routes::TOKENS,
    };
    form.ends(done.await).await
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
        unstick.revoke_token(&actor, &token).await?;
        Ok(Flash::good(routes::TOKENS, format!("Token {token} is refused from the next request on.")))
    };
    let form = Form {
        action: routes::action::TOKEN_REVOKE,
        what: &format!("revoke the token {token}"),
        fields: &[("id", token.as_str())],
        page: routes::TOKENS,
    };
    form.ends(done.await).await
}
