//! Where datagrams are written before they leave: one buffer, runs of equal size to one destination together.

use super::counters::Counters;
use std::net::SocketAddr;

const ARENA_BYTES: usize = 1 << 18;
const MAX_MESSAGES: usize = 64;
/// UDP_SEGMENT takes at most 64 segments and 64 kB (udp(7)); both with room to spare.
const MAX_SEGMENTS: u16 = 60;
const MAX_RUN_BYTES: usize = 62_000;
/// Room that any datagram written here may need.
pub const SLOT_BYTES: usize = 2048;

/// A path: which of our sockets, and the remote's address.
pub type Pair = (u8, SocketAddr);

/// One send: `segments` datagrams of `segment_bytes`, the last of which may be shorter.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Where to.
    pub pair: Pair,
    /// Where it begins in the arena.
    pub start: usize,
    /// How long it is in all.
    pub bytes: usize,
    /// Size of each datagram but the last.
    pub segment_bytes: u16,
    /// How many.
    pub segments: u16,
    /// Answers to checks are not counted as packets out.
    pub counted: bool,
    closed: bool,
}

/// Sends what an arena holds and empties it.
pub trait Outgoing {
    /// Send all messages; count what left and what did not.
    fn flush(&mut self, arena: &mut Arena, counters: &mut Counters);
}

/// The buffer.
pub struct Arena {
    bytes: Box<[u8]>,
    used: usize,
    messages: Vec<Message>,
}

impl Default for Arena {
    fn default() -> Self {
        Self {
            bytes: vec![0; ARENA_BYTES].into_boxed_slice(),
            used: 0,
            messages: Vec::with_capacity(MAX_MESSAGES),
        }
    }
}

impl Arena {
    /// What is to be sent.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The bytes that messages point into.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forget all.
    pub fn clear(&mut self) {
        self.used = 0;
        self.messages.clear();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Room for one datagram; what does not fit is sent first.
    #[inline]
    pub fn slot(&mut self, out: &mut dyn Outgoing, counters: &mut Counters) -> &mut [u8] {
        if self.used + SLOT_BYTES > self.bytes.len() || self.messages.len() == MAX_MESSAGES {
            out.flush(self, counters);
            self.clear();
        }
        &mut self.bytes[self.used..self.used + SLOT_BYTES]
    }

    /// The slot that was given last, to go on writing in it.
    #[inline]
    pub fn open_slot(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..self.used + SLOT_BYTES]
    }

    /// A datagram of `size` bytes was written into the slot: it goes to `pair`.
    #[inline]
    pub fn commit(&mut self, pair: Pair, size: usize, counted: bool) {
        let start = self.used;
        self.used += size;
        if let Some(last) = self.messages.last_mut() {
            let fits = last.pair == pair
                && !last.closed
                && last.counted == counted
                && size <= usize::from(last.segment_bytes)
                && last.segments < MAX_SEGMENTS
                && last.bytes + size <= MAX_RUN_BYTES;
            if fits {
                last.bytes += size;
                last.segments += 1;
                last.closed = size < usize::from(last.segment_bytes);
                return;
            }
        }
        let segment_bytes = size as u16;
        self.messages.push(Message {
            pair,
            start,
            bytes: size,
            segment_bytes,
            segments: 1,
            counted,
            closed: false,
        });
    }
}
