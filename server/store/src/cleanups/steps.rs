//! Steps as rows.

use domain::{
    CleanupId, Instant, Policy, RouteKey, Scope, ServerName, SessionId, Stage, Step, StepKind, Target, Trouble,
    view::{StepCounts, count_steps},
};
use serde::Deserialize;

use crate::{
    Result, StoreError, Tx,
    routes::{place, scope},
    sql::{Arg, args, cells, json, rows, sql},
};

/// The piece `step` as a row.
#[derive(Deserialize)]
pub(super) struct StepRecord {
    pub(super) cleanup_id: String,
    pub(super) no: i64,
    pub(super) kind: String,
    pub(super) router: Option<String>,
    pub(super) pool: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) route_key: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) must_vanish: i64,
    pub(super) stage: String,
    pub(super) attempts: i64,
    pub(super) next_at: i64,
    pub(super) trouble: Option<String>,
    pub(super) trouble_text: Option<String>,
    pub(super) had: Option<String>,
    pub(super) now_on: Option<String>,
    pub(super) cleared_at: Option<i64>,
    pub(super) cleared_again_at: Option<i64>,
    pub(super) verified_at: Option<i64>,
}

impl TryFrom<StepRecord> for Step {
    type Error = StoreError;

    fn try_from(mut record: StepRecord) -> Result<Self> {
        let word = || StoreError::corrupt("a step has an unknown kind, stage, target or trouble");
        let server = |name: Option<String>| name.map(ServerName::parse).transpose().map_err(StoreError::corrupt);
        let trouble = match (record.trouble.take(), record.trouble_text.take()) {
            (Some(kind), text) => Some(Trouble::parse(&kind, text.unwrap_or_default()).ok_or_else(word)?),
            (None, _) => None,
        };
        Ok(Self {
            no: record.no,
            kind: StepKind::parse(&record.kind).ok_or_else(word)?,
            stage: Stage::parse(&record.stage).ok_or_else(word)?,
            attempts: record.attempts,
            next_at: Instant::from_micros(record.next_at),
            trouble,
            had: server(record.had.take())?,
            now_on: server(record.now_on.take())?,
            cleared_at: record.cleared_at.map(Instant::from_micros),
            cleared_again_at: record.cleared_again_at.map(Instant::from_micros),
            verified_at: record.verified_at.map(Instant::from_micros),
            target: record.target()?.ok_or_else(word)?,
        })
    }
}

impl StepRecord {
    fn target(self) -> Result<Option<Target>> {
        let session = self.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?;
        Ok(match (self.router, self.pool, self.scope, self.route_key) {
            (Some(router), Some(pool), Some(word), Some(key)) => Some(Target::Route {
                place: place(router, pool)?,
                scope: scope(&word)?,
                key: RouteKey::parse(key).map_err(StoreError::corrupt)?,
                session,
                must_vanish: self.must_vanish != 0,
            }),
            (None, None, None, None) => session.map(|session| Target::Session { session }),
            _ => None,
        })
    }
}

/// Steps, counted. How many tries a step has is the machine's default: the store knows no settings.
pub(super) fn counted(steps: &[Step]) -> StepCounts {
    count_steps(steps, Policy::default().max_attempts)
}

/// Puts steps of clean-ups in, as [`row`] makes them, and then what follows.
macro_rules! put {
    ($($end:tt),*) => {
        sql!(
            "INSERT INTO cleanup_steps (",
            step,
            ") SELECT value ->> 0, CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, CAST(value ->> 8 AS BIGINT), value ->> 9, CAST(value ->> 10 AS BIGINT), \
             CAST(value ->> 11 AS BIGINT), value ->> 12, value ->> 13, value ->> 14, value ->> 15, \
             CAST(value ->> 16 AS BIGINT), CAST(value ->> 17 AS BIGINT), CAST(value ->> 18 AS BIGINT) FROM ",
            each
            $(, $end)*
        )
    };
}

impl Tx {
    /// Inserts steps of clean-ups, in one statement.
    pub(super) async fn insert_steps(&mut self, steps: &[(&CleanupId, &Step)]) -> Result<()> {
        let rows: Vec<_> = steps.iter().map(|(id, step)| row(id, step)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.exec(put!(), args![json(&rows)?]).await.map(|_| ())
    }

    /// Writes steps that are stored, of any number of clean-ups, in one statement. By their key, one after the other: an
    /// update that joined them to the stored ones would compare each with each in SQLite.
    pub(super) async fn update_steps(&mut self, steps: &[(&CleanupId, &Step)]) -> Result<()> {
        let rows: Vec<_> = steps.iter().map(|(id, step)| row(id, step)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = put!(
            " WHERE EXISTS (SELECT 1 FROM cleanup_steps AS known WHERE known.cleanup_id = value ->> 0 \
             AND known.no = CAST(value ->> 1 AS BIGINT)) \
             ON CONFLICT (cleanup_id, no) DO UPDATE SET stage = excluded.stage, attempts = excluded.attempts, \
             next_at = excluded.next_at, trouble = excluded.trouble, trouble_text = excluded.trouble_text, \
             had = excluded.had, now_on = excluded.now_on, cleared_at = excluded.cleared_at, \
             cleared_again_at = excluded.cleared_again_at, verified_at = excluded.verified_at"
        );
        let written = self.exec(sql, args![json(&rows)?]).await?;
        if usize::try_from(written) == Ok(rows.len()) { Ok(()) } else { Err(StoreError::corrupt("a step is gone")) }
    }

    /// The stored forms of those of `steps` that exist.
    pub(super) async fn stored_steps(&mut self, id: &CleanupId, steps: &[Step]) -> Result<Vec<Step>> {
        let sql = rows!(
            step,
            "FROM cleanup_steps WHERE cleanup_id = $2 AND no IN (SELECT CAST(value ->> 0 AS BIGINT) FROM ",
            each,
            ")"
        );
        let numbers: Vec<_> = steps.iter().map(|step| cells![step.no]).collect();
        crate::accounts::all(self.rows::<StepRecord>(sql, args![json(&numbers)?, id]).await?)
    }
}

fn row<'a>(id: &'a CleanupId, step: &'a Step) -> [Arg<'a>; 19] {
    let (place, scope, key, vanish) = match &step.target {
        Target::Session { .. } => (None, None, None, false),
        Target::Route { place, scope, key, must_vanish, .. } => (Some(place), Some(*scope), Some(key), *must_vanish),
    };
    cells![
        id,
        step.no,
        step.kind.as_str(),
        place.map(|place| &place.router),
        place.map(|place| &place.pool),
        scope.map(Scope::as_str),
        key,
        step.target.session(),
        i64::from(vanish),
        step.stage.as_str(),
        step.attempts,
        step.next_at,
        step.trouble.as_ref().map(Trouble::as_str),
        step.trouble.as_ref().map(Trouble::text),
        step.had.as_ref(),
        step.now_on.as_ref(),
        step.cleared_at,
        step.cleared_again_at,
        step.verified_at,
    ]
}
