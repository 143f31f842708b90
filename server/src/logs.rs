//! Where log lines go: standard error, readable on a terminal, JSON elsewhere. Secrets are never given to it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging as `config` says. A second call does nothing (tests).
pub fn start(config: &Config) {
    begin(&config.log, config.log_format);
}

/// Starts logging with warnings only, for commands that print their own progress.
pub fn start_quiet(config: &Config) {
    let said = config.said.contains_key("log");
    begin(if said { &config.log } else { "warn" }, config.log_format);
}

fn begin(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let text = match format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let started = if text {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
