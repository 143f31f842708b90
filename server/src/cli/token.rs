//! `token`: what back ends authenticate with.

use domain::{Instant, Span, TokenId, TokenScope};
use serde_json::json;
use service::TokenInfo;

use super::{Context, Exit, Failure, output, words};
use crate::compose::Purpose;

/// Make, list and revoke the API tokens of back ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool token create sign-in-app --scope sessions:write --scope routes:ask --expires 365d
  admin-tool token list
  admin-tool token revoke t_K2x…

The secret is printed once and kept nowhere. Hand it over in a file or a variable, never on a command line.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print its secret, once
    Create {
        /// What it is called
        name: String,
        /// What it is good for: sessions:write, sessions:read, routes:ask, routes:write; may be given several times
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = words::scope)]
        scopes: Vec<TokenScope>,
        /// When it ends, from now: 90d, at most 10 years (3652d) [default: never]
        #[arg(long, value_parser = words::time_span)]
        expires: Option<Span>,
    },
    /// List all tokens, without their secrets
    List,
    /// Revoke a token; it is refused from the next request on
    Revoke {
        /// The token's id (not its secret)
        #[arg(value_parser = words::id::<TokenId>)]
        id: TokenId,
    },
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { command, json } = args;
    let unstick = context.here(Purpose::Work, "token").await?;
    let actor = &context.actor;
    match command {
        Command::Create { name, scopes, expires } => {
            let ends = expires.map(|span| context.world.clock.now() + span);
            let (id, secret) = unstick.create_token(actor, &name, &scopes, ends).await?;
            if json {
                output::document(&json!({ "outcome": "done", "id": id, "secret": secret, "expires_at": ends }));
            } else {
                output::say(&format!("Token {id}. Its secret is shown this once:"));
                output::print(&secret);
            }
        }
        Command::List => list(&unstick.tokens(actor).await?, json),
        Command::Revoke { id } => {
            unstick.revoke_token(actor, &id).await?;
            if json {
                output::document(&json!({ "outcome": "done", "id": id }));
            } else {
                output::print(&format!("{id}: revoked"));
            }
        }
    }
    Ok(Exit::Done)
}

fn list(tokens: &[TokenInfo], json: bool) {
    if json {
        return output::document(&json!({ "outcome": "done", "tokens": tokens }));
    }
    if tokens.is_empty() {
        return output::say("None yet. Make one: admin-tool token create NAME --scope sessions:write");
    }
    let row = |token: &TokenInfo| {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let state = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => format!("revoked {}", at.to_text()),
            (None, Some(at)) => format!("until {}", at.to_text()),
            (None, None) => "for ever".to_owned(),
        };
        let used = token.last_used_at.map_or_else(|| "never".to_owned(), Instant::to_text);
        vec![token.id.to_string(), token.name.clone(), scopes.join(","), used, state]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    output::print(&output::table(&["ID", "NAME", "SCOPES", "LAST USED", "GOOD"], &rows));
}
