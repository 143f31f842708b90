//! `man`: the manual page.

use clap::CommandFactory;

use super::{Cli, Exit, Failure, output};

pub fn run() -> Result<Exit, Failure> {
    let unwritable = |error: std::io::Error| Failure::failed(format!("the page cannot be written: {error}"));
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(unwritable)?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        // The whole in one page: a program of ten commands does not need ten of them.
        let man = clap_mangen::Man::new(inner.clone().disable_help_flag(true));
        page.extend_from_slice(format!(".SH COMMAND: {}\n", inner.get_name().to_uppercase()).as_bytes());
        man.render_synopsis_section(&mut page).map_err(unwritable)?;
        man.render_description_section(&mut page).map_err(unwritable)?;
        man.render_options_section(&mut page).map_err(unwritable)?;
        man.render_extra_section(&mut page).map_err(unwritable)?;
    }
    output::print(String::from_utf8_lossy(&page).trim_end());
    Ok(Exit::Done)
}
