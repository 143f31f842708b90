//! The configuration in force, as a file that would say the same, with secrets masked and the source of each line.

use std::fmt::Write;

use domain::{PoolName, Scope, ServerName, Span};
use routers::redis::ValueFormat;

use super::{Config, LogFormat, Origin, RedisRouter, RouterConfig, keys::KEYS, span_text};

impl Config {
    /// The database's address without its password.
    pub fn masked_database_url(&self) -> String {
        let Ok(mut url) = url::Url::parse(&self.database_url) else {
            let scheme = self.database_url.split("://").next().unwrap_or_default();
            return if scheme == "sqlite" { self.database_url.clone() } else { format!("{scheme}://***") };
        };
        let hidden = url.password().is_some() && url.set_password(Some("***")).is_ok();
        let secret = |name: &str| ["password", "pass", "sslpassword"].contains(&name.to_lowercase().as_str());
        if url.query_pairs().any(|(name, _)| secret(&name)) {
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(name, value)| {
                    (name.to_string(), if secret(&name) { "***".to_owned() } else { value.to_string() })
                })
                .collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
            return url.to_string();
        }
        if hidden { url.to_string() } else { self.database_url.clone() }
    }

    /// The value in force of setting `name`, masked.
    pub fn value(&self, name: &str) -> String {
        let span = |span: Span| span_text(span);
        match name {
            "database_url" => self.masked_database_url(),
            "data_dir" => self.data_dir.display().to_string(),
            "listen" => self.listen.to_string(),
            "public_origin" => self.public_origin.to_string(),
            "trusted_proxies" => self.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            "site_dir" => self.site_dir().map(|dir| dir.display().to_string()).unwrap_or_default(),
            "session_idle" => span(self.session_idle),
            "session_absolute" => span(self.session_absolute),
            "retention" => span(self.retention),
            "accumulation" => self.accumulation.to_string(),
            "degraded_error_percent" => self.degraded_error_percent.to_string(),
            "degraded_response" => span(self.degraded_response),
            "watch" => span(self.watch),
            "observe_every" => span(self.observe_every),
            "observe_limit" => self.observe_limit.to_string(),
            "census_every" => span(self.census_every),
            "census_grace" => span(self.census_grace),
            "embedded_pin_timeout" => span(self.embedded_pin_timeout),
            "webhook_allow" => self.webhook_allow.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            "webhook_keep" => span(self.webhook_keep),
            "require_totp" => self.require_totp.as_str().to_owned(),
            "bulk_approval_above" => self.bulk_approval_above.to_string(),
            "page_size" => self.page_size.to_string(),
            "argon_memory_kib" => self.argon_memory_kib.to_string(),
            "argon_passes" => self.argon_passes.to_string(),
            "hash_threads" => self.hash_threads.to_string(),
            "max_connections" => self.max_connections.to_string(),
            "head_timeout" => span(self.head_timeout),
            "request_timeout" => span(self.request_timeout),
            "drain_timeout" => span(self.drain_timeout),
            "api_rate" => self.api_rate.to_string(),
            "self_credential" => span(self.self_credential),
            "self_link" => span(self.self_link),
            "self_resets" => self.self_resets.to_string(),
            "self_reads" => self.self_reads.to_string(),
            "service_name" => self.service_name.clone(),
            "log" => self.log.clone(),
            "log_format" => match self.log_format {
                LogFormat::Auto => "auto".to_owned(),
                LogFormat::Text => "text".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
            _ => String::new(),
        }
    }

    /// The whole as TOML.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for key in KEYS {
            let origin = self.said.get(key.name).map_or(&Origin::Default, |raw| &raw.origin);
            let value = self.value(key.name);
            let value = match key.name {
                "trusted_proxies" | "webhook_allow" => list(&value),
                _ if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => value,
                _ => quoted(&value),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {} ({origin})\n{} = {value}", key.about, key.name);
        }
        for router in &self.routers {
            text.push_str(&router_toml(router));
        }
        text
    }
}

fn router_toml(router: &RouterConfig) -> String {
    let mut text = format!("\n[[router]]\nname = {}\n", quoted(router.name().as_str()));
    match router {
        RouterConfig::Embedded { .. } => text.push_str("kind = \"embedded\"\n"),
        RouterConfig::Haproxy { endpoint, timeout, max_request, .. } => {
            let lines = format!(
                "kind = \"haproxy\"\nendpoint = {}\ntimeout = {}\nmax_request = {}\n",
                quoted(&endpoint.to_string()),
                quoted(&span_text(*timeout)),
                quoted(&span_text(*max_request))
            );
            text.push_str(&lines);
        }
        RouterConfig::Redis(_) => {}
    }
    let pools = match router {
        RouterConfig::Embedded { pools, .. } | RouterConfig::Haproxy { pools, .. } => pools,
        RouterConfig::Redis(router) => return text + &redis_toml(router),
    };
    for pool in pools {
        text.push_str(&pool_head(&pool.name, pool.scope, pool.rule.as_deref()));
        if matches!(router, RouterConfig::Haproxy { .. }) {
            let _ = writeln!(text, "table = {}\nbackend = {}", quoted(&pool.table), quoted(&pool.backend));
        }
        if let Some(file) = &pool.acl_file {
            let _ = writeln!(text, "acl_file = {}", quoted(file));
        }
    }
    text
}

fn pool_head(name: &PoolName, scope: Scope, rule: Option<&str>) -> String {
    let head = format!("[[router.pool]]\nname = {}\nscope = {}\n", quoted(name.as_str()), quoted(scope.as_str()));
    head + &lines([("rule", rule.map(quoted))])
}

fn redis_toml(router: &RedisRouter) -> String {
    let config = &router.config;
    let mut text = String::from("kind = \"redis\"\n");
    if let Some(origin) = &router.password {
        let _ = writeln!(text, "# password: *** ({origin})");
    }
    let file = |path: &std::path::Path| quoted(&path.display().to_string());
    let span = |span: Span| quoted(&span_text(span));
    let settings = [
        ("endpoint", Some(quoted(&config.endpoint.to_string()))),
        ("password_file", router.password_file.as_deref().map(file)),
        ("ca_file", router.ca_file.as_deref().map(file)),
        ("timeout", Some(span(config.timeout))),
        ("max_request", Some(span(config.max_request))),
        ("fence_ttl", Some(span(config.fence_ttl))),
    ];
    text.push_str(&lines(settings));
    for pool in &config.pools {
        let (value, session, generation) = match &pool.value {
            ValueFormat::Text => ("text".to_owned(), None, None),
            ValueFormat::Json { server, session, generation } => {
                (format!("json:{server}"), session.as_deref().map(quoted), generation.as_deref().map(quoted))
            }
        };
        let servers: Vec<&str> = pool.servers.iter().map(ServerName::as_str).collect();
        text.push_str(&pool_head(&pool.name, pool.scope, pool.rule.as_deref()));
        text.push_str(&lines([
            ("key_pattern", Some(quoted(&pool.key_pattern))),
            ("value", Some(quoted(&value))),
            ("session_field", session),
            ("generation_field", generation),
            ("servers", Some(list(&servers.join(",")))),
            ("fence", Some(pool.fence.to_string())),
            ("fence_pattern", pool.fence_pattern.as_deref().map(quoted)),
        ]));
    }
    text
}

/// One line for each setting that is there.
fn lines(settings: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let mut text = String::new();
    for (name, value) in settings.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

fn list(value: &str) -> String {
    let items: Vec<String> = value.split(',').filter(|item| !item.is_empty()).map(quoted).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Config::load(None, variables).unwrap()
    }

    #[test]
    fn a_password_is_masked_and_the_rest_is_not() {
        let with =
            config(&[("UNSTICK_DATABASE_URL", "postgres://u:hunter2@db.example:5432/unstick?sslmode=verify-full")]);
        let text = with.to_toml();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("db.example") && text.contains("UNSTICK_DATABASE_URL"), "{text}");
        let query = config(&[("UNSTICK_DATABASE_URL", "postgres://u@db.example/unstick?password=hunter2")]);
        assert!(!query.to_toml().contains("hunter2"));
    }

    #[test]
    fn what_is_printed_says_the_same() {
        let first = config(&[("UNSTICK_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"), ("UNSTICK_SESSION_IDLE", "20m")]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("unstick.toml");
        // The folder of the console's files is found, not set: without it nothing is to be said.
        let text: String =
            first.to_toml().lines().filter(|line| !line.starts_with("site_dir")).collect::<Vec<_>>().join("\n");
        std::fs::write(&file, text).unwrap();
        let second = Config::load(Some(Path::new(&file)), []).unwrap();
        for key in KEYS {
            assert_eq!(first.value(key.name), second.value(key.name), "{}", key.name);
        }
        assert_eq!(second.routers.len(), 1);
    }
}
