//! P9: clean-ups claimed on PostgreSQL, as workers claim those of bulk clean-ups, beside one bare UPDATE with SKIP LOCKED that
//! takes as many rows. Two clients each, batches of 100.

use std::time::{Duration, Instant};

use domain::{AccountId, Cleanup, CleanupId, Instant as Moment, Mode, PlanHash, Span, Status};
use sqlx::{PgPool, postgres::PgPoolOptions};
use store::{AccountUpsert, Most, Store};

use crate::{
    Outcome,
    measure::{Table, grouped, rate},
    testing,
};

/// Clean-ups of one claim.
const BATCH: u32 = 100;
/// Claims of one client in one round.
const CLAIMS: u32 = 25;
const ROUNDS: u32 = 7;

pub async fn run(table: &mut Table) -> Outcome<()> {
    let url = testing::postgres().await;
    let store = Store::open(&url, testing::options()).await?;
    let bare = PgPoolOptions::new().max_connections(2).connect(&url).await?;
    let now = Moment::from_micros(1_795_000_000_000_000);
    let (mut ours, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        refill(&store, &bare, round, now).await?;
        let started = Instant::now();
        tokio::try_join!(workers(&store, "a", now), workers(&store, "b", now))?;
        let mine = started.elapsed();
        refill(&store, &bare, round + 1_000, now).await?;
        let started = Instant::now();
        tokio::try_join!(statements(&bare, now), statements(&bare, now))?;
        let other = started.elapsed();
        if round > 0 {
            ratios.push(100.0 * other.as_secs_f64() / mine.as_secs_f64());
            ours.push(mine);
            others.push(other);
        }
    }
    for list in [&mut ours, &mut others] {
        list.sort_unstable();
    }
    ratios.sort_by(f64::total_cmp);
    let all = u64::from(2 * BATCH * CLAIMS);
    let of = |list: &[Duration]| format!("{}/s", grouped(rate(all, list[list.len() / 2])));
    let ratio = format!("{:.0} % ({:.0}–{:.0} %)", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
    table.add("P9", "clean-ups claimed on PostgreSQL, 100 at once", of(&ours), of(&others), ratio, "≥ 80 %");
    store.close().await;
    Ok(())
}

/// Twice as many clean-ups as a round claims, and nothing else.
async fn refill(store: &Store, bare: &PgPool, round: u32, now: Moment) -> Outcome<()> {
    sqlx::query("TRUNCATE cleanups CASCADE").execute(bare).await?;
    let mut tx = store.begin().await?;
    let ids = (0..2 * 2 * BATCH * CLAIMS).map(|number| AccountId::parse(format!("a{round}_{number}")));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let upsert = |id: &AccountId| AccountUpsert {
        id: id.clone(),
        email: None,
        name: None,
        plan: None,
        time_zone: None,
        created_at: None,
        sample: true,
    };
    for ids in ids.chunks(1_000) {
        tx.upsert_accounts(&ids.iter().map(upsert).collect::<Vec<_>>(), now).await?;
        let cleanups = ids.iter().map(|account| cleanup(account, now)).collect::<Outcome<Vec<_>>>()?;
        let rows: Vec<(&Cleanup, &[domain::Step])> = cleanups.iter().map(|one| (one, &[][..])).collect();
        tx.insert_cleanups(&rows).await?;
        tx.rank_behind(&cleanups.iter().map(|one| one.id.clone()).collect::<Vec<_>>()).await?;
    }
    tx.commit().await?;
    sqlx::query("VACUUM ANALYZE cleanups").execute(bare).await?;
    Ok(())
}

fn cleanup(account: &AccountId, now: Moment) -> Outcome<Cleanup> {
    Ok(Cleanup {
        id: CleanupId::parse(format!("c_{account}"))?,
        account: account.clone(),
        mode: Mode::Force,
        reason: "benchmark".to_owned(),
        ticket: String::new(),
        actor: "bench".to_owned(),
        plan_hash: PlanHash("0".repeat(64)),
        status: Status::Running,
        requested_at: now,
        finished_at: None,
        next_at: now,
    })
}

async fn workers(store: &Store, holder: &str, now: Moment) -> Outcome<()> {
    let most = Most { single: 0, behind: BATCH };
    let (mut claimed, mut looks) = (0, 0);
    while claimed < BATCH * CLAIMS && looks < 10 * CLAIMS {
        looks += 1;
        let taken = store.claim_due(holder, now, now + Span::from_secs(30), most).await?;
        claimed += u32::try_from(taken.len())?;
    }
    if claimed < BATCH * CLAIMS {
        return Err(format!("only {claimed} were claimed").into());
    }
    Ok(())
}

async fn statements(bare: &PgPool, now: Moment) -> Outcome<()> {
    let sql = "UPDATE cleanups SET lease_holder = $1, lease_token = lease_token + 1, lease_until = $2 WHERE id IN \
               (SELECT id FROM cleanups WHERE finished_at IS NULL AND status <> 'needs_attention' AND next_at <= $3 \
               AND (lease_until IS NULL OR lease_until <= $3) ORDER BY rank, next_at, id LIMIT $4 \
               FOR UPDATE SKIP LOCKED) RETURNING id";
    for _ in 0..CLAIMS {
        sqlx::query(sql)
            .bind("bare")
            .bind((now + Span::from_secs(30)).micros())
            .bind(now.micros())
            .bind(i64::from(BATCH))
            .fetch_all(bare)
            .await?;
    }
    Ok(())
}
