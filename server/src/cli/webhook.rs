//! `webhook`: who is told what happens, and what they were told.

use domain::{
    AccountId, Delivery, DeliveryFilter, DeliveryState, EventId, EventKind, Instant, WebhookFormat, WebhookId,
    WebhookState,
    view::{Page, WebhookRow},
};
use serde_json::{Value, json};
use service::NewWebhook;

use super::{Context, Exit, Failure, desk::Again, output, words};
use crate::{compose::Purpose, wire::WebhookMade};

/// Tell others what happens: make, stop and try webhooks, read what was sent, send it again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool webhook add https://receiver.example/unstick --event session.ended --event cleanup.done
  admin-tool webhook test wh_K2x…
  admin-tool webhook log wh_K2x… --state failed
  admin-tool webhook replay wh_K2x… --from 2026-11-23T09:00:00Z --to 2026-11-23T10:00:00Z
  admin-tool webhook delete wh_K2x…

The secret is printed once. Events are sent by `admin-tool serve`, at least once, in order per account, and signed as the
Standard Webhooks specification says: HMAC-SHA256 over webhook-id, webhook-timestamp and the body.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a webhook and print its secret, once
    Add {
        /// Where events go: https://…; http only to this machine
        url: String,
        #[arg(
            long = "event",
            value_delimiter = ',',
            value_parser = event_kind,
            help = "What to tell: session.ended, cleanup.done, cleanup.came_back, finding.opened; several times for several \
                    [default: all that the format has]"
        )]
        events: Vec<EventKind>,
        /// unstick: JSON of our own; caep: security event tokens with CAEP's session-revoked
        #[arg(long, default_value = "unstick", value_parser = format)]
        format: WebhookFormat,
    },
    /// List all webhooks, without their secrets
    List,
    /// Give a webhook a new secret and print it, once; for a day the one before signs as well (caep: the new one alone goes along, at once)
    Rotate(Which),
    /// Stop telling; what waits is kept
    Disable(Which),
    /// Go on telling, with what waited
    Enable(Which),
    /// Stop telling for good; what waits is given up, and what was sent can be read with `log` for as long as it is kept
    Delete(Which),
    /// Send an event that means nothing
    Test(Which),
    /// Send again, under the same ids: one event, or what happened in a stretch of time
    Replay {
        #[command(flatten)]
        which: Which,
        /// One event
        #[arg(long, value_name = "EVENT_ID", value_parser = words::id::<EventId>, required_unless_present = "from")]
        event: Option<EventId>,
        /// What happened from then on
        #[arg(long, value_name = "TIME", value_parser = words::instant, conflicts_with = "event", requires = "to")]
        from: Option<Instant>,
        /// And before then
        #[arg(long, value_name = "TIME", value_parser = words::instant, requires = "from")]
        to: Option<Instant>,
        /// Of that only what was given up
        #[arg(long, requires = "from")]
        failed: bool,
    },
    /// What was sent, or is to be, the newest first
    Log {
        #[command(flatten)]
        which: Which,
        /// waiting, delivered or failed
        #[arg(long, value_parser = delivery_state)]
        state: Option<DeliveryState>,
        /// Of this kind, as in session.ended
        #[arg(long = "type", value_parser = event_kind)]
        kind: Option<EventKind>,
        /// About this account
        #[arg(long, value_parser = words::id::<AccountId>)]
        account_id: Option<AccountId>,
        /// Where the last page ended
        #[arg(long)]
        after: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The webhook's id
    #[arg(value_parser = words::id::<WebhookId>)]
    id: WebhookId,
}

fn event_kind(text: &str) -> Result<EventKind, String> {
    let known: Vec<_> = EventKind::CHOICES.iter().map(|kind| kind.as_str()).collect();
    EventKind::parse(text).ok_or_else(|| format!("write one of {}", known.join(", ")))
}

fn format(text: &str) -> Result<WebhookFormat, String> {
    WebhookFormat::parse(text).ok_or_else(|| "write unstick or caep".to_owned())
}

fn delivery_state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(text).ok_or_else(|| "write waiting, delivered or failed".to_owned())
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { command, json } = args;
    let desk = context.desk(Purpose::Work).await?;
    let done = match command {
        Command::Add { url, events, format } => {
            secret(&desk.add_webhook(NewWebhook { url, kinds: events, format }).await?, json);
            return Ok(Exit::Done);
        }
        Command::Rotate(Which { id }) => {
            secret(&desk.rotate_webhook(&id).await?, json);
            return Ok(Exit::Done);
        }
        Command::List => {
            list(&desk.webhooks().await?, json);
            return Ok(Exit::Done);
        }
        Command::Log { which, state, kind, account_id, after } => {
            let filter = DeliveryFilter { state, kind, account: account_id };
            let (row, page) = desk.webhook_log(&which.id, filter, after).await?;
            log(&row, &page, json);
            return Ok(Exit::Done);
        }
        Command::Disable(Which { id }) => {
            desk.switch_webhook(&id, false).await?;
            (id, "switched off".to_owned(), json!({}))
        }
        Command::Enable(Which { id }) => {
            desk.switch_webhook(&id, true).await?;
            (id, "switched on".to_owned(), json!({}))
        }
        Command::Delete(Which { id }) => {
            desk.delete_webhook(&id).await?;
            (id, "deleted; what waited for it was given up".to_owned(), json!({}))
        }
        Command::Test(Which { id }) => {
            let event = desk.test_webhook(&id).await?;
            (id, "a test is on its way; see webhook log".to_owned(), json!({ "event_id": event }))
        }
        Command::Replay { which, event, from, to, failed } => {
            let again = match (event, from, to) {
                (Some(event), ..) => Again::One(event),
                (None, Some(from), Some(to)) => Again::Stretch(from, to, failed),
                _ => return Err(Failure::usage("usage", "say which event, or from when to when")),
            };
            let events = desk.replay(&which.id, again).await?;
            let count = words::count(usize::try_from(events).unwrap_or(0), "event");
            (which.id, format!("{count} sent again"), json!({ "events": events }))
        }
    };
    tell(done, json);
    Ok(Exit::Done)
}

fn tell((id, text, mut more): (WebhookId, String, Value), json: bool) {
    if !json {
        return output::print(&format!("{id}: {text}"));
    }
    if let Some(map) = more.as_object_mut() {
        map.insert("outcome".to_owned(), "done".into());
        map.insert("id".to_owned(), id.as_str().into());
    }
    output::document(&more);
}

fn secret(made: &WebhookMade, json: bool) {
    let WebhookMade { webhook, secret } = made;
    if json {
        return output::document(&json!({ "outcome": "done", "id": webhook.id, "secret": secret }));
    }
    output::say(&format!("Webhook {}. Its secret is shown this once:", webhook.id));
    output::print(secret);
}

fn list(rows: &[WebhookRow], json: bool) {
    if json {
        return output::document(&json!({ "outcome": "done", "webhooks": rows }));
    }
    if rows.is_empty() {
        return output::say("None yet. Make one: admin-tool webhook add https://receiver.example/unstick");
    }
    let row = |row: &WebhookRow| {
        let hook = &row.hook;
        let kinds: Vec<&str> = hook.kinds.iter().map(|kind| kind.as_str()).collect();
        let state = match (hook.state, hook.failing_since) {
            (WebhookState::Active, Some(since)) => format!("failing since {}", since.to_text()),
            (WebhookState::Active, None) => "active".to_owned(),
            (state, _) => format!("{}: {}", state.as_str(), hook.why),
        };
        let last = hook.succeeded_at.map_or_else(|| "never".to_owned(), Instant::to_text);
        let (waiting, failed) = (row.waiting.n.to_string(), row.failed.n.to_string());
        vec![hook.id.to_string(), hook.url.clone(), kinds.join(","), waiting, failed, last, state]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    output::print(&output::table(&["ID", "URL", "EVENTS", "WAITING", "GIVEN UP", "LAST TAKEN", "STATE"], &rows));
}

fn log(hook: &WebhookRow, page: &Page<Delivery>, json: bool) {
    if json {
        return output::document(
            &json!({ "outcome": "done", "webhook": hook, "deliveries": page.items, "next": page.next }),
        );
    }
    if page.items.is_empty() {
        return output::say("Nothing of that kind was sent, or is to be.");
    }
    let row = |it: &Delivery| {
        let account = it.account.as_ref().map_or_else(String::new, ToString::to_string);
        let took = it.took_ms.map_or_else(String::new, |ms| format!("{ms} ms"));
        let status = it.status.map_or_else(|| "–".to_owned(), |status| status.to_string());
        let said: String = it.said.chars().take(60).collect();
        let (tries, state) = (it.attempts.to_string(), it.state.as_str().to_owned());
        vec![
            it.at.to_text(),
            it.event.to_string(),
            it.kind.as_str().to_owned(),
            account,
            state,
            tries,
            status,
            took,
            said,
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    let heads = &["HAPPENED", "EVENT", "KIND", "ACCOUNT", "STATE", "TRIES", "STATUS", "TOOK", "SAID"];
    output::print(&output::table(heads, &rows));
    if let Some(next) = &page.next {
        output::say(&format!("There are more: --after {next}"));
    }
}
