//! Censuses: who may run one, the streams that it joins, and what it found.
//!
//! A census's number is its lease's token. Every write of a census names it, so one whose process was stopped past its
//! lease changes nothing once another began.

mod findings;
mod list;
mod repairs;
mod runs;
mod streams;

pub use self::{
    findings::{FindingCount, FindingKey, FindingMark},
    runs::CensusLease,
    streams::Recount,
};
