//! Who may sign in here: people, their console sessions, tokens of back ends, and failed tries.

mod attempts;
mod codes;
mod factors;
mod people;
mod sessions;
mod tokens;

pub use self::{
    attempts::Attempts,
    codes::{CodePurpose, NewCode},
    factors::FactorRecord,
    people::StaffRecord,
    sessions::{NewStaffSession, StaffSession},
    tokens::TokenRecord,
};
