//! `staff`: the people who sign in to the console.

use domain::{Instant, Role, StaffId, view::StaffRow};
use serde_json::json;

use super::{Context, Exit, Failure, output, terminal, words};
use crate::compose::Purpose;

/// Add, list and change the people who sign in to the console
///
/// A change of role or password ends the person's console sessions at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool staff add dana --role admin --name 'Dana Ortiz'
  pass show unstick/dana | admin-tool staff set-password dana --password-stdin
  admin-tool staff reset dana
  admin-tool staff disable dana")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a person; the password is asked for twice
    Add {
        /// The sign-in name, in lower case
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
        /// viewer (reads), support (cleans up single accounts), admin (everything), auditor (audit log, no customers)
        #[arg(long, value_parser = words::role)]
        role: Role,
        /// The name to show [default: the sign-in name]
        #[arg(long)]
        name: Option<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List everybody
    List,
    /// Print a one-time code with which a person chooses a new password at /welcome; takes their password and second factor away
    Reset {
        /// The sign-in name
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
    },
    /// Let a disabled person sign in again
    Enable {
        /// The sign-in name
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
    },
    /// Take a person's access away; what they did stays in the audit log
    Disable {
        /// The sign-in name
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
    },
    /// Give a person another role
    SetRole {
        /// The sign-in name
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
        /// viewer, support, admin or auditor
        #[arg(value_parser = words::role)]
        role: Role,
    },
    /// Give a person another password; it is asked for twice
    SetPassword {
        /// The sign-in name
        #[arg(value_parser = words::id::<StaffId>)]
        id: StaffId,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { command, json } = args;
    // Asked for before the database is opened: nobody types a password into a program that then cannot use it.
    let unstick = context.here(Purpose::Work, "staff").await?;
    let actor = &context.actor;
    let (id, done) = match command {
        Command::List => {
            list(&unstick.staff(actor).await?, json);
            return Ok(Exit::Done);
        }
        Command::Add { id, role, name, password_stdin } => {
            let password = terminal::new_password(password_stdin)?;
            let name = name.unwrap_or_else(|| id.to_string());
            unstick.add_staff(actor, &id, &name, role, &password).await?;
            (id, format!("added, as {role}"))
        }
        Command::Reset { id } => {
            let code = unstick.reset_staff(actor, &id).await?;
            return Ok(tell_code(context, &id, &code, json));
        }
        Command::Enable { id } => {
            unstick.enable_staff(actor, &id).await?;
            (id, "may sign in again".to_owned())
        }
        Command::Disable { id } => {
            unstick.disable_staff(actor, &id).await?;
            (id, "disabled".to_owned())
        }
        Command::SetRole { id, role } => {
            unstick.set_role(actor, &id, role).await?;
            (id, format!("is {role} now"))
        }
        Command::SetPassword { id, password_stdin } => {
            let password = terminal::new_password(password_stdin)?;
            unstick.set_password(actor, &id, &password).await?;
            (id, "has another password now".to_owned())
        }
    };
    if json {
        output::document(&json!({ "outcome": "done", "staff": id }));
    } else {
        output::print(&format!("{id}: {done}"));
    }
    Ok(Exit::Done)
}

/// Prints a one-time code, which is kept nowhere.
fn tell_code(context: &Context, id: &StaffId, code: &str, json: bool) -> Exit {
    if json {
        output::document(&json!({ "outcome": "done", "staff": id, "code": code, "at": app::routes::WELCOME }));
    } else {
        let (origin, path) = (&context.config.public_origin, app::routes::WELCOME);
        output::say(&format!("{id} chooses a new password at {origin}{path} with this code, within 24 hours:"));
        output::print(code);
    }
    Exit::Done
}

fn list(staff: &[StaffRow], json: bool) {
    if json {
        return output::document(&json!({ "outcome": "done", "staff": staff }));
    }
    if staff.is_empty() {
        return output::say("Nobody yet. Add the first admin: admin-tool staff add NAME --role admin");
    }
    let row = |row: &StaffRow| {
        vec![
            row.id.to_string(),
            row.role.to_string(),
            row.name.clone(),
            row.last_sign_in_at.map_or_else(|| "never".to_owned(), Instant::to_text),
            row.disabled_at.map_or_else(String::new, |at| format!("disabled {}", at.to_text())),
        ]
    };
    let rows: Vec<Vec<String>> = staff.iter().map(row).collect();
    output::print(&output::table(&["SIGN-IN", "ROLE", "NAME", "LAST SIGN-IN", ""], &rows));
}
