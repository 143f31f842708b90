//! What was last asked of each load balancer about a server, and what came of it.

use domain::{Instant, Place, ServerName, ServerState, SetState, StateAnswer};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    routes::place,
    sql::{args, rows, sql},
};

#[derive(Deserialize)]
struct Record {
    router: String,
    pool: String,
    server: String,
    state: String,
    actor: String,
    reason: String,
    ticket: String,
    asked_at: i64,
    answer: Option<String>,
}

impl TryFrom<Record> for SetState {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        let state = ServerState::parse(&record.state);
        let answer = record.answer.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Self {
            place: place(record.router, record.pool)?,
            server: ServerName::parse(record.server).map_err(StoreError::corrupt)?,
            state: state.ok_or_else(|| StoreError::corrupt("a server's state is no known word"))?,
            actor: record.actor,
            reason: record.reason,
            ticket: record.ticket,
            asked_at: Instant::from_micros(record.asked_at),
            answer: answer.map_err(StoreError::corrupt)?,
        })
    }
}

impl Tx {
    /// Keeps what is about to be asked; nobody knows yet what comes of it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn ask_server_state(&mut self, asked: &SetState) -> Result<()> {
        let sql = sql!(
            "INSERT INTO server_states (router, pool, server, state, actor, reason, ticket, asked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (router, pool, server) DO UPDATE SET state = excluded.state, actor = excluded.actor, \
             reason = excluded.reason, ticket = excluded.ticket, asked_at = excluded.asked_at, answer = NULL"
        );
        let place = &asked.place;
        let (state, asked_at) = (asked.state.as_str(), asked.asked_at);
        let values = args![
            &place.router,
            &place.pool,
            &asked.server,
            state,
            &asked.actor,
            &asked.reason,
            &asked.ticket,
            asked_at
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Keeps what came of what was asked at `asked_at`, unless something else was asked since. Whether it was kept.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn answer_server_state(
        &mut self,
        place: &Place,
        server: &ServerName,
        asked_at: Instant,
        answer: &StateAnswer,
    ) -> Result<bool> {
        let text = serde_json::to_string(answer).map_err(StoreError::corrupt)?;
        let sql = sql!(
            "UPDATE server_states SET answer = $5 WHERE router = $1 AND pool = $2 AND server = $3 AND asked_at = $4"
        );
        Ok(self.exec(sql, args![&place.router, &place.pool, server, asked_at, text]).await? > 0)
    }
}

impl Store {
    /// What was last asked about every server. As many as there are servers that somebody set.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn server_states(&self) -> Result<Vec<SetState>> {
        let sql = rows!(
            "router, pool, server, state, actor, reason, ticket, asked_at, answer",
            "FROM server_states ORDER BY router, pool, server"
        );
        all(self.rows::<Record>(sql, &[]).await?)
    }
}
