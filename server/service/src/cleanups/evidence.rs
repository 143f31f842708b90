//! The evidence pack of a clean-up: everything that is known of it, for the ticket. As text for people and as data.

use std::fmt::Write;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditEvent, CleanupId, Instant, Permission, Return, Step, Watch,
    view::{AuditFilter, LedgerView, Milestone, StepCounts, step_words},
};
use serde::Serialize;

use crate::{Result, Unstick};

/// Audit events of the account that are looked through for those of the clean-up.
const EVENTS: u32 = 500;

/// Everything that is known of a clean-up.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The clean-up.
    pub cleanup: domain::Cleanup,
    /// What the account is called.
    pub title: String,
    /// Where it is, in one sentence.
    pub headline: String,
    /// Its steps, counted.
    pub counts: StepCounts,
    /// What happened when.
    pub milestones: Vec<Milestone>,
    /// Every step, with when it was cleared and read back.
    pub steps: Vec<Step>,
    /// The watch that followed.
    pub watch: Option<Watch>,
    /// What came back, newest first.
    pub returns: Vec<Return>,
    /// Its events in the audit log, oldest first, each with its place in the chain. Empty for who may not read them.
    pub events: Vec<AuditEvent>,
    /// When this was put together.
    pub made_at: Instant,
}

impl Unstick {
    /// The evidence pack of a clean-up.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn evidence(&self, actor: &Actor, id: &CleanupId) -> Result<Evidence> {
        self.authorize(actor, Permission::ReadCleanups, id.as_str()).await?;
        let LedgerView { cleanup, title, headline, counts, milestones, watch, returns, now, .. } =
            self.ledger_view(id, false).await?;
        let steps = self.store().steps(id).await?;
        let mut events = Vec::new();
        if actor.may(Permission::ReadAccountAudit) {
            let filter = AuditFilter {
                account: Some(cleanup.account.clone()),
                action: Some("cleanup".to_owned()),
                ..AuditFilter::default()
            };
            events = self.store().audit_page(&filter, None, EVENTS).await?;
            events.retain(|event| event.draft.target == id.as_str());
            events.reverse();
        }
        let headline = headline.to_string();
        Ok(Evidence { cleanup, title, headline, counts, milestones, steps, watch, returns, events, made_at: now })
    }
}

impl Evidence {
    /// The pack as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).ok();
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let cleanup = &self.cleanup;
        writeln!(out, "# Clean-up {} of {}\n", cleanup.id, literal(&self.title))?;
        writeln!(out, "{}\n", literal(&self.headline))?;
        writeln!(out, "| | |\n|---|---|")?;
        let finished = cleanup.finished_at.map_or_else(|| "not yet".to_owned(), Instant::to_text);
        for (what, value) in [
            ("account", cleanup.account.as_str()),
            ("mode", cleanup.mode.as_str()),
            ("reason", &cleanup.reason),
            ("ticket", &cleanup.ticket),
            ("asked for by", &cleanup.actor),
            ("asked for at", &cleanup.requested_at.to_text()),
            ("verified at", &finished),
            ("plan", &cleanup.plan_hash.0),
        ] {
            writeln!(out, "| {what} | {} |", literal(value))?;
        }
        writeln!(out, "\n## What happened when (UTC)\n\n| when | what |\n|---|---|")?;
        for it in &self.milestones {
            writeln!(out, "| {} | {} |", it.at.to_text(), literal(&it.what))?;
        }
        if let Some(watch) = &self.watch {
            let state = if watch.is_over() { "and nothing came back" } else { "and is watched still" };
            writeln!(out, "\nIt was looked at {} times after that, {state}.", watch.looks)?;
        }
        for it in &self.returns {
            let on = it.server.as_ref().map_or("no server", domain::ServerName::as_str);
            let (at, router, way) = (it.at.to_text(), &it.place.router, it.way.words());
            writeln!(out, "\nCame back at {at}: {} → {on} on {router}; probably {way}.", literal(it.key.as_str()))?;
        }
        writeln!(
            out,
            "\n## Every step\n\n| no | what | had | cleared | cleared again | verified |\n|---|---|---|---|---|---|"
        )?;
        let time = |at: Option<Instant>| at.map_or_else(String::new, Instant::to_text);
        for step in &self.steps {
            let had = step.had.as_ref().map_or("", domain::ServerName::as_str);
            let what = literal(&step_words(step).to_string());
            let (once, twice) = (time(step.cleared_at), time(step.cleared_again_at));
            writeln!(out, "| {} | {what} | {had} | {once} | {twice} | {} |", step.no, time(step.verified_at))?;
        }
        if !self.events.is_empty() {
            writeln!(out, "\n## In the audit log\n\n| seq | at | actor | action | hash |\n|---|---|---|---|---|")?;
            for event in &self.events {
                let draft = &event.draft;
                let (at, actor) = (draft.at.to_text(), literal(&draft.actor));
                writeln!(out, "| {} | {at} | {actor} | {} | `{}` |", event.seq, literal(&draft.action), event.hash)?;
            }
        }
        writeln!(out, "\nPut together at {}. All times are UTC.", self.made_at.to_text())
    }
}

/// `text` so that Markdown shows it as it is, in one line: nobody's reason becomes a link, a picture or a heading.
fn literal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => safe.push(' '),
            letter if letter.is_control() => {}
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '|' | '!' | '~' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn what_a_person_wrote_stays_text() {
        assert_eq!(literal("![x](https://evil.example)"), "\\!\\[x\\]\\(https://evil.example\\)");
        assert_eq!(literal("<img src=x> | a\n# b"), "&lt;img src=x> \\| a \\# b");
    }
}
