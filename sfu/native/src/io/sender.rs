//! sendmmsg with UDP_SEGMENT: many messages a call, many datagrams a message.

use super::socket::{to_storage, Socket, Storage, UDP_SEGMENT};
use crate::core::arena::{Arena, Message};
use crate::core::counters::{Count, Counters, Drop};
use crate::core::Outgoing;
use std::mem::zeroed;
use std::os::fd::RawFd;
use std::sync::Arc;

const BATCH: usize = 64;
/// A run of longer datagrams that fails may be too long for the path, which says nothing about the kernel.
const SURELY_FITS_BYTES: u16 = 1200;

/// Sends arenas through a plane's sockets. One a thread.
pub struct Sender {
    sockets: Arc<Vec<Socket>>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    vectors: Box<[libc::iovec; BATCH]>,
    names: Box<[Storage; BATCH]>,
    controls: Box<[[u64; 4]; BATCH]>,
    /// The kernel takes UDP_SEGMENT. Once it did not, it is not tried again.
    segments: bool,
}

// SAFETY: the raw pointers inside point into boxes of the same struct, or into the arena of a running call.
unsafe impl Send for Sender {}

impl Sender {
    /// For these sockets, by number.
    pub fn new(sockets: Arc<Vec<Socket>>, segments: bool) -> Self {
        // SAFETY: all zeroes are valid for these plain C structs.
        let (headers, vectors, names) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            sockets,
            headers: Box::new(headers),
            vectors: Box::new(vectors),
            names: Box::new(names),
            controls: Box::new([[0; 4]; BATCH]),
            segments,
        }
    }

    /// Send messages of one socket. What the system does not take at once is dropped and counted.
    fn send(&mut self, fd: RawFd, messages: &[Message], bytes: &[u8], counters: &mut Counters) {
        let mut done = 0;
        let mut retried = false;
        while done < messages.len() {
            let rest = &messages[done..];
            let count = rest.len().min(BATCH);
            for (index, message) in rest[..count].iter().enumerate() {
                self.prepare(index, message, bytes);
            }
            // SAFETY: every header points to an address, a vector into `bytes` and control data that all
            // outlive the call.
            let sent = unsafe {
                libc::sendmmsg(fd, self.headers.as_mut_ptr(), count as libc::c_uint, libc::MSG_DONTWAIT)
            };
            if sent > 0 {
                let sent = sent as usize;
                rest[..sent].iter().for_each(|message| left(message, counters));
                (done, retried) = (done + sent, false);
                continue;
            }
            let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
            if error == libc::EAGAIN || error == libc::ENOBUFS {
                rest.iter().for_each(|message| lost(message.segments, counters));
                return;
            }
            if matches!(error, libc::ECONNREFUSED | libc::EINTR) && !retried {
                retried = true; // an ICMP error about somebody who went away, not about this message
                continue;
            }
            let first = &rest[0];
            if first.segments > 1 {
                if first.segment_bytes <= SURELY_FITS_BYTES {
                    self.segments = false;
                }
                self.send_apart(fd, first, bytes, counters);
            } else {
                lost(1, counters);
            }
            done += 1;
        }
    }

    /// The datagrams of a message one by one: no segmentation here, or not at this size.
    fn send_apart(&mut self, fd: RawFd, message: &Message, bytes: &[u8], counters: &mut Counters) {
        let whole = &bytes[message.start..message.start + message.bytes];
        let (name, size) = to_storage(message.pair.1);
        for datagram in whole.chunks(usize::from(message.segment_bytes)) {
            // SAFETY: datagram and address are valid for the sizes given and outlive the call.
            let sent = unsafe {
                let (at, flags) = (datagram.as_ptr().cast(), libc::MSG_DONTWAIT);
                libc::sendto(fd, at, datagram.len(), flags, (&raw const name).cast(), size)
            };
            if sent < 0 {
                lost(1, counters);
            } else if message.counted {
                counters.add(Count::PacketsOut, 1);
                counters.add(Count::BytesOut, datagram.len() as u64);
            }
        }
    }

    #[inline]
    fn prepare(&mut self, index: usize, message: &Message, bytes: &[u8]) {
        let (name, size) = to_storage(message.pair.1);
        self.names[index] = name;
        self.vectors[index] = libc::iovec {
            iov_base: bytes[message.start..message.start + message.bytes].as_ptr().cast_mut().cast(),
            iov_len: message.bytes,
        };
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = (&raw mut self.names[index]).cast();
        header.msg_namelen = size;
        header.msg_iov = &raw mut self.vectors[index];
        header.msg_iovlen = 1;
        (header.msg_control, header.msg_controllen, header.msg_flags) = (std::ptr::null_mut(), 0, 0);
        if message.segments > 1 {
            header.msg_control = self.controls[index].as_mut_ptr().cast();
            // SAFETY: the buffer is aligned and has room for one control message with two bytes.
            unsafe {
                header.msg_controllen = libc::CMSG_SPACE(2) as _;
                let control = libc::CMSG_FIRSTHDR(header);
                (*control).cmsg_level = libc::SOL_UDP;
                (*control).cmsg_type = UDP_SEGMENT;
                (*control).cmsg_len = libc::CMSG_LEN(2) as _;
                libc::CMSG_DATA(control).cast::<u16>().write_unaligned(message.segment_bytes);
            }
        }
    }
}

fn left(message: &Message, counters: &mut Counters) {
    if message.counted {
        counters.add(Count::PacketsOut, u64::from(message.segments));
        counters.add(Count::BytesOut, message.bytes as u64);
    }
}

fn lost(segments: u16, counters: &mut Counters) {
    (0..segments).for_each(|_| counters.dropped(Drop::SendFailed));
}

impl Outgoing for Sender {
    fn flush(&mut self, arena: &mut Arena, counters: &mut Counters) {
        let sockets = Arc::clone(&self.sockets);
        let bytes = arena.bytes();
        for run in arena.messages().chunk_by(|a, b| a.pair.0 == b.pair.0) {
            let Some(socket) = sockets.get(usize::from(run[0].pair.0)) else { continue };
            if self.segments {
                self.send(socket.raw(), run, bytes, counters);
            } else {
                for message in run {
                    self.send_apart(socket.raw(), message, bytes, counters);
                }
            }
        }
    }
}
