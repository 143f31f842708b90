//! How far bulk clean-ups are, read once for everybody who watches: two hundred people who look at one cost as many reads
//! as one person.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::islands::Progress;
use domain::{BulkId, BulkStatus};
use tokio::{sync::watch, time::sleep};

use super::Site;

/// How often it is looked. Goal P15: who watches sees it within 500 ms.
const LOOK: Duration = Duration::from_millis(200);

/// What watchers are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum News {
    /// Nothing was read yet.
    #[default]
    None,
    /// So far it is: a [`Progress`] as JSON.
    Progress(Arc<str>),
    /// It does not run any more.
    Over,
    /// The database does not answer.
    Lost,
}

/// The bulk clean-ups that somebody watches.
#[derive(Default)]
pub struct Feeds(Mutex<HashMap<BulkId, watch::Sender<News>>>);

impl Feeds {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<BulkId, watch::Sender<News>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody watches `id` any more; then it is forgotten.
    fn forget_if_unwatched(&self, id: &BulkId) -> bool {
        let mut all = self.all();
        let unwatched = all.get(id).is_none_or(|news| news.receiver_count() == 0);
        if unwatched {
            all.remove(id);
        }
        unwatched
    }
}

/// What is new of `id`, from now on.
pub fn of(site: &Site, id: &BulkId) -> watch::Receiver<News> {
    let mut all = site.feeds().all();
    if let Some(news) = all.get(id) {
        return news.subscribe();
    }
    let (news, told) = watch::channel(News::None);
    all.insert(id.clone(), news.clone());
    drop(all);
    tokio::spawn(look(site.clone(), id.clone(), news));
    told
}

/// Looks until it is over or nobody watches.
async fn look(site: Site, id: BulkId, news: watch::Sender<News>) {
    let (mut shown, mut stop) = (None, site.stop());
    loop {
        let end = match site.unstick().store().bulk(&id).await {
            Ok(Some(bulk)) if bulk.status == BulkStatus::Running => {
                if shown.as_ref() != Some(&bulk) {
                    let progress = Progress { bulk: bulk.clone(), now: site.unstick().clock().now() };
                    if let Ok(text) = serde_json::to_string(&progress) {
                        news.send_replace(News::Progress(text.into()));
                    }
                    shown = Some(bulk);
                }
                None
            }
            Ok(_) => Some(News::Over),
            Err(error) => {
                tracing::warn!(bulk.id = %id, %error, "how far a bulk clean-up is could not be read");
                Some(News::Lost)
            }
        };
        if let Some(end) = end {
            site.feeds().all().remove(&id);
            news.send_replace(end);
            return;
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = stop.changed() => {}
        }
        if *stop.borrow() || site.feeds().forget_if_unwatched(&id) {
            return;
        }
    }
}
