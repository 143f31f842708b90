//! What reports and reasons must be, whichever way they come. Each refusal names its field.

use domain::{Instant, Span, ip::address};
use store::{AccountUpsert, End, SessionCreate, Touch};

use crate::{Error, Result};

/// 2000-01-01T00:00:00Z: what says to be older comes of a clock that was never set.
const OLDEST: Instant = Instant::from_secs(946_684_800);
/// How far a back end's clock may be ahead of ours.
const AHEAD: Span = Span::from_secs(300);

pub(crate) fn account(item: &AccountUpsert, now: Instant) -> Result<()> {
    let texts = [("email", &item.email), ("name", &item.name), ("plan", &item.plan), ("time_zone", &item.time_zone)];
    for (field, told) in texts {
        told.as_deref().map_or(Ok(()), |told| text(field, told, 320))?;
    }
    time("created_at", item.created_at, now)
}

pub(crate) fn session(item: &SessionCreate, now: Instant) -> Result<()> {
    text("client", &item.client, 120)?;
    text("user_agent", &item.user_agent, 512)?;
    ip(&item.ip)?;
    time("created_at", item.created_at, now)
}

pub(crate) fn touch(item: &Touch, now: Instant) -> Result<()> {
    item.ip.as_deref().map_or(Ok(()), ip)?;
    time("at", item.at, now)
}

pub(crate) fn end(item: &End, now: Instant) -> Result<()> {
    time("at", item.at, now)
}

/// A reason and a ticket without blanks around them.
pub(crate) fn why(reason: &str, ticket: &str) -> Result<(String, String)> {
    let (reason, ticket) = (reason.trim().to_owned(), ticket.trim().to_owned());
    let letters = reason.chars().count();
    if !(5..=500).contains(&letters) {
        let message = if letters < 5 {
            "say why, in at least 5 characters: it goes into the audit log"
        } else {
            "say it in at most 500 characters"
        };
        return Err(Error::invalid("reason", message));
    }
    if ticket.chars().count() > 64 || ticket.chars().any(char::is_control) {
        return Err(Error::invalid("ticket", "a ticket is at most 64 characters in one line"));
    }
    Ok((reason, ticket))
}

fn text(field: &'static str, text: &str, most: usize) -> Result<()> {
    if text.chars().any(char::is_control) {
        let message = format!("{field} must be one line of text, without line breaks and control characters");
        return Err(Error::invalid(field, message));
    }
    if text.len() > most {
        return Err(Error::invalid(field, format!("{field} is at most {most} bytes; you sent {}", text.len())));
    }
    Ok(())
}

fn ip(text: &str) -> Result<()> {
    if text.is_empty() || address(text).is_some() {
        return Ok(());
    }
    Err(Error::invalid("ip", "ip must be an IPv4 or IPv6 address, or empty"))
}

fn time(field: &'static str, at: Option<Instant>, now: Instant) -> Result<()> {
    if at.is_none_or(|at| (OLDEST..=now + AHEAD).contains(&at)) {
        return Ok(());
    }
    let message = format!("{field} must lie between 2000-01-01T00:00:00Z and now, {now}, or 5 minutes later at most");
    Err(Error::invalid(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_between_the_year_2000_and_five_minutes_from_now() {
        let now = Instant::parse("2026-11-23T09:00:00Z").unwrap();
        for (at, good) in [
            ("0001-01-01T00:00:00Z", false),
            ("1999-12-31T23:59:59Z", false),
            ("2000-01-01T00:00:00Z", true),
            ("2026-11-23T09:05:00Z", true),
            ("2026-11-23T09:05:01Z", false),
            ("2099-01-01T00:00:00Z", false),
        ] {
            let told = time("at", Some(Instant::parse(at).unwrap()), now);
            assert_eq!(told.is_ok(), good, "{at}");
        }
        assert!(time("at", None, now).is_ok());
    }
}
