//! From one status to the next: each is one conditional UPDATE, so that of many who try at once one succeeds.

use domain::{BulkId, BulkMove, BulkStatus, Instant, PlanHash, StaffId};

use crate::{
    Result, Tx,
    sql::{args, json, sql},
};

impl Tx {
    /// Moves a bulk clean-up as `what` says, if it is where that can happen. Whether it was.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn move_bulk(&mut self, id: &BulkId, what: BulkMove, now: Instant) -> Result<bool> {
        let from: Vec<&str> = BulkStatus::before(what).map(BulkStatus::as_str).collect();
        let Some(to) = BulkStatus::before(what).find_map(|status| status.after(what)) else { return Ok(false) };
        let over = matches!(to, BulkStatus::Done | BulkStatus::Cancelled | BulkStatus::Expired);
        let begins = to == BulkStatus::Running;
        let sql = sql!(
            "UPDATE bulks SET status = $3, started_at = CASE WHEN $4 = 1 THEN coalesce(started_at, $6) ELSE started_at END, \
             paced_at = CASE WHEN $4 = 1 THEN $6 ELSE paced_at END, \
             finished_at = CASE WHEN $5 = 1 THEN $6 ELSE NULL END, \
             stopped_why = CASE WHEN $4 = 1 THEN '' ELSE stopped_why END, lease_until = NULL, \
             lease_token = lease_token + 1 \
             WHERE id = $2 AND status",
            among
        );
        let values = args![json(&from)?, id.as_str(), to.as_str(), i64::from(begins), i64::from(over), now];
        if self.exec(sql, values).await? == 0 {
            return Ok(false);
        }
        if begins {
            // What the others were like before is of another time.
            let sql = sql!("UPDATE bulk_moves SET baseline = NULL WHERE bulk_id = $1");
            self.exec(sql, args![id.as_str()]).await?;
        }
        Ok(true)
    }

    /// Marks a bulk clean-up as asked for; until `approve_until` a second admin may approve it.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_requested(&mut self, id: &BulkId, at: Instant, approve_until: Option<Instant>) -> Result<()> {
        let sql = sql!("UPDATE bulks SET requested_at = $2, approve_until = $3 WHERE id = $1");
        self.exec(sql, args![id.as_str(), at, approve_until]).await.map(|_| ())
    }

    /// Writes down who approves the list with this `hash`, if it waits for that, is not theirs and is not too late. Whether
    /// it was so.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn approve_bulk(
        &mut self,
        id: &BulkId,
        hash: &PlanHash,
        approver: &StaffId,
        now: Instant,
    ) -> Result<bool> {
        let sql = sql!(
            "UPDATE bulks SET approved_by = $3 WHERE id = $1 AND hash = $2 AND status = 'awaiting_approval' \
             AND approved_by IS NULL AND approve_until > $4 AND (staff_id IS NULL OR staff_id <> $3)"
        );
        Ok(self.exec(sql, args![id.as_str(), &hash.0, approver, now]).await? > 0)
    }

    /// Writes down why a bulk clean-up stopped by itself.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_stopped(&mut self, id: &BulkId, why: &str) -> Result<()> {
        let sql = sql!("UPDATE bulks SET stopped_why = $2 WHERE id = $1");
        self.exec(sql, args![id.as_str(), why]).await.map(|_| ())
    }
}
