//! Asking a person, where there is one.

use std::io::{BufRead, IsTerminal, Read, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Failure;

/// Longest password that is read, in bytes; more is no password.
const LONGEST: u64 = 4_096;

/// Whether a person can be asked.
pub fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question, until something is answered.
///
/// # Errors
/// A terminal that went away.
pub fn ask(question: &str) -> Result<String, Failure> {
    loop {
        let mut out = std::io::stderr().lock();
        let asked = write!(out, "{question} ").and_then(|()| out.flush());
        asked.map_err(|error| Failure::failed(format!("the terminal cannot be written to: {error}")))?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.map_err(|error| Failure::failed(format!("the terminal cannot be read: {error}")))? == 0 {
            return Err(Failure::usage("no-answer", "nothing was answered"));
        }
        if !line.trim().is_empty() {
            return Ok(line.trim().to_owned());
        }
    }
}

/// The reason that was given, else the one that a person gives when asked.
///
/// # Errors
/// Nobody is there to be asked.
pub fn reason(given: Option<String>) -> Result<String, Failure> {
    match given {
        Some(reason) => Ok(reason),
        None if is_there() => ask("Reason (it goes into the audit log):"),
        None => {
            let text = "say why with --reason: it goes into the audit log (it is asked for only on a terminal)";
            Err(Failure::usage("reason", text).about("reason"))
        }
    }
}

/// A new password: from standard input when `from_stdin`, else asked for twice. Never from the command line, where every
/// user of the machine could read it.
///
/// # Errors
/// No terminal, two different answers.
pub fn new_password(from_stdin: bool) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::failed(format!("the password cannot be read: {error}"));
    if from_stdin {
        let mut text = String::new();
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    if !is_there() {
        let text = "there is no terminal to ask for the password: give it to standard input, with --password-stdin";
        return Err(Failure::usage("password", text));
    }
    let first = rpassword::prompt_password("Password (at least 15 characters): ").map_err(unreadable)?;
    let second = rpassword::prompt_password("Once more: ").map_err(unreadable)?;
    if first == second { Ok(first) } else { Err(Failure::usage("password", "the two passwords are not the same")) }
}

/// A bar on a terminal, nothing elsewhere. `unit` is what is counted.
pub fn bar(length: Option<u64>, unit: &str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => {
            let template = format!("{{wide_bar}} {{pos}} of {{len}} {unit} · {{per_sec}} · {{eta}} left");
            (ProgressBar::new(length), template)
        }
        None => (ProgressBar::new_spinner(), format!("{{spinner}} {{pos}} {unit} · {{per_sec}}")),
    };
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A line that turns while something is under way, on a terminal; nothing elsewhere.
pub fn spinner(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}
