//! Paths with a place for an id, as axum's router takes them.

/// [`super::account`].
pub(crate) const ACCOUNT: &str = "/accounts/{id}";
/// [`super::plan`].
pub(crate) const PLAN: &str = "/accounts/{id}/clean-up";
/// [`super::account_link`].
pub(crate) const ACCOUNT_LINK: &str = "/accounts/{id}/link";
/// [`super::own_progress`].
pub(crate) const OWN_PROGRESS: &str = "/self/reset/{id}";
/// [`super::cleanup`].
pub(crate) const CLEANUP: &str = "/clean-ups/{id}";
/// [`super::bulk`].
pub(crate) const BULK: &str = "/bulk/{id}";
/// [`super::server`].
pub(crate) const SERVER: &str = "/routing/server";
/// [`super::move_off`].
pub(crate) const MOVE_OFF: &str = "/routing/move-off";
/// [`super::re_pin`].
pub(crate) const RE_PIN: &str = "/routing/re-pin";
/// [`super::repair`].
pub(crate) const REPAIR: &str = "/findings/repair";
/// [`super::webhook`].
pub(crate) const WEBHOOK: &str = "/webhooks/{id}";
/// [`super::sign_in_code`].
pub(crate) const SIGN_IN_CODE: &str = "/sign-in/code";
/// [`super::staff_member`].
pub(crate) const STAFF_MEMBER: &str = "/staff/{id}";
