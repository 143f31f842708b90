//! From texts to a checked configuration.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use domain::{FactorRule, Span};

use super::{
    Config, LogFormat, Network, Origin, Problem, Problems, Raw, WebOrigin,
    keys::KEYS,
    raw::RawConfig,
    router::{default_routers, routers},
    values::span,
};

struct Reader<'a> {
    said: &'a RawConfig,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// What was said of `name`, else its default.
    fn raw(&self, name: &str) -> Raw {
        let default = || {
            let text = KEYS.iter().find(|key| key.name == name).map_or("", |key| key.default);
            Raw { text: text.to_owned(), origin: Origin::Default }
        };
        self.said.values.get(name).cloned().unwrap_or_else(default)
    }

    /// What was said of `name`; when it is wrong, `fallback`, which nobody sees, for then there is a problem.
    fn get<T>(&mut self, name: &str, fallback: T, read: impl FnOnce(&str) -> Result<T, String>) -> T {
        let raw = self.raw(name);
        read(raw.text.trim()).unwrap_or_else(|text| {
            self.problems.push(Problem::new(raw.origin, format!("{name}: {text}")));
            fallback
        })
    }

    /// A setting that may be left out.
    fn maybe<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        if self.raw(name).text.trim().is_empty() { None } else { self.get(name, None, |text| read(text).map(Some)) }
    }

    fn number<T: FromStr + PartialOrd + Copy + fmt::Display>(&mut self, name: &str, least: T, most: T) -> T {
        self.get(name, least, |text| {
            let number = text.parse::<T>().ok().filter(|number| (&least..=&most).contains(&number));
            number.ok_or_else(|| format!("{text:?} must be a whole number from {least} to {most}"))
        })
    }

    fn span(&mut self, name: &str, least: Span, most: Span) -> Span {
        self.get(name, least, |text| {
            let value = span(text)?;
            if (least..=most).contains(&value) {
                Ok(value)
            } else {
                Err(format!("{text:?} must be between {} and {}", super::span_text(least), super::span_text(most)))
            }
        })
    }

    /// The public origin. Passwords and cookies do not travel over a network in clear: http is for this machine alone.
    fn public_origin(&mut self, listen: SocketAddr) -> WebOrigin {
        let own = WebOrigin::of_listener(listen);
        let loopback = listen.ip().is_loopback();
        let raw = self.raw("public_origin");
        if raw.text.trim().is_empty() {
            if !loopback {
                let text = format!(
                    "listen: {listen} can be reached from elsewhere, so put a proxy with TLS in front and set public_origin \
                     to its https:// origin, or listen on 127.0.0.1"
                );
                let origin = self.raw("listen").origin;
                self.problems.push(Problem::new(origin, text));
            }
            return own;
        }
        let origin = self.get("public_origin", own, str::parse::<WebOrigin>);
        let at_home = loopback && origin.is_loopback();
        if !origin.is_https() && !at_home && self.problems.iter().all(|problem| problem.origin != raw.origin) {
            let text =
                format!("public_origin: {origin} would send passwords in clear; use https behind a proxy with TLS");
            self.problems.push(Problem::new(raw.origin, text));
        }
        origin
    }
}

const SECOND: Span = Span::from_secs(1);
const MINUTE: Span = Span::from_secs(60);
const HOUR: Span = Span::from_secs(3_600);
const DAY: Span = Span::from_days(1);

/// Checks everything, so that all problems are told at once. What comes out counts only when there is none.
pub(super) fn build(said: RawConfig, problems: &mut Problems) -> Config {
    let (configured, fleets) = routers(&said, problems);
    let mut from = Reader { said: &said, problems };
    let data_dir = from.get("data_dir", PathBuf::new(), folder);
    let listen = from.get("listen", SocketAddr::from(([127, 0, 0, 1], 3000)), address);
    let own_database = || format!("sqlite://{}", data_dir.join("unstick.db").display());
    let config = Config {
        database_url: from.maybe("database_url", database_url).unwrap_or_else(own_database),
        data_dir,
        listen,
        public_origin: from.public_origin(listen),
        trusted_proxies: from.get("trusted_proxies", Vec::new(), networks),
        site_dir: from.maybe("site_dir", folder),
        session_idle: from.span("session_idle", MINUTE, DAY),
        session_absolute: from.span("session_absolute", MINUTE, Span::from_days(30)),
        retention: from.span("retention", DAY, Span::from_days(3_650)),
        accumulation: from.number("accumulation", 2, 1_000_000),
        degraded_error_percent: from.number("degraded_error_percent", 1, 100),
        degraded_response: from.span("degraded_response", Span::ZERO, HOUR),
        watch: from.span("watch", Span::ZERO, Span::from_days(1)),
        observe_every: from.span("observe_every", Span::from_millis(100), HOUR),
        observe_limit: from.number("observe_limit", 100, 100_000_000),
        census_every: from.span("census_every", Span::ZERO, DAY),
        census_grace: from.span("census_grace", Span::ZERO, DAY),
        embedded_pin_timeout: from.span("embedded_pin_timeout", SECOND, Span::from_days(365)),
        webhook_allow: from.get("webhook_allow", Vec::new(), networks),
        webhook_keep: from.span("webhook_keep", HOUR, Span::from_days(365)),
        require_totp: from.get("require_totp", FactorRule::Off, factor_rule),
        bulk_approval_above: from.number("bulk_approval_above", 0, 100_000),
        page_size: from.number("page_size", 5, 500),
        argon_memory_kib: from.number("argon_memory_kib", 19_456, 4_194_304),
        argon_passes: from.number("argon_passes", 2, 100),
        hash_threads: from.number("hash_threads", 1, 64),
        max_connections: from.number("max_connections", 16, 1_000_000),
        head_timeout: from.span("head_timeout", SECOND, Span::from_secs(30)),
        request_timeout: from.span("request_timeout", SECOND, HOUR),
        drain_timeout: from.span("drain_timeout", Span::ZERO, HOUR),
        api_rate: from.number("api_rate", 1, 10_000_000),
        self_credential: from.span("self_credential", MINUTE, Span::from_days(365)),
        self_link: from.span("self_link", MINUTE, DAY),
        self_resets: from.number("self_resets", 1, 1_000),
        self_reads: from.number("self_reads", 1, 1_000_000),
        service_name: from.get("service_name", String::new(), service_name),
        log: from.get("log", String::new(), log_filter),
        log_format: from.get("log_format", LogFormat::Auto, log_format),
        routers: if said.routers.is_empty() { default_routers() } else { configured },
        fleets,
        said: said.values,
    };
    if config.session_idle > config.session_absolute {
        let origin = config.said.get("session_idle").map_or(Origin::Default, |raw| raw.origin.clone());
        problems.push(Problem::new(origin, "session_idle: must not be longer than session_absolute"));
    }
    config
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no address with a port; write 127.0.0.1:3000"))
}

fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must name a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn service_name(text: &str) -> Result<String, String> {
    if text.chars().count() <= 80 && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be one line of at most 80 characters".to_owned())
    }
}

fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if known && text.len() > "postgresql://".len() - 2 {
        Ok(text.to_owned())
    } else {
        // The text may hold a password: it is not repeated.
        Err("must begin with sqlite:// or postgres:// and go on, as in sqlite://data/unstick.db".to_owned())
    }
}

fn networks(text: &str) -> Result<Vec<Network>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
}

fn factor_rule(text: &str) -> Result<FactorRule, String> {
    FactorRule::parse(text).ok_or_else(|| format!("{text:?} is no rule; write off, admins or all"))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("{other:?} is no format; write auto, text or json")),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no filter; write error, warn, info, debug, trace, or info,server=debug")),
    }
}
