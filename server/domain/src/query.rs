//! What somebody typed into the search box, understood once for every place that searches.

use serde::{Deserialize, Serialize};

use crate::{IpRange, SessionId, fold::fold, ip::address};

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
    /// The beginning of an e-mail address, folded.
    EmailPrefix(String),
    /// The beginning of a name, folded.
    NamePrefix(String),
    /// Any part of id, e-mail or name, folded; at least three characters (a trigram).
    Substring(String),
    /// Words, folded, that all come in id, e-mail or name, in any order; one at least has three characters.
    Words(Vec<String>),
    /// A session id (or fingerprint), exactly.
    SessionId(SessionId),
    /// The beginning of a session id; at least four characters.
    SessionIdPrefix(String),
    /// An IP address, exactly, in its canonical form.
    Ip(String),
    /// Addresses that begin so, or are of a network: at most six ranges.
    IpRanges(Vec<IpRange>),
}

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What was typed, trimmed.
    pub text: String,
    /// The same, folded as e-mails and names are.
    pub folded: String,
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
        let mut terms = vec![Term::AccountId(text.to_owned())];
        if let Some(ip) = address(text) {
            terms.push(Term::Ip(ip.to_string()));
        }
        let ranges = IpRange::parse(text);
        if !ranges.is_empty() {
            terms.push(Term::IpRanges(ranges));
        }
        if let Ok(id) = SessionId::parse(text) {
            terms.push(Term::SessionId(id));
            if text.len() >= 4 {
                terms.push(Term::SessionIdPrefix(text.to_owned()));
            }
        }
        terms.push(Term::AccountIdPrefix(text.to_owned()));
        let folded = fold(text).trim().to_owned();
        terms.extend(folded_terms(&folded));
        Ok(Self { text: text.to_owned(), folded, terms })
    }
}

/// What is looked for without regard to case and accents; nothing where `folded` is empty, as of a mark alone.
fn folded_terms(folded: &str) -> Vec<Term> {
    if folded.is_empty() {
        return Vec::new();
    }
    let long = |text: &str| text.chars().nth(2).is_some();
    let mut terms = vec![Term::EmailPrefix(folded.to_owned()), Term::NamePrefix(folded.to_owned())];
    if long(folded) {
        terms.push(Term::Substring(folded.to_owned()));
    }
    let mut words: Vec<String> = folded.split_whitespace().map(str::to_owned).collect();
    if words.len() > 1 && words.iter().any(|word| long(word)) {
        // The longest first: they are the rarest.
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        words.dedup();
        terms.push(Term::Words(words));
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_looked_for_as_an_address() {
        let query = Query::parse(" 10.2.3.4 ").unwrap();
        assert!(query.terms.contains(&Term::Ip("10.2.3.4".to_owned())));
        assert!(Query::parse("10.2.").unwrap().terms.contains(&Term::IpRanges(IpRange::parse("10.2."))));
        assert!(Query::parse("2001:DB8::1").unwrap().terms.contains(&Term::Ip("2001:db8::1".to_owned())));
    }

    #[test]
    fn short_text_is_no_substring_search() {
        assert!(!Query::parse("ab").unwrap().terms.iter().any(|term| matches!(term, Term::Substring(_))));
        assert!(Query::parse("abc").unwrap().terms.iter().any(|term| matches!(term, Term::Substring(_))));
    }

    #[test]
    fn words_are_looked_for_in_any_order() {
        let words = |text: &str| {
            Query::parse(text).unwrap().terms.into_iter().find_map(|term| match term {
                Term::Words(words) => Some(words),
                _ => None,
            })
        };
        assert_eq!(words("Ng Quỳnh"), Some(vec!["quynh".to_owned(), "ng".to_owned()]));
        assert_eq!(words("Quynh"), None);
        assert_eq!(words("a b"), None, "no trigram to begin with");
        assert!(Query::parse("\u{301}").unwrap().folded.is_empty());
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
