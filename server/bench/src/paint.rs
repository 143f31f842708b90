//! P14: how soon pages paint in Chromium with the wasm blocked, beside the same pages with it (`end2end/paint.mjs`).

use serde::Deserialize;

use crate::{
    Outcome,
    measure::{Table, time_text},
};

/// A page, as the script prints it. Times in milliseconds.
#[derive(Deserialize)]
struct Painted {
    path: String,
    blocked: f64,
    allowed: f64,
    ratio: f64,
    low: f64,
    high: f64,
}

/// Pairs of visits to each page. A paint takes 0.6 to 1.6 times what the one before it took, so the median of this many is off
/// by some 0.03 between runs.
const ROUNDS: &str = "60";

/// Visits `paths` of the console at `base`, signed in by `cookie`.
pub async fn run(base: &str, cookie: &str, paths: &[(&str, String)], table: &mut Table) -> Outcome<()> {
    let mut command = tokio::process::Command::new("node");
    command.args(["end2end/paint.mjs", base, ROUNDS]).args(paths.iter().map(|(_, path)| path));
    let output = command.env("UNSTICK_COOKIE", cookie).output().await?;
    if !output.status.success() {
        return Err(format!("paint.mjs: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        let painted: Painted = serde_json::from_str(line)?;
        let what = paths.iter().find(|(_, path)| *path == painted.path).map_or("", |(what, _)| what);
        table.add(
            "P14",
            format!("first paint without wasm, beside with it: {what}"),
            time_text(std::time::Duration::from_secs_f64(painted.blocked / 1e3)),
            time_text(std::time::Duration::from_secs_f64(painted.allowed / 1e3)),
            format!("{:.2} ({:.2}–{:.2})", painted.ratio, painted.low, painted.high),
            "≤ 1.05 ×",
        );
    }
    Ok(())
}
