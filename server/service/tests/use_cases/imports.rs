//! Records from a file, as the shell takes them, and made-up ones.

use domain::view::{AuditFilter, SessionFilter};
use serde_json::json;
use service::{ImportRecord, Reached, SampleSpec};

use crate::world::{World, account, shell};

both!(
    a_first_import_that_tells_of_a_session_again_takes_it_once,
    each_batch_of_an_import_is_in_the_audit_log,
    sample_data_is_announced_once,
);

async fn a_first_import_that_tells_of_a_session_again_takes_it_once(world: World) {
    let first = [r#"{"account_id":"a"}"#, r#"{"session_id":"s1","account_id":"a"}"#];
    let second = [
        r#"{"session_id":"s1","account_id":"a","reason":"signed_out"}"#,
        r#"{"session_id":"s2","account_id":"a"}"#,
        r#"{"session_id":"s1","account_id":"a"}"#,
    ];
    for lines in [first.as_slice(), &second] {
        let records = lines.iter().map(|line| ImportRecord::parse(line.as_bytes()).unwrap()).collect();
        let batch = world.unstick.vet_import(records);
        let outcomes = world.unstick.import_batch(&shell(), batch, None, true).await.unwrap();
        assert_eq!(outcomes, vec![Ok(()); lines.len()]);
    }
    let page = world.unstick.account_page(&shell(), &account("a"), SessionFilter::Open, None).await.unwrap();
    let mut sessions: Vec<_> =
        page.sessions.items.iter().map(|it| (it.session.id.as_str(), it.session.state.is_live())).collect();
    sessions.sort_unstable();
    assert_eq!(sessions, [("s1", false), ("s2", true)]);
    let counted = &page.account;
    assert_eq!((counted.live_sessions, counted.leftover_sessions, counted.total_sessions), (1, 1, 2));
}

async fn each_batch_of_an_import_is_in_the_audit_log(world: World) {
    let files = [
        ([r#"{"account_id":"a"}"#, r#"{"session_id":"s1","account_id":"a"}"#], 2, None),
        ([r#"{"session_id":"s2","account_id":"a"}"#, r#"{"session_id":"s3","account_id":"b"}"#], 1, Some(4)),
        // Nothing of it is taken, so there is nothing to write down.
        ([r#"{"session_id":"s4","account_id":"b"}"#, r#"{"session_id":"s5","account_id":"b"}"#], 0, Some(6)),
    ];
    for (lines, taken, line) in files {
        let records = lines.iter().map(|line| ImportRecord::parse(line.as_bytes()).unwrap()).collect();
        let reached = line.map(|line| Reached { source: "a file".to_owned(), line });
        let batch = world.unstick.vet_import(records);
        let outcomes = world.unstick.import_batch(&shell(), batch, reached, false).await.unwrap();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), taken);
    }
    let filter = AuditFilter { action: Some("import.batch".to_owned()), ..AuditFilter::default() };
    let mut events = world.store.audit_page(&filter, None, 10).await.unwrap();
    events.sort_unstable_by_key(|event| event.seq);
    let told: Vec<_> = events.iter().map(|event| (event.draft.actor.as_str(), event.draft.detail.clone())).collect();
    let who = shell().label();
    assert_eq!(
        told,
        [
            (who.as_str(), json!({ "taken": 2, "refused": 0, "until_line": null })),
            (who.as_str(), json!({ "taken": 1, "refused": 1, "until_line": 4 })),
        ]
    );
}

async fn sample_data_is_announced_once(world: World) {
    let spec = SampleSpec { accounts: 20, sessions_per_account: 3, seed: 3 };
    world.unstick.load_sample(&shell(), spec, &|_, _| ()).await.unwrap();
    // It is there already, so nothing is begun.
    assert!(world.unstick.load_sample(&shell(), spec, &|_, _| ()).await.is_err());
    let mut events = world.store.audit_page(&AuditFilter::default(), None, 100).await.unwrap();
    events.sort_unstable_by_key(|event| event.seq);
    let told = events.iter().map(|event| (event.draft.action.as_str(), &event.draft.detail["seed"]));
    let told: Vec<_> = told.filter(|(action, _)| action.starts_with("sample.")).collect();
    assert_eq!(told, [("sample.begun", &json!(3)), ("sample.loaded", &json!(3))]);
}
