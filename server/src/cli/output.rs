//! What commands say: to people on standard error and standard output, to programs as exactly one JSON document on
//! standard output, also when something goes wrong.

use std::{borrow::Cow, io::Write, sync::OnceLock};

use serde::Serialize;
use serde_json::{Value, json};

use super::exit::Exit;
use crate::compose::ComposeError;

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    code: Cow<'static, str>,
    text: String,
    field: Option<Cow<'static, str>>,
}

impl Failure {
    /// The command line, the input or the configuration is wrong.
    pub fn usage(code: &'static str, text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code: code.into(), text: text.into(), field: None }
    }

    /// It was tried and failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::failed_as("failed", text)
    }

    /// It was tried and failed, in a way that has a name.
    pub fn failed_as(code: &'static str, text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code: code.into(), text: text.into(), field: None }
    }

    /// It was refused.
    pub fn refused(code: &'static str, text: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, code: code.into(), text: text.into(), field: None }
    }

    /// What a server far away told.
    pub fn told(exit: Exit, code: String, text: String, field: Option<String>) -> Self {
        Self { exit, code: code.into(), text, field: field.map(Into::into) }
    }

    /// The same, about `field`.
    pub fn about(mut self, field: &'static str) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The kind of failure, in one stable word.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells it, and how to end.
    pub fn tell(&self, as_json: bool) -> Exit {
        if as_json {
            document(&failure_document(self.exit, &self.code, &self.text, self.field.as_deref()));
        } else {
            say(&format!("admin-tool: {}", self.text));
        }
        self.exit
    }
}

impl From<service::Error> for Failure {
    fn from(error: service::Error) -> Self {
        crate::http::log_internal(&error);
        let field = if let service::Error::Invalid { field, .. } = &error { Some((*field).into()) } else { None };
        let mut text = error.to_string();
        if let service::Error::Internal(source) = &error {
            // The shell's user operates the database: what happened inside is for exactly that person.
            text = format!("{text}: {source}");
        }
        Self { exit: Exit::of(&error), code: error.code().into(), text, field }
    }
}

impl From<ComposeError> for Failure {
    fn from(error: ComposeError) -> Self {
        let mut text = error.to_string();
        if let Some(inner) = std::error::Error::source(&error).and_then(std::error::Error::source) {
            text = format!("{text} ({inner})");
        }
        Self { exit: Exit::Failed, code: "start".into(), text, field: None }
    }
}

/// The document of a failure.
pub fn failure_document(exit: Exit, code: &str, text: &str, field: Option<&str>) -> Value {
    let mut error = json!({ "code": code, "message": text });
    if let (Some(field), Some(map)) = (field, error.as_object_mut()) {
        map.insert("field".to_owned(), field.into());
    }
    json!({ "outcome": exit.as_str(), "error": error })
}

/// Writes one JSON document to standard output.
pub fn document(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| {
        json!({ "outcome": "failed", "error": { "code": "internal", "message": error.to_string() } }).to_string()
    });
    print(&text);
}

/// Why something that was to be on standard output is not there.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Writes a line to standard output. A reader that went away (`| head`) is no failure; a full disk is, and is told at the
/// end of the program ([`unwritten`]).
pub fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            // The first trouble is the one to tell.
            let _ = UNWRITTEN.set(error.to_string());
        }
        _ => {}
    }
}

/// Why not everything is on standard output, if it is not.
pub fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

/// Writes a line for a person to standard error.
pub fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{line}");
}

/// Rows under headings, each column as wide as its widest cell.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(headings.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_it_must_be() {
        let text =
            table(&["ID", "NAME"], &[vec!["a".to_owned(), "x".to_owned()], vec!["long".to_owned(), "é".to_owned()]]);
        assert_eq!(text, "ID    NAME\na     x\nlong  é");
    }

    #[test]
    fn a_failure_says_which_field() {
        let document = failure_document(Exit::Usage, "invalid", "say why", Some("reason"));
        assert_eq!(document["error"]["field"], "reason");
        assert_eq!(document["outcome"], "usage");
    }
}
