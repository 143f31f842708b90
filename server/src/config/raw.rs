//! What file and environment say, before anything is believed: each setting's text and where it stands.

use std::{collections::BTreeMap, fmt, path::Path};

use routers::redis::Password;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Problem, Problems,
    keys::{KEYS, Key, PASSWORD_VARIABLE, POOL_KEYS, ROUTER_KEYS, is_other_variable, nearest},
};

/// Where a setting's text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// A file as a whole.
    Whole(String),
    /// In a file, on a line.
    File(String, usize),
    /// In an environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Whole(file) => f.write_str(file),
            Self::File(file, line) => write!(f, "{file} line {line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A setting's text.
#[derive(Debug, Clone)]
pub struct Raw {
    /// The text; lists are joined by commas.
    pub text: String,
    /// Where it stands.
    pub origin: Origin,
}

/// A table of texts: one `[[router]]` or `[[router.pool]]`.
#[derive(Debug, Clone)]
pub struct RawBlock {
    /// Where it begins.
    pub origin: Origin,
    /// Its texts by name.
    pub values: BTreeMap<String, Raw>,
    /// The blocks inside.
    pub pools: Vec<RawBlock>,
    /// `endpoints`: the load balancers of a fleet by name, in order; `None` when it is not there.
    pub endpoints: Option<Vec<(String, Raw)>>,
}

/// Everything that was said.
#[derive(Debug, Clone, Default)]
pub struct RawConfig {
    /// Settings by name.
    pub values: BTreeMap<&'static str, Raw>,
    /// Routers in order.
    pub routers: Vec<RawBlock>,
    /// Passwords of Redis routers, by the end of their variable's name.
    pub passwords: BTreeMap<String, Password>,
}

struct File<'a> {
    name: String,
    text: &'a str,
}

impl File<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        Origin::File(self.name.clone(), before.matches('\n').count() + 1)
    }
}

impl RawConfig {
    /// Adds what `text`, the content of `path`, says.
    pub fn add_file(&mut self, path: &Path, text: &str, problems: &mut Problems) {
        let file = File { name: path.display().to_string(), text };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                return problems.push(Problem::new(file.origin(at), error.message().trim().to_owned()));
            }
        };
        for (name, value) in table {
            let origin = file.origin(name.span().start);
            let word = name.get_ref().as_ref();
            if word == "router" {
                self.routers = blocks(&file, &value, ROUTER_KEYS, "router", problems);
            } else if let Some(key) = KEYS.iter().find(|key| key.name == word) {
                if let Some(text) = text_of(&value, &origin, word, problems) {
                    self.values.insert(key.name, Raw { text, origin });
                }
            } else {
                let names = KEYS.iter().map(|key| key.name).chain(["router"]);
                problems.push(unknown(origin, word, names));
            }
        }
    }

    /// Adds what the environment says; it wins over the file.
    pub fn add_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>, problems: &mut Problems) {
        for (name, text) in variables {
            if !name.starts_with("UNSTICK_") || is_other_variable(&name) {
                continue;
            }
            let origin = Origin::Variable(name.clone());
            if let Some(router) = name.strip_prefix(PASSWORD_VARIABLE) {
                if text.is_empty() {
                    problems.push(Problem::new(origin, "is empty: give it the password, or unset it"));
                }
                self.passwords.insert(router.to_owned(), Password::new(text));
            } else if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
                self.values.insert(key.name, Raw { text, origin });
            } else {
                // Without the beginning, which all have in common: it would make any two look alike.
                let word = name.trim_start_matches("UNSTICK_").to_lowercase();
                let meant = nearest(&word, KEYS.iter().map(|key| key.name));
                let meant = meant.and_then(|meant| KEYS.iter().find(|key| key.name == meant)).map(Key::variable);
                problems
                    .push(Problem::new(origin, format!("there is no such setting{}", suggestion(meant.as_deref()))));
            }
        }
    }
}

fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"))
}

fn unknown<'a>(origin: Origin, word: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
    Problem::new(origin, format!("there is no setting {word:?}{}", suggestion(nearest(word, known))))
}

/// Reads `[[name]]` blocks, whose keys must be among `keys`.
fn blocks(
    file: &File<'_>,
    value: &Spanned<DeValue<'_>>,
    keys: &[&str],
    name: &str,
    problems: &mut Problems,
) -> Vec<RawBlock> {
    let Some(array) = value.get_ref().as_array() else {
        let text = format!("write [[{name}]] with two brackets: there may be several");
        problems.push(Problem::new(file.origin(value.span().start), text));
        return Vec::new();
    };
    array.iter().filter_map(|item| block(file, item, keys, name, problems)).collect()
}

fn block(
    file: &File<'_>,
    item: &Spanned<DeValue<'_>>,
    keys: &[&str],
    name: &str,
    problems: &mut Problems,
) -> Option<RawBlock> {
    let origin = file.origin(item.span().start);
    let Some(table) = item.get_ref().as_table() else {
        problems.push(Problem::new(origin, format!("{name} must be a block: [[{name}]]")));
        return None;
    };
    let mut found = RawBlock { origin, values: BTreeMap::new(), pools: Vec::new(), endpoints: None };
    for (key, value) in table {
        let (word, origin) = (key.get_ref().as_ref(), file.origin(key.span().start));
        if word == "pool" && keys.contains(&"pool") {
            found.pools = blocks(file, value, POOL_KEYS, "router.pool", problems);
        } else if word == "endpoints" && keys.contains(&"endpoints") {
            found.endpoints = Some(endpoints(file, value, problems));
        } else if keys.contains(&word) {
            if let Some(text) = text_of(value, &origin, word, problems) {
                found.values.insert(word.to_owned(), Raw { text, origin });
            }
        } else {
            problems.push(unknown(origin, word, keys.iter().copied()));
        }
    }
    Some(found)
}

/// The table of names and endpoints.
fn endpoints(file: &File<'_>, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Vec<(String, Raw)> {
    let Some(table) = value.get_ref().as_table() else {
        let text =
            "endpoints must name each load balancer: write endpoints = { \"lb-1\" = \"unix:/run/lb-1.sock\", … }";
        problems.push(Problem::new(file.origin(value.span().start), text));
        return Vec::new();
    };
    let mut found: Vec<(usize, String, Raw)> = Vec::new();
    for (name, value) in table {
        let at = name.span().start;
        let (name, origin) = (name.get_ref().to_string(), file.origin(at));
        if let Some(text) = text_of(value, &origin, "an endpoint", problems) {
            found.push((at, name, Raw { text, origin }));
        }
    }
    // The table is sorted by name; people mean the order in which they wrote.
    found.sort_by_key(|(at, ..)| *at);
    found.into_iter().map(|(_, name, raw)| (name, raw)).collect()
}

/// The text of a value: a string, a number, or a list of strings joined by commas.
fn text_of(value: &Spanned<DeValue<'_>>, origin: &Origin, name: &str, problems: &mut Problems) -> Option<String> {
    let text = match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    };
    if text.is_none() {
        problems
            .push(Problem::new(origin.clone(), format!("{name} must be a text, a whole number or a list of texts")));
    }
    text
}
