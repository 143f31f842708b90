//! `[[router]]` blocks of kind `redis`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use domain::{RouterName, ServerName, Span};
use routers::redis::{Endpoint, Password, Redis, RedisConfig, RedisPool, ValueFormat};

use super::{
    Origin, Problem, Problems, RouterConfig,
    keys::PASSWORD_VARIABLE,
    private_text,
    raw::{RawBlock, RawConfig},
    router::{key_rule, name_and_scope, optional, required},
    values::span,
};

/// A Redis, as configured.
#[derive(Debug, Clone)]
pub struct RedisRouter {
    /// In the words of the package that talks to it.
    pub config: RedisConfig,
    /// Where the password came from, if there is one.
    pub password: Option<Origin>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// The file with the certificates that vouch for its own.
    pub ca_file: Option<PathBuf>,
}

/// The end of the name of the variable with the password of `router`.
fn variable_of(router: &RouterName) -> String {
    router.as_str().to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// Tells passwords of routers that are not there: a misspelt name would leave a router without its password.
pub(super) fn unused_passwords(
    passwords: &BTreeMap<String, Password>,
    routers: &[RouterConfig],
    problems: &mut Problems,
) {
    let is_redis = |router: &&RouterConfig| matches!(router, RouterConfig::Redis(_));
    let known: Vec<String> = routers.iter().filter(is_redis).map(|router| variable_of(router.name())).collect();
    for name in passwords.keys().filter(|name| !known.contains(name)) {
        let known: Vec<String> = known.iter().map(|name| format!("{PASSWORD_VARIABLE}{name}")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let text = format!("there is no redis router of that name; the variables of those that there are: {known}");
        problems.push(Problem::new(Origin::Variable(format!("{PASSWORD_VARIABLE}{name}")), text));
    }
}

/// Reads a block.
pub(super) fn redis(
    block: &RawBlock,
    name: RouterName,
    said: &RawConfig,
    problems: &mut Problems,
) -> Option<RedisRouter> {
    let endpoint = required(block, "endpoint", problems, str::parse::<Endpoint>);
    let timeout = optional(block, "timeout", problems, Span::from_secs(2), span);
    let max_request = optional(block, "max_request", problems, Span::from_secs(30), span);
    let fence_ttl = optional(block, "fence_ttl", problems, Span::from_secs(900), span);
    let (password, from) = password(block, &name, said, problems);
    let file = |word: &str| block.values.get(word).map(|raw| PathBuf::from(raw.text.trim()));
    let ca = optional(block, "ca_file", problems, None, |text| certificates(Path::new(text.trim())).map(Some));
    let pools: Vec<Option<RedisPool>> = block.pools.iter().map(|inner| pool(inner, problems)).collect();
    let pools: Option<Vec<RedisPool>> = pools.into_iter().collect();
    let config = RedisConfig {
        name,
        endpoint: endpoint?,
        password,
        ca: ca?,
        pools: pools?,
        timeout: timeout?,
        max_request: max_request?,
        fence_ttl: fence_ttl?,
    };
    // The package that talks to it knows what it can talk to. Without a pool there is a problem already.
    if !config.pools.is_empty()
        && let Err(text) = Redis::new(config.clone())
    {
        problems.push(Problem::new(block.origin.clone(), text));
    }
    Some(RedisRouter { config, password: from, password_file: file("password_file"), ca_file: file("ca_file") })
}

/// The variable's password, else that in the file.
fn password(
    block: &RawBlock,
    router: &RouterName,
    said: &RawConfig,
    problems: &mut Problems,
) -> (Option<Password>, Option<Origin>) {
    let variable = variable_of(router);
    if let Some(password) = said.passwords.get(&variable) {
        return (Some(password.clone()), Some(Origin::Variable(format!("{PASSWORD_VARIABLE}{variable}"))));
    }
    let read = optional(block, "password_file", problems, None, |text| {
        let file = Path::new(text.trim());
        let Some(text) = private_text(file)? else {
            return Err(format!("password_file: there is no file {}", file.display()));
        };
        let mut lines = text.lines();
        match (lines.next().filter(|line| !line.is_empty()), lines.next()) {
            (Some(line), None) => Ok(Some(Password::new(line))),
            _ => Err(format!("password_file: {} must hold the password in one line and nothing else", file.display())),
        }
    });
    let origin = block.values.get("password_file").map(|raw| raw.origin.clone());
    (read.flatten(), origin)
}

fn certificates(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("ca_file: {} cannot be read: {error}", file.display()))?;
    if bytes.windows(11).any(|part| part == b"-----BEGIN ") {
        Ok(bytes)
    } else {
        Err(format!("ca_file: {} holds no certificate in PEM", file.display()))
    }
}

fn pool(block: &RawBlock, problems: &mut Problems) -> Option<RedisPool> {
    let (name, scope) = name_and_scope(block, problems);
    let rule = optional(block, "rule", problems, None, |text| key_rule(text).map(Some));
    let key_pattern = required(block, "key_pattern", problems, |text| Ok(text.to_owned()));
    let session = block.values.get("session_field").map(|raw| raw.text.as_str());
    let value = optional(block, "value", problems, ValueFormat::Text, |text| ValueFormat::parse(text, session));
    if let (None, Some(raw)) = (block.values.get("value"), block.values.get("session_field")) {
        let text = "session_field needs a value in JSON: add value = \"json:server\"";
        problems.push(Problem::new(raw.origin.clone(), text));
    }
    let value = match (value, block.values.get("generation_field")) {
        (Some(value), Some(raw)) => match value.with_generation(&raw.text) {
            Ok(value) => Some(value),
            Err(text) => {
                problems.push(Problem::new(raw.origin.clone(), text));
                None
            }
        },
        (value, _) => value,
    };
    let servers = required(block, "servers", problems, servers);
    let fence = optional(block, "fence", problems, false, |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("fence: {other:?} must be true or false")),
    });
    let fence_pattern = block.values.get("fence_pattern").map(|raw| raw.text.clone());
    Some(RedisPool {
        name: name?,
        scope: scope?,
        rule: rule?,
        key_pattern: key_pattern?,
        value: value?,
        servers: servers?,
        fence: fence?,
        fence_pattern,
    })
}

fn servers(text: &str) -> Result<Vec<ServerName>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| ServerName::parse(word).map_err(|error| format!("servers: {word:?}: {error}"))).collect()
}
