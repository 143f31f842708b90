//! Reading, exporting and proving the audit log.

mod checkpoint;
mod read;
