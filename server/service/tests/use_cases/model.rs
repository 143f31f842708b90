//! The model test of the pure core again (`domain/src/model_tests.rs`), with the real service, the real store on SQLite and
//! a router that fails (goal R13): what counts is what is in the database after each sequence.
//!
//! `UNSTICK_TORTURE_SERVICE_MODEL` says how many sequences; `PROPTEST_RNG_SEED` replays a run.

use domain::{CleanupId, Mode, RouteKey, Scope, Span, Status, invariants};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::world::{Fault, Stop, World, account, request, session, shell, times};

/// What can happen.
#[derive(Debug, Clone)]
enum Move {
    /// Time goes by.
    Pass { seconds: u16 },
    /// The clock is set.
    Jump { days: i8 },
    /// Somebody works; the `nth` call from now on fails so.
    Work { nth: u8, fault: Option<Fault> },
    /// Somebody works and dies at the `nth` call.
    Die { nth: u8, stop: Stop },
    /// Somebody stalls at the `nth` call past the lease, another one works, and the first goes on.
    Stall { nth: u8, stop: Stop },
    /// Two work at once.
    Both,
    /// The router is away, or back.
    Away { away: bool },
    /// A request that was in flight writes its entry back.
    Back { which: u8 },
    /// Watches are looked after.
    Look,
    /// The router is looked at.
    Observe,
    /// A person retries.
    Retry,
    /// Times that a clock put off are brought back.
    Mend,
}

fn a_move() -> impl Strategy<Value = Move> {
    let fault = prop_oneof![Just(Fault::LostRequest), Just(Fault::LostReply), Just(Fault::Refused)];
    let stop = prop_oneof![Just(Stop::Before), Just(Stop::After)];
    prop_oneof![
        4 => prop_oneof![0_u16..5, Just(31), Just(601)].prop_map(|seconds| Move::Pass { seconds }),
        1 => prop_oneof![Just(-1_i8), Just(1)].prop_map(|days| Move::Jump { days }),
        6 => (0_u8..6, proptest::option::of(fault)).prop_map(|(nth, fault)| Move::Work { nth, fault }),
        2 => (0_u8..6, stop.clone()).prop_map(|(nth, stop)| Move::Die { nth, stop }),
        2 => (0_u8..6, stop).prop_map(|(nth, stop)| Move::Stall { nth, stop }),
        1 => Just(Move::Both),
        1 => any::<bool>().prop_map(|away| Move::Away { away }),
        3 => (0_u8..3).prop_map(|which| Move::Back { which }),
        4 => Just(Move::Look),
        1 => Just(Move::Observe),
        1 => Just(Move::Retry),
        1 => Just(Move::Mend),
    ]
}

impl World {
    /// Works once on a clean-up, whatever comes of it.
    async fn work(&self, id: &CleanupId) {
        // Where another one has the lease a shell would stay; here it goes, in whatever it was doing.
        let mut work = std::pin::pin!(self.unstick.drive(id, &|_| ()));
        for _ in 0..10 {
            tokio::select! {
                done = &mut work => {
                    done.unwrap();
                    return;
                }
                () = tokio::time::sleep(std::time::Duration::from_millis(4)) => self.clock.advance(Span::from_millis(20)),
            }
        }
    }

    async fn make(&self, name: &str, id: &CleanupId, next: &Move) {
        match *next {
            Move::Pass { seconds } => self.clock.advance(Span::from_secs(seconds.into())),
            Move::Jump { days } => self.clock.advance(Span::from_days(days.into())),
            Move::Work { nth, fault } => {
                let faults = fault.map(|fault| (self.calls() + u64::from(nth), fault));
                *self.script.faults.lock().unwrap() = faults.into_iter().collect();
                self.work(id).await;
            }
            Move::Die { nth, stop } => {
                let gate = self.gate(nth.into(), stop);
                tokio::select! {
                    () = self.work(id) => {}
                    () = gate.reached.notified() => {}
                }
                *self.script.gate.lock().unwrap() = None;
            }
            Move::Stall { nth, stop } => {
                let gate = self.gate(nth.into(), stop);
                let other = async {
                    gate.reached.notified().await;
                    self.clock.advance(Span::from_secs(31));
                    self.work(id).await;
                    gate.open.notify_one();
                };
                let mut other = std::pin::pin!(other);
                let mut first = std::pin::pin!(self.work(id));
                tokio::select! {
                    // It never came so far.
                    () = &mut first => {}
                    () = &mut other => first.await,
                }
                *self.script.gate.lock().unwrap() = None;
            }
            Move::Both => drop(tokio::join!(self.work(id), self.work(id))),
            Move::Away { away } => *self.script.always.lock().unwrap() = away.then_some(Fault::LostRequest),
            // After the watch a census finds it.
            Move::Back { .. } if self.store.watch(id).await.unwrap().is_some_and(|watch| watch.is_over()) => {}
            Move::Back { which } => {
                let owner = session(&format!("{name}_{}", ["live", "old1", "old2"][usize::from(which)]));
                let key = RouteKey::parse(owner.as_str()).unwrap();
                self.pin("files", &key, Scope::Session, "api-2", &account(name), &owner).await;
            }
            Move::Look => self.unstick.watch_once().await.unwrap(),
            Move::Observe => self.unstick.observe_once().await.unwrap(),
            Move::Retry => drop(self.unstick.retry_cleanup(&shell(), id).await),
            Move::Mend => self.unstick.mend_times_once().await.unwrap(),
        }
    }

    /// Everything is whole again: it must end, and nothing may be left.
    async fn heal(&self, name: &str, id: &CleanupId) {
        *self.script.always.lock().unwrap() = None;
        self.script.faults.lock().unwrap().clear();
        // The leases of the dead run out.
        self.clock.advance(Span::from_secs(61));
        for _ in 0..40 {
            self.unstick.mend_times_once().await.unwrap();
            if self.facts(id).await.cleanup.status == Status::NeedsAttention {
                self.unstick.retry_cleanup(&shell(), id).await.unwrap();
            }
            self.unstick.drive(id, &|_| ()).await.unwrap();
            self.unstick.watch_once().await.unwrap();
            if self.store.watch(id).await.unwrap().is_some_and(|watch| watch.is_over())
                && self.facts(id).await.cleanup.status == Status::Done
            {
                break;
            }
            self.clock.advance(Span::from_secs(61));
        }
        let facts = self.facts(id).await;
        assert_eq!(facts.cleanup.status, Status::Done, "it did not end: {facts:#?}");
        assert_eq!(self.pins(&account(name)).await, 0, "something is left");
    }
}

#[test]
fn no_sequence_of_faults_breaks_an_invariant_of_the_real_service() {
    let cases = times("UNSTICK_TORTURE_SERVICE_MODEL", 40);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::sqlite());
    let number = std::cell::Cell::new(0_u32);
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(a_move(), 1..30), |moves| {
        number.set(number.get() + 1);
        let name = format!("m{}", number.get());
        runtime.block_on(async {
            world.stuck(&name).await;
            let id = world.unstick.request_cleanup(&shell(), request(&name, Mode::Force)).await.unwrap().id;
            let mut before = world.facts(&id).await;
            for next in &moves {
                Box::pin(world.make(&name, &id, next)).await;
                let after = world.facts(&id).await;
                let policy = domain::Policy::default();
                assert_eq!(invariants::broken(&after, &policy), [], "{after:#?}");
                assert_eq!(invariants::backwards(&before, &after), []);
                before = after;
            }
            world.heal(&name, &id).await;
            let after = world.facts(&id).await;
            assert_eq!(invariants::broken(&after, &domain::Policy::default()), [], "{after:#?}");
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    runtime.block_on(async {
        let verified = world.store.verify_audit(&[], &|_| ()).await.unwrap();
        assert!(matches!(verified, store::Verification::Intact { .. }), "{verified:?}");
    });
    if cases > 40 {
        println!(
            "R13  {cases} sequences of up to 30 moves on the real service and SQLite: 0 break an invariant, all end clean"
        );
    }
}
