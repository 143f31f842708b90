//! What the operating system says about this process: on which machine, and for which user.

use std::process::Command;

/// The machine's name.
pub fn host() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| output("hostname", &[])).unwrap_or_default();
    plain(&name).unwrap_or_else(|| "localhost".to_owned())
}

/// The operating system's user, by the process's own id rather than by a variable that anybody can set.
pub fn user() -> String {
    let Some(uid) = uid() else {
        return output("id", &["-un"]).as_deref().and_then(plain).unwrap_or_else(|| "unknown".to_owned());
    };
    let known = std::fs::read_to_string("/etc/passwd").ok().and_then(|users| name_of(&users, &uid));
    // People who are not in the file come from a directory service, which `id` asks.
    known.or_else(|| output("id", &["-un"]).as_deref().and_then(plain)).unwrap_or_else(|| format!("uid{uid}"))
}

fn uid() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// The name of `uid` in the text of `/etc/passwd`.
fn name_of(users: &str, uid: &str) -> Option<String> {
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(uid))?;
    plain(line.split(':').next()?)
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// One word that is safe in a log line.
fn plain(text: &str) -> Option<String> {
    let word: String =
        text.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.\\@".contains(*c)).take(64).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\ndana:x:1000:1000::/home/dana:/bin/sh\n";
        assert_eq!(name_of(users, "1000").as_deref(), Some("dana"));
        assert_eq!(name_of(users, "10"), None);
    }

    #[test]
    fn there_is_a_host_and_a_user() {
        assert!(!host().is_empty() && !user().is_empty());
    }
}
