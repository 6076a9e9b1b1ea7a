//! The running plane: one worker thread moves packets; operations are carried out by whoever asks, under the
//! engine's lock, so that they are done when the call returns.

use super::receiver::Receiver;
use super::sender::Sender;
use super::socket::Socket;
use crate::core::counters::Counters;
use crate::core::engine::Engine;
use crate::core::timers::TICK_S;
use crate::core::{Event, Limits, Operation, PlaneError};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

struct Guarded {
    engine: Engine,
    sender: Sender,
}

struct Shared {
    guarded: Mutex<Guarded>,
    /// Callers that wait for the lock: the worker lets them in between two batches.
    callers: AtomicUsize,
    stop: AtomicBool,
    /// Readable when there are events.
    bell: OwnedFd,
    rung: AtomicBool,
}

impl Shared {
    /// A panic elsewhere was contained; what it left is whole memory.
    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, engine: &Engine) {
        if engine.has_events() && !self.rung.swap(true, Ordering::AcqRel) {
            let one = 1u64.to_ne_bytes();
            // SAFETY: eight bytes of a live array, to a descriptor that we own.
            unsafe { libc::write(self.bell.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        }
    }
}

/// A started plane. Dropping it stops it.
pub struct NativePlane {
    shared: Arc<Shared>,
    sockets: Arc<Vec<Socket>>,
    worker: Option<JoinHandle<()>>,
}

impl NativePlane {
    /// Bind all addresses and begin to answer. The error names the address.
    pub fn start(
        addresses: &[SocketAddr],
        limits: Limits,
        seed: u64,
        segments: bool,
    ) -> Result<Self, (SocketAddr, std::io::Error)> {
        let bind = |address: &SocketAddr| Socket::bind(*address).map_err(|error| (*address, error));
        let sockets = addresses.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
        let sockets = Arc::new(sockets);
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        // SAFETY: no pointers; the descriptor is owned from here on.
        let bell = unsafe {
            let raw = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
            if raw < 0 {
                return Err((nowhere, std::io::Error::last_os_error()));
            }
            OwnedFd::from_raw_fd(raw)
        };
        let guarded = Guarded {
            engine: Engine::new(limits, seed),
            sender: Sender::new(Arc::clone(&sockets), segments),
        };
        let shared = Arc::new(Shared {
            guarded: Mutex::new(guarded),
            callers: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            bell,
            rung: AtomicBool::new(false),
        });
        let (theirs, fds) = (Arc::clone(&shared), Arc::clone(&sockets));
        let worker = std::thread::Builder::new()
            .name("sotto-plane".into())
            .spawn(move || Worker::new(&theirs, &fds).run())
            .map_err(|error| (nowhere, error))?;
        Ok(Self { shared, sockets, worker: Some(worker) })
    }

    /// The addresses really bound, in the order given.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|socket| socket.address).collect()
    }

    /// Size of a socket buffer that is smaller than wanted, None when all are large enough.
    pub fn small_buffer_bytes(&self) -> Option<i32> {
        self.sockets.iter().filter_map(|socket| socket.small_buffer_bytes).min()
    }

    /// Readable when there are events to take.
    pub fn bell(&self) -> RawFd {
        self.shared.bell.as_raw_fd()
    }

    fn enter<T>(&self, act: impl FnOnce(&mut Guarded) -> T) -> T {
        self.shared.callers.fetch_add(1, Ordering::AcqRel);
        let mut guarded = self.shared.lock();
        self.shared.callers.fetch_sub(1, Ordering::AcqRel);
        let done = act(&mut guarded);
        self.shared.ring(&guarded.engine);
        done
    }

    /// Carry out operations in order; those before a refused one are done, it and those after it are not.
    pub fn apply(&self, operations: Vec<Operation>) -> Result<(), PlaneError> {
        self.enter(|guarded| {
            let now = super::now();
            let Guarded { engine, sender } = guarded;
            let all = || operations.into_iter().try_for_each(|one| engine.apply(one, now, sender));
            match catch_unwind(AssertUnwindSafe(all)) {
                Ok(done) => done,
                Err(_) => {
                    engine.contain();
                    Err(PlaneError("the plane met a bug; see its log".into()))
                }
            }
        })
    }

    /// Events so far; the bell is silent until there are more.
    pub fn take_events(&self) -> Vec<Event> {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes of a live array, from a descriptor that we own.
        unsafe { libc::read(self.bell(), count.as_mut_ptr().cast(), count.len()) };
        self.shared.rung.store(false, Ordering::Release);
        self.enter(|guarded| guarded.engine.take_events())
    }

    /// Counters, and how many transports, ingresses and seats there are.
    pub fn counters(&self) -> (Counters, (usize, usize, usize)) {
        self.enter(|guarded| (*guarded.engine.counters(), guarded.engine.sizes()))
    }

    /// Stop the worker. Idempotent; sockets close when this is dropped.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join(); // its panics were counted already
        }
    }
}

impl Drop for NativePlane {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    sockets: &'a [Socket],
    receiver: Receiver,
    ticked_s: f64,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared, sockets: &'a [Socket]) -> Self {
        Self { shared, sockets, receiver: Receiver::default(), ticked_s: 0.0 }
    }

    /// Read, process, send, until told to stop.
    fn run(&mut self) {
        if let [one] = self.sockets {
            // One socket: its blocking read is the wait, and the timer's tick its timeout.
            let _ = one.set_timeout((TICK_S * 1e6) as i64);
            while !self.shared.stop.load(Ordering::Acquire) {
                let messages = self.receiver.read(one.raw(), libc::MSG_WAITFORONE);
                self.batch(0, messages);
            }
            return;
        }
        let mut polls: Vec<libc::pollfd> = self
            .sockets
            .iter()
            .map(|socket| libc::pollfd { fd: socket.raw(), events: libc::POLLIN, revents: 0 })
            .collect();
        while !self.shared.stop.load(Ordering::Acquire) {
            // SAFETY: `polls` is a live array of the length given.
            unsafe {
                libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, (TICK_S * 1e3) as libc::c_int)
            };
            for (index, poll) in polls.iter().enumerate() {
                if poll.revents != 0 {
                    let messages = self.receiver.read(poll.fd, libc::MSG_DONTWAIT);
                    self.batch(index, messages);
                }
            }
            self.batch(0, 0);
        }
    }

    /// One batch of one socket, and the timers when they are due. Panics end the batch, not the plane.
    fn batch(&mut self, socket: usize, messages: usize) {
        while self.shared.callers.load(Ordering::Acquire) > 0 {
            std::thread::yield_now(); // std's mutex is not fair: let callers in
        }
        let mut guarded = self.shared.lock();
        let Guarded { engine, sender } = &mut *guarded;
        let now = super::now();
        let (receiver, ticked_s) = (&mut self.receiver, &mut self.ticked_s);
        let done = catch_unwind(AssertUnwindSafe(|| {
            if messages > 0 {
                let place = socket as u8;
                receiver
                    .each(messages, |datagram, from| engine.receive(datagram, (place, from), now, sender));
                engine.end_batch(sender);
            }
            if now.s - *ticked_s >= TICK_S {
                *ticked_s = now.s;
                engine.tick(now, sender);
            }
        }));
        if done.is_err() {
            engine.contain();
        }
        self.shared.ring(engine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::counters::Drop;
    use crate::core::operations::Credentials;
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    #[test]
    fn a_panic_is_contained_and_counted_and_the_plane_goes_on() {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut plane = NativePlane::start(&[anywhere], Limits::default(), 7, true).expect("binds");
        let stranger = UdpSocket::bind(anywhere).expect("binds");
        stranger.send_to(b"\xFFpanic", plane.addresses()[0]).expect("sends");
        let deadline = Instant::now() + Duration::from_secs(10);
        let wait = |done: &dyn Fn(&Counters) -> bool| {
            while !done(&plane.counters().0) {
                assert!(Instant::now() < deadline, "the plane stands still");
                stranger.send_to(b"\xFFhello", plane.addresses()[0]).expect("sends");
                std::thread::yield_now();
            }
        };
        wait(&|counters| counters.bugs == 1);
        let before = plane.counters().0.drops[Drop::Unclassified as usize];
        wait(&|counters| counters.drops[Drop::Unclassified as usize] > before);
        assert_eq!(plane.counters().0.bugs, 1);
        plane.stop();
    }

    #[test]
    fn operations_and_packets_meet() {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut plane = NativePlane::start(&[anywhere], Limits::default(), 7, true).expect("binds");
        let to = plane.addresses()[0];
        let stranger = UdpSocket::bind(anywhere).expect("binds");
        std::thread::scope(|scope| {
            scope.spawn(|| (0..2000).for_each(|_| drop(stranger.send_to(&[0x80; 60], to))));
            for transport in 0..300 {
                let text = |of: &str| format!("{of}-{transport:024}");
                let credentials =
                    Credentials { ufrag: text("u"), pwd: text("p"), remote_ufrag: "far".into() };
                plane.apply(vec![Operation::AddTransport { transport, credentials }]).expect("is new");
                if transport > 0 {
                    plane
                        .apply(vec![Operation::RemoveTransport { transport: transport - 1 }])
                        .expect("is there");
                }
                let _ = plane.take_events();
            }
        });
        assert_eq!(plane.counters().1, (1, 0, 0));
        plane.stop();
    }
}
