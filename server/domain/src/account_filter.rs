//! Which accounts are meant: one filter for the list of accounts and for whatever is done to many of them. What is not
//! understood is an error, and nothing never means all.

use serde::{Deserialize, Serialize};

use crate::{Instant, Place, PoolName, RouterName, ServerName, census::CensusKind, fold::fold};

/// Shortest text that is looked for: a trigram.
const SHORTEST: usize = 3;
/// Longest text and plan, in characters.
const LONGEST: usize = 100;

/// A filter of accounts. All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountFilter {
    /// A part of id, e-mail or name, folded.
    pub text: Option<String>,
    /// The last census has an open finding of this kind about it.
    pub kind: Option<CensusKind>,
    /// It has a route at this place to this server.
    pub server: Option<(Place, ServerName)>,
    /// So many sessions are left over, or more.
    pub leftover: Option<i64>,
    /// It was last seen before.
    pub seen_before: Option<Instant>,
    /// It is on this plan, as the identity system calls it.
    pub plan: Option<String>,
}

/// A field of a filter that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Which field.
    pub field: &'static str,
    /// What to do about it.
    pub message: String,
}

fn wrong<T>(field: &'static str, message: impl Into<String>) -> Result<T, FilterError> {
    Err(FilterError { field, message: message.into() })
}

impl AccountFilter {
    /// The names of its fields in a URL, in a form, and on a command line.
    pub const FIELDS: [&'static str; 8] =
        ["text", "kind", "router", "pool", "server", "leftover", "seen_before", "plan"];

    /// The filter that `value_of` its fields says; blank values say nothing.
    ///
    /// # Errors
    /// A field that is not understood.
    pub fn parse(value_of: impl Fn(&str) -> Option<String>) -> Result<Self, FilterError> {
        let value = |name: &str| value_of(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let text = value("text").map(|text| fold(&text));
        if text.as_ref().is_some_and(|text| !(SHORTEST..=LONGEST).contains(&text.chars().count())) {
            return wrong("text", format!("use {SHORTEST} to {LONGEST} characters of an id, an e-mail or a name"));
        }
        let plan = value("plan");
        if plan.as_ref().is_some_and(|plan| plan.chars().count() > LONGEST) {
            return wrong("plan", format!("a plan has at most {LONGEST} characters"));
        }
        let kind = match value("kind") {
            None => None,
            Some(word) => match CensusKind::parse(&word) {
                Some(kind) => Some(kind),
                None => return wrong("kind", format!("no finding is of kind {word}")),
            },
        };
        let leftover = match value("leftover").map(|number| number.parse::<i64>()) {
            None => None,
            Some(Ok(n)) if n >= 1 => Some(n),
            Some(_) => return wrong("leftover", "write a whole number, 1 or more"),
        };
        let seen_before = match value("seen_before") {
            None => None,
            Some(text) => {
                let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text };
                match Instant::parse(&whole) {
                    Ok(at) => Some(at),
                    Err(_) => {
                        return wrong(
                            "seen_before",
                            "write a day as 2026-11-23, or an instant as 2026-11-23T09:14:07Z",
                        );
                    }
                }
            }
        };
        let server = match (value("router"), value("pool"), value("server")) {
            (None, None, None) => None,
            (Some(router), Some(pool), Some(server)) => {
                let router = RouterName::parse(router).or_else(|error| wrong("router", error.to_string()))?;
                let pool = PoolName::parse(pool).or_else(|error| wrong("pool", error.to_string()))?;
                let server = ServerName::parse(server).or_else(|error| wrong("server", error.to_string()))?;
                Some((Place { router, pool }, server))
            }
            _ => return wrong("server", "name router, pool and server together"),
        };
        Ok(Self { text, kind, server, leftover, seen_before, plan })
    }

    /// Reads `field=value` pairs between blanks: `leftover=3 router=lb-1 pool=app server=api-2`.
    ///
    /// # Errors
    /// A field that is not there, one that comes twice, or one that is not understood.
    pub fn parse_words(text: &str) -> Result<Self, FilterError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for word in text.split_whitespace() {
            let Some((name, value)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) else {
                return wrong("filter", format!("write field=value, not {word}; fields: {}", Self::FIELDS.join(", ")));
            };
            if !Self::FIELDS.contains(&name) {
                return wrong("filter", format!("there is no field {name}; there are {}", Self::FIELDS.join(", ")));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return wrong("filter", format!("{name} is there twice"));
            }
            pairs.push((name, value));
        }
        Self::parse(|name| pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
    }

    /// Whether it says nothing: all accounts, in a list; in a bulk clean-up, a mistake.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filter as it stands in a URL and a form: every field, with nothing for what is not said.
    pub fn pairs(&self) -> [(&'static str, String); 8] {
        let (place, server) = self.server.as_ref().map(|(place, server)| (place, server)).unzip();
        let [text, kind, router, pool, name, leftover, seen_before, plan] = Self::FIELDS;
        [
            (text, self.text.clone().unwrap_or_default()),
            (kind, self.kind.map_or("", CensusKind::as_str).to_owned()),
            (router, place.map(|place| place.router.to_string()).unwrap_or_default()),
            (pool, place.map(|place| place.pool.to_string()).unwrap_or_default()),
            (name, server.map(ToString::to_string).unwrap_or_default()),
            (leftover, self.leftover.map(|n| n.to_string()).unwrap_or_default()),
            (seen_before, self.seen_before.map(|at| at.to_string()).unwrap_or_default()),
            (plan, self.plan.clone().unwrap_or_default()),
        ]
    }

    /// What it means, as the end of «accounts …».
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(text) = &self.text {
            words.push(format!("with «{text}» in id, e-mail or name"));
        }
        if let Some(kind) = self.kind {
            words.push(format!("with an open finding «{}»", kind.label()));
        }
        if let Some((place, server)) = &self.server {
            words.push(format!("with a route to {server} on {} / {}", place.router, place.pool));
        }
        if let Some(n) = self.leftover {
            words.push(format!("with {n} or more left-over sessions"));
        }
        if let Some(at) = self.seen_before {
            words.push(format!("last seen before {at}"));
        }
        if let Some(plan) = &self.plan {
            words.push(format!("on the plan «{plan}»"));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_back() {
        let text =
            "leftover=3 router=lb-1 pool=app server=api-2 kind=stale_route plan=pro seen_before=2026-11-01 text=Márta";
        let filter = AccountFilter::parse_words(text).unwrap();
        assert_eq!(filter.text.as_deref(), Some("marta"));
        let pairs = filter.pairs();
        let again = AccountFilter::parse(|name| pairs.iter().find(|(other, _)| *other == name).map(|(_, v)| v.clone()));
        assert_eq!(again.unwrap(), filter);
        assert!(filter.words().contains("3 or more left-over sessions"));
    }

    #[test]
    fn what_is_not_understood_never_means_all() {
        for (text, field) in [
            ("leftover=0", "leftover"),
            ("leftover=many", "leftover"),
            ("server=api-2", "server"),
            ("router=lb-1 pool=app", "server"),
            ("kind=everything", "kind"),
            ("seen_before=yesterday", "seen_before"),
            ("text=ab", "text"),
            ("colour=red", "filter"),
            ("leftover", "filter"),
            ("leftover=", "filter"),
            ("plan=a plan=b", "filter"),
        ] {
            assert_eq!(AccountFilter::parse_words(text).unwrap_err().field, field, "{text}");
        }
        assert!(AccountFilter::parse_words("  ").unwrap().is_empty());
    }
}
