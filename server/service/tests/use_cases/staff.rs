//! Signing in and staff.

use domain::{Actor, Clock, Role, Span, StaffId, StaffSessionId};
use service::{Entry, Error, Proof};
use store::NewStaffSession;

use crate::world::{World, shell};

both!(
    the_right_password_signs_in_and_every_wrong_way_gets_one_answer,
    after_five_failures_waits_grow_for_known_and_unknown_names_alike,
    weak_passwords_are_refused,
    the_last_admin_stays,
    of_many_who_set_up_at_once_one_is_the_first_admin,
    of_two_hundred_who_prove_with_one_code_one_does,
    who_proved_long_ago_does_nothing_that_reaches_far,
);

const PASSWORD: &str = "violet tram ledger nine";

async fn add(world: &World, name: &str, role: Role) -> StaffId {
    let id = StaffId::parse(name).unwrap();
    world.unstick.add_staff(&shell(), &id, "Dana Okafor", role, PASSWORD).await.unwrap();
    id
}

async fn the_right_password_signs_in_and_every_wrong_way_gets_one_answer(world: World) {
    let id = add(&world, "dana", Role::Support).await;
    add(&world, "root", Role::Admin).await;
    let Entry::In(signed) = world.unstick.sign_in("Dana", PASSWORD, "203.0.113.1").await.unwrap() else {
        panic!("no second factor was set up")
    };
    assert_eq!((signed.staff, signed.role), (id.clone(), Role::Support));
    world.unstick.disable_staff(&shell(), &id).await.unwrap();
    for (name, password) in [("dana", PASSWORD), ("root", "wrong"), ("nobody", PASSWORD), ("a b;c", ""), ("root", "")] {
        let answer = world.unstick.sign_in(name, password, "203.0.113.1").await;
        assert!(matches!(answer, Err(Error::SignIn)), "{name}: {answer:?}");
    }
}

async fn after_five_failures_waits_grow_for_known_and_unknown_names_alike(world: World) {
    add(&world, "dana", Role::Support).await;
    for name in ["dana", "nobody"] {
        for _ in 0..5 {
            assert!(matches!(world.unstick.sign_in(name, "wrong", "203.0.113.1").await, Err(Error::SignIn)));
        }
        let answer = world.unstick.sign_in(name, PASSWORD, "203.0.113.2").await;
        assert!(matches!(answer, Err(Error::Throttled { .. })), "{name}: {answer:?}");
    }
    world.clock.advance(Span::from_secs(2));
    assert!(world.unstick.sign_in("dana", PASSWORD, "203.0.113.2").await.is_ok(), "the wait is over");
}

async fn weak_passwords_are_refused(world: World) {
    let id = StaffId::parse("dana").unwrap();
    for weak in ["short", "passwordpassword", "aaaaaaaaaaaaaaaa", "unstickunstickunstick", &"long ".repeat(60)] {
        let answer = world.unstick.add_staff(&shell(), &id, "Dana", Role::Viewer, weak).await;
        assert!(matches!(answer, Err(Error::Invalid { field: "password", .. })), "{weak}: {answer:?}");
    }
}

async fn the_last_admin_stays(world: World) {
    let one = add(&world, "one", Role::Admin).await;
    assert!(matches!(world.unstick.set_role(&shell(), &one, Role::Viewer).await, Err(Error::Conflict(_))));
    assert!(matches!(world.unstick.disable_staff(&shell(), &one).await, Err(Error::Conflict(_))));
    assert_eq!(world.store.staff(&one).await.unwrap().unwrap().row.role, Role::Admin, "and nothing was changed");
    add(&world, "two", Role::Admin).await;
    world.unstick.set_role(&shell(), &one, Role::Viewer).await.unwrap();
}

async fn of_many_who_set_up_at_once_one_is_the_first_admin(world: World) {
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(world.unstick.first_run_code().await.unwrap().unwrap());
    }
    let tries = (0..9).map(|n| {
        let (unstick, code) = (world.unstick.clone(), codes[n % codes.len()].clone());
        tokio::spawn(async move { unstick.set_up(&code, &format!("admin{n}"), "", PASSWORD, "203.0.113.1").await })
    });
    let mut made = 0;
    for one in tries.collect::<Vec<_>>() {
        let told = one.await.unwrap();
        made += i32::from(told.is_ok());
        let known = told.is_ok() || matches!(told, Err(Error::Gone(_) | Error::Invalid { .. } | Error::Busy));
        assert!(known, "{told:?}");
    }
    assert_eq!((made, world.store.staff_list().await.unwrap().len()), (1, 1));
    assert_eq!(world.unstick.first_run_code().await.unwrap(), None);
}

/// `id`, signed in.
async fn signed_in(world: &World, id: &StaffId, role: Role) -> Actor {
    let session = StaffSessionId::parse(format!("w_{id}")).unwrap();
    let now = world.clock.now();
    let new = NewStaffSession {
        hash: [5; 32],
        id: session.clone(),
        staff: id.clone(),
        data: "{}".to_owned(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: now,
        idle_until: now + Span::from_days(1),
        expires_at: now + Span::from_days(1),
    };
    let mut tx = world.store.begin().await.unwrap();
    tx.create_staff_session(&new).await.unwrap();
    tx.commit().await.unwrap();
    Actor::Staff { id: id.clone(), role, session, proved_at: now, must_enrol: false }
}

async fn of_two_hundred_who_prove_with_one_code_one_does(world: World) {
    let id = add(&world, "dana", Role::Admin).await;
    let dana = signed_in(&world, &id, Role::Admin).await;
    world.unstick.begin_factor(&dana).await.unwrap();
    let new = world.unstick.new_factor(&dana, "unstick.example").await.unwrap().unwrap();
    let secret = totp_rs::Secret::try_from_base32(new.secret.replace(' ', "")).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let code = |at: domain::Instant| phone.generate(u64::try_from(at.micros() / 1_000_000).unwrap()).to_string();
    world.unstick.confirm_factor(&dana, &code(world.clock.now()), "203.0.113.1").await.unwrap();
    world.clock.advance(Span::from_secs(60));
    // The cheap password check of these tests waits in a queue of 64: as many at once as it takes.
    let code = code(world.clock.now());
    let mut taken = 0;
    for _ in 0..4 {
        let tries = (0..50).map(|_| {
            let (unstick, dana, code) = (world.unstick.clone(), dana.clone(), code.clone());
            tokio::spawn(async move {
                unstick.prove(&dana, Proof { password: PASSWORD, code: &code, ip: "203.0.113.1" }, None).await.is_ok()
            })
        });
        for one in tries.collect::<Vec<_>>() {
            taken += i32::from(one.await.unwrap());
        }
    }
    assert_eq!(taken, 1);
}

async fn who_proved_long_ago_does_nothing_that_reaches_far(world: World) {
    let id = add(&world, "dana", Role::Admin).await;
    add(&world, "erin", Role::Admin).await;
    let dana = signed_in(&world, &id, Role::Admin).await;
    world.clock.advance(Span::from_secs(5 * 60 + 1));
    let erin = StaffId::parse("erin").unwrap();
    let unstick = &world.unstick;
    for refused in [
        unstick.disable_staff(&dana, &erin).await,
        unstick.set_role(&dana, &erin, Role::Viewer).await,
        unstick.set_password(&dana, &erin, "another long passphrase").await,
        unstick.reset_staff(&dana, &erin).await.map(|_| ()),
        unstick.expire_proofs(&dana, &erin).await.map(|_| ()),
        unstick.end_staff_sessions(&dana, &erin, None).await.map(|_| ()),
        unstick.create_token(&dana, "app", &[domain::TokenScope::SessionsRead], None).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(Error::Unproved(_))), "{refused:?}");
    }
    let proved = unstick.prove(&dana, Proof { password: PASSWORD, code: "", ip: "203.0.113.1" }, None).await.unwrap();
    unstick.set_role(&proved.actor, &erin, Role::Viewer).await.unwrap();
}
