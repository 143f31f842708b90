//! Signing in and staff.

use domain::{Role, Span, StaffId};
use service::Error;

use crate::world::{World, shell};

both!(
    the_right_password_signs_in_and_every_wrong_way_gets_one_answer,
    after_five_failures_waits_grow_for_known_and_unknown_names_alike,
    weak_passwords_are_refused,
    the_last_admin_stays,
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
    let signed = world.unstick.sign_in("Dana", PASSWORD, "203.0.113.1").await.unwrap();
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
