//! The forwarding engine, sans-IO: datagrams, time and operations in; datagrams and events out.
//!
//! No sockets, threads or clocks here. Times are seconds on one monotonic clock, as `f64`.
#![forbid(unsafe_code)]

pub mod arena;
pub mod clock;
pub mod counters;
pub mod engine;
mod feedback;
mod forward;
pub mod history;
pub mod ice;
pub mod ingress;
pub mod keyframes;
pub mod levels;
pub mod nack;
pub mod numbering;
pub mod operations;
mod receive;
pub mod ring;
pub mod routing;
pub mod seat;
pub mod selector;
pub mod slab;
pub mod stats;
pub(crate) mod timers;
pub mod transport;
pub mod twcc;

pub use arena::{Arena, Outgoing};
pub use engine::Engine;
pub use operations::{Event, Limits, Operation, PlaneError};

/// Seconds on the plane's monotonic clock.
pub type Seconds = f64;
