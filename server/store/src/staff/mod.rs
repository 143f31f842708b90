//! Who may sign in here: people, their console sessions, tokens of back ends, and failed tries.

mod attempts;
mod people;
mod sessions;
mod tokens;

pub use self::{
    attempts::Attempts,
    people::StaffRecord,
    sessions::{NewStaffSession, StaffSession},
    tokens::TokenRecord,
};
