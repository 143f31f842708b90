//! Ports for programs that bind them later. They lie below the range that Linux gives to outgoing connections (32768 and
//! up), so that none of the lab's own hundreds of connections sits on HAProxy's port while HAProxy is stopped.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::Outcome;

const FIRST: u16 = 20_000;
const MANY: u16 = 10_000;
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that is free now: `wanted` when it is, else another.
pub fn free(wanted: u16) -> Outcome<u16> {
    if wanted != 0 && is_free(wanted) {
        return Ok(wanted);
    }
    // Two labs that start together look in different places.
    let own = u16::try_from(std::process::id() % u32::from(MANY))?;
    for _ in 0..MANY {
        let port = FIRST + (own + NEXT.fetch_add(1, Ordering::Relaxed) % MANY) % MANY;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
