//! Sockets, threads and clocks: moves datagrams between the kernel and the engine.
//!
//! `unsafe` stands here for system calls only: each block says what it relies on.

pub mod plane;
mod receiver;
mod sender;
mod socket;

pub use plane::NativePlane;

use crate::core::engine::Now;

/// The clocks of this machine: CLOCK_MONOTONIC, as Python's `time.monotonic`, and Unix time.
pub fn now() -> Now {
    Now { s: read(libc::CLOCK_MONOTONIC), unix_s: read(libc::CLOCK_REALTIME) }
}

fn read(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that outlives the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
