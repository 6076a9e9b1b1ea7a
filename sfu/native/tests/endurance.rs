//! Sequence wraps, reordering at their borders, and a subscriber who comes late and loses packets at once.

mod stage;

use _plane::srtp::Profile;
use stage::{is_rtp, write_rtp, Ear, Stage};

const PACKETS: u64 = 400_000;
const SIZE: usize = 64;
const SSRC: u32 = 0x1111;

fn order(packets: u64) -> Vec<u64> {
    let first = 65_000;
    let mut order: Vec<u64> = (first..first + packets).collect();
    for wrap in (65_536..first + packets).step_by(65_536) {
        // The last three before a border arrive behind the first three after it.
        let at = (wrap - first) as usize;
        if at >= 3 && at + 3 <= order.len() {
            order[at - 3..at + 3].rotate_left(3);
        }
    }
    order
}

#[test]
fn forwards_400_000_packets_over_the_wraps_in_order() {
    for profile in [Profile::Gcm128, Profile::CmSha1] {
        run(profile);
    }
}

fn run(profile: Profile) {
    let mut stage = Stage::new(profile);
    let (publisher, early, late) = (stage.join(1), stage.join(2), stage.join(3));
    stage.publish(&publisher, 10, SSRC, true);
    stage.seat(&early, 20, 0x2222, true, 10);
    stage.add_seat(&late, 30, 0x3333, true, Vec::new());
    let (mut one, mut other) = (Ear::default(), Ear::default());
    let (mut heard, mut newest, mut base) = (0u64, 0, None);
    let (mut missed, mut heard_late) = (0, 0u64);
    let mut packet = [0u8; SIZE + 32];
    let order = order(PACKETS);
    let late_from = (3 * 65_536 + 2000) as usize;
    for (place, index) in order.iter().enumerate() {
        stage.pass(0.001);
        if place == late_from {
            stage.route(30, 10);
        }
        let key = place == 0 || place == late_from + 10;
        write_rtp(&mut packet[..SIZE], (SSRC, 96), *index, (*index * 90) as u32, key);
        stage.send(&publisher, &mut packet, SIZE, *index);
        stage.end_batch();
        for (pair, datagram) in stage.wire.datagrams() {
            if !is_rtp(datagram) {
                continue;
            }
            if *pair == early.pair {
                let (seq, inside) = one.hear(&early, datagram).expect("every packet opens");
                // One offset for the whole run: gapless, in the publisher's order, over all wraps.
                let offset = seq.wrapping_sub(inside as u16);
                assert_eq!(*base.get_or_insert(offset), offset, "at {place}");
                assert_eq!(inside, *index);
                newest = newest.max(inside);
                heard += 1;
            } else if missed < 20 {
                missed += 1; // lost on the way: the receiver never learns the first numbers
            } else {
                other.hear(&late, datagram).expect("the late one opens all that arrives");
                heard_late += 1;
            }
        }
        stage.wire.clear();
    }
    assert_eq!((heard, newest), (PACKETS, order.iter().copied().max().unwrap()));
    assert_eq!(missed, 20);
    assert_eq!(heard_late, PACKETS - late_from as u64 - 10 - 20);
}
