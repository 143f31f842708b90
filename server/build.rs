//! The program's own pointers are moved when it is loaded, and the list of them (one for each function that a table names) is
//! 2 MB that stay in its memory; packed, it is 17 kB. A C library before glibc 2.36 could not read that, and would refuse the
//! program with `GLIBC_ABI_DT_RELR not found`.

use std::process::Command;

/// The first glibc that reads packed relocations (its NEWS for 2.36: "Support for `DT_RELR` relative relocation format has been
/// added to glibc").
const SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_for_here = std::env::var_os("TARGET") == std::env::var_os("HOST");
    if is_for_here && glibc().is_some_and(|version| version >= SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// This machine's C library, if it is that one.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = std::str::from_utf8(&output.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
