//! How recently a person must have proved who they are: a console that was left open is not the person who opened it. The
//! more an action reaches, the fresher the proof; signing in is one. Whoever is no person in a console has none to give:
//! a shell was entered by its own means, and a token was made by somebody who had just proved it.

use serde::{Deserialize, Serialize};

use crate::{Actor, Instant, Mode, Role, Span};

/// How far the clocks of two machines may be apart: a proof of a later future is none.
const SKEW: Span = Span::from_secs(5 * 60);

/// How old a proof may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// At most half an hour: for what ends a customer's live sessions.
    HalfHour,
    /// At most five minutes: for what reaches many customers, or decides who may do what.
    FiveMinutes,
}

impl Freshness {
    /// The oldest proof that will do.
    pub const fn most(self) -> Span {
        match self {
            Self::HalfHour => Span::from_secs(30 * 60),
            Self::FiveMinutes => Span::from_secs(5 * 60),
        }
    }

    /// What a clean-up of one account needs; `None` where nobody is signed out.
    pub const fn of_cleanup(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Force => Some(Self::HalfHour),
            Mode::Unstick | Mode::Stale => None,
        }
    }

    /// Whether a proof of `proved_at` is fresh enough at `now`.
    pub fn admits(self, proved_at: Instant, now: Instant) -> bool {
        let age = now.since(proved_at);
        age <= self.most() && age.micros() >= -SKEW.micros()
    }
}

/// The person must prove who they are first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("confirm that it is you: this needs your password, given at most {} ago", self.0.most())]
pub struct Unproved(pub Freshness);

impl Actor {
    /// Goes on only with a proof that is fresh enough at `now`.
    ///
    /// # Errors
    /// [`Unproved`] for a person whose last proof is older.
    pub fn require_fresh(&self, freshness: Freshness, now: Instant) -> Result<(), Unproved> {
        match self {
            Self::Staff { proved_at, .. } if !freshness.admits(*proved_at, now) => Err(Unproved(freshness)),
            _ => Ok(()),
        }
    }
}

/// What a proof can be given for alone: then it counts once, for exactly one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Asking for a bulk clean-up.
    RequestBulk,
    /// Approving one.
    ApproveBulk,
}

impl Intent {
    /// How long such a proof counts.
    pub const GOOD: Span = Freshness::FiveMinutes.most();

    /// The word in the database and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestBulk => "bulk.request",
            Self::ApproveBulk => "bulk.approve",
        }
    }
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorRule {
    /// Whoever wants one.
    #[default]
    Off,
    /// Every admin.
    Admins,
    /// Everybody.
    All,
}

impl FactorRule {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Off, Self::Admins, Self::All];

    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Admins => "admins",
            Self::All => "all",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }

    /// Whether somebody of `role` must have one.
    pub const fn demands(self, role: Role) -> bool {
        match self {
            Self::Off => false,
            Self::Admins => matches!(role, Role::Admin),
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StaffId, StaffSessionId};

    fn staff(proved_at: Instant) -> Actor {
        Actor::Staff {
            id: StaffId::parse("dana").unwrap(),
            role: Role::Admin,
            session: StaffSessionId::parse("w_1").unwrap(),
            proved_at,
            must_enrol: false,
        }
    }

    #[test]
    fn a_proof_grows_old() {
        let now = Instant::from_secs(100_000);
        for (age, half_hour, five_minutes) in
            [(0, true, true), (300, true, true), (301, true, false), (1_800, true, false), (1_801, false, false)]
        {
            let actor = staff(now - Span::from_secs(age));
            assert_eq!(actor.require_fresh(Freshness::HalfHour, now).is_ok(), half_hour, "{age}");
            assert_eq!(actor.require_fresh(Freshness::FiveMinutes, now).is_ok(), five_minutes, "{age}");
        }
        assert!(staff(now + Span::from_secs(60)).require_fresh(Freshness::FiveMinutes, now).is_ok());
        assert!(staff(now + Span::from_secs(600)).require_fresh(Freshness::HalfHour, now).is_err());
    }

    #[test]
    fn a_shell_and_the_service_itself_have_none_to_give() {
        let now = Instant::from_secs(100_000);
        assert!(Actor::System.require_fresh(Freshness::FiveMinutes, now).is_ok());
        let shell = Actor::Shell { user: "root".to_owned(), host: "lb7".to_owned() };
        assert!(shell.require_fresh(Freshness::FiveMinutes, now).is_ok());
    }

    #[test]
    fn only_what_signs_people_out_needs_one() {
        let needs: Vec<_> = Mode::ALL.into_iter().filter(|mode| Freshness::of_cleanup(*mode).is_some()).collect();
        assert_eq!(needs, [Mode::Force]);
    }
}
