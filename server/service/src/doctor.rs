//! The doctor: is everything as it should be? For a shell's exit code and a person's eyes.

use domain::{Actor, Permission, Span};

use crate::{Result, Unstick};

/// Age from which an unfinished clean-up counts as stuck.
const STUCK: Span = Span::from_secs(5 * 60);

/// What came of a check, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warn,
    /// It does not work.
    Bad,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub outcome: CheckOutcome,
    /// In words, with what to do.
    pub text: String,
}

pub(crate) fn check(name: impl Into<String>, outcome: CheckOutcome, text: impl Into<String>) -> Check {
    Check { name: name.into(), outcome, text: text.into() }
}

impl Unstick {
    /// Checks database, routers, audit log and clean-ups.
    ///
    /// # Errors
    /// `Denied`; failures of the database past its own check.
    pub async fn doctor(&self, actor: &Actor) -> Result<Vec<Check>> {
        self.authorize(actor, Permission::ManageStaff, "doctor").await?;
        let mut checks = vec![match self.store().version().await {
            Ok(version) => check("database", CheckOutcome::Ok, version),
            Err(error) => check("database", CheckOutcome::Bad, format!("does not answer: {error}")),
        }];
        checks.extend(self.check_routers().await);
        checks.push(self.check_staff().await?);
        checks.push(self.check_cleanups().await?);
        checks.push(self.check_owed().await?);
        checks.push(self.check_census().await?);
        Ok(checks)
    }

    async fn check_routers(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for router in self.fleet() {
            let name = format!("router {}", router.name());
            checks.push(match router.about().await {
                Err(error) => check(name, CheckOutcome::Bad, error.to_string()),
                Ok(about) if router.can_fence() => check(name, CheckOutcome::Ok, about.product),
                Ok(about) => {
                    let text = format!(
                        "{}; it has no fence (acl_file), so a request that comes while a key is cleaned may pin it again",
                        about.product
                    );
                    check(name, CheckOutcome::Warn, text)
                }
            });
        }
        if checks.is_empty() {
            checks.push(check(
                "routers",
                CheckOutcome::Warn,
                "none is configured: add a [[router]] block to unstick.toml",
            ));
        }
        checks
    }

    async fn check_staff(&self) -> Result<Check> {
        let staff = self.store().staff_list().await?;
        let admins = staff.iter().filter(|row| row.role == domain::Role::Admin && row.disabled_at.is_none()).count();
        Ok(match admins {
            0 => check("staff", CheckOutcome::Warn, "there is no admin: admin-tool staff add NAME --role admin"),
            n => check("staff", CheckOutcome::Ok, format!("{} staff members, {n} of them admins", staff.len())),
        })
    }

    async fn check_cleanups(&self) -> Result<Check> {
        let stuck = self.store().stuck_cleanups(self.now() - STUCK, 20).await?;
        if stuck.is_empty() {
            return Ok(check("clean-ups", CheckOutcome::Ok, "none is older than 5 min"));
        }
        let ids: Vec<&str> = stuck.iter().map(|cleanup| cleanup.id.as_str()).collect();
        let text = format!("unfinished for more than 5 min: {}", ids.join(", "));
        Ok(check("clean-ups", CheckOutcome::Bad, text))
    }

    async fn check_owed(&self) -> Result<Check> {
        let owed: Vec<_> = self.store().owed_by_router().await?.into_iter().filter(|(_, steps)| *steps > 0).collect();
        if owed.is_empty() {
            return Ok(check("owed", CheckOutcome::Ok, "nothing is owed to any router"));
        }
        let words: Vec<String> = owed.iter().map(|(router, steps)| format!("{steps} steps to {router}")).collect();
        Ok(check("owed", CheckOutcome::Warn, format!("{}; they run when it answers", words.join(", "))))
    }
}
