//! Batches: up to 1,000 records of one kind at once, each with its id in it and each with an answer of its own. One that is
//! wrong does not stop the others. A repeated id within a batch counts in order.

use std::{borrow::Cow, collections::HashSet};

use axum::{Json, extract::State, http::StatusCode};
use domain::{AccountId, Actor, Session, SessionId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use service::Unstick;
use utoipa::ToSchema;

use super::{
    Problem,
    accounts::AccountBody,
    auth::Backend,
    extract::Text,
    problem,
    sessions::{EndBody, SessionBody, TouchBody, created, ended, routes_of, touched},
    shown::SessionView,
};
use crate::{
    http::Site,
    json::{self, Wrong},
};

/// Most records of a batch.
const MOST: usize = 1_000;

/// The records: each is the body of the single call, with its id (`account_id` or `session_id`) in it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody<'a> {
    /// At most 1,000.
    #[serde(borrow)]
    #[schema(value_type = Vec<Object>, max_items = 1000)]
    items: Vec<&'a RawValue>,
}

/// What came of one record.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemResult {
    /// Its id; empty when it had none that could be read.
    #[schema(example = "s_9fK2x")]
    id: String,
    /// The status that the single call would have answered.
    #[schema(example = 201)]
    status: u16,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError>,
    /// Of a new or known session: what the single call would have answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
}

/// What was wrong with one record.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemError {
    /// The kind of problem in one stable word.
    #[schema(example = "unknown-account")]
    code: &'static str,
    /// What to do about it.
    detail: String,
    /// Which field is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Cow<'static, str>>,
}

/// What came of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// One for each record, in order.
    results: Vec<ItemResult>,
    /// How many went well.
    ok: usize,
    /// How many did not.
    failed: usize,
}

/// What came of a record that was taken.
struct Done {
    status: u16,
    /// The session, where it was reported as new and its keys and its route are told.
    session: Option<Session>,
}

impl Done {
    const fn plain(status: u16) -> Self {
        Self { status, session: None }
    }
}

/// A kind of record: how it is read, and what the use case makes of several.
trait Kind {
    /// The field that holds the id.
    const ID: &'static str;
    type Id: DeserializeOwned + Clone + Eq + std::hash::Hash + ToString;
    type Body: DeserializeOwned;
    type Item: Clone;
    fn item(id: Self::Id, body: Self::Body) -> Self::Item;
    async fn write(
        unstick: &Unstick,
        actor: &Actor,
        items: Vec<Self::Item>,
    ) -> service::Result<Vec<Result<Done, Problem>>>;
}

/// A record that was read, with its place in the batch.
struct Ready<K: Kind> {
    place: usize,
    id: K::Id,
    item: K::Item,
}

/// A record that could not be read: its id, as far as it has one, and why.
struct Unread {
    id: String,
    problem: Problem,
}

/// Takes the id out of a record and reads the rest.
fn read<K: Kind>(raw: &RawValue) -> Result<(K::Id, K::Item), Box<Unread>> {
    let unread = |id: &str, wrong: Wrong| {
        // A record is a part of a body that was JSON.
        let problem = Problem::from(wrong).with_status(StatusCode::UNPROCESSABLE_ENTITY);
        Box::new(Unread { id: id.to_owned(), problem })
    };
    let mut fields: serde_json::Map<String, serde_json::Value> =
        json::object(raw.get().as_bytes()).map_err(|wrong| unread("", wrong))?;
    let id = fields.remove(K::ID).unwrap_or_default();
    let text = id.as_str().unwrap_or_default().to_owned();
    if id.is_null() {
        return Err(unread("", Wrong::told(&format!("missing field `{}`", K::ID), "")));
    }
    let id: K::Id =
        serde_json::from_value(id).map_err(|error| unread(&text, Wrong::told(&error.to_string(), K::ID)))?;
    let body = json::fields(fields).map_err(|wrong| unread(&text, wrong))?;
    Ok((id.clone(), K::item(id, body)))
}

async fn run<K: Kind>(site: &Site, actor: &Actor, text: &[u8]) -> Result<Json<BatchAnswer>, Problem> {
    let body: BatchBody<'_> =
        json::borrowed(text, "items").map_err(|wrong| Problem::from(wrong).with_status(StatusCode::BAD_REQUEST))?;
    if body.items.len() > MOST {
        let text = format!("at most {MOST} items at once; you sent {}", body.items.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text).about("items"));
    }
    let mut results: Vec<Option<ItemResult>> = Vec::new();
    let mut sessions: Vec<(usize, Session)> = Vec::new();
    let mut ready: Vec<Ready<K>> = Vec::new();
    for (place, raw) in body.items.iter().enumerate() {
        match read::<K>(raw) {
            Ok((id, item)) => {
                ready.push(Ready { place, id, item });
                results.push(None);
            }
            Err(unread) => results.push(Some(result(unread.id, Err(unread.problem)))),
        }
    }
    // Even a batch in which nothing could be read asks once, so that the permission is always checked.
    for wave in waves(ready) {
        for (place, id, mut outcome) in write_wave::<K>(site.unstick(), actor, wave).await? {
            sessions.extend(outcome.as_mut().ok().and_then(|done| done.session.take()).map(|session| (place, session)));
            results[place] = Some(result(id, outcome));
        }
    }
    let (places, sessions): (Vec<usize>, Vec<Session>) = sessions.into_iter().unzip();
    let routes = routes_of(site, actor, &sessions).await;
    for ((place, session), route) in places.into_iter().zip(sessions).zip(routes) {
        if let Some(Some(result)) = results.get_mut(place) {
            result.session = Some(SessionView::new(session, route));
        }
    }
    let results: Vec<ItemResult> = results.into_iter().flatten().collect();
    let ok = results.iter().filter(|result| result.error.is_none()).count();
    Ok(Json(BatchAnswer { failed: results.len() - ok, ok, results }))
}

/// Cuts the records into waves in which no id comes twice.
fn waves<K: Kind>(ready: Vec<Ready<K>>) -> Vec<Vec<Ready<K>>> {
    let (mut waves, mut wave, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for record in ready {
        if !seen.insert(record.id.clone()) {
            waves.push(std::mem::take(&mut wave));
            seen.clear();
            seen.insert(record.id.clone());
        }
        wave.push(record);
    }
    waves.push(wave);
    waves
}

type Outcome = (usize, String, Result<Done, Problem>);

/// Writes a wave at once; where the use case refuses it for one record's sake, by halves, so that only that one fails and
/// a thousand good ones cost a few calls.
async fn write_wave<K: Kind>(unstick: &Unstick, actor: &Actor, wave: Vec<Ready<K>>) -> Result<Vec<Outcome>, Problem> {
    let mut outcomes = Vec::with_capacity(wave.len());
    let mut todo = vec![wave.as_slice()];
    while let Some(records) = todo.pop() {
        let items: Vec<K::Item> = records.iter().map(|record| record.item.clone()).collect();
        match K::write(unstick, actor, items).await {
            Ok(written) => outcomes.extend(written),
            Err(error @ service::Error::Invalid { .. }) if records.len() <= 1 => outcomes.push(Err(error.into())),
            Err(service::Error::Invalid { .. }) => {
                let (first, second) = records.split_at(records.len() / 2);
                todo.extend([second, first]);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(wave.iter().zip(outcomes).map(|(record, outcome)| (record.place, record.id.to_string(), outcome)).collect())
}

fn result(id: String, outcome: Result<Done, Problem>) -> ItemResult {
    match outcome {
        Ok(done) => ItemResult { id, status: done.status, error: None, session: None },
        Err(problem) => {
            let (detail, field) = (problem.detail().to_owned(), problem.field().cloned());
            let error = ItemError { code: problem.code(), detail, field };
            ItemResult { id, status: problem.status(), error: Some(error), session: None }
        }
    }
}

struct Accounts;
impl Kind for Accounts {
    const ID: &'static str = "account_id";
    type Id = AccountId;
    type Body = AccountBody;
    type Item = service::AccountUpsert;
    fn item(id: AccountId, body: AccountBody) -> Self::Item {
        body.upsert(id)
    }
    async fn write(
        unstick: &Unstick,
        actor: &Actor,
        items: Vec<Self::Item>,
    ) -> service::Result<Vec<Result<Done, Problem>>> {
        let stored = unstick.upsert_accounts(actor, items).await?;
        Ok(stored.into_iter().map(|(_, is_new)| Ok(Done::plain(if is_new { 201 } else { 200 }))).collect())
    }
}

struct Sessions;
impl Kind for Sessions {
    const ID: &'static str = "session_id";
    type Id = SessionId;
    type Body = SessionBody;
    type Item = service::SessionCreate;
    fn item(id: SessionId, body: SessionBody) -> Self::Item {
        body.create(id)
    }
    async fn write(
        unstick: &Unstick,
        actor: &Actor,
        items: Vec<Self::Item>,
    ) -> service::Result<Vec<Result<Done, Problem>>> {
        let outcomes = unstick.create_sessions(actor, items).await?;
        let done = |(status, session): (StatusCode, Session)| Done { status: status.as_u16(), session: Some(session) };
        Ok(outcomes.into_iter().map(|outcome| created(outcome).map(done)).collect())
    }
}

struct Touches;
impl Kind for Touches {
    const ID: &'static str = "session_id";
    type Id = SessionId;
    type Body = TouchBody;
    type Item = service::Touch;
    fn item(id: SessionId, body: TouchBody) -> Self::Item {
        body.touch(id)
    }
    async fn write(
        unstick: &Unstick,
        actor: &Actor,
        items: Vec<Self::Item>,
    ) -> service::Result<Vec<Result<Done, Problem>>> {
        let outcomes = unstick.touch_sessions(actor, items).await?;
        Ok(outcomes.into_iter().map(|outcome| touched(outcome).map(|_| Done::plain(200))).collect())
    }
}

struct Ends;
impl Kind for Ends {
    const ID: &'static str = "session_id";
    type Id = SessionId;
    type Body = EndBody;
    type Item = service::End;
    fn item(id: SessionId, body: EndBody) -> Self::Item {
        body.end(id)
    }
    async fn write(
        unstick: &Unstick,
        actor: &Actor,
        items: Vec<Self::Item>,
    ) -> service::Result<Vec<Result<Done, Problem>>> {
        let outcomes = unstick.end_sessions(actor, items).await?;
        Ok(outcomes.into_iter().map(|outcome| ended(outcome).map(|_| Done::plain(200))).collect())
    }
}

macro_rules! handlers {
    ($($name:ident, $kind:ty, $path:literal, $operation:literal, $summary:literal, $example:tt;)+) => { $(
        #[doc = $summary]
        ///
        /// Up to 1,000, each with its id in it and an answer of its own. Needs the scope `sessions:write`.
        #[utoipa::path(post, path = $path, tag = "batches", operation_id = $operation,
            request_body(content = BatchBody<'static>, example = json!($example)),
            responses((status = 200, body = BatchAnswer, description = "What came of each"),
                (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused as a whole")))]
        pub async fn $name(Backend(actor): Backend, State(site): State<Site>, Text(text): Text) -> Result<Json<BatchAnswer>, Problem> {
            run::<$kind>(&site, &actor, &text).await
        }
    )+ };
}

handlers! {
    accounts, Accounts, "/api/v1/batch/accounts", "batchAccounts", "Report many accounts",
        {"items": [{"account_id": "acc_7Q2mX0cVd4", "email": "dana@example.com"}]};
    sessions, Sessions, "/api/v1/batch/sessions", "batchSessions", "Report many sessions, each answered with its keys and its route",
        {"items": [{"session_id": "s_9fK2x", "account_id": "acc_7Q2mX0cVd4"}]};
    touches, Touches, "/api/v1/batch/touches", "batchTouches", "Report that many sessions were seen",
        {"items": [{"session_id": "s_9fK2x"}]};
    ends, Ends, "/api/v1/batch/ends", "batchEnds", "Report that many sessions ended",
        {"items": [{"session_id": "s_9fK2x", "reason": "signed_out"}]};
}
