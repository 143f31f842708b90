//! What `serve --sample` prepares: sample data in an empty database, and one person of each role with a passphrase that is
//! generated here, shown, and kept in a file that only its owner may read, so that the next start can show it again. There
//! is no default password anywhere.

use std::fmt::Write;

use domain::{Entropy, Instant, Role, StaffId};
use service::{SampleSpec, Unstick};

use super::{Context, Failure, output, terminal};
use crate::{
    compose::Purpose,
    config::{create_private, private_text},
};

const SPEC: SampleSpec = SampleSpec { accounts: 2_000, sessions_per_account: 8, seed: 1 };

/// Groups of a passphrase; each is two syllables of 80, so that six have 75 bits.
const GROUPS: usize = 6;

/// A sign-in that was generated.
struct SignIn {
    staff: StaffId,
    passphrase: String,
    /// When the password was set: it is good for as long as it was not set again.
    set_at: Instant,
}

pub async fn prepare(context: &Context, unstick: &Unstick) -> Result<(), Failure> {
    load(context, unstick).await?;
    let kept = read(context)?;
    let mut good = Vec::new();
    for sign_in in kept {
        let row = unstick.store().staff(&sign_in.staff).await.map_err(service::Error::from)?;
        let fits = row.is_some_and(|it| it.row.disabled_at.is_none() && it.password_changed_at == Some(sign_in.set_at));
        if fits {
            good.push(sign_in);
        }
    }
    let before = good.len();
    for role in Role::ALL {
        good.extend(add(context, unstick, role).await?);
    }
    if good.len() > before {
        keep(context, &good)?;
    }
    tell(context, &good);
    Ok(())
}

/// Loads sample data when there is no account yet.
async fn load(context: &Context, unstick: &Unstick) -> Result<(), Failure> {
    if !unstick.api_accounts(&context.actor, None, 1).await?.items.is_empty() {
        return Ok(());
    }
    let began = std::time::Instant::now();
    let bulk = context.open(Purpose::Bulk).await?;
    let bar = terminal::bar(Some(1), "rows", false);
    let progress = |rows: i64, of: i64| {
        bar.set_length(u64::try_from(of).unwrap_or(0));
        bar.set_position(u64::try_from(rows).unwrap_or(0));
    };
    let report = bulk.load_sample(&context.actor, SPEC, &progress).await?;
    bar.finish_and_clear();
    bulk.store().close().await;
    output::say(&format!(
        "Sample data: {} accounts, {} sessions, {} routes ({:.1} s)",
        report.accounts,
        report.sessions,
        report.routes,
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Adds the person of `role`, named like it, unless there is one.
async fn add(context: &Context, unstick: &Unstick, role: Role) -> Result<Option<SignIn>, Failure> {
    let staff = StaffId::parse(role.as_str()).map_err(|error| Failure::failed(error.to_string()))?;
    if unstick.store().staff(&staff).await.map_err(service::Error::from)?.is_some() {
        return Ok(None);
    }
    let passphrase = passphrase(context.world.entropy.as_ref());
    let name = match role {
        Role::Viewer => "Vera Viewer",
        Role::Support => "Sam Support",
        Role::Admin => "Ada Admin",
        Role::Auditor => "Otto Auditor",
    };
    unstick.add_staff(&context.actor, &staff, name, role, &passphrase).await?;
    let row = unstick.store().staff(&staff).await.map_err(service::Error::from)?;
    let set_at = row.and_then(|row| row.password_changed_at).unwrap_or_default();
    Ok(Some(SignIn { staff, passphrase, set_at }))
}

/// Six groups of two syllables: easy to read aloud and to type.
fn passphrase(entropy: &dyn Entropy) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let mut bytes = [0; GROUPS * 2 * 2];
    entropy.fill(&mut bytes);
    let syllable = |pair: &[u8]| {
        let (first, second) = (usize::from(pair[0]), usize::from(pair[1]));
        [char::from(CONSONANTS[first % CONSONANTS.len()]), char::from(VOWELS[second % VOWELS.len()])]
    };
    let groups: Vec<String> =
        bytes.chunks_exact(4).map(|four| four.chunks_exact(2).flat_map(syllable).collect()).collect();
    groups.join("-")
}

fn read(context: &Context) -> Result<Vec<SignIn>, Failure> {
    let text = private_text(&context.config.sign_in_file()).map_err(Failure::failed)?.unwrap_or_default();
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<SignIn> {
    let mut words = line.split_whitespace();
    let (staff, passphrase, micros) = (words.next()?, words.next()?, words.next()?);
    let set_at = Instant::from_micros(micros.parse().ok()?);
    Some(SignIn { staff: StaffId::parse(staff).ok()?, passphrase: passphrase.to_owned(), set_at })
}

fn keep(context: &Context, good: &[SignIn]) -> Result<(), Failure> {
    let file = context.config.sign_in_file();
    let trouble = |error: std::io::Error| Failure::failed(format!("{} cannot be written: {error}", file.display()));
    let mut text = "# Generated sign-ins of the sample data: name, passphrase, when it was set. Good until somebody sets another.\n".to_owned();
    for SignIn { staff, passphrase, set_at } in good {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{staff} {passphrase} {}", set_at.micros());
    }
    match std::fs::remove_file(&file) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(trouble(error)),
    }
    create_private(&file, &text).map_err(trouble)?;
    Ok(())
}

fn tell(context: &Context, good: &[SignIn]) {
    if good.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = good.iter().map(|it| vec![it.staff.to_string(), it.passphrase.clone()]).collect();
    let table = output::table(&["SIGN-IN", "PASSPHRASE"], &rows);
    output::say(&format!("\n{table}\n\nKept in {} for you alone.\n", context.config.sign_in_file().display()));
}

#[cfg(test)]
mod tests {
    use domain::SeededEntropy;

    use super::*;

    #[test]
    fn a_passphrase_is_long_and_readable() {
        let text = passphrase(&SeededEntropy::new(3));
        assert_eq!(text.len(), GROUPS * 4 + GROUPS - 1);
        assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        assert_ne!(text, passphrase(&SeededEntropy::new(4)));
    }

    #[test]
    fn a_kept_line_is_read_back_and_a_comment_is_not() {
        let line = parse("admin bafu-hoke 1234").unwrap();
        assert_eq!((line.staff.as_str(), line.passphrase.as_str(), line.set_at.micros()), ("admin", "bafu-hoke", 1234));
        assert!(parse("# Generated sign-ins of the sample data").is_none());
    }
}
