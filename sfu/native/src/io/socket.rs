//! UDP sockets: bound, with large buffers, receive offload where the kernel has it.

use std::io;
use std::mem::{size_of, size_of_val, MaybeUninit};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Wanted for each socket. The system's default of 212 kB loses packets in bursts of a few milliseconds
/// (PERFORMANCE section 5).
pub const BUFFER_BYTES: i32 = 4 * 1024 * 1024;
/// udp(7); libc has no name for it on all targets.
pub const UDP_SEGMENT: libc::c_int = 103;
/// udp(7).
pub const UDP_GRO: libc::c_int = 104;

/// One bound socket.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    /// Where it is bound.
    pub address: SocketAddr,
    /// What a buffer got where it got less than wanted.
    pub small_buffer_bytes: Option<i32>,
}

/// Storage for either family.
pub type Storage = libc::sockaddr_storage;

impl Socket {
    /// Bind one address; port 0 asks for a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        // SAFETY: no pointers; the descriptor is owned from here on.
        let fd = unsafe {
            let raw = libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            if raw < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(raw)
        };
        let raw = fd.as_raw_fd();
        if address.is_ipv6() {
            set(raw, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        let small_buffer_bytes = enlarge(raw);
        let _ = set(raw, libc::SOL_UDP, UDP_GRO, 1); // older kernels: one datagram a message, as before
        let (storage, size) = to_storage(address);
        // SAFETY: `storage` holds an address of `size` bytes and outlives the call.
        if unsafe { libc::bind(raw, (&raw const storage).cast(), size) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut bound = MaybeUninit::<Storage>::zeroed();
        let mut size = size_of::<Storage>() as libc::socklen_t;
        // SAFETY: `bound` has room for any address; the kernel writes at most `size` bytes; zeroes are valid.
        let bound = unsafe {
            if libc::getsockname(raw, bound.as_mut_ptr().cast(), &mut size) < 0 {
                return Err(io::Error::last_os_error());
            }
            bound.assume_init()
        };
        let address = from_storage(&bound).ok_or_else(|| io::Error::other("no address after bind"))?;
        Ok(Self { fd, address, small_buffer_bytes })
    }

    /// Blocking reads end after so many microseconds without a datagram.
    pub fn set_timeout(&self, micros: i64) -> io::Result<()> {
        let time = libc::timeval { tv_sec: 0, tv_usec: micros };
        set(self.raw(), libc::SOL_SOCKET, libc::SO_RCVTIMEO, time)
    }

    /// Its descriptor, valid while this lives.
    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn set<T>(fd: RawFd, level: libc::c_int, option: libc::c_int, value: T) -> io::Result<()> {
    // SAFETY: `value` is plain data of the size given and outlives the call.
    let done = unsafe {
        libc::setsockopt(fd, level, option, (&raw const value).cast(), size_of_val(&value) as libc::socklen_t)
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Ask for large buffers, as root beyond the system's limit; None when both are large enough.
fn enlarge(fd: RawFd) -> Option<i32> {
    let options = [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)];
    let got = options.map(|(force, plain)| {
        if set(fd, libc::SOL_SOCKET, force, BUFFER_BYTES).is_err() {
            let _ = set(fd, libc::SOL_SOCKET, plain, BUFFER_BYTES); // what was got is read below
        }
        let mut value: libc::c_int = 0;
        let mut size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` is an int, as the option is, and outlives the call.
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, plain, (&raw mut value).cast(), &mut size) };
        value / 2 // Linux reports twice the size
    });
    got.into_iter().filter(|bytes| *bytes < BUFFER_BYTES).min()
}

/// An address as the kernel wants it, and its size.
pub fn to_storage(address: SocketAddr) -> (Storage, libc::socklen_t) {
    // SAFETY: all zeroes are a valid sockaddr_storage.
    let mut storage: Storage = unsafe { std::mem::zeroed() };
    match address {
        SocketAddr::V4(v4) => {
            let plain = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_storage has room and alignment for every family's address.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(plain) };
            (storage, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
        SocketAddr::V6(v6) => {
            let plain = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(plain) };
            (storage, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
    }
}

/// An address from the kernel, None for families that no socket of ours has.
#[inline]
pub fn from_storage(storage: &Storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what it is, and the storage is large and aligned enough.
            let plain = unsafe { (&raw const *storage).cast::<libc::sockaddr_in>().read() };
            let ip = IpAddr::from(plain.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::new(ip, u16::from_be(plain.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let plain = unsafe { (&raw const *storage).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(plain.sin6_addr.s6_addr);
            // Without the flow label, which is no part of who it is.
            Some(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(plain.sin6_port), 0, plain.sin6_scope_id)))
        }
        _ => None,
    }
}
