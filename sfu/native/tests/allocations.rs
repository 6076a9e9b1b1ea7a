//! No allocation for each packet: the C library's allocator itself is counted, whoever calls it.

mod stage;

use _plane::srtp::Profile;
use stage::{is_rtp, write_rtp, Stage};
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod counted {
    use super::{Ordering, CALLS};
    use libc::{c_void, size_t};

    extern "C" {
        fn __libc_malloc(size: size_t) -> *mut c_void;
        fn __libc_calloc(count: size_t, size: size_t) -> *mut c_void;
        fn __libc_realloc(old: *mut c_void, size: size_t) -> *mut c_void;
        fn __libc_memalign(alignment: size_t, size: size_t) -> *mut c_void;
    }

    // SAFETY (all four): the names are glibc's own entry points under the names it keeps for this purpose.
    #[no_mangle]
    unsafe extern "C" fn malloc(size: size_t) -> *mut c_void {
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { __libc_malloc(size) }
    }

    #[no_mangle]
    unsafe extern "C" fn calloc(count: size_t, size: size_t) -> *mut c_void {
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { __libc_calloc(count, size) }
    }

    #[no_mangle]
    unsafe extern "C" fn realloc(old: *mut c_void, size: size_t) -> *mut c_void {
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { __libc_realloc(old, size) }
    }

    #[no_mangle]
    unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: size_t, size: size_t) -> i32 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let got = unsafe { __libc_memalign(alignment, size) };
        unsafe { *out = got };
        if got.is_null() {
            libc::ENOMEM
        } else {
            0
        }
    }
}

const SIZE: usize = 1100;
const SECOND: u64 = 250;

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_packet_allocates_nothing() {
    let mut stage = Stage::new(Profile::Gcm128);
    let publisher = stage.join(1);
    stage.publish(&publisher, 10, 0x1111, true);
    stage.publish(&publisher, 11, 0x1119, false);
    for number in 0..20 {
        let person = stage.join(100 + number);
        stage.seat(&person, 1000 + number, 0x2222, true, 10);
        stage.seat(&person, 2000 + number, 0x4444, false, 11);
    }
    let mut packet = [0u8; SIZE + 32];
    let mut second = |stage: &mut Stage, from: u64| -> (u64, usize) {
        let (mut calls, mut out) = (0, 0);
        for index in from..from + SECOND {
            stage.pass(1.0 / SECOND as f64);
            let before = CALLS.load(Ordering::Relaxed);
            write_rtp(&mut packet[..SIZE], (0x1111, 96), index, (index * 360) as u32, index == 1);
            stage.send(&publisher, &mut packet, SIZE, index);
            write_rtp(&mut packet[..120], (0x1119, 111), index, (index * 192) as u32, true);
            stage.send(&publisher, &mut packet, 120, index);
            stage.end_batch();
            calls += CALLS.load(Ordering::Relaxed) - before;
            if index % 5 == 0 {
                stage.tick(); // reports and levels allocate, by time and not by packet
            }
            out += stage.wire.datagrams().iter().filter(|(_, one)| is_rtp(one)).count();
            stage.wire.clear();
        }
        (calls, out)
    };
    let sanity = CALLS.load(Ordering::Relaxed);
    drop(std::hint::black_box(vec![1u8; 100]));
    assert!(CALLS.load(Ordering::Relaxed) > sanity, "the counter counts");
    let mut next = 1;
    for _ in 0..4 {
        second(&mut stage, next); // rings and histories grow to what two seconds need
        next += SECOND;
    }
    let (calls, out) = second(&mut stage, next);
    assert!(out > 9000, "all is forwarded: {out}");
    assert_eq!(calls, 0, "allocations for {out} packets");
}
