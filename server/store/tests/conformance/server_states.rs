//! What was asked about servers, and what came of it.

use domain::{Health, ServerState, SetState, StateAnswer, StateReading};

use crate::world::{Db, at, place, server};

both! {
    the_last_word_is_kept_and_an_answer_is_of_its_own_question,
}

fn asked(router: &str, state: ServerState, second: i64) -> SetState {
    SetState {
        place: place(router, "app"),
        server: server("api-2"),
        state,
        actor: "staff:dana".to_owned(),
        reason: "it fails half of its requests; «ü» \" '".to_owned(),
        ticket: "T-1".to_owned(),
        asked_at: at(second),
        answer: None,
    }
}

fn answer(state: ServerState, second: i64) -> StateAnswer {
    let read = Some(StateReading { state, health: Health::Draining });
    StateAnswer { router: place("lb-1", "app").router, asked: state, read, trouble: None, at: at(second) }
}

async fn the_last_word_is_kept_and_an_answer_is_of_its_own_question(db: &Db) {
    let (first, other) = (asked("lb-1", ServerState::Maint, 1), asked("lb-2", ServerState::Drain, 1));
    for one in [&other, &first] {
        tx!(db, tx => tx.ask_server_state(one));
    }
    assert_eq!(db.store.server_states().await.unwrap(), [first.clone(), other.clone()]);
    let told = answer(ServerState::Maint, 2);
    assert!(tx!(db, tx => tx.answer_server_state(&first.place, &first.server, at(1), &told)));
    let known = db.store.server_states().await.unwrap();
    assert_eq!((&known[0].answer, &known[1].answer), (&Some(told.clone()), &None));
    let second = asked("lb-1", ServerState::Drain, 3);
    tx!(db, tx => tx.ask_server_state(&second));
    assert!(!tx!(db, tx => tx.answer_server_state(&first.place, &first.server, at(1), &told)), "too late");
    assert_eq!(db.store.server_states().await.unwrap(), [second, other]);
}
