//! One made-up account with its sessions, routes and their history.

use domain::{
    Account, AccountId, EndReason, Instant, Place, PoolInfo, RouteKey, Scope, SeededEntropy, ServerName, Session,
    SessionId, SessionState, Span,
};
use store::{Pin, RouteChange};

use super::{
    MOST_ACCOUNTS, Pools, SampleSpec,
    people::{CLIENTS, FAMILY, GIVEN, PLANS, ZONES, plain},
};
use crate::routing::stored_pool;

/// How long sample pins hold.
const HOLDS: Span = Span::from_days(30);

/// What is wrong with a made-up account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Clean,
    /// The account's route was left on the bad server by a session that ended.
    Stuck,
    /// A live session is on the bad server.
    PartlyStuck,
    /// Ended sessions kept records and routes, on good servers.
    LeftOver,
    /// Far too many open sessions.
    Accumulating,
    /// A route whose session was cleaned.
    Ownerless,
    /// Two routers disagree.
    Split,
}

impl Case {
    /// One in a hundred and so on, spread so that the first hundred accounts have every case.
    const fn of(number: u64) -> Self {
        match (number * 37) % 100 {
            0..3 => Self::Stuck,
            3..5 => Self::PartlyStuck,
            5..11 => Self::LeftOver,
            11 => Self::Accumulating,
            12 => Self::Ownerless,
            13 => Self::Split,
            _ => Self::Clean,
        }
    }
}

/// Rows that are loaded together.
pub(super) struct Batch {
    now: Instant,
    pub(super) accounts: Vec<Account>,
    pub(super) sessions: Vec<Session>,
    pub(super) pins: Vec<Pin>,
    pub(super) history: Vec<(AccountId, RouteChange)>,
}

/// The first account that `seed` makes, however many follow.
pub(super) fn first(seed: u64, now: Instant) -> Option<AccountId> {
    Some(Batch::new(now).person(0, 1, &SeededEntropy::new(seed))?.id)
}

/// The id of the account of `number` among `accounts`: by chance, yet each after the one before it. What comes in the order
/// of its key is loaded fastest, and most dumps come like that.
fn account_id(number: u64, accounts: u64, entropy: &SeededEntropy) -> Option<AccountId> {
    const LETTERS: u32 = 10;
    let all = 62_u64.pow(LETTERS);
    let id = number * (all / accounts.max(1)) + entropy.below(all / MOST_ACCOUNTS);
    AccountId::parse(format!("acc_{}", base62(id, LETTERS))).ok()
}

impl Batch {
    pub(super) const fn new(now: Instant) -> Self {
        Self { now, accounts: Vec::new(), sessions: Vec::new(), pins: Vec::new(), history: Vec::new() }
    }

    pub(super) fn add_account(&mut self, number: u64, spec: &SampleSpec, pools: &Pools, entropy: &SeededEntropy) {
        let case = Case::of(number);
        let Some(mut account) = self.person(number, spec.accounts, entropy) else {
            return;
        };
        let first = self.sessions.len();
        let count = match case {
            Case::Accumulating => 60 + entropy.below(40),
            _ => sessions_of(spec.sessions_per_account, entropy).max(3),
        };
        for place in 0..count {
            let state = self.state(case, place, entropy);
            self.session(&account, state, entropy);
        }
        let range = first..self.sessions.len();
        for session in &self.sessions[range.clone()] {
            account.total_sessions += 1;
            account.live_sessions += i64::from(session.state.is_live());
            account.leftover_sessions += i64::from(session.state.is_left_over());
            account.last_seen_at = account.last_seen_at.max(Some(session.last_seen_at));
        }
        self.routes(case, &account, range, pools, entropy);
        self.accounts.push(account);
    }

    fn person(&self, number: u64, accounts: u64, entropy: &SeededEntropy) -> Option<Account> {
        let (given, family) = (pick(GIVEN, entropy), pick(FAMILY, entropy));
        let id = account_id(number, accounts, entropy)?;
        let domain = ["example.org", "example.com", "example.net"][usize::try_from(entropy.below(3)).unwrap_or(0)];
        Some(Account {
            key: RouteKey::of_account(&id),
            id,
            email: format!("{}.{}{number}@{domain}", plain(given), plain(family)),
            name: format!("{given} {family}"),
            plan: (*pick(PLANS, entropy)).to_owned(),
            time_zone: (*pick(ZONES, entropy)).to_owned(),
            created_at: self.now - minutes(60 * 24 * 30 + entropy.below(60 * 24 * 900)),
            last_seen_at: None,
            generation: 0,
            live_sessions: 0,
            leftover_sessions: 0,
            total_sessions: 0,
            sample: true,
        })
    }

    /// The state of the session at `place`: what the case needs first, then history.
    fn state(&self, case: Case, place: u64, entropy: &SeededEntropy) -> SessionState {
        let reason = [EndReason::SignedOut, EndReason::Expired, EndReason::SignedOut]
            [usize::try_from(entropy.below(3)).unwrap_or(0)];
        let ended_at = self.now - minutes(60 + entropy.below(60 * 24 * 9));
        let left = SessionState::Ended { reason, at: ended_at };
        match (case, place) {
            (_, 0) | (Case::PartlyStuck, 1) | (Case::Accumulating, 1..=3) => SessionState::Active,
            (Case::Stuck | Case::LeftOver, 1 | 2) | (Case::Accumulating, _) => left,
            (_, 1) if entropy.below(2) == 0 => SessionState::Active,
            _ => {
                let ended_at = self.now - minutes(60 * 24 + entropy.below(60 * 24 * 80));
                SessionState::Cleaned { reason, ended_at, at: ended_at + Span::from_secs(2) }
            }
        }
    }

    fn session(&mut self, account: &Account, state: SessionState, entropy: &SeededEntropy) {
        let Ok(id) = SessionId::parse(format!("s_{}", base62(entropy.next_u64(), 11))) else {
            return;
        };
        let Ok(key) = RouteKey::parse(id.as_str()) else { return };
        let (client, user_agent) = pick(CLIENTS, entropy);
        let last_seen_at = state
            .ended_at()
            .unwrap_or_else(|| self.now - Span::from_secs(i64::try_from(entropy.below(7_200)).unwrap_or(0)));
        self.sessions.push(Session {
            id,
            account: account.id.clone(),
            key,
            client: (*client).to_owned(),
            user_agent: (*user_agent).to_owned(),
            ip: address(entropy),
            created_at: last_seen_at - minutes(30 + entropy.below(60 * 24 * 5)),
            last_seen_at,
            state,
            generation: 0,
        });
    }

    fn routes(
        &mut self,
        case: Case,
        account: &Account,
        range: std::ops::Range<usize>,
        pools: &Pools,
        entropy: &SeededEntropy,
    ) {
        let open: Vec<Session> =
            self.sessions[range].iter().filter(|s| s.state.is_live() || s.state.is_left_over()).cloned().collect();
        let good = ["api-1", "api-3"][usize::try_from(entropy.below(2)).unwrap_or(0)];
        for session in &open {
            let on = match case {
                Case::Stuck => "api-2",
                Case::PartlyStuck if session.state.is_live() => "api-2",
                _ => good,
            };
            if let Some(pool) = pools.session.first() {
                self.pin(pool, Scope::Session, &session.key, on, account, Some(session), session.created_at);
            }
        }
        let lost = RouteKey::parse(format!("s_{}", base62(entropy.next_u64(), 11)));
        if let (Case::Ownerless, Ok(key), Some(pool)) = (case, lost, pools.session.first()) {
            self.pin(pool, Scope::Session, &key, good, account, None, self.now - Span::from_days(4));
        }
        let maker = if case == Case::Stuck {
            open.iter().find(|s| s.state.is_left_over())
        } else {
            open.iter().find(|s| s.state.is_live())
        };
        let Some(maker) = maker else { return };
        let on = if case == Case::Stuck { "api-2" } else { good };
        for (place, pool) in pools.account.iter().enumerate() {
            let on = if case == Case::Split && place > 0 {
                "api-3"
            } else if case == Case::Split {
                "api-1"
            } else {
                on
            };
            self.pin(pool, Scope::Account, &account.key, on, account, Some(maker), maker.created_at);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a pin, each of another type")]
    fn pin(
        &mut self,
        pool: &PoolInfo,
        scope: Scope,
        key: &RouteKey,
        server: &str,
        account: &Account,
        session: Option<&Session>,
        at: Instant,
    ) {
        let Ok(server) = ServerName::parse(server) else { return };
        let bad = server.as_str() == "api-2";
        let place: Place = pool.place.clone();
        let session_id = session.map(|session| session.id.clone());
        let moved_at = if bad { at + minutes(45) } else { at };
        let change = |from: Option<ServerName>, to: Option<ServerName>, at: Instant, why: &str| RouteChange {
            place: place.clone(),
            key: key.clone(),
            scope,
            session: session_id.clone(),
            from,
            to,
            at,
            why: why.to_owned(),
        };
        if bad && moved_at < self.now {
            let before = ServerName::parse("api-1").ok();
            self.history.push((account.id.clone(), change(None, before.clone(), at, "first request")));
            self.history
                .push((account.id.clone(), change(before, Some(server.clone()), moved_at, "api-1 was drained")));
        } else {
            self.history.push((account.id.clone(), change(None, Some(server.clone()), at, "first request")));
        }
        self.pins.push(Pin {
            pool: stored_pool(&pool.place.router, &pool.place.pool),
            key: key.clone(),
            scope,
            server,
            account: Some(account.id.clone()),
            session: session_id,
            pinned_at: moved_at.min(self.now),
            expires_at: self.now + HOLDS,
        });
    }
}

/// A heavy tail: most accounts have few sessions, one in a hundred twelve times the average.
fn sessions_of(average: u64, entropy: &SeededEntropy) -> u64 {
    let tenths = match entropy.below(100) {
        0..45 => 3,
        45..75 => 8,
        75..92 => 15,
        92..99 => 40,
        _ => 120,
    };
    (average * tenths / 10).max(1)
}

fn pick<'a, T>(of: &'a [T], entropy: &SeededEntropy) -> &'a T {
    &of[usize::try_from(entropy.below(of.len() as u64)).unwrap_or(0)]
}

fn minutes(count: u64) -> Span {
    Span::from_secs(i64::try_from(count).unwrap_or(0) * 60)
}

/// The last `length` digits of `number`, of which letters are some too, so that greater numbers of this length come later in
/// the order of texts.
fn base62(number: u64, length: u32) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..length)
        .rev()
        .map(|place| {
            let digit = number / 62_u64.pow(place) % 62;
            char::from(LETTERS[usize::try_from(digit).unwrap_or(0)])
        })
        .collect()
}

fn address(entropy: &SeededEntropy) -> String {
    let [a, b, c, d, ..] = entropy.next_u64().to_le_bytes();
    match a % 8 {
        0 => format!("2001:db8:{:x}:{:x}::{:x}", u16::from(b) << 4, u16::from(c), u16::from(d) + 1),
        1 => format!("203.0.113.{d}"),
        2 => format!("198.51.100.{d}"),
        _ => format!("10.{b}.{c}.{d}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_comes_after_the_one_before_it() {
        for accounts in [1, 2_000, MOST_ACCOUNTS] {
            let entropy = SeededEntropy::new(1);
            let numbers = (0..accounts.min(2_000)).chain([accounts - 1]);
            let ids: Vec<AccountId> = numbers.map(|number| account_id(number, accounts, &entropy).unwrap()).collect();
            assert!(ids[..ids.len() - 1].is_sorted_by(|one, next| one < next), "{accounts}");
            assert!(ids.last() >= ids.first());
        }
    }

    #[test]
    fn the_first_account_tells_the_seed_however_many_follow() {
        let first = |accounts| account_id(0, accounts, &SeededEntropy::new(7));
        assert_eq!(first(1), first(2_000));
        assert_ne!(first(1), account_id(0, 1, &SeededEntropy::new(8)));
    }
}
