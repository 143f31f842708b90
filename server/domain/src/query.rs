//! What somebody typed into the search box, understood once for every place that searches.

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// Longest query that is looked at, in bytes; longer ones are refused with a message.
const LONGEST: usize = 200;

/// What may be looked for; a query has at least one term and every one that fits is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// An account id, exactly.
    AccountId(String),
    /// The beginning of an account id.
    AccountIdPrefix(String),
    /// The beginning of an e-mail address, in lower case.
    EmailPrefix(String),
    /// The beginning of a name, in lower case.
    NamePrefix(String),
    /// Any part of id, e-mail or name, in lower case; at least three characters (a trigram).
    Substring(String),
    /// A session id (or fingerprint), exactly.
    SessionId(SessionId),
    /// The beginning of a session id; at least four characters.
    SessionIdPrefix(String),
    /// An IP address, exactly, in its canonical form.
    Ip(String),
    /// The beginning of an IPv4 address that ends at a dot, `10.2.`.
    IpPrefix(String),
}

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What was typed, trimmed.
    pub text: String,
    /// What to try, most exact first.
    pub terms: Vec<Term>,
}

/// Why a query cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum QueryError {
    /// Nothing was typed.
    #[error("type an account id, e-mail, name, session id or IP address")]
    Empty,
    /// Too much was typed.
    #[error("that is too long to search for: use at most {LONGEST} bytes")]
    TooLong,
}

impl Query {
    /// Understands what was typed.
    ///
    /// # Errors
    /// When there is nothing in `text`, or more than 200 bytes.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = text.trim();
        if text.is_empty() {
            return Err(QueryError::Empty);
        }
        if text.len() > LONGEST {
            return Err(QueryError::TooLong);
        }
        let lower = text.to_lowercase();
        let mut terms = vec![Term::AccountId(text.to_owned())];
        if let Ok(ip) = text.parse::<std::net::IpAddr>() {
            terms.push(Term::Ip(ip.to_string()));
        } else if is_ip_prefix(text) {
            terms.push(Term::IpPrefix(text.to_owned()));
        }
        if let Ok(id) = SessionId::parse(text) {
            terms.push(Term::SessionId(id));
            if text.len() >= 4 {
                terms.push(Term::SessionIdPrefix(text.to_owned()));
            }
        }
        terms.push(Term::AccountIdPrefix(text.to_owned()));
        terms.push(Term::EmailPrefix(lower.clone()));
        terms.push(Term::NamePrefix(lower.clone()));
        if lower.chars().count() >= 3 {
            terms.push(Term::Substring(lower));
        }
        Ok(Self { text: text.to_owned(), terms })
    }
}

/// `10.`, `10.2.`, `10.2.33.`: one to three octets, each followed by a dot.
fn is_ip_prefix(text: &str) -> bool {
    let Some(body) = text.strip_suffix('.') else {
        return false;
    };
    let octets: Vec<_> = body.split('.').collect();
    octets.len() <= 3 && octets.iter().all(|octet| octet.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_looked_for_as_an_address() {
        let query = Query::parse(" 10.2.3.4 ").unwrap();
        assert!(query.terms.contains(&Term::Ip("10.2.3.4".to_owned())));
        assert!(Query::parse("10.2.").unwrap().terms.contains(&Term::IpPrefix("10.2.".to_owned())));
        assert!(Query::parse("2001:DB8::1").unwrap().terms.contains(&Term::Ip("2001:db8::1".to_owned())));
    }

    #[test]
    fn short_text_is_no_substring_search() {
        assert!(!Query::parse("ab").unwrap().terms.iter().any(|term| matches!(term, Term::Substring(_))));
        assert!(Query::parse("abc").unwrap().terms.iter().any(|term| matches!(term, Term::Substring(_))));
    }

    #[test]
    fn wildcards_are_letters() {
        let query = Query::parse("ses_%").unwrap();
        assert!(query.terms.contains(&Term::EmailPrefix("ses_%".to_owned())));
        assert!(!query.terms.iter().any(|term| matches!(term, Term::SessionId(_))));
    }

    #[test]
    fn nothing_and_too_much_are_errors() {
        assert_eq!(Query::parse("  \t\n"), Err(QueryError::Empty));
        assert_eq!(Query::parse(&"x".repeat(201)), Err(QueryError::TooLong));
    }
}
