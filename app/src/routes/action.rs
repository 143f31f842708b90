//! Where forms post to: the server functions' own paths (a test compares them).

/// Signs in.
pub const SIGN_IN: &str = "/fn/sign-in";
/// The second step of signing in.
pub const SIGN_IN_CODE: &str = "/fn/sign-in/code";
/// Makes the first admin.
pub const SETUP: &str = "/fn/setup";
/// Chooses a password with a one-time code.
pub const WELCOME: &str = "/fn/welcome";
/// Confirms who one is.
pub const CONFIRM: &str = "/fn/me/confirm";
/// Changes one's password.
pub const PASSWORD: &str = "/fn/me/password";
/// Begins to set up one's second factor.
pub const FACTOR_BEGIN: &str = "/fn/me/second-factor/begin";
/// Lets it count, with its first code.
pub const FACTOR_CONFIRM: &str = "/fn/me/second-factor/confirm";
/// Renews its recovery codes.
pub const FACTOR_CODES: &str = "/fn/me/second-factor/codes";
/// Takes it away.
pub const FACTOR_REMOVE: &str = "/fn/me/second-factor/remove";
/// Adds a staff member.
pub const STAFF_ADD: &str = "/fn/staff/add";
/// Gives one another role.
pub const STAFF_ROLE: &str = "/fn/staff/role";
/// Disables, enables or resets one, ends their sessions or proofs.
pub const STAFF_CHANGE: &str = "/fn/staff/change";
/// Ends one of their console sessions.
pub const STAFF_END: &str = "/fn/staff/end-session";
/// Makes a token.
pub const TOKEN_CREATE: &str = "/fn/tokens/create";
/// Revokes one.
pub const TOKEN_REVOKE: &str = "/fn/tokens/revoke";
/// Signs out.
pub const SIGN_OUT: &str = "/fn/sign-out";
/// Asks for a clean-up.
pub const REQUEST: &str = "/fn/clean-ups/request";
/// Tries a clean-up's failed and owed steps again.
pub const RETRY: &str = "/fn/clean-ups/retry";
/// Runs a census.
pub const CENSUS: &str = "/fn/census/run";
/// Repairs what the census found.
pub const REPAIR: &str = "/fn/census/repair";
/// Freezes a list of accounts.
pub const BULK_DRAFT: &str = "/fn/bulk/draft";
/// Asks for a bulk clean-up.
pub const BULK_REQUEST: &str = "/fn/bulk/request";
/// Approves one.
pub const BULK_APPROVE: &str = "/fn/bulk/approve";
/// Pauses, resumes, cancels or retries one.
pub const BULK_CONTROL: &str = "/fn/bulk/control";
/// Freezes the list of those who are on a server, to move them off it.
pub const MOVE_OFF: &str = "/fn/bulk/move-off";
/// Sets the state of a server.
pub const SERVER_STATE: &str = "/fn/routing/server-state";
/// Pins a key to a chosen server.
pub const RE_PIN: &str = "/fn/routing/re-pin";
/// Makes a link for a customer.
pub const MAKE_LINK: &str = "/fn/accounts/link";
/// Opens a link: the customer's visit begins.
pub const OPEN_LINK: &str = "/fn/self/open";
/// Resets the customer's own sessions.
pub const OWN_RESET: &str = "/fn/self/reset";
/// Ends the customer's visit.
pub const LEAVE: &str = "/fn/self/leave";
/// Makes a webhook.
pub const WEBHOOK_ADD: &str = "/fn/webhooks/add";
/// Gives a webhook a new secret.
pub const WEBHOOK_ROTATE: &str = "/fn/webhooks/rotate";
/// Switches a webhook on or off.
pub const WEBHOOK_SWITCH: &str = "/fn/webhooks/switch";
/// Deletes a webhook.
pub const WEBHOOK_DELETE: &str = "/fn/webhooks/delete";
/// Sends a webhook a test.
pub const WEBHOOK_TEST: &str = "/fn/webhooks/test";
/// Sends one event again.
pub const WEBHOOK_AGAIN: &str = "/fn/webhooks/again";
/// Sends again what happened in a stretch of time.
pub const WEBHOOK_REPLAY: &str = "/fn/webhooks/replay";
/// Ends one of one's own console sessions.
pub const REVOKE: &str = "/fn/me/revoke";
/// Ends all of one's console sessions but this one.
pub const REVOKE_OTHERS: &str = "/fn/me/revoke-others";
/// Chooses dark or light.
pub const THEME: &str = "/fn/me/theme";
