//! Redis's own errors, turned into «later» or into what a person can do about them.

use std::{error::Error as _, sync::Arc};

use redis::{ErrorKind, RedisError};

use super::transport::Transport;
use crate::RouterError;

/// What an answer of Redis means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// It will be different in a while; the end of a sentence that begins with the router's name.
    Later(String),
    /// It tells what it is asked and takes no changes; likewise.
    NotNow(String),
    /// Somebody has to do something; likewise.
    Never(String),
}

impl Transport {
    /// An error that Redis answered.
    pub(super) fn answered(&self, error: &RedisError) -> RouterError {
        match meaning(error.code().unwrap_or_default(), error.detail().unwrap_or_default()) {
            Meaning::Later(what) => self.unreachable(&what),
            Meaning::NotNow(what) => self.not_now(&what),
            Meaning::Never(what) => self.refused(&what),
        }
    }

    /// An error on the way, while Redis should `what`.
    pub(super) fn on_the_way(&self, error: &RedisError, what: &str) -> RouterError {
        match error.kind() {
            ErrorKind::AuthenticationFailed => self.refused(
                "does not accept the password: correct password_file or the variable UNSTICK_REDIS_PASSWORD_<ROUTER>, and \
                 the user in the endpoint",
            ),
            ErrorKind::Parse if error.detail().is_some_and(|detail| detail.contains("end of input")) => {
                self.unreachable(&format!("did not {what}: it closed the connection in the middle of its answer"))
            }
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType | ErrorKind::RESP3NotSupported => self.foreign(),
            ErrorKind::Io => self.broken(error, what),
            _ if error.code().is_some() => self.answered(error),
            _ => self.unreachable(&format!("did not {what}: {}", shorten(&error.to_string()))),
        }
    }

    fn broken(&self, error: &RedisError, what: &str) -> RouterError {
        let text = shorten(&error.to_string());
        if let Some(why) = tls_trouble(&text) {
            return self.refused(&format!("{why} ({text})"));
        }
        let why = match io_kind(error) {
            Some(std::io::ErrorKind::PermissionDenied) => {
                return self.refused("may not be talked to: give Unstick's user the right to open its socket");
            }
            Some(std::io::ErrorKind::NotFound) => "there is no such socket".to_owned(),
            Some(std::io::ErrorKind::ConnectionRefused) => "nobody listens there".to_owned(),
            _ if error.is_timeout() => return self.late(what),
            _ if error.is_connection_dropped() => "it closed the connection".to_owned(),
            _ => text,
        };
        self.unreachable(&format!("did not {what}: {why}"))
    }
}

/// The kind of the operating system's error, which the client keeps in a box in a box.
fn io_kind(error: &RedisError) -> Option<std::io::ErrorKind> {
    let boxed = error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    boxed.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
}

/// What TLS complains about does not pass by itself.
fn tls_trouble(text: &str) -> Option<&'static str> {
    if text.contains("peer certificate") {
        Some(
            "cannot be trusted: its certificate must name the endpoint's host and be vouched for by ca_file, or by this machine",
        )
    } else if text.contains("corrupt message") || text.contains("TLS handshake") {
        Some("speaks no TLS: write redis:// instead of rediss://")
    } else {
        None
    }
}

fn meaning(code: &str, detail: &str) -> Meaning {
    let never = |text: &str| Meaning::Never(text.to_owned());
    let later = |text: &str| Meaning::Later(text.to_owned());
    let not_now = |text: &str| Meaning::NotNow(text.to_owned());
    match code {
        "LOADING" => later("is still loading its data"),
        "BUSY" => later("is busy with a script"),
        "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" => later("waits for the rest of its cluster"),
        "ERR" if detail.contains("max number of clients") => later("has no connection to spare"),
        // Somebody has to mend these, but there: what is to be cleaned waits for it, however long it takes, and goes on by itself.
        // It can be read meanwhile.
        "MISCONF" => not_now(
            "could not save its data in the background and therefore removes nothing: mend what its log tells (mostly a full \
             disk or a folder that it may not write to), then BGSAVE; until then nothing can be cleaned here",
        ),
        "READONLY" => not_now(
            "is a replica and removes nothing: wait until it is promoted, or point the endpoint at its primary (or at an \
             address that follows it)",
        ),
        "NOREPLICAS" => not_now("has too few replicas to accept a change (min-replicas-to-write): bring them back"),
        "OOM" => not_now("is out of memory (maxmemory) and takes no fence: give it room"),
        "NOAUTH" | "WRONGPASS" => never(
            "wants a password, or another one: set password_file or the variable UNSTICK_REDIS_PASSWORD_<ROUTER>, and the \
             user in the endpoint",
        ),
        "NOPERM" => never(
            "does not let Unstick's user do this; it needs: +info +pttl +getrange +unlink +exists +set +scan on the names of \
             key_pattern and fence_pattern",
        ),
        "MOVED" | "ASK" | "CROSSSLOT" => never(
            "is a node of a Redis Cluster, which Unstick does not follow: point it at a Redis that holds the whole map",
        ),
        "DENIED" => never("is in protected mode: set a password or bind it where Unstick is"),
        "ERR" if detail.contains("unknown command") => Meaning::Never(format!(
            "does not know a command that Unstick needs (Redis 4 or later): {}",
            shorten(detail)
        )),
        "ERR" if detail.contains("DB index") => never("has no database of that number: correct the endpoint"),
        _ => Meaning::Never(format!("refused: {}", shorten(&format!("{code} {detail}")))),
    }
}

/// The first line of a message, fit to be shown.
fn shorten(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_later_and_what_does_not_says_what_to_do() {
        // As Redis 7.0.15 writes them.
        for (code, detail, part) in [
            ("NOAUTH", "Authentication required.", "password_file"),
            ("WRONGPASS", "invalid username-password pair or user is disabled.", "password_file"),
            ("NOPERM", "User x has no permissions to run the 'unlink' command", "+unlink"),
            ("MOVED", "866 127.0.0.1:7001", "Cluster"),
            ("ERR", "unknown command 'UNLINK', with args beginning with: 'x'", "Redis 4"),
            ("ERR", "something new\nwith more", "ERR something new"),
        ] {
            let Meaning::Never(text) = meaning(code, detail) else { panic!("{code} is not never") };
            assert!(text.contains(part), "{code}: {text}");
        }
        for (code, detail, part) in [
            ("LOADING", "Redis is loading the dataset in memory", "loading"),
            ("BUSY", "Redis is busy running a script.", "script"),
            ("MASTERDOWN", "Link with MASTER is down", "cluster"),
            ("ERR", "max number of clients reached", "connection to spare"),
        ] {
            let Meaning::Later(text) = meaning(code, detail) else { panic!("{code} is not later") };
            assert!(text.contains(part), "{code}: {text}");
        }
        for (code, detail, part) in [
            ("MISCONF", "Redis is configured to save RDB snapshots, but it's currently unable to persist", "full disk"),
            ("READONLY", "You can't write against a read only replica.", "primary"),
            ("NOREPLICAS", "Not enough good replicas to write.", "min-replicas-to-write"),
            ("OOM", "command not allowed when used memory > 'maxmemory'.", "maxmemory"),
        ] {
            let Meaning::NotNow(text) = meaning(code, detail) else { panic!("{code} is never or later") };
            assert!(text.contains(part), "{code}: {text}");
        }
        assert!(shorten(&"x".repeat(9_000)).len() == 200);
    }
}
