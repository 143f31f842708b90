//! One message from a form's function to the page that is shown next, with all that was typed, kept in the console
//! session: nothing of it is in a URL. For who is not signed in it is kept in a cookie of a minute's life. Passwords and
//! codes are never part of it; what must be shown once is sealed.

use std::collections::BTreeMap;

use http::header;
use serde::{Deserialize, Serialize};

use super::{ApiError, ctx};
use crate::{components::text::sentence, routes};

const KEY: &str = "flash";
/// The cookie for who is not signed in.
const COOKIE: &str = "__Host-form";

/// A message for one page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The path of the page that it is for.
    pub at: String,
    /// Why: the code of an error, or empty for good news.
    pub code: String,
    /// What to say.
    pub text: String,
    /// The field that it is about; empty when none.
    pub field: String,
    /// What was typed, by field.
    pub typed: BTreeMap<String, String>,
    /// What is shown once, sealed.
    #[serde(default)]
    pub secret: String,
}

impl Flash {
    /// Good news for the page at `at`.
    pub(crate) fn good(at: impl Into<String>, text: impl Into<String>) -> Self {
        Self { at: at.into(), text: text.into(), ..Self::default() }
    }
    /// Why a form was not taken, for the page at `at`, with what was `typed`.
    pub(crate) fn bad(at: impl Into<String>, error: &ApiError, typed: BTreeMap<String, String>) -> Self {
        Self {
            at: at.into(),
            code: error.code.to_owned(),
            text: sentence(&error.message),
            field: error.field.unwrap_or_default().to_owned(),
            typed,
            secret: String::new(),
        }
    }
    /// What is shown once, if there is anything.
    pub(crate) fn secret(&self) -> Option<String> {
        let (unstick, actor) = ctx::reading().ok()?;
        if self.secret.is_empty() { None } else { unstick.open_once(&actor, &self.secret).ok() }
    }
    /// What was typed into `field`.
    pub(crate) fn typed(&self, field: &str) -> String {
        self.typed.get(field).cloned().unwrap_or_default()
    }
    /// The message, if it is about `field`.
    pub(crate) fn about(&self, field: &str) -> Option<String> {
        (self.field == field && !field.is_empty()).then(|| self.text.clone())
    }
}

/// Leaves `flash` for the next page. Without a session it is lost, and the page shows what it knows by itself.
pub(crate) async fn leave(flash: Flash) {
    if ctx::me().is_none() {
        return leave_cookie(&flash);
    }
    let Some(session) = ctx::session() else { return };
    if let Err(error) = session.insert(KEY, flash).await {
        tracing::warn!(%error, "a message for the next page was lost");
    }
}

/// Takes the message for the page that is being shown.
pub(crate) async fn take() -> Option<Flash> {
    let flash = peek().await?;
    if ctx::me().is_none() {
        forget_cookie();
        return Some(flash);
    }
    ctx::session()?.remove::<Flash>(KEY).await.ok()?
}

/// The message for the page that is being shown, which stays for when it is shown again.
pub(crate) async fn peek() -> Option<Flash> {
    let here = ctx::path();
    let flash: Flash = match ctx::me() {
        Some(_) => ctx::session()?.get(KEY).await.ok()??,
        None => serde_json::from_str(&routes::decode(&ctx::cookie(COOKIE)?, false)?).ok()?,
    };
    (path_of(&flash.at) == here).then_some(flash)
}

fn leave_cookie(flash: &Flash) {
    let Ok(text) = serde_json::to_string(flash) else { return };
    let value = routes::encode(&text);
    // Browsers drop longer ones; then the page shows what it knows by itself.
    if value.len() <= 3_500 {
        let cookie = format!("{COOKIE}={value}; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
        ctx::set_header(header::SET_COOKIE, &cookie);
    }
}

fn forget_cookie() {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    ctx::set_header(header::SET_COOKIE, &cookie);
}

fn path_of(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
