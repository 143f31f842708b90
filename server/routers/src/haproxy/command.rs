//! Commands of the runtime API, and nothing else that could reach its socket.
//!
//! HAProxy splits a command line at blanks and semicolons and answers an empty line whatever it then did, so a key that
//! carries `; clear table app` would be obeyed. Here a command is made of its own words, of [`RouteKey`]s and of
//! [`Word`]s, both of which are checked when they are made; there is no way to send a text.

use std::fmt;

use domain::{RouteKey, ServerState};

/// The name of a table, a back end or an ACL file: 1 to 200 characters of `[A-Za-z0-9_.:/-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(String);

impl Word {
    /// Checks `text`, which the configuration calls `what`. `#` and `@` are refused too: HAProxy reads `#3` as the third
    /// ACL and `@1` as another process.
    pub(super) fn parse(what: &str, text: &str) -> Result<Self, String> {
        let fits = (1..=200).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b))
            && !text.starts_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{what} {text:?} must be 1 to 200 characters of A-Z, a-z, 0-9, _, ., :, / and -"))
        }
    }

    /// The text of the name.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One command of the runtime API.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command<'a> {
    /// What it says of itself.
    Info,
    /// The load balancers with which it shares tables.
    Peers,
    /// One line a stick table: name, type of the keys, size, used.
    Tables,
    /// Every row of a table.
    Dump(&'a Word),
    /// The rows of a table that carry a server's number. Never by `data.server_key`: that filter matches every row.
    DumpOfServer(&'a Word, u64),
    /// The row of a key.
    Show(&'a Word, &'a RouteKey),
    /// Removes the row of a key, unless something holds it.
    Clear(&'a Word, &'a RouteKey),
    /// Pins a key to a server by its number. On a row that is there it changes nothing that HAProxy heeds: its text wins.
    Set(&'a Word, &'a RouteKey, u64),
    /// States of a back end's servers.
    States(&'a Word),
    /// Sets what is done with a server of a back end. Needs level admin.
    SetState(&'a Word, &'a Word, ServerState),
    /// Counters of a back end's servers (type 4) as CSV.
    Stats(&'a Word),
    /// Whether an ACL file has a key.
    AclGet(&'a Word, &'a RouteKey),
    /// Adds a key to an ACL file; a second time makes a second entry.
    AclAdd(&'a Word, &'a RouteKey),
    /// Removes all entries of a key from an ACL file.
    AclDel(&'a Word, &'a RouteKey),
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Info => f.write_str("show info"),
            Self::Peers => f.write_str("show peers"),
            Self::Tables => f.write_str("show table"),
            Self::Dump(table) => write!(f, "show table {table}"),
            Self::DumpOfServer(table, id) => write!(f, "show table {table} data.server_id eq {id}"),
            Self::Show(table, key) => write!(f, "show table {table} key {key}"),
            Self::Clear(table, key) => write!(f, "clear table {table} key {key}"),
            Self::Set(table, key, id) => write!(f, "set table {table} key {key} data.server_id {id}"),
            Self::SetState(backend, server, state) => {
                write!(f, "set server {backend}/{server} state {}", state.as_str())
            }
            Self::States(backend) => write!(f, "show servers state {backend}"),
            Self::Stats(backend) => write!(f, "show stat {backend} 4 -1"),
            Self::AclGet(file, key) => write!(f, "get acl {file} {key}"),
            Self::AclAdd(file, key) => write!(f, "add acl {file} {key}"),
            Self::AclDel(file, key) => write!(f, "del acl {file} {key}"),
        }
    }
}

/// Commands that one line may carry.
const MAX_COMMANDS: usize = 200;

/// Bytes that one line may have. A line that does not fit into `tune.bufsize` (16,384 bytes unless set, seen to hang
/// from about 16,300) is never answered; this fits into half of that.
pub(super) const MAX_LINE: usize = 7_500;

/// Cuts `keys` into runs that fit one line when every key takes `per_key` commands and `fixed` bytes besides itself, and
/// the line begins with `head` bytes in two commands.
pub(super) fn batches<'k, 'a>(
    keys: &'k [&'a RouteKey],
    per_key: usize,
    fixed: usize,
    head: usize,
) -> Vec<&'k [&'a RouteKey]> {
    let most = (MAX_COMMANDS.saturating_sub(2) / per_key.max(1)).max(1);
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, head);
    for (index, key) in keys.iter().enumerate() {
        let cost = fixed + per_key * key.as_str().len();
        if index > start && (index - start >= most || bytes + cost > MAX_LINE) {
            runs.push(&keys[start..index]);
            (start, bytes) = (index, head);
        }
        bytes += cost;
    }
    if start < keys.len() {
        runs.push(&keys[start..]);
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let long = "t".repeat(201);
        for bad in ["", "a b", "a;b", "a\\b", "a\nb", "a\0", "ü", "#3", "@1", "-x", "a,b", "a'b", "a\"b", &long] {
            assert!(Word::parse("table", bad).is_err(), "{bad:?} was taken");
        }
        for good in ["app", "peers/app", "/etc/haproxy/blocked.acl", "a.b_c-d:e"] {
            assert_eq!(Word::parse("table", good).unwrap().as_str(), good);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever keys and names come: each line stays in its limits, and no key is lost or moved.
        #[test]
        fn lines_stay_short(
            texts in prop::collection::vec("[A-Za-z0-9_-]{1,64}", 0..600),
            table in "[a-z]{1,200}",
            pairs in any::<bool>(),
        ) {
            let table = Word::parse("table", &table).unwrap();
            let keys: Vec<RouteKey> = texts.into_iter().map(|text| RouteKey::parse(text).unwrap()).collect();
            let keys: Vec<&RouteKey> = keys.iter().collect();
            let per_key = if pairs { 2 } else { 1 };
            let fixed = per_key * (table.as_str().len() + "clear table  key ;".len());
            let runs = batches(&keys, per_key, fixed, 100);
            prop_assert_eq!(&runs.concat(), &keys);
            for run in runs {
                prop_assert!(!run.is_empty() && run.len() * per_key <= MAX_COMMANDS);
                let line: usize = run.iter().map(|key| per_key * (1 + Command::Clear(&table, key).to_string().len())).sum();
                prop_assert!(line + 100 <= MAX_LINE, "{} bytes", line + 100);
            }
        }
    }
}
