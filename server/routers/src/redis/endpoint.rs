//! Where a Redis listens. A password is never part of it: what is printed and logged cannot then give one away.

use std::{fmt, path::PathBuf, str::FromStr};

/// The port of `redis://` and `rediss://` without one.
const PORT: u16 = 6379;

/// Where a Redis listens, who signs in, and which of its databases is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The way to it.
    pub address: Address,
    /// The user of its access list; none for a Redis that knows passwords only.
    pub user: Option<String>,
    /// The number of the database.
    pub db: u16,
}

/// The way to a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP: host and port.
    Tcp(String, u16),
    /// TCP with TLS: host, which its certificate must name, and port.
    Tls(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl FromStr for Endpoint {
    type Err = String;

    /// Reads `redis://[user@]host[:port][/db]`, the same with `rediss://`, `unix:/run/redis.sock` or
    /// `unix:/run/redis.sock?db=1`. The error repeats nothing of a text that may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let parsed = match text.split_once(':') {
            Some(("unix", rest)) => unix(rest),
            Some(("redis", rest)) => tcp(rest, Address::Tcp)?,
            Some(("rediss", rest)) => tcp(rest, Address::Tls)?,
            _ => None,
        };
        let shown = if text.contains('@') { "this".to_owned() } else { format!("{text:?}") };
        parsed.ok_or_else(|| {
            format!("{shown} is no endpoint of a Redis; write redis://host:6379/0, rediss://host:6379/0 (TLS) or unix:/run/redis.sock")
        })
    }
}

fn unix(rest: &str) -> Option<Endpoint> {
    let (path, db) = match rest.split_once("?db=") {
        Some((path, db)) => (path, db.parse().ok()?),
        None => (rest, 0),
    };
    let whole = path.starts_with('/') && path.len() > 1 && !path.contains('?');
    whole.then(|| Endpoint { address: Address::Unix(PathBuf::from(path)), user: None, db })
}

/// `Err` only for a password, which must not be here.
fn tcp(rest: &str, address: fn(String, u16) -> Address) -> Result<Option<Endpoint>, String> {
    let Some(rest) = rest.strip_prefix("//") else { return Ok(None) };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err(
                "an endpoint must not hold the password: it would be printed; put it into a file that only Unstick \
                        can read and name that in password_file, or into the variable UNSTICK_REDIS_PASSWORD_<ROUTER>"
                    .to_owned(),
            );
        }
        Some((user, rest)) => (Some(user.to_owned()).filter(|user| !user.is_empty()), rest),
        None => (None, rest),
    };
    let (authority, db) = rest.split_once('/').unwrap_or((rest, ""));
    let db = if db.is_empty() { Some(0) } else { db.parse().ok() };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port > 0)),
        _ => (authority, Some(PORT)),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = match bare {
        Some(six) => six.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(named),
    };
    let (Some(db), Some(port), true) = (db, port, good) else { return Ok(None) };
    Ok(Some(Endpoint { address: address(bare.unwrap_or(host).to_owned(), port), user, db }))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match &self.address {
            Address::Unix(path) if self.db == 0 => return write!(f, "unix:{}", path.display()),
            Address::Unix(path) => return write!(f, "unix:{}?db={}", path.display(), self.db),
            Address::Tcp(host, port) => ("redis", host, port),
            Address::Tls(host, port) => ("rediss", host, port),
        };
        let user = self.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        write!(f, "{scheme}://{user}{host}:{port}/{}", self.db)
    }
}

/// A password that never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes `text` as a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The password itself, for Redis alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_as_people_write_them_and_print_the_same() {
        for (text, printed) in [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://cache.example", "redis://cache.example:6379/0"),
            ("redis://cache.example/3", "redis://cache.example:6379/3"),
            (" rediss://unstick@cache.example:7000/1 ", "rediss://unstick@cache.example:7000/1"),
            ("redis://[::1]", "redis://[::1]:6379/0"),
            ("redis://[::1]:7000/2", "redis://[::1]:7000/2"),
            ("unix:/run/redis.sock", "unix:/run/redis.sock"),
            ("unix:/run/redis.sock?db=4", "unix:/run/redis.sock?db=4"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), printed);
            assert_eq!(printed.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_to_write() {
        for bad in [
            "",
            "redis",
            "redis:",
            "redis://",
            "redis:///0",
            "redis://a:b:c",
            "redis://a:0",
            "redis://a:99999",
            "redis://a/x",
            "redis://a/-1",
            "http://a",
            "tcp:127.0.0.1:1",
            "unix:",
            "unix:/",
            "unix:redis.sock",
            "unix:/a?db=x",
            "unix:/a?x=1",
            "redis://a b",
            "redis://[::1",
            "redis://[zz]",
            "redis://a/0?password=x",
        ] {
            let told = bad.parse::<Endpoint>().unwrap_err();
            assert!(told.contains("redis://host"), "{bad:?}: {told}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in ["redis://u:hunter2@a", "redis://:hunter2@a:1/0", "rediss://hunter2@a b", "redis://x:hunter2@"] {
            let told = text.parse::<Endpoint>().unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(…)");
    }
}
