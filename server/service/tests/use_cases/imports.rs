//! Records from a file, as the shell takes them.

use domain::view::SessionFilter;
use service::ImportRecord;

use crate::world::{World, account, shell};

both!(a_first_import_that_tells_of_a_session_again_takes_it_once,);

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
