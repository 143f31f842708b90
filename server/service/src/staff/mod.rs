//! Staff: signing in, proving who one is, console sessions, roles, the first admin.

mod factor;
mod first_run;
mod manage;
mod own;
mod own_password;
mod password;
mod proof;
mod seal;
mod sign_in;
mod theirs;
mod totp;

pub use own::{Standing, me};
pub use proof::{Proof, Proved};
pub use seal::SealKeys;
pub use sign_in::{Entry, SignedIn};
