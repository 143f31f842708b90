//! Staff: signing in, console sessions, roles.

mod manage;
mod own;
mod password;
mod sign_in;

pub use own::me;
pub use sign_in::SignedIn;
