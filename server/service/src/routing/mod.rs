//! Routers: watching them, showing them, and being one.

mod ask;
mod embedded;
mod observe;
mod page;

pub use ask::Asked;
pub use embedded::embedded_table;
pub(crate) use embedded::stored_pool;
pub(crate) use observe::ObserverState;
