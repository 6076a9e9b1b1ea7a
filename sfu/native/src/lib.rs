//! The native forwarding plane. `core`, `wire` and `srtp` are sans-IO; `io` moves datagrams; `py` is the Python module.

pub mod srtp;
pub mod wire;
