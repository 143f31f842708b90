//! A bulk clean-up's progress as server-sent events, and its report as a file, streamed a batch at a time so that its length
//! costs no memory.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{Actor, BulkAccount, BulkId};
use futures::{
    Stream,
    stream::{self, StreamExt},
};
use tokio::{
    sync::watch,
    time::{Instant as Tick, sleep},
};

use super::{
    Site, answer,
    audit_export::{Format, safe},
    feed::{self, News},
    who::{self, SignedIn},
};

/// Accounts of one batch of a report.
const BATCH: u32 = 1_000;
/// How often it is asked whether the watcher still may.
const RECHECK: Duration = Duration::from_secs(3);
/// The columns of the CSV.
const COLUMNS: &str = "no,account_id,outcome,cleanup_id,note\r\n";

struct Watch {
    site: Site,
    known: SignedIn,
    news: watch::Receiver<News>,
    stop: watch::Receiver<bool>,
    checked: Tick,
    ended: bool,
}

pub async fn events(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    known: Option<Extension<SignedIn>>,
    Path(id): Path<String>,
) -> Response {
    let path = "/bulk";
    let Ok(id) = BulkId::parse(id) else {
        return answer::of_error(path, &service::Error::NotFound("bulk clean-up"));
    };
    let allowed = site.unstick().bulk_report(&actor, &id, 0, 1).await;
    let known = match (allowed, known) {
        (Ok(_), Some(Extension(known))) => known,
        (Err(error), _) => return answer::of_error(path, &error),
        (Ok(_), None) => return answer::of_error(path, &service::Error::SignIn),
    };
    let (stop, mut news) = (site.stop(), feed::of(&site, &id));
    // What is known already is news to this one.
    news.mark_changed();
    let watch = Watch { site, known, news, stop, checked: Tick::now(), ended: false };
    let stream = Sse::new(updates(watch)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    // Some proxies hold answers back until they are whole.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], stream).into_response()
}

fn updates(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        if watch.ended {
            return None;
        }
        let event = watch.next().await?;
        Some((Ok(event), watch))
    })
}

impl Watch {
    /// The next event; `None` when the process ends or the database fails (the browser then connects again).
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if self.checked.elapsed() >= RECHECK {
                self.checked = Tick::now();
                if matches!(who::still(&self.site, &self.known).await, Ok(None)) {
                    return Some(self.over());
                }
            }
            tokio::select! {
                // Nobody looks any more.
                changed = self.news.changed() => changed.ok()?,
                () = sleep(RECHECK) => continue,
                _ = self.stop.changed() => continue,
            }
            let news = self.news.borrow_and_update().clone();
            match news {
                News::Progress(text) => return Some(Event::default().event("progress").data(&*text)),
                News::Over => return Some(self.over()),
                News::None => {}
                News::Lost => return None,
            }
        }
    }

    fn over(&mut self) -> Event {
        self.ended = true;
        Event::default().event("over").data("{}")
    }
}

pub async fn csv(State(site): State<Site>, Extension(actor): Extension<Actor>, Path(id): Path<String>) -> Response {
    report(&site, actor, id, Format::Csv).await
}

pub async fn ndjson(State(site): State<Site>, Extension(actor): Extension<Actor>, Path(id): Path<String>) -> Response {
    report(&site, actor, id, Format::Ndjson).await
}

async fn report(site: &Site, actor: Actor, id: String, format: Format) -> Response {
    let Ok(id) = BulkId::parse(id) else {
        return answer::of_error("/bulk", &service::Error::NotFound("bulk clean-up"));
    };
    report_of(site, actor, id, format).await.unwrap_or_else(|error| answer::of_error("/bulk", &error))
}

/// The report of a bulk clean-up.
///
/// # Errors
/// `NotFound`; `Denied`.
pub async fn report_of(site: &Site, actor: Actor, id: BulkId, format: Format) -> service::Result<Response> {
    // The first batch tells whether the person may, before anything is sent.
    let first = site.unstick().bulk_report(&actor, &id, 0, BATCH).await?;
    let (kind, head) = match format {
        Format::Csv => ("text/csv; charset=utf-8", COLUMNS),
        Format::Ndjson => ("application/x-ndjson", ""),
    };
    let name = format!("attachment; filename=\"unstick-{id}.{}\"", format.as_str());
    let unstick = site.unstick().clone();
    let rest = stream::unfold(Some(Ok(first)), move |batch| {
        let (unstick, actor, id) = (unstick.clone(), actor.clone(), id.clone());
        async move {
            let batch: Vec<BulkAccount> = match batch? {
                Ok(batch) => batch,
                // What was sent is not the whole report: the transfer breaks, so that nobody takes it for that.
                Err(error) => return Some((Err(std::io::Error::other(error)), None)),
            };
            let last = batch.last()?.no;
            let full = batch.len() >= BATCH as usize;
            let next = if full { Some(unstick.bulk_report(&actor, &id, last, BATCH).await) } else { None };
            Some((lines(&batch, format), next))
        }
    });
    let head = stream::iter([Ok(Bytes::from_static(head.as_bytes()))]);
    // Fused: whoever compresses it asks once more after its end.
    let body = Body::from_stream(head.chain(rest).fuse());
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

fn lines(accounts: &[BulkAccount], format: Format) -> Result<Bytes, std::io::Error> {
    let mut bytes = Vec::new();
    match format {
        Format::Ndjson => {
            for account in accounts {
                serde_json::to_writer(&mut bytes, account)?;
                bytes.push(b'\n');
            }
        }
        Format::Csv => {
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
            for account in accounts {
                let cleanup = account.cleanup.as_ref().map(ToString::to_string).unwrap_or_default();
                let no = account.no.to_string();
                let cells = [&no, account.account.as_str(), account.outcome.as_str(), &cleanup, &account.note];
                writer.write_record(cells.map(safe))?;
            }
            writer.flush()?;
            drop(writer);
        }
    }
    Ok(bytes.into())
}
