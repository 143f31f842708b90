//! Words of the command line: ids and instants are read with the rule in the message, numbers are told as people would.

use domain::{Instant, Role, Span, TokenScope};

use crate::config::span;

/// An id of the kind that is asked for.
///
/// # Errors
/// The id's rule.
pub fn id<T: std::str::FromStr<Err = domain::IdError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: domain::IdError| error.to_string())
}

/// A role.
///
/// # Errors
/// The words there are.
pub fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "write viewer, support, admin or auditor".to_owned())
}

/// A token's scope.
///
/// # Errors
/// The words there are.
pub fn scope(text: &str) -> Result<TokenScope, String> {
    let words: Vec<_> = TokenScope::ALL.iter().map(|scope| scope.as_str()).collect();
    TokenScope::parse(text).ok_or_else(|| format!("write one of {}", words.join(", ")))
}

/// A span of time.
///
/// # Errors
/// How to write one.
pub fn time_span(text: &str) -> Result<Span, String> {
    span(text)
}

/// An instant, or a day, which is its first instant.
///
/// # Errors
/// How to write one.
pub fn instant(text: &str) -> Result<Instant, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Instant::parse(&whole).map_err(|_| "write a day as 2026-11-23, or an instant as 2026-11-23T09:14:07Z".to_owned())
}

/// `1 route`, `2 routes`.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
