//! Touches: tells Unstick which sessions were met and hears which of them are over, many at a time. A request waits for
//! the answer, so what is gathered is gathered briefly.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::sync::mpsc::Receiver;

use crate::{customers::Question, sign_in::SignIn};

/// How long questions are gathered. Each batch is one write of the console's database: at most forty a second.
const GATHER: Duration = Duration::from_millis(25);
/// The most that the API takes at once.
const MOST: usize = 1_000;

/// Answers questions for as long as somebody may ask.
pub async fn run(app: Arc<SignIn>, mut questions: Receiver<Question>) {
    let mut batch = Vec::new();
    while questions.recv_many(&mut batch, 1).await > 0 {
        tokio::time::sleep(GATHER).await;
        while batch.len() < MOST
            && let Ok(question) = questions.try_recv()
        {
            batch.push(question);
        }
        let sessions: HashSet<&str> = batch.iter().map(|question| question.session.as_str()).collect();
        let over = match app.registry.touch(&sessions).await {
            Ok(over) => over,
            Err(error) => {
                eprintln!("lab: touches: {error}");
                HashSet::new()
            }
        };
        for Question { session, answer } in batch.drain(..) {
            let lives = !over.contains(&session);
            if lives {
                app.customers.confirm(&session);
            } else {
                app.customers.end(&session);
            }
            // Who asked may have gone away.
            answer.send(lives).ok();
        }
    }
}
