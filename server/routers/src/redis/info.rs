//! Reads `INFO`: one `name:value` a line, in sections that begin with `#`.

use domain::Span;

use crate::About;

/// What a Redis says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) about: About,
    pub(super) state: State,
}

/// What keeps a Redis from doing what is asked, or from remembering it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// It is reading its data and refuses everything else.
    pub(super) loading: bool,
    /// It is a copy of another one, where nothing can be removed.
    pub(super) replica: bool,
    /// It writes down every change, so that a crash brings nothing back.
    pub(super) append_only: bool,
    /// Its last background save failed.
    pub(super) save_failed: bool,
}

/// What `text` says; `None` when this is no such reply.
pub(super) fn info(text: &str) -> Option<Info> {
    let field = |wanted: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.trim())
    };
    let is = |name: &str, value: &str| field(name) == Some(value);
    let state = State {
        loading: is("loading", "1"),
        replica: is("role", "slave"),
        append_only: is("aof_enabled", "1"),
        save_failed: is("rdb_last_bgsave_status", "err"),
    };
    let version = clean(field("redis_version")?);
    let product = match field("valkey_version") {
        Some(version) => format!("Valkey {}", clean(version)),
        None => format!("Redis {version}"),
    };
    let product = if state.replica { format!("{product}, a replica") } else { product };
    let seconds = field("uptime_in_seconds").and_then(|secs| secs.parse().ok()).filter(|secs| *secs >= 0);
    // Another one after every start, and another one after a replica took over.
    let node = clean(field("run_id").unwrap_or_default());
    let takes_changes = !(state.loading || state.replica || state.save_failed);
    Some(Info { about: About { product, uptime: seconds.map(Span::from_secs), node, takes_changes }, state })
}

/// Keeps what a person can read, and not too much of it.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Redis 7.0.15 writes it, shortened.
    const REDIS: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:0a1b2c3d\r\nuptime_in_seconds:42\r\n\
        # Replication\r\nrole:master\r\n# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n";

    #[test]
    fn a_recorded_answer_is_read() {
        let info = info(REDIS).unwrap();
        let about = About {
            product: "Redis 7.0.15".to_owned(),
            uptime: Some(Span::from_secs(42)),
            node: "0a1b2c3d".to_owned(),
            takes_changes: true,
        };
        assert_eq!(info, Info { about, state: State::default() });
    }

    #[test]
    fn troubles_are_read() {
        let text = REDIS
            .replace("master", "slave")
            .replace("loading:0", "loading:1")
            .replace("status:ok", "status:err")
            .replace("aof_enabled:0", "aof_enabled:1");
        let info = info(&text).unwrap();
        assert_eq!(info.state, State { loading: true, replica: true, append_only: true, save_failed: true });
        assert_eq!((info.about.product.as_str(), info.about.takes_changes), ("Redis 7.0.15, a replica", false));
    }

    #[test]
    fn what_is_missing_is_not_invented() {
        assert!(info("").is_none());
        let info = info("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nuptime_in_seconds:soon\r\n").unwrap();
        assert_eq!((info.about.product.as_str(), info.about.uptime), ("Valkey 8.0.1", None));
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = info(&text);
            let _ = info(&format!("redis_version:{text}\r\nuptime_in_seconds:{text}\r\nrun_id:{text}"));
        }
    }
}
