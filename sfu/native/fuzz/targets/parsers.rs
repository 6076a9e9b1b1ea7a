//! Every parser of `wire/`, chosen by the first byte: any bytes have an answer, and none panics.
#![no_main]

use _plane::wire::rtcp::{blocks, lost, Member, Members};
use _plane::wire::{dd, demux, payload, rtp, stun};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    match which % 7 {
        0 => {
            let _ = (demux::classify(rest), demux::well_formed_dtls(rest));
        }
        1 => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"password");
            if stun::parse_binding_request(rest).is_ok() {
                let _ = stun::integrity_ok(rest, &key);
            }
        }
        2 => header(rest),
        3 => rtcp(rest),
        4 => {
            for parse in [payload::parse_vp8, payload::parse_vp9] {
                if let Ok(found) = parse(rest) {
                    let mut copy = rest.to_vec();
                    payload::renumber(&mut copy, &found, Some(0x7FFF), Some(255));
                    let again = parse(&copy).expect("a renumbered descriptor still parses");
                    assert_eq!(again.key_start, found.key_start);
                }
            }
        }
        5 => {
            let _ = (payload::av1_key_start(rest), payload::h264_key_start(rest));
        }
        _ => {
            let mut known = None;
            for raw in rest.chunks(40) {
                if let Ok(found) = dd::parse(raw, &mut known) {
                    let _ = dd::temporal_of(&found, known.as_ref());
                }
            }
        }
    }
});

fn header(packet: &[u8]) {
    let Ok(found) = rtp::parse_header(packet) else { return };
    let _ = rtp::payload_end(packet, &found);
    let elements: Vec<(u8, &[u8])> = rtp::Elements::of(packet, &found)
        .map_while(Result::ok)
        .map(|(id, start, end)| (id, &packet[start..end]))
        .collect();
    if (1..4).contains(&elements.len()) && elements.iter().all(|(id, _)| *id > 0) {
        let mut out = [0u8; 2048];
        let size = rtp::write_extensions(&mut out, &elements);
        assert!(size % 4 == 0 && size > 0);
    }
}

fn rtcp(datagram: &[u8]) {
    let Ok(members) = Members::of(datagram) else { return };
    for member in members {
        match member {
            Member::SenderReport { blocks: raw, .. } | Member::ReceiverReport { blocks: raw } => {
                assert!(blocks(raw).count() <= 31);
            }
            Member::Nack { fci, .. } => assert!(lost(fci).count() <= fci.len() / 4 * 17),
            _ => {}
        }
    }
}
