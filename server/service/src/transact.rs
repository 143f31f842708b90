/// Runs `$work` in a transaction `$tx` and commits it; tries again, up to four times, when the database says that
/// another transaction was in the way (a busy SQLite file, a serialization failure of a Postgres-wire database).
///
/// In a call with an Idempotency-Key the transaction says so of itself, and is given up when the call is not this task's any
/// more ([`crate::idempotency`]).
///
/// `$work` is a block that ends in a `Result`; it must have no effect outside the transaction.
macro_rules! transact {
    ($service:expr, $tx:ident => $work:block) => {{
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let failure = match $service.store().begin().await {
                Err(failure) => $crate::Error::from(failure),
                Ok(mut $tx) => {
                    let mut outcome: $crate::Result<_> = async { $work }.await;
                    if outcome.is_ok()
                        && let Err(failure) = $crate::idempotency::note_change(&mut $tx).await
                    {
                        outcome = Err(failure);
                    }
                    match outcome {
                        Ok(value) => match $tx.commit().await {
                            Ok(()) => break Ok(value),
                            Err(failure) => $crate::Error::from(failure),
                        },
                        Err(failure) => {
                            // Dropping a transaction rolls it back as well; asking for it frees the writer at once.
                            if let Err(second) = $tx.rollback().await {
                                tracing::debug!(error = %second, "could not roll back");
                            }
                            failure
                        }
                    }
                }
            };
            if tries >= 5 || !matches!(failure, $crate::Error::Busy) {
                break Err::<_, $crate::Error>(failure);
            }
        }
    }};
}
