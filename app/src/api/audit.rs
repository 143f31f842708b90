//! The audit log, and how its filter is read: the same for the page and for exports, so that a file holds what the page
//! showed.

use domain::{
    AccountId, Instant,
    view::{AuditFilter, AuditPage},
};

use super::{ApiError, ctx};

/// The filter as it was typed. Nothing typed means «any».
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Who.
    pub actor: String,
    /// Which account.
    pub account: String,
    /// Which action, or its beginning up to a dot.
    pub action: String,
    /// Which ticket.
    pub ticket: String,
    /// Not before: a day, a minute or an instant, in UTC.
    pub from: String,
    /// Before.
    pub to: String,
}

impl AuditQuery {
    /// The filter in the URL of the request that is being answered, by `value_of` its fields.
    pub fn read(value_of: impl Fn(&str) -> Option<String>) -> Self {
        let field = |name| value_of(name).unwrap_or_default();
        Self {
            actor: field("actor"),
            account: field("account"),
            action: field("action"),
            ticket: field("ticket"),
            from: field("from"),
            to: field("to"),
        }
    }

    /// Its fields as they stand in a URL.
    pub fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("actor", &self.actor),
            ("account", &self.account),
            ("action", &self.action),
            ("ticket", &self.ticket),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// What it asks for.
    ///
    /// # Errors
    /// 422 naming the field that does not parse: a filter that is not understood never means «any».
    pub fn parse(&self) -> Result<AuditFilter, ApiError> {
        let text = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let account = text(&self.account).map(AccountId::parse).transpose();
        let filter = AuditFilter {
            actor: text(&self.actor).map(actor),
            account: account.map_err(|error| ApiError::invalid("account", error.to_string()))?,
            action: text(&self.action),
            ticket: text(&self.ticket),
            from: moment("from", &self.from)?,
            to: moment("to", &self.to)?,
        };
        match (filter.from, filter.to) {
            (Some(from), Some(to)) if from >= to => Err(ApiError::invalid("to", "this is not after the other time")),
            _ => Ok(filter),
        }
    }
}

/// An actor as the log calls it: a name alone is a staff member's.
fn actor(text: String) -> String {
    if text == "system" || text.contains(':') { text } else { format!("staff:{text}") }
}

/// A day, a minute (as a browser's field sends it) or an RFC 3339 instant, in UTC.
pub(super) fn moment(field: &'static str, text: &str) -> Result<Option<Instant>, ApiError> {
    let text = text.trim().replace(' ', "T");
    let full = match text.len() {
        0 => return Ok(None),
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text,
    };
    let wrong = |_| ApiError::invalid(field, "write it as 2026-11-23, 2026-11-23 09:14 or 2026-11-23T09:14:07Z");
    Instant::parse(&full).map(Some).map_err(wrong)
}

/// The filter in the URL of the page that is being shown.
pub(crate) fn asked() -> AuditQuery {
    AuditQuery::read(ctx::asked)
}

/// A page of the audit log. Needs `ReadAudit`.
pub(crate) async fn page(query: &AuditQuery) -> Result<AuditPage, ApiError> {
    ctx::only(&["actor", "account", "action", "ticket", "from", "to", "after"])?;
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.audit(&actor, &query.parse()?, ctx::asked("after").as_deref()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_as_people_and_browsers_write_them() {
        let at = |text| moment("from", text).unwrap().unwrap().to_string();
        assert_eq!(at("2026-11-23"), "2026-11-23T00:00:00.000Z");
        assert_eq!(at("2026-11-23T09:14"), "2026-11-23T09:14:00.000Z");
        assert_eq!(at("2026-11-23 09:14:07"), "2026-11-23T09:14:07.000Z");
        assert_eq!(at("2026-11-23T10:14:07+01:00"), "2026-11-23T09:14:07.000Z");
        assert_eq!(moment("from", " "), Ok(None));
    }

    #[test]
    fn what_is_not_understood_never_means_any() {
        for bad in ["yesterday", "2026-13-01", "2026-11-23T25:00", "ääääääääää"] {
            let query = AuditQuery { from: bad.to_owned(), ..AuditQuery::default() };
            assert_eq!(query.parse().unwrap_err().field, Some("from"), "{bad}");
        }
        let backwards =
            AuditQuery { from: "2026-11-23".to_owned(), to: "2026-11-22".to_owned(), ..AuditQuery::default() };
        assert_eq!(backwards.parse().unwrap_err().field, Some("to"));
    }
}
