//! One message from a form's function to the page that is shown next, with all that was typed, kept in the console
//! session: nothing of it is in a URL.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ctx;

const KEY: &str = "flash";

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
}

impl Flash {
    /// Good news for the page at `at`.
    pub(crate) fn good(at: impl Into<String>, text: impl Into<String>) -> Self {
        Self { at: at.into(), text: text.into(), ..Self::default() }
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
    let Some(session) = ctx::session() else { return };
    if let Err(error) = session.insert(KEY, flash).await {
        tracing::warn!(%error, "a message for the next page was lost");
    }
}

/// Takes the message for the page that is being shown.
pub(crate) async fn take() -> Option<Flash> {
    let (session, here) = (ctx::session()?, ctx::path());
    let flash: Flash = session.get(KEY).await.ok()??;
    if path_of(&flash.at) != here {
        return None;
    }
    session.remove::<Flash>(KEY).await.ok()?
}

fn path_of(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
