//! The audit log as a file, streamed a batch at a time so that its length costs no memory. That it was exported is itself
//! written down, before the first byte goes out.
//!
//! Spreadsheets run what begins with `=`, `+`, `-`, `@`, a tab or a carriage return: such cells of the CSV begin with an
//! apostrophe instead (OWASP, CSV injection).

use app::api::audit::AuditQuery;
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Actor, AuditEvent, view::AuditFilter};
use futures::stream::{self, StreamExt};
use service::Unstick;

use super::{Site, answer};

/// Events of one batch.
const BATCH: u32 = 1_000;

/// The columns of the CSV.
const COLUMNS: [&str; 12] =
    ["seq", "at", "actor", "action", "target", "account", "reason", "ticket", "outcome", "detail", "prev_hash", "hash"];

/// How an export looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a line of names.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The end of a file's name, and the word in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// What comes before the first event.
    pub fn head(self) -> String {
        match self {
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")),
            Self::Ndjson => String::new(),
        }
    }

    /// The lines of `events`.
    ///
    /// # Errors
    /// An event that cannot be written (which would be a mistake of ours).
    pub fn lines(self, events: &[AuditEvent]) -> Result<Vec<u8>, String> {
        match self {
            Self::Ndjson => ndjson_lines(events),
            Self::Csv => csv_lines(events),
        }
    }
}

fn ndjson_lines(events: &[AuditEvent]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, event).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn csv_lines(events: &[AuditEvent]) -> Result<Vec<u8>, String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for event in events {
        let draft = &event.draft;
        let cells = [
            event.seq.to_string(),
            draft.at.to_string(),
            draft.actor.clone(),
            draft.action.clone(),
            draft.target.clone(),
            draft.account.as_ref().map(ToString::to_string).unwrap_or_default(),
            draft.reason.clone(),
            draft.ticket.clone(),
            draft.outcome.as_str().to_owned(),
            draft.detail.to_string(),
            event.prev_hash.clone(),
            event.hash.clone(),
        ];
        writer.write_record(cells.map(|cell| safe(&cell))).map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn safe(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// Reads what the export is asked for, as the page does. A word that is not known, one that comes twice, or a value that is
/// not understood is an error: it never means «all».
fn filter(query: &str) -> Result<AuditFilter, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    for (place, (name, _)) in pairs.iter().enumerate() {
        if !AuditQuery::default().pairs().iter().any(|(known, _)| known == name) {
            return Err("use actor, account, action, ticket, from and to".to_owned());
        }
        if pairs.iter().take(place).any(|(other, _)| other == name) {
            return Err(format!("{name} is there twice"));
        }
    }
    let value = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    AuditQuery::read(value).parse().map_err(|error| format!("{}: {}", error.field.unwrap_or_default(), error.message))
}

pub async fn csv(State(site): State<Site>, Extension(actor): Extension<Actor>, RawQuery(query): RawQuery) -> Response {
    export(site, actor, query, Format::Csv).await
}

pub async fn ndjson(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
) -> Response {
    export(site, actor, query, Format::Ndjson).await
}

async fn export(site: Site, actor: Actor, query: Option<String>, format: Format) -> Response {
    let path = "/audit/export";
    let filter = match filter(query.as_deref().unwrap_or_default()) {
        Ok(filter) => filter,
        Err(text) => return answer::refuse(path, StatusCode::UNPROCESSABLE_ENTITY, &answer::escaped(&text), None),
    };
    export_of(&site, actor, filter, format).await.unwrap_or_else(|error| answer::of_error(path, &error))
}

/// The events that pass `filter`, as a file.
///
/// # Errors
/// `Denied`.
pub async fn export_of(site: &Site, actor: Actor, filter: AuditFilter, format: Format) -> service::Result<Response> {
    let unstick = site.unstick().clone();
    // Denials of who is known end up in the log: asked for only once, here.
    unstick.note_export(&actor, &filter, format.as_str()).await?;
    let name = format!("unstick-audit-{}.{}", &unstick.clock().now().to_string()[..10], format.as_str());
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Ndjson => "application/x-ndjson",
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, body(Export { unstick, actor, filter, format, before: None, stage: Stage::Head })).into_response())
}

struct Export {
    unstick: Unstick,
    actor: Actor,
    filter: AuditFilter,
    format: Format,
    before: Option<i64>,
    stage: Stage,
}

enum Stage {
    Head,
    Events,
    Over,
}

fn body(export: Export) -> Body {
    // Fused: whoever compresses it asks once more after its end.
    Body::from_stream(
        stream::unfold(export, |mut export| async move {
            let piece = match export.stage {
                Stage::Head => {
                    export.stage = Stage::Events;
                    Ok(Bytes::from(export.format.head()))
                }
                Stage::Events => export.batch().await?,
                Stage::Over => return None,
            };
            if piece.is_err() {
                export.stage = Stage::Over;
            }
            Some((piece, export))
        })
        .fuse(),
    )
}

impl Export {
    /// The next batch; `None` after the last one. A failure cuts the answer off, so that half a log is not taken for all.
    async fn batch(&mut self) -> Option<Result<Bytes, String>> {
        let events = match self.unstick.audit_batch(&self.actor, &self.filter, self.before, BATCH).await {
            Ok(events) => events,
            Err(error) => {
                answer::log_internal(&error);
                return Some(Err(error.to_string()));
            }
        };
        self.before = Some(events.last()?.seq);
        Some(self.format.lines(&events).map(Bytes::from))
    }
}

#[cfg(test)]
mod tests {
    use domain::{AuditDraft, AuditOutcome, GENESIS, Instant};

    use super::*;

    fn event(reason: &str) -> AuditEvent {
        let draft = AuditDraft {
            at: Instant::from_secs(1),
            actor: "staff:dana".to_owned(),
            action: "cleanup.requested".to_owned(),
            target: "c_1".to_owned(),
            account: None,
            reason: reason.to_owned(),
            ticket: String::new(),
            outcome: AuditOutcome::Done,
            detail: serde_json::json!({}),
        };
        AuditEvent { seq: 1, draft, prev_hash: GENESIS.to_owned(), hash: GENESIS.to_owned() }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for reason in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            let text = String::from_utf8(Format::Csv.lines(&[event(reason)]).unwrap()).unwrap();
            assert!(text.contains(&format!("'{reason}")), "{text}");
        }
        let text = String::from_utf8(Format::Csv.lines(&[event("a, \"b\"\nc")]).unwrap()).unwrap();
        assert!(text.contains("\"a, \"\"b\"\"\nc\""), "{text}");
    }

    #[test]
    fn a_filter_that_is_not_understood_is_no_filter() {
        for bad in ["actr=x", "from=yesterday", "actor=a&actor=b", "account=%20%20x%00", "x"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
        assert_eq!(filter("actor=&from="), Ok(AuditFilter::default()));
        assert_eq!(filter("from=2026-11-23").unwrap().from, Instant::parse("2026-11-23T00:00:00Z").ok());
    }

    #[test]
    fn a_line_of_json_is_one_event() {
        let text = String::from_utf8(Format::Ndjson.lines(&[event("a\nb"), event("c")]).unwrap()).unwrap();
        assert_eq!(text.lines().count(), 2);
    }
}
