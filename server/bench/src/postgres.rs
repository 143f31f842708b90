//! P1 and P17 on PostgreSQL: sample data loaded into a server of our own (as the tests have one: without fsync), then each kind of
//! search, the list and the account page beside the bare SQL of the same answer, through the same driver.

use std::time::{Duration, Instant};

use domain::{Account, view::SessionFilter};
use service::{SampleSpec, Unstick};
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use store::{Options, Store};

use crate::{
    Outcome, import,
    measure::{Compared, Table, compare, grouped, rate_text, time_text},
    queries::Kind,
    testing,
    world::{embedded_fleet, shell, unstick_with},
};

const MUST: &str = "≤ 1.5 × + 0.1 ms";
/// Accounts that are asked for.
const PICKS: i64 = 60;

struct World {
    unstick: Unstick,
    bare: PgPool,
    picks: Vec<Account>,
}

/// What it keeps in memory: what its manual advises (a quarter of the machine's), not the default, which is for machines of long
/// ago: a million accounts have some 6 GB of tables and indexes.
const BUFFERS: &str = "4GB";

pub async fn import(accounts: u64, sessions: u64, table: &mut Table) -> Outcome<()> {
    testing::BUFFERS.get_or_init(|| BUFFERS);
    import::postgres((accounts, sessions), &testing::postgres().await, table).await
}

pub async fn run(accounts: u64, sessions: u64, rounds: usize, table: &mut Table) -> Outcome<()> {
    import(accounts, sessions, table).await?;
    let url = testing::postgres().await;
    let loading = Store::open(&url, Options { bulk: true, ..testing::options() }).await?;
    let started = Instant::now();
    let spec = SampleSpec { accounts, sessions_per_account: sessions, seed: 1 };
    let loader = unstick_with(loading.clone(), embedded_fleet(&loading));
    let report = loader.load_sample(&shell(), spec, &|_, _| ()).await?;
    let rate = rate_text(report.rows(), started.elapsed());
    table.add("P17", format!("PostgreSQL: sample data, {} rows", grouped(report.rows())), rate, "", "", "≥ 30,000/s");
    loading.close().await;
    let store = Store::open(&url, testing::options()).await?;
    let bare = PgPoolOptions::new().max_connections(4).connect(&url).await?;
    sqlx::query("VACUUM ANALYZE").execute(&bare).await?;
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS no, count(*) OVER () AS n FROM accounts) AS a \
         WHERE no % greatest(n / $1, 1) = 0 LIMIT $1",
    )
    .bind(PICKS)
    .fetch_all(&bare)
    .await?;
    let mut picks = Vec::new();
    for id in ids {
        picks.extend(store.account(&domain::AccountId::parse(id)?).await?);
    }
    let world = World { unstick: unstick_with(store.clone(), embedded_fleet(&store)), bare, picks };
    for kind in Kind::ALL {
        search(&world, rounds, table, kind).await?;
    }
    pages(&world, rounds, table).await?;
    world.bare.close().await;
    store.close().await;
    Ok(())
}

fn told(table: &mut Table, what: &str, compared: &Compared) {
    let (mine, other) = (time_text(compared.ours), time_text(compared.beside));
    let bound = compared.beside.mul_f64(1.5) + Duration::from_micros(100);
    let kept = if compared.ours <= bound { "" } else { " (over)" };
    table.add("P1", format!("PostgreSQL: {what}"), mine, other, compared.ratio_text() + kept, MUST);
}

/// What meets, and in which order; $1 is what was asked for, $2 where its beginnings end.
const fn condition(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "id = $1 AND $2 = $2",
        Kind::Email => "email_key >= $1 AND email_key < $2 AND email_key <> '' OR search_text LIKE '%' || $1 || '%'",
        Kind::Name => {
            "name_key >= $1 AND name_key < $2 AND name_key <> '' OR search_text LIKE '%' || replace($1, ' ', '%') || '%'"
        }
        Kind::Part => "search_text LIKE '%' || $1 || '%' AND $2 = $2",
        Kind::Session => "id = (SELECT account_id FROM sessions WHERE id = $1 AND $2 = $2)",
        Kind::Ip => {
            "id IN (SELECT DISTINCT account_id FROM sessions WHERE ip_key = $1 AND ip_key <> '' AND $2 = $2 \
                 ORDER BY account_id LIMIT 50)"
        }
    }
}

async fn search(world: &World, rounds: usize, table: &mut Table, kind: Kind) -> Outcome<()> {
    let mut queries = Vec::new();
    for account in &world.picks {
        let (session, ip, ip_key): (String, String, String) =
            sqlx::query_as("SELECT id, ip, ip_key FROM sessions WHERE account_id = $1 ORDER BY id LIMIT 1")
                .bind(account.id.as_str())
                .fetch_one(&world.bare)
                .await?;
        let same = |text: String| (text.clone(), text);
        queries.push(match kind {
            Kind::Id => same(account.id.to_string()),
            Kind::Email => same(domain::fold(&account.email.chars().take(12).collect::<String>())),
            Kind::Name => same(domain::fold(&account.name)),
            Kind::Part => same(domain::fold(&account.email.chars().skip(2).take(14).collect::<String>())),
            Kind::Session => same(session),
            Kind::Ip => (ip, ip_key),
        });
    }
    let at = |call: u32| &queries[call as usize % queries.len()];
    let ours = async |call: u32| -> Outcome<Vec<String>> {
        let page = world.unstick.search(&shell(), &at(call).0, None).await?;
        Ok(page.hits.into_iter().map(|hit| hit.row.account.id.to_string()).collect())
    };
    let rows = format!("SELECT * FROM accounts WHERE {} ORDER BY id LIMIT 50", condition(kind));
    let count = format!("SELECT count(*) FROM (SELECT 1 FROM accounts WHERE {} LIMIT 1001) AS met", condition(kind));
    let one = matches!(kind, Kind::Id | Kind::Session);
    let bare = async |call: u32| -> Outcome<Vec<String>> {
        let asked = &at(call).1;
        let end = format!("{asked}\u{10ffff}");
        let found =
            sqlx::query(sqlx::AssertSqlSafe(rows.clone())).bind(asked).bind(&end).fetch_all(&world.bare).await?;
        if !one {
            sqlx::query(sqlx::AssertSqlSafe(count.clone())).bind(asked).bind(&end).fetch_all(&world.bare).await?;
        }
        let ids: Vec<String> = found.iter().map(|row| row.get("id")).collect();
        verdicts(world, &ids).await?;
        Ok(ids)
    };
    for call in 0..5 {
        let (mine, other) = (ours(call).await?, bare(call).await?);
        if mine.is_empty() || (other.len() < 50 && other.iter().any(|id| !mine.contains(id))) {
            return Err(format!("{}: the answers differ for {:?}", kind.what(), at(call)).into());
        }
    }
    let compared =
        compare(rounds, 60, async |call| ours(call).await.map(drop), async |call| bare(call).await.map(drop)).await?;
    told(table, kind.what(), &compared);
    Ok(())
}

/// Reads what the verdicts of accounts are made of.
async fn verdicts(world: &World, ids: &[String]) -> Outcome<()> {
    sqlx::query("SELECT * FROM routes WHERE account_id = ANY($1)").bind(ids).fetch_all(&world.bare).await?;
    sqlx::query("SELECT * FROM servers").fetch_all(&world.bare).await?;
    Ok(())
}

async fn pages(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let ours = async |_: u32| -> Outcome<()> {
        world.unstick.accounts(&shell(), &domain::AccountFilter::default(), None).await?;
        Ok(())
    };
    let bare = async |_: u32| -> Outcome<()> {
        let found = sqlx::query("SELECT * FROM accounts ORDER BY id LIMIT 51").fetch_all(&world.bare).await?;
        let ids: Vec<String> = found.iter().map(|row| row.get("id")).collect();
        verdicts(world, &ids).await
    };
    told(table, "list of 50 accounts, with verdicts", &compare(rounds, 60, ours, bare).await?);
    let ours = async |call: u32| -> Outcome<()> {
        let account = &world.picks[call as usize % world.picks.len()];
        world.unstick.account_page(&shell(), &account.id, SessionFilter::All, None).await?;
        Ok(())
    };
    let bare = async |call: u32| -> Outcome<()> {
        let id = world.picks[call as usize % world.picks.len()].id.as_str();
        for query in ACCOUNT {
            sqlx::query(query).bind(id).fetch_all(&world.bare).await?;
        }
        Ok(())
    };
    told(table, "account page: all that it reads, diagnosed", &compare(rounds, 60, ours, bare).await?);
    Ok(())
}

/// What an account page shows, by the embedded router's keys.
const ACCOUNT: [&str; 9] = [
    "SELECT * FROM accounts WHERE id = $1",
    "SELECT * FROM sessions WHERE account_id = $1 AND cleaned_at IS NULL ORDER BY created_at DESC LIMIT 500",
    "SELECT * FROM sessions WHERE account_id = $1 ORDER BY created_at DESC LIMIT 51",
    "SELECT p.* FROM embedded_pins p WHERE p.route_key = $1 AND p.pool = 'edge-1:app'",
    "SELECT p.* FROM sessions s JOIN embedded_pins p ON p.route_key = s.id AND p.pool = 'edge-1:files' \
     WHERE s.account_id = $1 AND s.cleaned_at IS NULL",
    "SELECT * FROM route_changes WHERE account_id = $1 ORDER BY at DESC LIMIT 2000",
    "SELECT * FROM servers WHERE $1 = $1",
    "SELECT * FROM cleanups WHERE account_id = $1 ORDER BY requested_at DESC LIMIT 5",
    "SELECT * FROM audit_events WHERE account_id = $1 ORDER BY seq DESC LIMIT 8",
];
