//! Opening any bytes with any profile: refused or not, nothing outside the packet is touched.
#![no_main]

use _plane::srtp::{Inbound, Outbound, Profile, RtcpWindow, RxStream};
use libfuzzer_sys::fuzz_target;

const PROFILES: [Profile; 3] = [Profile::Gcm128, Profile::Gcm256, Profile::CmSha1];

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let profile = PROFILES[usize::from(which % 3)];
    let (key, salt) = profile.key_bytes();
    let master = vec![7u8; key + salt];
    let (Some(open), Some(seal)) = (Inbound::new(profile, &master), Outbound::new(profile, &master)) else {
        return;
    };
    let mut packet = rest.to_vec();
    if rest.len() >= 12 {
        let seq = u16::from_be_bytes([rest[2], rest[3]]);
        assert!(open.open_rtp(&mut RxStream::default(), &mut packet, 12, seq).is_err(), "a forgery");
        let mut own = rest.to_vec();
        own.resize(rest.len() + 32, 0);
        if let Ok(size) = seal.seal_rtp(&mut own, 12, rest.len(), u64::from(seq)) {
            let end = open.open_rtp(&mut RxStream::default(), &mut own[..size], 12, seq);
            assert_eq!(end.map(|end| &own[..end]), Ok(rest));
        }
    }
    packet.clear();
    packet.extend_from_slice(rest);
    let _ = open.open_rtcp(&mut RtcpWindow::default(), &mut packet);
});
