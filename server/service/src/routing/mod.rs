//! Routers: watching them, showing them, and being one.

mod ask;
mod embedded;
mod observe;
mod page;
mod re_pin;
mod returned;
mod set_state;

pub use ask::Asked;
pub use embedded::embedded_table;
pub(crate) use embedded::stored_pool;
pub(crate) use page::lost;
pub(crate) use returned::ObserverState;
