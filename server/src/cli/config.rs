//! `config print`: what holds, and where it was said.

use serde_json::{Map, Value, json};

use super::{Context, Exit, output};
use crate::config::{Config, KEYS, Origin};

/// Show the configuration in force
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print every setting with its value and where it was said; secrets are masked
    Print {
        /// One JSON document instead of TOML
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    pub const fn json(&self) -> bool {
        let Command::Print { json } = self.command;
        json
    }
}

pub fn run(context: &Context, args: &Args) -> Exit {
    if args.json() {
        output::document(&as_json(&context.config));
    } else {
        output::print(context.config.to_toml().trim_end());
    }
    Exit::Done
}

fn as_json(config: &Config) -> Value {
    let mut settings = Map::new();
    for key in KEYS {
        let from = config.said.get(key.name).map_or(&Origin::Default, |raw| &raw.origin);
        settings.insert(key.name.to_owned(), json!({ "value": config.value(key.name), "from": from.to_string() }));
    }
    let routers: Vec<Value> = config
        .routers
        .iter()
        .map(|router| {
            let pools: Vec<&str> = router.pool_names().iter().map(|name| name.as_str()).collect();
            json!({ "name": router.name(), "pools": pools })
        })
        .collect();
    json!({ "settings": settings, "routers": routers })
}
