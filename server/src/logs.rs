//! Where log lines go: standard error, readable on a terminal, JSON elsewhere. Secrets are never given to it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging as `config` says. A second call does nothing (tests).
pub fn start(config: &Config) {
    begin(&config.log, config.log_format);
}

/// What a command logs when nothing else was asked for: warnings, but no SQL. A statement that took a second is no news for
/// who loads a million rows.
const QUIET: &str = "warn,sqlx=error";

/// Starts logging with warnings only, for commands that print their own progress.
pub fn start_quiet(config: &Config) {
    let said = config.said.contains_key("log");
    begin(if said { &config.log } else { QUIET }, config.log_format);
}

/// Said before what is asked for, which may say otherwise: tower-sessions opens a span for each value that it is asked for,
/// which is eight a page, and warns when there was no session to end.
const SPARED: &str = "tower_sessions=warn,tower_sessions_core=error";

fn begin(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(format!("{SPARED},{filter}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    // Whoever read the log may be gone (`2>&1 | head`). Said there as well, that would be a panic, and the end of the server.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .log_internal_errors(false);
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

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_command_shows_warnings_and_no_sql() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(QUIET).unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "sqlx::query", "slow statement");
            tracing::warn!("a worker did not end in time");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("a worker did not end in time") && !text.contains("slow"), "{text}");
    }
}
