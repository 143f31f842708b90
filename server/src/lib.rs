//! Unstick in one binary: configuration, the shell's commands, the console and the API over HTTP, and the composition of
//! it all. The binary `admin-tool` only calls [`cli::main`]; examples and tests use the rest.

pub mod background;
pub mod cli;
pub mod compose;
pub mod config;
pub mod http;
pub mod json;
pub mod logs;
pub mod machine;
pub mod wire;
