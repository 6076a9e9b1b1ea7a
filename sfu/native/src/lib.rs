//! The native forwarding plane. `core`, `wire` and `srtp` are sans-IO; `io` moves datagrams; `py` is the Python module.

pub mod core;
pub mod io;
#[cfg(feature = "python")]
mod py;
pub mod srtp;
pub mod wire;
