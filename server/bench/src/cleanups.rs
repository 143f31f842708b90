//! P18: a forced clean-up of an account with 20 sessions, from the request until everything is verified, beside the
//! bare SQL that ends the same sessions and removes the same pins in one transaction and proves nothing.

use std::time::{Duration, Instant};

use domain::{
    AccountId, Actor, Mode, PoolName, RouteKey, Scope, ServerName, SessionId, Span, Status, TokenId, TokenScope,
    view::CleanupRequest,
};
use service::Unstick;

use crate::{
    Outcome,
    measure::{Table, time_text},
    world::{World, shell},
};

/// Sessions of each account that is cleaned.
const SESSIONS: usize = 20;

pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..(rounds * 4) {
        let mine = prepared(world, round, "u").await?;
        ours.push(forced(&world.unstick, mine).await?);
        let other = prepared(world, round, "b").await?;
        let started = Instant::now();
        let mut tx = world.bare.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM embedded_pins WHERE account_id = $1").bind(other.as_str()).execute(&mut *tx).await?;
        sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = 'revoked', cleaned_at = $2 WHERE account_id = $1 AND cleaned_at IS NULL")
            .bind(other.as_str())
            .bind(1_i64)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        bare.push(started.elapsed());
    }
    ours.sort_unstable();
    bare.sort_unstable();
    let (mine, other): (Duration, Duration) = (ours[ours.len() / 2], bare[bare.len() / 2]);
    let ratio = format!("{:.1}", mine.as_secs_f64() / other.as_secs_f64().max(1e-9));
    table.add("P18", "forced clean-up, 20 sessions, verified", time_text(mine), time_text(other), ratio, "≤ 50 ms");
    Ok(())
}

/// How long a forced clean-up of `account` takes, from the request until all of it is verified.
pub async fn forced(unstick: &Unstick, account: AccountId) -> Outcome<Duration> {
    let started = Instant::now();
    let request = CleanupRequest {
        account: account.clone(),
        mode: Mode::Force,
        reason: "benchmark".to_owned(),
        ticket: String::new(),
        hash: None,
    };
    let asked = unstick.request_cleanup(&shell(), request).await?;
    let status = unstick.drive(&asked.id, &|_| ()).await?;
    if status != Status::Done {
        return Err(format!("the clean-up of {account} ended as {}", status.label()).into());
    }
    Ok(started.elapsed())
}

/// An account with live sessions that are pinned in both pools of the embedded router.
async fn prepared(world: &World, round: usize, side: &str) -> Outcome<AccountId> {
    let (account, ids) = signed_in(&world.unstick, round, side).await?;
    let now = world.unstick.clock().now();
    let mut keys = vec![("edge-1:app", Scope::Account, RouteKey::of_account(&account), ids[0].clone())];
    for id in &ids {
        keys.push(("edge-1:files", Scope::Session, RouteKey::parse(id.as_str())?, id.clone()));
    }
    let mut pins = Vec::new();
    for (pool, scope, key, session) in keys {
        pins.push(store::Pin {
            pool: PoolName::parse(pool)?,
            key,
            scope,
            server: ServerName::parse("api-2")?,
            account: Some(account.clone()),
            session: Some(session),
            pinned_at: now,
            expires_at: now + Span::from_days(1),
        });
    }
    let mut tx = world.store.begin().await?;
    tx.import_pins(&pins).await?;
    tx.commit().await?;
    Ok(account)
}

/// A new account with [`SESSIONS`] live sessions.
pub async fn signed_in(unstick: &Unstick, round: usize, side: &str) -> Outcome<(AccountId, Vec<SessionId>)> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    let name = format!("bench_{side}_{round}_{:x}", u32::from_le_bytes(bytes));
    let account = AccountId::parse(name.clone())?;
    let actor = Actor::Token { id: TokenId::parse("t_bench")?, scopes: vec![TokenScope::SessionsWrite] };
    let upsert = service::AccountUpsert {
        id: account.clone(),
        email: Some(format!("{name}@example.org")),
        name: None,
        plan: None,
        time_zone: None,
        created_at: None,
        sample: true,
    };
    unstick.upsert_accounts(&actor, vec![upsert]).await?;
    let ids: Vec<SessionId> =
        (0..SESSIONS).map(|n| SessionId::parse(format!("{name}_{n}"))).collect::<Result<_, _>>()?;
    let create = |id: &SessionId| service::SessionCreate {
        id: id.clone(),
        account: account.clone(),
        client: String::new(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: None,
    };
    unstick.create_sessions(&actor, ids.iter().map(create).collect()).await?;
    Ok((account, ids))
}
