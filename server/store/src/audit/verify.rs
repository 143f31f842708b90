//! Proving the log: every event is there, in its place, as it was written.

use std::collections::HashMap;

use domain::{AuditLink, GENESIS};

use super::{Checkpoint, EventRecord, chain::Signer};
use crate::{
    Result, Store,
    sql::{args, cells, json, rows},
};

/// Events that are read at once: about 1 MB.
const PAGE: u32 = 2_000;

/// What a proof of the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Nothing was changed.
    Intact {
        /// How many events there are.
        events: i64,
        /// The hash of the last one.
        head: String,
    },
    /// Something was changed.
    Broken {
        /// The first number at which it shows.
        seq: i64,
        /// What shows there.
        why: String,
    },
}

/// How far a proof is.
struct Proof<'a> {
    /// The keys, the one that fitted last first.
    signers: Vec<Signer>,
    checkpoints: Vec<&'a Checkpoint>,
    seq: i64,
    hash: String,
}

impl Store {
    /// Proves the log from its beginning, against `checkpoints` from outside the database where there are any. `progress`
    /// is told the number of the last event that was looked at.
    ///
    /// # Errors
    /// When the database could not be read; what was tampered with is an answer, not an error.
    pub async fn verify_audit(
        &self,
        checkpoints: &[Checkpoint],
        progress: &(dyn Fn(i64) + Sync),
    ) -> Result<Verification> {
        self.verify_audit_after(0, checkpoints, progress).await
    }

    /// The same for what comes after event number `after`, whose hash is believed: for a look that must be short.
    ///
    /// # Errors
    /// Like [`Self::verify_audit`].
    pub async fn verify_audit_after(
        &self,
        after: i64,
        checkpoints: &[Checkpoint],
        progress: &(dyn Fn(i64) + Sync),
    ) -> Result<Verification> {
        if let Some(forged) = checkpoints.iter().find(|checkpoint| !checkpoint.is_genuine(&self.keys)) {
            return Ok(broken(forged.seq, "the checkpoint of this event was not signed with our key"));
        }
        let mut checkpoints: Vec<&Checkpoint> =
            checkpoints.iter().filter(|checkpoint| checkpoint.seq > after).collect();
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.seq));
        let signers = self.keys.all().map(Signer::new).collect();
        let hash = match after {
            ..=0 => GENESIS.to_owned(),
            after => match self.audit_range(after, 1).await?.pop() {
                Some(event) if event.seq == after => event.hash,
                _ => return Ok(broken(after, "this event is missing")),
            },
        };
        let mut proof = Proof { signers, checkpoints, seq: after.max(0), hash };
        loop {
            if let Some(found) = self.prove_events(&mut proof, progress).await? {
                return Ok(found);
            }
            // The head is read after the events: it may be ahead of them, when some were appended, never behind.
            let (seq, hash) = self.audit_head().await?;
            if seq == proof.seq {
                return Ok(proof.end(&hash));
            }
            if seq < proof.seq {
                return Ok(broken(seq + 1, "this event is beyond the end of the log: somebody put it there"));
            }
            if self.audit_range(proof.seq + 1, 1).await?.is_empty() {
                return Ok(broken(proof.seq + 1, "this event and all after it are missing"));
            }
        }
    }

    /// Goes on to the last event that there is; what was found, if anything.
    async fn prove_events(
        &self,
        proof: &mut Proof<'_>,
        progress: &(dyn Fn(i64) + Sync),
    ) -> Result<Option<Verification>> {
        let sql = rows!(event, "FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2");
        loop {
            let events: Vec<EventRecord> = self.rows(sql.clone(), args![proof.seq, PAGE]).await?;
            let last_page = events.len() < PAGE as usize;
            for event in events {
                if let Some(found) = proof.step(event) {
                    return Ok(Some(found));
                }
            }
            progress(proof.seq);
            if last_page {
                return Ok(None);
            }
        }
    }
}

impl Store {
    /// Those of the events numbered `seqs` that are not as they were written, or do not follow the one before them. Quick,
    /// for a page of them; [`Self::verify_audit`] proves the whole log.
    ///
    /// # Errors
    /// When the database could not be read.
    pub async fn unproven(&self, seqs: &[i64]) -> Result<Vec<i64>> {
        let wanted: Vec<_> = seqs.iter().flat_map(|seq| [cells![*seq], cells![seq - 1]]).collect();
        let sql = rows!(event, "FROM audit_events WHERE seq IN (SELECT CAST(value ->> 0 AS BIGINT) FROM ", each, ")");
        let events: Vec<EventRecord> = self.rows(sql, args![json(&wanted)?]).await?;
        let mut events: HashMap<i64, EventRecord> = events.into_iter().map(|event| (event.seq, event)).collect();
        let hashes: HashMap<i64, String> = events.iter().map(|(seq, event)| (*seq, event.hash.clone())).collect();
        let signers: Vec<Signer> = self.keys.all().map(Signer::new).collect();
        let mut fits = |seq: i64| {
            let Some(event) = events.remove(&seq) else { return false };
            let before = hashes.get(&(seq - 1)).map_or(GENESIS, String::as_str);
            let (prev, hash) = (event.prev_hash.clone(), event.hash.clone());
            let Ok((draft, detail)) = event.draft() else { return false };
            let link = AuditLink { seq, draft: &draft, detail_text: &detail };
            prev == before && signers.iter().any(|signer| signer.link(&prev, link) == hash)
        };
        Ok(seqs.iter().copied().filter(|seq| !fits(*seq)).collect())
    }
}

impl Proof<'_> {
    /// Looks at the next event.
    fn step(&mut self, event: EventRecord) -> Option<Verification> {
        let want = self.seq + 1;
        if event.seq != want {
            return Some(broken(want, "this event is missing"));
        }
        if event.prev_hash != self.hash {
            return Some(broken(want, "this event does not follow the one before it"));
        }
        let (prev, hash) = (event.prev_hash.clone(), event.hash.clone());
        let Ok((draft, detail)) = event.draft() else {
            return Some(broken(want, "this event was changed: it cannot be read"));
        };
        let link = AuditLink { seq: want, draft: &draft, detail_text: &detail };
        let Some(fits) = self.signers.iter().position(|signer| signer.link(&prev, link) == hash) else {
            return Some(broken(want, "this event was changed: its hash does not fit"));
        };
        self.signers.swap(0, fits);
        while let Some(checkpoint) = self.checkpoints.pop_if(|checkpoint| checkpoint.seq <= want) {
            if checkpoint.seq == want && checkpoint.hash != hash {
                return Some(broken(want, "this event is another one than at the checkpoint"));
            }
        }
        (self.seq, self.hash) = (want, hash);
        None
    }

    /// Nothing comes after: does it fit the end of the log, and the checkpoints?
    fn end(self, head: &str) -> Verification {
        if head != self.hash {
            return broken(self.seq, "the end of the log names another hash for this event");
        }
        if self.checkpoints.iter().any(|checkpoint| checkpoint.seq > self.seq) {
            return broken(self.seq + 1, "a checkpoint knows this event, but the log ends before it: it was cut off");
        }
        Verification::Intact { events: self.seq, head: self.hash }
    }
}

fn broken(seq: i64, why: &str) -> Verification {
    Verification::Broken { seq, why: why.to_owned() }
}
