//! Every setting there is: its name in `unstick.toml`, its default and what it is for. The variable `UNSTICK_<NAME>`
//! overrides the file. A name that is not here is an error, for a misspelt setting would silently not count.

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the file; the environment's is `UNSTICK_` and this in upper case.
    pub name: &'static str,
    /// Its default, as one would write it; empty when it follows from others.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

impl Key {
    /// The name of the environment variable that overrides it.
    pub fn variable(&self) -> String {
        format!("UNSTICK_{}", self.name.to_uppercase())
    }
}

const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, default, about }
}

/// Every setting outside of `[[router]]`.
pub const KEYS: &[Key] = &[
    key("database_url", "", "sqlite://PATH or postgres://…; by default unstick.db in data_dir"),
    key("data_dir", "data", "folder of the database, the keys and the checkpoints; only its owner may read it"),
    key("listen", "127.0.0.1:3000", "address and port of console and API"),
    key(
        "public_origin",
        "",
        "what browsers see, https://unstick.example; by default http:// and listen, on loopback only",
    ),
    key("trusted_proxies", "", "addresses or networks whose X-Forwarded-For is believed"),
    key("site_dir", "", "folder of the console's files; by default the one beside the program"),
    key("session_idle", "30m", "a console session ends after so long without use"),
    key("session_absolute", "8h", "a console session ends after so long in any case"),
    key("retention", "90d", "cleaned sessions are kept so long as history"),
    key("accumulation", "50", "from so many open sessions on an account accumulates"),
    key("degraded_error_percent", "5", "from this share of failed requests on a server is degraded"),
    key("degraded_response", "2s", "from this mean time to answer on a server is degraded; 0s switches it off"),
    key(
        "watch",
        "10m",
        "how long it is looked, after a clean-up is done, whether anything came back; 0s switches it off",
    ),
    key("observe_every", "5s", "how often routers are looked at"),
    key("observe_limit", "50000", "tables with more rows than this are not listed whole"),
    key("census_every", "15m", "how often a census looks for what is left over anywhere; 0s switches it off"),
    key("census_grace", "5m", "what is younger than this counts in no census"),
    key("embedded_pin_timeout", "30m", "a pin of the embedded router ends after so long without traffic"),
    key(
        "webhook_allow",
        "",
        "addresses or networks that webhooks may go to although they are not public, as in 10.0.0.0/8; http only to this machine",
    ),
    key("webhook_keep", "7d", "what webhooks delivered is kept so long"),
    key("require_totp", "off", "who must have a second factor: off, admins or all"),
    key("bulk_approval_above", "50", "bulk clean-ups of more accounts than this need a second admin"),
    key("page_size", "50", "rows of a page"),
    key("argon_memory_kib", "19456", "memory of one password hash; OWASP's least is 19456"),
    key("argon_passes", "2", "passes of one password hash; at least 2"),
    key("hash_threads", "2", "password hashes computed at once"),
    key("max_connections", "4096", "connections held at once; more wait"),
    key(
        "head_timeout",
        "15s",
        "a request's head that takes longer, and a connection that stays silent so long, is closed",
    ),
    key("request_timeout", "30s", "a request that has no answer by then gets 503"),
    key("drain_timeout", "10s", "how long a stopping server waits for requests under way"),
    key("api_rate", "5000", "requests a second of one API token, with twice as many at once"),
    key(
        "self_credential",
        "30d",
        "how long a customer's credential counts at most; it ends with its session in any case",
    ),
    key("self_link", "15m", "how long a link for a customer opens, once; at most 24h"),
    key("self_resets", "5", "resets that a customer may do a day"),
    key(
        "self_reads",
        "60",
        "diagnoses and previews that a customer may ask for an hour; each asks every load balancer",
    ),
    key("service_name", "", "what your service is called on the customers' page"),
    key("log", "info", "what is logged, as in info,server=debug"),
    key("log_format", "auto", "text, json, or auto: text on a terminal"),
];

/// What a `[[router]]` block may say.
pub const ROUTER_KEYS: &[&str] = &[
    "name",
    "kind",
    "endpoint",
    "endpoints",
    "password_file",
    "ca_file",
    "timeout",
    "max_request",
    "fence_ttl",
    "pool",
];

/// What a `[[router.pool]]` block may say.
pub const POOL_KEYS: &[&str] = &[
    "name",
    "scope",
    "rule",
    "table",
    "backend",
    "acl_file",
    "key_pattern",
    "value",
    "session_field",
    "generation_field",
    "servers",
    "fence",
    "fence_pattern",
];

/// What the variable with a Redis router's password begins with; it ends with the router's name in upper case, in which
/// every other sign is `_`. It wins over `password_file`.
pub const PASSWORD_VARIABLE: &str = "UNSTICK_REDIS_PASSWORD_";

/// Variables that begin with `UNSTICK_` and are no settings: the file's path, and what scripts and tests use.
const OTHER_VARIABLES: &[&str] = &[
    "UNSTICK_CONFIG",
    "UNSTICK_SERVER",
    "UNSTICK_TOKEN",
    "UNSTICK_CREDENTIAL",
    "UNSTICK_CRASH_",
    "UNSTICK_SETUP_",
    "UNSTICK_TEST_",
    "UNSTICK_LAB_",
    "UNSTICK_E2E_",
    "UNSTICK_BENCH_",
];

/// Whether the variable `name` is known and no setting.
pub fn is_other_variable(name: &str) -> bool {
    OTHER_VARIABLES.iter().any(|known| name == *known || (known.ends_with('_') && name.starts_with(known)))
}

/// The one of `known` that was probably meant by `word`, if any is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| distance(word, candidate) <= (candidate.len() / 3).max(1);
    known.into_iter().filter(near).min_by_key(|candidate| distance(word, candidate))
}

/// How many letters must be put in, taken out or replaced to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let letters: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=letters.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in letters.iter().enumerate() {
            let above = row[j + 1];
            let replaced = diagonal + usize::from(left != *right);
            row[j + 1] = replaced.min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[letters.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_nonsense_is_not() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("databse_url", names()), Some("database_url"));
        assert_eq!(nearest("trusted_proxy", names()), Some("trusted_proxies"));
        assert_eq!(nearest("frobnicate", names()), None);
    }

    #[test]
    fn a_variable_is_the_name_in_upper_case() {
        assert_eq!(KEYS[0].variable(), "UNSTICK_DATABASE_URL");
        assert!(is_other_variable("UNSTICK_CRASH_AT"));
        assert!(!is_other_variable("UNSTICK_LISTENN"));
    }
}
