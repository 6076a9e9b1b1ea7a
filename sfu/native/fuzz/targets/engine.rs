//! The whole engine under a hostile member: datagrams sealed with valid keys, any content, any order, with time
//! and routes moving. Nothing panics, and what the others get stays a stream that opens.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/stage/mod.rs"]
mod stage;

use _plane::srtp::Profile;
use stage::{is_rtp, Ear, Stage};

fuzz_target!(|bytes: &[u8]| {
    let mut stage = Stage::new(Profile::Gcm128);
    let (mut evil, other) = (stage.join(1), stage.join(2));
    stage.publish(&evil, 10, 0x1111, true);
    stage.publish(&evil, 11, 0x1119, false);
    stage.publish(&other, 12, 0x2229, true);
    stage.seat(&other, 20, 0x2222, true, 10);
    stage.seat(&other, 21, 0x4444, false, 11);
    stage.seat(&evil, 22, 0x6666, true, 12);
    let mut ears = [Ear::default(), Ear::default(), Ear::default()];
    let mut rest = bytes;
    while let [kind, size, after @ ..] = rest {
        let (body, next) = after.split_at(usize::from(*size).min(after.len()));
        rest = next;
        let mut packet = [0u8; 320];
        packet[..body.len()].copy_from_slice(body);
        match kind % 6 {
            0..=2 if body.len() >= 12 => {
                packet[0] = 0x80 | packet[0] & 0x3F;
                packet[8..12].copy_from_slice(&[0, 0, 0x11, if kind % 2 == 0 { 0x11 } else { 0x19 }]);
                let header = 12 + 4 * usize::from(packet[0] & 0x0F);
                if header <= body.len() {
                    let seq = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
                    if let Ok(size) = evil.seal.seal_rtp(&mut packet, header, body.len(), seq) {
                        stage.engine.receive(&mut packet[..size], evil.pair, stage.now, &mut stage.wire);
                    }
                }
            }
            3 if body.len() >= 8 => {
                packet[0] = 0x80 | packet[0] & 0x3F;
                packet[1] = 200 + packet[1] % 8;
                if let Ok(size) = evil.seal.seal_rtcp(&mut packet, body.len()) {
                    stage.engine.receive(&mut packet[..size], evil.pair, stage.now, &mut stage.wire);
                }
            }
            4 => {
                stage.pass(f64::from(*size) / 50.0);
                stage.tick();
            }
            5 => stage.route(20, if size % 2 == 0 { 10 } else { 12 }),
            _ => stage.engine.receive(&mut packet[..body.len()], evil.pair, stage.now, &mut stage.wire),
        }
        stage.end_batch();
        for (pair, datagram) in stage.wire.datagrams() {
            if *pair == other.pair && is_rtp(datagram) {
                let ssrc = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
                let ear = match ssrc {
                    0x2222 => &mut ears[0],
                    0x2223 => &mut ears[1],
                    0x4444 => &mut ears[2],
                    _ => panic!("a stream that nobody has"),
                };
                let opens = ear.opens(&other, datagram);
                assert!(opens, "what a member sends must not break another's stream");
            }
        }
        stage.wire.clear();
    }
});
