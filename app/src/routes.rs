//! The only place that spells the console's URLs. Ids are percent-encoded here and nowhere else.

pub mod action;
#[cfg(feature = "ssr")]
pub(crate) mod pattern;

use std::{borrow::Cow, fmt::Write};

use domain::{
    AccountFilter, AccountId, BulkId, BulkOutcome, CleanupId, DeliveryFilter, DeliveryState, EventKind, Mode, Place,
    RepairId, RouteKey, RouterName, ServerName, StaffId, Status, WebhookId,
    census::{CensusKind, FindingFilter},
    view::SessionFilter,
};

/// Search, and the first page.
pub const HOME: &str = "/";
/// Every account.
pub const ACCOUNTS: &str = "/accounts";
/// Every clean-up.
pub const CLEANUPS: &str = "/clean-ups";
/// Every bulk clean-up.
pub const BULK: &str = "/bulk";
/// A new bulk clean-up.
pub const BULK_NEW: &str = "/bulk/new";
/// Routers, pools, servers.
pub const ROUTING: &str = "/routing";
/// What the census found.
pub const FINDINGS: &str = "/findings";
/// Who is told what happens.
pub const WEBHOOKS: &str = "/webhooks";
/// The audit log.
pub const AUDIT: &str = "/audit";
/// Who signs in here.
pub const STAFF: &str = "/staff";
/// API tokens of back ends.
pub const TOKENS: &str = "/tokens";
/// One's own sign-ins.
pub const ME: &str = "/me";
/// One's own second factor.
pub const SECOND_FACTOR: &str = "/me/second-factor";
/// Confirming who one is.
pub const CONFIRM: &str = "/confirm";
/// Making the first admin.
pub const SETUP: &str = "/setup";
/// Choosing a password with a one-time code.
pub const WELCOME: &str = "/welcome";
/// The way in.
pub const SIGN_IN: &str = "/sign-in";
/// The customers' own page.
pub const SELF: &str = "/self";
/// What a customer's reset would do.
pub const SELF_RESET: &str = "/self/reset";
/// The style sheet, where cargo-leptos puts it.
pub const STYLE: &str = "/pkg/unstick.css";
/// The icon of the browser's tab.
pub const ICON: &str = "/icon.svg";

/// `text` as a part of a path or a query: everything but RFC 3986's unreserved characters is percent-encoded.
pub fn encode(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    Cow::Owned(encoded)
}

/// What [`encode`] encoded, and what a browser's form does (`+` is a blank in a query). `None` when it is not UTF-8 or
/// a `%` is followed by anything but two hexadecimal digits.
pub fn decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'%' => bytes.push(digit(rest.next()?)? * 16 + digit(rest.next()?)?),
            b'+' if plus_is_blank => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// `path` with those `pairs` that have a value, as a query.
fn query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = path.to_owned();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
    }
    url
}

/// The results of a search.
pub fn search(text: &str, after: Option<&str>) -> String {
    query(HOME, [("q", text), ("after", after.unwrap_or_default())])
}

/// A page of the accounts that pass `filter`; of all, when it says nothing.
pub fn accounts(filter: &AccountFilter, after: Option<&str>) -> String {
    filtered(ACCOUNTS, filter, after)
}

/// A page of the accounts that have a route at `place` to `server`.
pub fn accounts_on(place: &Place, server: &ServerName, after: Option<&str>) -> String {
    let on = Some((place.clone(), server.clone()));
    accounts(&AccountFilter { server: on, ..AccountFilter::default() }, after)
}

fn filtered(path: &str, filter: &AccountFilter, after: Option<&str>) -> String {
    let pairs = filter.pairs();
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    query(path, pairs.chain([("after", after.unwrap_or_default())]))
}

/// A new bulk clean-up of the accounts that pass `filter`.
pub fn bulk_new(filter: &AccountFilter) -> String {
    filtered(BULK_NEW, filter, None)
}

/// A page of bulk clean-ups.
pub fn bulks(after: Option<&str>) -> String {
    query(BULK, [("after", after.unwrap_or_default())])
}

/// A bulk clean-up, at a page of its accounts.
pub fn bulk(id: &BulkId, outcome: Option<BulkOutcome>, after: Option<&str>) -> String {
    let pairs = [("outcome", outcome.map_or("", BulkOutcome::as_str)), ("after", after.unwrap_or_default())];
    query(&format!("{BULK}/{}", encode(id.as_str())), pairs)
}

/// A bulk clean-up's report as a file: `csv` or `ndjson`.
pub fn bulk_report(id: &BulkId, format: &str) -> String {
    format!("{BULK}/{}/report.{format}", encode(id.as_str()))
}

/// A bulk clean-up's progress as server-sent events.
pub fn bulk_events(id: &BulkId) -> String {
    format!("{BULK}/{}/events", encode(id.as_str()))
}

/// An account.
pub fn account(id: &AccountId) -> String {
    format!("{ACCOUNTS}/{}", encode(id.as_str()))
}

/// An account, at a page of its sessions.
pub fn account_sessions(id: &AccountId, filter: SessionFilter, after: Option<&str>) -> String {
    let pairs = [("sessions", filter.as_str()), ("after", after.unwrap_or_default())];
    query(&account(id), pairs) + "#sessions"
}

/// The plan of a clean-up.
pub fn plan(id: &AccountId, mode: Mode) -> String {
    query(&format!("{}/clean-up", account(id)), [("mode", mode.as_str())])
}

/// Making a link for the customer of an account.
pub fn account_link(id: &AccountId) -> String {
    format!("{}/link", account(id))
}

/// The door that the link with `code` leads to. In the query, for the log has paths.
pub fn self_service(code: &str) -> String {
    query(SELF, [("code", code)])
}

/// The customers' own page; `told` is a code, never what was typed.
pub fn own(told: Option<&str>) -> String {
    query(SELF, [("told", told.unwrap_or_default())])
}

/// What a customer's reset would do that leaves `stays` signed in.
pub fn own_reset(stays: &str, told: Option<&str>) -> String {
    query(SELF_RESET, [("stays", stays), ("told", told.unwrap_or_default())])
}

/// How far a customer's reset is.
pub fn own_progress(id: &CleanupId, told: Option<&str>) -> String {
    query(&format!("{SELF_RESET}/{}", encode(id.as_str())), [("told", told.unwrap_or_default())])
}

/// The id in the path of [`own_progress`].
pub fn own_reset_in(path: &str) -> Option<String> {
    decode(path.strip_prefix(SELF_RESET)?.strip_prefix('/')?, false)
}

/// A page of clean-ups.
pub fn cleanups(status: Option<Status>, after: Option<&str>) -> String {
    query(CLEANUPS, [("status", status.map_or("", Status::as_str)), ("after", after.unwrap_or_default())])
}

/// A clean-up's ledger.
pub fn cleanup(id: &CleanupId) -> String {
    format!("{CLEANUPS}/{}", encode(id.as_str()))
}

/// A clean-up's ledger as server-sent events.
pub fn cleanup_events(id: &CleanupId) -> String {
    format!("{}/events", cleanup(id))
}

/// A clean-up's evidence pack as a file: `md` or `json`.
pub fn evidence(id: &CleanupId, format: &str) -> String {
    format!("{}/evidence.{format}", cleanup(id))
}

/// A server, and setting its state.
pub fn server(place: &Place, server: &ServerName) -> String {
    let of = [("router", place.router.as_str()), ("pool", place.pool.as_str()), ("server", server.as_str())];
    query(&format!("{ROUTING}/server"), of)
}

/// Moving everybody off a server.
pub fn move_off(place: &Place, server: &ServerName) -> String {
    let of = [("router", place.router.as_str()), ("pool", place.pool.as_str()), ("server", server.as_str())];
    query(&format!("{ROUTING}/move-off"), of)
}

/// Pinning a key to a chosen server.
pub fn re_pin(place: &Place, key: &RouteKey) -> String {
    let of = [("router", place.router.as_str()), ("pool", place.pool.as_str()), ("key", key.as_str())];
    query(&format!("{ROUTING}/re-pin"), of)
}

/// A page of what the census found.
pub fn findings(filter: &FindingFilter, after: Option<&str>) -> String {
    query(FINDINGS, finding_pairs(filter).into_iter().chain([("after", after.unwrap_or_default())]))
}

/// The plan of a repair of what the census found.
pub fn repair(filter: &FindingFilter) -> String {
    query(&format!("{FINDINGS}/repair"), finding_pairs(filter))
}

/// A repair that was asked for.
pub fn repair_made(id: &RepairId) -> String {
    query(&format!("{FINDINGS}/repair"), [("id", id.as_str())])
}

/// A filter of findings as it stands in a URL and a form.
pub fn finding_pairs(filter: &FindingFilter) -> [(&'static str, &str); 4] {
    [
        ("kind", filter.kind.map_or("", CensusKind::as_str)),
        ("router", filter.router.as_ref().map_or("", RouterName::as_str)),
        ("server", filter.server.as_ref().map_or("", ServerName::as_str)),
        ("age", filter.age.as_str()),
    ]
}

/// A webhook, at a page of what was sent to it.
pub fn webhook(id: &WebhookId, filter: &DeliveryFilter, after: Option<&str>) -> String {
    let pairs = [
        ("state", filter.state.map_or("", DeliveryState::as_str)),
        ("event", filter.kind.map_or("", EventKind::as_str)),
        ("account", filter.account.as_ref().map_or("", AccountId::as_str)),
        ("after", after.unwrap_or_default()),
    ];
    query(&format!("{WEBHOOKS}/{}", encode(id.as_str())), pairs)
}

/// The audit log, by the texts of its form.
pub fn audit<'a>(filter: impl IntoIterator<Item = (&'a str, &'a str)>, after: Option<&'a str>) -> String {
    query(AUDIT, filter.into_iter().chain([("after", after.unwrap_or_default())]))
}

/// The audit log as a file: `csv` or `ndjson`.
pub fn audit_export<'a>(format: &str, filter: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    query(&format!("{AUDIT}/export.{format}"), filter)
}

/// Signing in, to go on at `next`; `error` is a code, never what was typed.
pub fn sign_in(next: &str, error: &str) -> String {
    query(SIGN_IN, [("next", if next == HOME { "" } else { next }), ("error", error)])
}

/// The second step of signing in, to go on at `next`; `error` is a code.
pub fn sign_in_code(next: &str, error: &str) -> String {
    query(&format!("{SIGN_IN}/code"), [("next", if next == HOME { "" } else { next }), ("error", error)])
}

/// A staff member.
pub fn staff_member(id: &StaffId) -> String {
    format!("{STAFF}/{}", encode(id.as_str()))
}

/// `next` if it leads to a page of the console, else the first page. Browsers read `//host`, `/\host` and control
/// characters as other places.
pub fn local(next: &str) -> &str {
    let plain = next.starts_with('/') && !next.contains(['\\', '\u{7f}']) && !next.chars().any(char::is_control);
    let here = !next.starts_with("//") && !next.starts_with("/fn/") && !next.starts_with(SIGN_IN);
    if plain && here && next.is_ascii() && next.len() <= 2_000 { next } else { HOME }
}

/// The id in the path of an account's pages, of a clean-up's, of a bulk clean-up's, of a webhook's or of a staff member's.
pub fn id_in(path: &str) -> Option<String> {
    let rest = [ACCOUNTS, CLEANUPS, BULK, WEBHOOKS, STAFF]
        .iter()
        .find_map(|root| path.strip_prefix(root)?.strip_prefix('/'))?;
    decode(rest.split('/').next()?, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_id_survives_its_path() {
        for text in ["acc_7Q2mX0cVd4", "auth0|5f/7c?#%41+x", "ключ клиента", "a\"><script>"] {
            let id = AccountId::parse(text).unwrap();
            let url = plan(&id, Mode::Force);
            assert!(url.is_ascii() && !url.contains(['"', '<', '|']), "{url}");
            assert_eq!(id_in(url.split('?').next().unwrap()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_a_form_sends_is_read_as_it_was_typed() {
        assert_eq!(decode("a%2Bb+c", true).as_deref(), Some("a+b c"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        for bad in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(decode(bad, true), None, "{bad}");
        }
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(local("/accounts/a%7Cb?sessions=all"), "/accounts/a%7Cb?sessions=all");
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/sign-in?next=/",
            "/fn/x",
            "\t//e",
        ] {
            assert_eq!(local(bad), HOME, "{bad:?}");
        }
    }

    #[test]
    fn an_empty_filter_is_not_in_the_url() {
        assert_eq!(cleanups(None, None), "/clean-ups");
        assert_eq!(cleanups(Some(Status::Owed), Some("k 1")), "/clean-ups?status=owed&after=k%201");
        assert_eq!(sign_in("/", ""), "/sign-in");
    }
}
