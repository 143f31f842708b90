//! HTTP: the console, the API of the back ends, and what belongs to both. One frame around everything (identity of the
//! request, time limit, panics, headers, log line), then three groups: plain files and health, the API (bearer tokens,
//! no cookies), and the console (cross-site defence, sessions, who acts).

mod answer;
mod api_v1;
mod audit_export;
mod bulk;
mod client_ip;
mod console;
mod csp_report;
mod csrf;
mod customer;
mod events;
mod evidence;
mod feed;
mod files;
mod frame;
mod guard;
mod headers;
mod health;
mod metrics;
mod serve;
mod session;
mod signals;
mod token;
mod who;

use std::sync::Arc;

use axum::{Router, extract::FromRef, middleware::from_fn_with_state, routing::any};
use domain::Entropy;
use leptos::config::{Env, LeptosOptions};
use service::Unstick;
use tokio::sync::watch;

use crate::config::{Config, Secret};

pub(crate) use self::{answer::log_internal, api_v1::shapes};
pub use self::{
    audit_export::Format as ExportFormat,
    customer::COOKIE as CUSTOMER_COOKIE,
    serve::{Holding, serve},
    session::COOKIE,
    token::FIELD as CSRF_FIELD,
};

/// What requests are answered from. Cheap to clone.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    unstick: Unstick,
    config: Arc<Config>,
    csrf_key: Secret,
    entropy: Arc<dyn Entropy>,
    options: LeptosOptions,
    limits: api_v1::Limits,
    customer_limits: api_v1::CustomerLimits,
    feeds: feed::Feeds,
    stop: watch::Receiver<bool>,
}

/// What a [`Site`] is made of.
pub struct SiteParts {
    /// The use cases.
    pub unstick: Unstick,
    /// The configuration.
    pub config: Arc<Config>,
    /// The key of the forms' tokens.
    pub csrf_key: Secret,
    /// Unguessable bytes, for nonces and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Becomes true when the process should end.
    pub stop: watch::Receiver<bool>,
}

impl Site {
    /// Puts the parts together.
    pub fn new(parts: SiteParts) -> Self {
        let SiteParts { unstick, config, csrf_key, entropy, stop } = parts;
        let options = options(&config);
        let limits = api_v1::Limits::new(config.api_rate);
        let customer_limits = api_v1::CustomerLimits::default();
        let feeds = feed::Feeds::default();
        Self(Arc::new(Inner { unstick, config, csrf_key, entropy, options, limits, customer_limits, feeds, stop }))
    }

    /// The use cases.
    pub fn unstick(&self) -> &Unstick {
        &self.0.unstick
    }
    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }
    fn options(&self) -> &LeptosOptions {
        &self.0.options
    }
    fn limits(&self) -> &api_v1::Limits {
        &self.0.limits
    }
    fn customer_limits(&self) -> &api_v1::CustomerLimits {
        &self.0.customer_limits
    }
    fn feeds(&self) -> &feed::Feeds {
        &self.0.feeds
    }
    fn csrf_key(&self) -> &Secret {
        &self.0.csrf_key
    }
    fn entropy(&self) -> &dyn Entropy {
        self.0.entropy.as_ref()
    }
    fn stop(&self) -> watch::Receiver<bool> {
        self.0.stop.clone()
    }
    /// Forgets what rate limits need no more; to be called now and then.
    pub fn tidy(&self) {
        self.0.limits.tidy();
        self.0.customer_limits.tidy();
    }
}

impl FromRef<Site> for LeptosOptions {
    fn from_ref(site: &Site) -> Self {
        site.options().clone()
    }
}

impl FromRef<Site> for Unstick {
    fn from_ref(site: &Site) -> Self {
        site.unstick().clone()
    }
}

/// Leptos only needs to know what its files are called.
fn options(config: &Config) -> LeptosOptions {
    let root = config.site_dir().map_or_else(|| "target/site".to_owned(), |dir| dir.display().to_string());
    LeptosOptions::builder()
        .output_name("unstick")
        .site_root(root)
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .site_addr(config.listen)
        .build()
}

/// Everything that answers.
pub fn router(site: &Site) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(csp_report::routes())
        .merge(signals::routes())
        .merge(files::routes(site))
        .nest("/api", api_v1::routes(site))
        .route("/api/", any(api_v1::missing))
        .merge(console::routes(site))
        .layer(from_fn_with_state(site.clone(), frame::frame))
        .with_state(site.clone())
}
