//! recvmmsg with GRO: many datagrams a call, and many of one sender a message.

use super::socket::{from_storage, Storage, UDP_GRO};
use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::RawFd;

/// Messages a call.
const BATCH: usize = 64;
/// A message of coalesced datagrams may have 64 kB.
const MESSAGE_BYTES: usize = 1 << 16;
/// Room for one control message with an int.
const CONTROL_WORDS: usize = 8;

/// Buffers for one thread.
pub struct Receiver {
    bytes: Box<[u8]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    vectors: Box<[libc::iovec; BATCH]>,
    names: Box<[Storage; BATCH]>,
    controls: Box<[[u64; CONTROL_WORDS]; BATCH]>,
}

// SAFETY: the raw pointers inside point into boxes of the same struct and are set anew for each call.
unsafe impl Send for Receiver {}

impl Default for Receiver {
    fn default() -> Self {
        // SAFETY: all zeroes are valid for these plain C structs.
        let (headers, vectors, names) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            bytes: vec![0; BATCH * MESSAGE_BYTES].into_boxed_slice(),
            headers: Box::new(headers),
            vectors: Box::new(vectors),
            names: Box::new(names),
            controls: Box::new([[0; CONTROL_WORDS]; BATCH]),
        }
    }
}

impl Receiver {
    /// Read what is there, at most a batch; `flags` say whether to wait for the first. Returns messages read.
    pub fn read(&mut self, fd: RawFd, flags: libc::c_int) -> usize {
        for index in 0..BATCH {
            self.vectors[index] = libc::iovec {
                iov_base: self.bytes[index * MESSAGE_BYTES..].as_mut_ptr().cast(),
                iov_len: MESSAGE_BYTES,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<Storage>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[index].as_mut_ptr().cast();
            header.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
            header.msg_flags = 0;
        }
        let (batch, none) = (BATCH as libc::c_uint, std::ptr::null_mut());
        // SAFETY: every header points to buffers of the sizes given, all of which outlive the call.
        let read = unsafe { libc::recvmmsg(fd, self.headers.as_mut_ptr(), batch, flags, none) };
        usize::try_from(read).unwrap_or(0)
    }

    /// Hand each datagram of the first `messages` to `take`, with the address it came from.
    #[inline]
    pub fn each(&mut self, messages: usize, mut take: impl FnMut(&mut [u8], SocketAddr)) {
        for index in 0..messages.min(BATCH) {
            let Some(from) = from_storage(&self.names[index]) else { continue };
            let size = (self.headers[index].msg_len as usize).min(MESSAGE_BYTES);
            let segment = self.segment(index).filter(|segment| *segment > 0).unwrap_or(size.max(1));
            let start = index * MESSAGE_BYTES;
            for datagram in self.bytes[start..start + size].chunks_mut(segment) {
                take(datagram, from);
            }
        }
    }

    /// Size of the datagrams that the kernel put into one message, None when it is one.
    #[inline]
    fn segment(&self, index: usize) -> Option<usize> {
        let header = &self.headers[index].msg_hdr;
        if header.msg_controllen == 0 {
            return None;
        }
        // SAFETY: the kernel wrote whole control messages of `msg_controllen` bytes into our aligned buffer; the
        // macros stay inside it.
        unsafe {
            let control = libc::CMSG_FIRSTHDR(header);
            if control.is_null() || (*control).cmsg_level != libc::SOL_UDP || (*control).cmsg_type != UDP_GRO
            {
                return None;
            }
            let value = libc::CMSG_DATA(control).cast::<libc::c_int>().read_unaligned();
            usize::try_from(value).ok()
        }
    }
}
