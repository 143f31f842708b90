//! `completions`: what a shell needs to complete the commands.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Exit, output};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  admin-tool completions bash > /etc/bash_completion.d/admin-tool")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

pub fn run(args: &Args) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "admin-tool", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
