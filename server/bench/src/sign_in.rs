//! P11: the processor's time of a sign-in beside that of the bare argon2id verification in it. Processor, not clock: a
//! sign-in also waits for its audit event to reach the disk. One after the other: the machine changes its pace within less
//! time than 25 of them take.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::SaltString,
};

use crate::{
    Outcome,
    measure::{Table, processor},
    world::{World, shell},
};

/// Sign-ins of one round.
const TIMES: u32 = 25;
const PASSWORD: &str = "a passphrase that is only for measuring";

pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let staff = domain::StaffId::parse("bench-sign-in")?;
    if world.store.staff(&staff).await?.is_none() {
        world.unstick.add_staff(&shell(), &staff, "Bench", domain::Role::Viewer, PASSWORD).await?;
    }
    // The settings' default: m = 19 MiB, t = 2, p = 1.
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).map_err(text)?);
    let salt = SaltString::encode_b64(b"sixteen bytes ok").map_err(text)?;
    let hash = argon.hash_password(PASSWORD.as_bytes(), &salt).map_err(text)?.to_string();
    let (mut ours, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds.min(5) {
        let (mut mine, mut other) = (0.0, 0.0);
        for _ in 0..TIMES {
            let began = processor()?;
            world.unstick.sign_in(staff.as_str(), PASSWORD, "127.0.0.1").await?;
            let between = processor()?;
            let parsed = PasswordHash::new(&hash).map_err(text)?;
            argon.verify_password(PASSWORD.as_bytes(), &parsed).map_err(text)?;
            mine += between - began;
            other += processor()? - between;
        }
        if round > 0 {
            ours.push(mine);
            beside.push(other);
            ratios.push(mine / other.max(1e-9));
        }
    }
    for list in [&mut ours, &mut beside, &mut ratios] {
        list.sort_by(f64::total_cmp);
    }
    let each = |list: &[f64]| format!("{:.1} ms", list[list.len() / 2] * 1e3 / f64::from(TIMES));
    let ratio = format!("{:.2} ({:.2}–{:.2})", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
    table.add("P11", "sign-in, processor's time", each(&ours), each(&beside), ratio, "≤ 1.10 ×");
    Ok(())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
