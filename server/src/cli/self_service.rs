//! Customers in a shell: `reset-sessions`, and `diagnose-sessions` without an account. Thin clients of `/api/v1/self`, with the
//! credential of the customer's own session; no configuration and no database of Unstick is needed or looked at.

mod client;

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};

use self::client::{Client, Refusal};
use super::{Exit, Failure, output, terminal};

/// How often it is asked how far a reset is.
const LOOK: Duration = Duration::from_secs(1);
/// Looks in a row that may fail before it is given up: a server that is started anew is away for a moment.
const PATIENCE: u32 = 10;

/// The server that customers ask, and where their credential is.
#[derive(Debug, Clone, clap::Args)]
pub struct Remote {
    /// Unstick's address, as in `https://unstick.example`; a customer's own session is then looked at, with its credential
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The file with the credential of your session, which only you may read; `-` reads standard input [default: the
    /// variable `UNSTICK_CREDENTIAL`]
    #[arg(long, value_name = "FILE")]
    credential_file: Option<PathBuf>,
}

/// Reset your own sessions with the service
///
/// Without --confirm it shows what would happen, and does nothing. A reset ends your other sessions and removes what ties your
/// account to a server that does not serve well; this session stays signed in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool reset-sessions --server https://unstick.example
  admin-tool reset-sessions --confirm
  admin-tool reset-sessions --confirm --including-this-one --credential-file ~/.config/acme/credential

The credential comes from the service's client (UNSTICK_CREDENTIAL, --credential-file, or standard input), never on the command
line, where every user of the machine could read it.

Exit codes: 0 done and read back (or nothing to do; with --including-this-one: begun, for your session ends with it), 1 failed,
2 wrong usage, 3 accepted, and part of it waits for a load balancer, 4 refused.")]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Do it
    #[arg(long)]
    confirm: bool,
    /// End this session too: you must sign in again here
    #[arg(long)]
    including_this_one: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// `reset-sessions`. `server` is the one that was named before the command.
pub async fn reset(args: &Args, server: Option<&str>) -> Result<Exit, Failure> {
    let client = Client::new(&args.remote, server)?;
    let body = json!({ "confirm": args.confirm, "including_this_one": args.including_this_one });
    let answer = match client.post("/api/v1/self/reset", &body).await {
        Ok(answer) => answer,
        Err(Refusal::Told { code: "nothing-to-do", text }) => {
            say(args.json, &json!({ "outcome": "nothing-to-do", "says": [text] }), &sentence(&text));
            return Ok(Exit::Done);
        }
        Err(refusal) => return Err(refusal.into()),
    };
    if !args.confirm {
        say(args.json, &answer, &preview(&answer, args.including_this_one));
        return Ok(Exit::Done);
    }
    if args.including_this_one {
        // The credential ended with the session: nobody can ask with it how far it is.
        let text = format!("{}\nYour own session ended with it: sign in again.", lines(&answer["says"]));
        say(args.json, &answer, &text);
        return Ok(if answer["status"] == "owed" { Exit::Owed } else { Exit::Done });
    }
    let state = follow(&client, answer, args.json).await?;
    let exit = match state["status"].as_str() {
        Some("done") => Exit::Done,
        Some("needs_attention") => Exit::Failed,
        _ => Exit::Owed,
    };
    let mut told = state.clone();
    told["outcome"] = exit.as_str().into();
    say(args.json, &told, &format!("{}\nReset {}", lines(&state["says"]), text(&state["reset_id"])));
    Ok(exit)
}

/// Asks until it is done, or waits for somebody or something.
async fn follow(client: &Client, mut state: Value, quiet: bool) -> Result<Value, Failure> {
    let path = text(&state["progress"]).to_owned();
    let line = terminal::spinner(quiet);
    let mut failures = 0;
    while state["status"] == "running" {
        line.set_message(lines(&state["says"]));
        tokio::time::sleep(LOOK).await;
        match client.get(&path).await {
            Ok(news) => (state, failures) = (news, 0),
            Err(Refusal::Unreachable(_)) if failures < PATIENCE => failures += 1,
            Err(refusal) => return Err(refusal.into()),
        }
    }
    line.finish_and_clear();
    Ok(state)
}

/// `diagnose-sessions` of the customer's own session. `server` is the one that was named before the command.
pub async fn diagnose(remote: &Remote, server: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let client = Client::new(remote, server)?;
    let (who, found) = (client.get("/api/v1/self").await?, client.get("/api/v1/self/diagnosis").await?);
    let document = json!({ "outcome": "done", "self": who, "diagnosis": found });
    let mut said = vec![lines(&found["says"])];
    said.extend(found["findings"].as_array().into_iter().flatten().map(|finding| format!("  - {}", text(finding))));
    said.push("\nYou are signed in on:".to_owned());
    for session in who["sessions"].as_array().into_iter().flatten() {
        said.push(format!("  {}", device(session)));
    }
    if found["reset_helps"] == true {
        said.push("\nWhat would help:\n  admin-tool reset-sessions".to_owned());
    }
    say(json, &document, &said.join("\n"));
    Ok(Exit::Done)
}

fn device(session: &Value) -> String {
    let name = match text(&session["device"]) {
        "" => "an unknown device",
        name => name,
    };
    let this = if session["this_one"] == true { " (this one)" } else { "" };
    format!("{name}{this}, last seen {}", text(&session["last_seen_at"]))
}

/// What would happen, and how to have it done.
fn preview(answer: &Value, all: bool) -> String {
    let mut said = vec![lines(&answer["says"])];
    for session in answer["ends"].as_array().into_iter().flatten() {
        said.push(format!("  signed out: {}", device(session)));
    }
    if answer["under_way"].is_string() {
        said.push("Your account is being cleaned up just now: when that is done, you can reset.".to_owned());
    } else if answer["nothing_to_do"] != true {
        let all = if all { " --including-this-one" } else { "" };
        said.push(format!("\nNothing was done. To have it done:\n  admin-tool reset-sessions --confirm{all}"));
    }
    said.join("\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text, or several, a line each.
fn lines(value: &Value) -> String {
    match value {
        Value::Array(texts) => texts.iter().map(text).collect::<Vec<_>>().join("\n"),
        one => text(one).to_owned(),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect::<String>() + ".")
}

fn say(as_json: bool, document: &Value, text: &str) {
    if as_json {
        output::document(document);
    } else {
        output::print(text);
    }
}
