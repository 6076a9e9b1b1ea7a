//! A plane without sockets: people join, publish and subscribe through the engine's own interface.
#![allow(dead_code)] // each test binary uses a part of it

use _plane::core::arena::Pair;
use _plane::core::counters::Counters;
use _plane::core::engine::Now;
use _plane::core::operations::{
    AddIngress, AddSeat, Codec, Credentials, Extension, Feedback, PayloadType, RouteSource,
};
use _plane::core::{Arena, Engine, Limits, Operation, Outgoing};
use _plane::srtp::{Inbound, Outbound, Profile, RxStream};
use std::net::{Ipv4Addr, SocketAddr};

pub const VP8: PayloadType = PayloadType { codec: Codec::Vp8, pt: 96, rtx_pt: Some(97), clock_hz: 90_000 };
pub const OPUS: PayloadType = PayloadType { codec: Codec::Opus, pt: 111, rtx_pt: None, clock_hz: 48_000 };

/// What left, in order: who to and the datagram. Buffers are used again.
#[derive(Default)]
pub struct Wire {
    sent: Vec<(Pair, Vec<u8>)>,
    count: usize,
}

impl Wire {
    /// Datagrams since the last `clear`.
    pub fn datagrams(&mut self) -> &mut [(Pair, Vec<u8>)] {
        &mut self.sent[..self.count]
    }

    pub fn clear(&mut self) {
        self.count = 0;
    }
}

impl Outgoing for Wire {
    fn flush(&mut self, arena: &mut Arena, _: &mut Counters) {
        for message in arena.messages() {
            let whole = &arena.bytes()[message.start..message.start + message.bytes];
            for datagram in whole.chunks(usize::from(message.segment_bytes)) {
                if self.count == self.sent.len() {
                    self.sent.push((message.pair, Vec::with_capacity(2048)));
                }
                let (pair, bytes) = &mut self.sent[self.count];
                *pair = message.pair;
                bytes.clear();
                bytes.extend_from_slice(datagram);
                self.count += 1;
            }
        }
    }
}

/// One participant: where it is, and both ends of its SRTP.
pub struct Person {
    pub id: u64,
    pub pair: Pair,
    pub seal: Outbound,
    pub open: Inbound,
}

pub struct Stage {
    pub engine: Engine,
    pub wire: Wire,
    pub now: Now,
    profile: Profile,
}

impl Stage {
    pub fn new(profile: Profile) -> Self {
        let now = Now { s: 1000.0, unix_s: 1.8e9 };
        Self { engine: Engine::new(Limits::default(), 7), wire: Wire::default(), now, profile }
    }

    pub fn pass(&mut self, seconds: f64) {
        self.now.s += seconds;
        self.now.unix_s += seconds;
    }

    pub fn apply(&mut self, operation: Operation) {
        self.engine.apply(operation, self.now, &mut self.wire).expect("the operation is right");
    }

    /// Connected, with keys.
    pub fn join(&mut self, id: u64) -> Person {
        let (ufrag, pwd) = (format!("local{id}"), format!("password-of-number-{id:06}"));
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: pwd.clone(), remote_ufrag: "far".into() };
        self.apply(Operation::AddTransport { transport: id, credentials });
        let address = SocketAddr::from((Ipv4Addr::new(192, 0, 2, (id % 250) as u8), 1000 + id as u16));
        let mut check = binding_request(&ufrag, "far", &pwd);
        self.engine.receive(&mut check, (0, address), self.now, &mut self.wire);
        self.engine.end_batch(&mut self.wire);
        let (key, salt) = self.profile.key_bytes();
        let (rx, tx) = (vec![id as u8; key + salt], vec![id as u8 ^ 0x80; key + salt]);
        let person = Person {
            id,
            pair: (0, address),
            seal: Outbound::new(self.profile, &rx).expect("a key"),
            open: Inbound::new(self.profile, &tx).expect("a key"),
        };
        self.apply(Operation::SetKeys { transport: id, profile: self.profile, rx, tx });
        self.wire.clear();
        person
    }

    pub fn publish(&mut self, by: &Person, ingress: u64, ssrc: u32, video: bool) {
        self.apply(Operation::AddIngress(AddIngress {
            ingress,
            transport: by.id,
            mid: ingress.to_string(),
            video,
            payload_types: vec![if video { VP8 } else { OPUS }],
            extensions: vec![(1, Extension::AudioLevel)],
            rids: Vec::new(),
            ssrcs: vec![ssrc],
            feedback: Feedback::TransportCc,
        }));
    }

    pub fn seat(&mut self, of: &Person, egress: u64, ssrc: u32, video: bool, ingress: u64) {
        self.add_seat(of, egress, ssrc, video, Vec::new());
        self.route(egress, ingress);
    }

    pub fn add_seat(
        &mut self,
        of: &Person,
        egress: u64,
        ssrc: u32,
        video: bool,
        extensions: Vec<(Extension, u8)>,
    ) {
        self.apply(Operation::AddSeat(AddSeat {
            egress,
            transport: of.id,
            video,
            ssrc,
            rtx_ssrc: video.then_some(ssrc + 1),
            payload_types: vec![if video { VP8 } else { OPUS }],
            extensions,
            cname: "stage".into(),
        }));
    }

    pub fn route(&mut self, egress: u64, ingress: u64) {
        let source = Some(RouteSource { ingress, rid: None, max_temporal: None });
        self.apply(Operation::SetRoute { egress, source, cut: false });
        self.wire.clear();
    }

    /// Seal `packet[..size]` with index `index` and let it arrive; it leaves with `end_batch`.
    pub fn send(&mut self, by: &Person, packet: &mut [u8], size: usize, index: u64) {
        let size = by.seal.seal_rtp(packet, 12, size, index).expect("room for the tag");
        self.engine.receive(&mut packet[..size], by.pair, self.now, &mut self.wire);
    }

    pub fn end_batch(&mut self) {
        self.engine.end_batch(&mut self.wire);
    }

    pub fn tick(&mut self) {
        self.engine.tick(self.now, &mut self.wire);
    }
}

/// An RTP packet of `size` bytes; VP8 with one packet a frame, `key`: of a key frame.
pub fn write_rtp(out: &mut [u8], (ssrc, pt): (u32, u8), index: u64, timestamp: u32, key: bool) {
    out.fill(0xA5);
    out[0] = 0x80;
    out[1] = 0x80 | pt;
    out[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
    out[12] = 0x10; // S: the frame begins here (RFC 7741 section 4.2)
    out[13] = u8::from(!key); // P: not a key frame
    out[14..22].copy_from_slice(&index.to_be_bytes());
}

/// A receiver's side of one stream: opens with the roll-over counter that it has seen itself.
#[derive(Default)]
pub struct Ear {
    stream: RxStream,
}

impl Ear {
    /// The sequence number and the publisher's index inside; None when it does not open.
    pub fn hear(&mut self, person: &Person, datagram: &mut [u8]) -> Option<(u16, u64)> {
        let seq = u16::from_be_bytes([datagram[2], datagram[3]]);
        let header = header_bytes(datagram);
        self.opens(person, datagram).then_some(())?;
        let index = datagram[header + 2..header + 10].try_into().expect("eight bytes");
        Some((seq, u64::from_be_bytes(index)))
    }

    /// Whether it authenticates.
    pub fn opens(&mut self, person: &Person, datagram: &mut [u8]) -> bool {
        let seq = u16::from_be_bytes([datagram[2], datagram[3]]);
        person.open.open_rtp(&mut self.stream, datagram, header_bytes(datagram), seq).is_ok()
    }
}

fn header_bytes(datagram: &[u8]) -> usize {
    let extended = datagram[0] & 0x10 != 0;
    12 + if extended { 4 + 4 * usize::from(u16::from_be_bytes([datagram[14], datagram[15]])) } else { 0 }
}

/// Whether a datagram is RTP (RFC 5761 section 4).
pub fn is_rtp(datagram: &[u8]) -> bool {
    datagram[0] >> 6 == 2 && !(192..=223).contains(&datagram[1])
}

fn binding_request(local: &str, remote: &str, password: &str) -> Vec<u8> {
    let username = format!("{local}:{remote}");
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    out.extend([9u8; 12]);
    let mut attribute = |kind: u16, value: &[u8]| {
        out.extend(kind.to_be_bytes());
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
        out.resize(out.len().div_ceil(4) * 4, 0);
    };
    attribute(0x0006, username.as_bytes());
    attribute(0x0024, &[0, 0, 0, 1]);
    attribute(0x802A, &[0; 8]);
    attribute(0x0025, &[]);
    let length = |out: &mut Vec<u8>, more: usize| {
        let size = (out.len() - 20 + more) as u16;
        out[2..4].copy_from_slice(&size.to_be_bytes());
    };
    length(&mut out, 24);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = ring::hmac::sign(&key, &out);
    out.extend([0, 8, 0, 20]);
    out.extend(tag.as_ref());
    length(&mut out, 8);
    let crc = crc32(&out) ^ 0x5354_554E;
    out.extend([0x80, 0x28, 0, 4]);
    out.extend(crc.to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 {
                    0xEDB8_8320 ^ (crc >> 1)
                } else {
                    crc >> 1
                }
            },
        )
    })
}
