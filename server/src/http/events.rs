//! A clean-up's ledger as it changes, as server-sent events. This process tells at once; another one may be at work on the
//! same database, so it is looked up once a second too. Who watches is asked again now and then: a taken role or a
//! revoked session ends the stream.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
    http::HeaderName,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::{Actor, CleanupId, Instant, Status, view::LedgerView};
use futures::{Stream, stream};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant as Tick, sleep, timeout},
};

use super::{
    Site, answer,
    who::{self, SignedIn},
};

/// Comment lines that keep proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the database is asked without being told.
const POLL: Duration = Duration::from_secs(1);
/// Shortest time between two looks: a clean-up of a thousand steps changes more often than an eye can see.
const GAP: Duration = Duration::from_millis(100);
/// How often it is asked whether the watcher still may.
const RECHECK: Duration = Duration::from_secs(3);

struct Watch {
    site: Site,
    known: SignedIn,
    actor: Actor,
    id: CleanupId,
    changed: broadcast::Receiver<CleanupId>,
    stop: watch::Receiver<bool>,
    shown: Option<LedgerView>,
    checked: Tick,
    ended: bool,
}

pub async fn events(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    known: Option<Extension<SignedIn>>,
    Path(id): Path<String>,
) -> Response {
    let path = "/clean-ups";
    let Ok(id) = CleanupId::parse(id) else {
        return answer::of_error(path, &service::Error::NotFound("clean-up"));
    };
    let allowed = site.unstick().ledger(&actor, &id).await;
    let known = match (allowed, known) {
        (Ok(_), Some(Extension(known))) => known,
        (Err(error), _) => return answer::of_error(path, &error),
        (Ok(_), None) => return answer::of_error(path, &service::Error::SignIn),
    };
    let (changed, stop) = (site.unstick().watch(), site.stop());
    let watch = Watch { site, known, actor, id, changed, stop, shown: None, checked: Tick::now(), ended: false };
    let stream = Sse::new(updates(watch)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
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
            if self.checked.elapsed() >= RECHECK && !self.still_may().await {
                self.ended = true;
                return Some(Event::default().event("signed-out").data("{}"));
            }
            let view = self.site.unstick().ledger(&self.actor, &self.id).await.ok()?;
            if self.is_news(&view) {
                let done = view.cleanup.status == Status::Done;
                self.ended = done;
                let data = serde_json::to_string(&view).ok()?;
                self.shown = Some(view);
                return Some(Event::default().event(if done { "done" } else { "ledger" }).data(data));
            }
            self.wait().await;
        }
    }

    /// Whether anything but the time of reading is new.
    fn is_news(&self, view: &LedgerView) -> bool {
        let timeless = |view: &LedgerView| LedgerView { now: Instant::from_micros(0), ..view.clone() };
        self.shown.as_ref().is_none_or(|shown| timeless(shown) != timeless(view))
    }

    async fn wait(&mut self) {
        let told = async {
            loop {
                match self.changed.recv().await {
                    Ok(id) if id != self.id => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                }
            }
        };
        tokio::select! {
            _ = timeout(POLL, told) => {}
            _ = self.stop.changed() => return,
        }
        sleep(GAP).await;
    }

    async fn still_may(&mut self) -> bool {
        self.checked = Tick::now();
        match who::still(&self.site, &self.known).await {
            Ok(Some(actor)) => {
                self.actor = actor;
                true
            }
            Ok(None) => false,
            // The database does not answer: that is no fault of who watches.
            Err(who::Unknowable) => true,
        }
    }
}
