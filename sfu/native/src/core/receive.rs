//! From a datagram to an authenticated packet: demultiplex, find the transport, admit, decrypt.
//!
//! The order is the defence: nothing is allocated and nothing moves for a stranger, and nothing of a
//! participant's state moves before its packet has authenticated.

use super::arena::{Outgoing, Pair};
use super::counters::{Count, Drop};
use super::engine::{Engine, Now, Pending};
use super::ingress::{find_extensions, text, Found};
use super::operations::{Event, Feedback};
use super::transport::Admitted;
use crate::srtp::{RxStream, SrtpError};
use crate::wire::demux::{classify, well_formed_dtls, Kind};
use crate::wire::rtp::{parse_header, payload_end, Header};
use crate::wire::WireError;

/// Longer ones are nobody's.
pub const MAX_DATAGRAM_BYTES: usize = 1500;
/// Packets fanned out at once: what a batch may hold before rings could turn over.
const MAX_PENDING: usize = 96;

impl From<WireError> for Drop {
    fn from(_: WireError) -> Self {
        Self::Malformed
    }
}

impl From<SrtpError> for Drop {
    fn from(error: SrtpError) -> Self {
        match error {
            SrtpError::Replayed => Self::Replayed,
            _ => Self::AuthFailed,
        }
    }
}

impl Engine {
    /// Deal with one datagram of a batch. `end_batch` must follow before the next sleep.
    #[inline]
    pub fn receive(&mut self, datagram: &mut [u8], pair: Pair, now: Now, out: &mut dyn Outgoing) {
        self.now = now;
        self.counters.add(Count::PacketsIn, 1);
        self.counters.add(Count::BytesIn, datagram.len() as u64);
        if let Err(why) = self.take(datagram, pair, out) {
            self.counters.dropped(why);
        }
    }

    /// Fan out what waits and send all that is written.
    pub fn end_batch(&mut self, out: &mut dyn Outgoing) {
        self.fan_out(out);
        self.flush(out);
    }

    #[inline]
    fn take(&mut self, datagram: &mut [u8], pair: Pair, out: &mut dyn Outgoing) -> Result<(), Drop> {
        #[cfg(test)]
        assert!(!datagram.starts_with(b"\xFFpanic"), "as a test asked");
        if datagram.len() > MAX_DATAGRAM_BYTES {
            return Err(Drop::Oversize);
        }
        let kind = classify(datagram);
        match kind {
            Kind::Stun => return self.stun(datagram, pair, out),
            Kind::Unknown => return Err(Drop::Unclassified),
            _ => {}
        }
        let transport = self.front.owner(&pair).ok_or(Drop::UnknownAddress)?;
        match kind {
            Kind::Dtls => self.dtls(datagram, transport),
            Kind::Rtp => self.rtp(datagram, transport, out),
            _ => {
                self.fan_out(out); // what RTCP may change must not overtake packets before it
                self.rtcp(datagram, transport, out)
            }
        }
    }

    fn stun(&mut self, datagram: &[u8], pair: Pair, out: &mut dyn Outgoing) -> Result<(), Drop> {
        let checked = self.front.check(datagram, pair, self.now.s)?;
        self.counters.add(Count::StunChecks, 1);
        if checked.evicted {
            self.counters.dropped(Drop::StunTooManyPairs);
        }
        self.fan_out(out); // a path may have moved
        let (reply, size) = checked.reply;
        self.reply(&reply[..size], pair, out);
        if checked.moved {
            let transport = self.transports[checked.transport].id;
            self.tell(Event::PathChanged { transport, first: checked.first });
        }
        Ok(())
    }

    fn dtls(&mut self, datagram: &[u8], transport: u32) -> Result<(), Drop> {
        if !well_formed_dtls(datagram) {
            return Err(Drop::DtlsMalformed);
        }
        self.counters.add(Count::DtlsIn, 1);
        let transport = self.transports[transport].id;
        self.tell(Event::DtlsReceived { transport, datagram: datagram.to_vec() });
        Ok(())
    }

    #[inline]
    fn rtp(&mut self, packet: &mut [u8], index: u32, out: &mut dyn Outgoing) -> Result<(), Drop> {
        if self.transports[index].rx.is_none() {
            return Err(Drop::NoKeys);
        }
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        let known = self.transports[index].by_ssrc.get(&ssrc).map(|admitted| admitted.retired);
        match known {
            Some(true) => Err(Drop::UnknownSsrc),
            Some(false) => self.known_ssrc(packet, index, ssrc, out),
            None => self.new_ssrc(packet, index, ssrc, out),
        }
    }

    #[inline]
    fn known_ssrc(
        &mut self,
        packet: &mut [u8],
        index: u32,
        ssrc: u32,
        out: &mut dyn Outgoing,
    ) -> Result<(), Drop> {
        let header = parse_header(packet)?;
        let transport = &mut self.transports[index];
        let (Some(rx), Some(admitted)) = (transport.rx.as_ref(), transport.by_ssrc.get_mut(&ssrc)) else {
            return Err(Drop::NoKeys);
        };
        let end = rx.open_rtp(&mut admitted.stream, packet, usize::from(header.payload_at), header.seq)?;
        let place = (admitted.ingress, admitted.encoding);
        self.authenticated(&packet[..end], &header, index, place, out)
    }

    /// An SSRC not seen before: admitted by what its clear header says, kept only if it authenticates.
    fn new_ssrc(
        &mut self,
        packet: &mut [u8],
        index: u32,
        ssrc: u32,
        out: &mut dyn Outgoing,
    ) -> Result<(), Drop> {
        if packet[0] >> 6 != 2 {
            return Err(Drop::Malformed);
        }
        let transport = &self.transports[index];
        if transport.by_ssrc.len() >= self.limits.ssrcs {
            return Err(Drop::SsrcLimit);
        }
        let header = parse_header(packet)?;
        let mut admitted = self.admit(packet, &header, index, ssrc)?;
        let transport = &mut self.transports[index];
        let rx = transport.rx.as_ref().ok_or(Drop::NoKeys)?;
        let end = rx.open_rtp(&mut admitted.stream, packet, usize::from(header.payload_at), header.seq)?;
        let place = (admitted.ingress, admitted.encoding);
        let rtx = admitted.rtx;
        transport.begin(ssrc, admitted);
        if !rtx {
            self.begin_encoding(index, place, ssrc, out);
        }
        self.authenticated(&packet[..end], &header, index, place, out)
    }

    /// What a packet of an SSRC not seen before would be admitted as. Changes nothing.
    ///
    /// By MID and RID in the (clear) header extensions, else by the SSRCs of the offer, else by a payload type
    /// that only one track has.
    fn admit(&self, packet: &[u8], header: &Header, index: u32, ssrc: u32) -> Result<Admitted, Drop> {
        let transport = &self.transports[index];
        let found = find_extensions(packet, header, &transport.ids)?;
        let number = self.ingress_for(packet, header, &found, index, ssrc)?.ok_or(Drop::UnknownSsrc)?;
        let ingress = &self.ingresses[number];
        let (_, rtx) = ingress.payload_type(header.pt).ok_or(Drop::UnknownPayloadType)?;
        let encoding = if ingress.add.rids.is_empty() {
            Some(0)
        } else {
            let place = if rtx { found.repaired_rid } else { found.rid };
            let rid = place.map(|place| text(packet, place)).transpose()?;
            rid.and_then(|rid| ingress.encoding_of(Some(rid)))
        };
        let encoding = encoding.ok_or(Drop::UnknownSsrc)?;
        let stream: RxStream = transport.parked_stream(ssrc);
        Ok(Admitted { ingress: number, encoding, rtx, retired: false, stream })
    }

    fn ingress_for(
        &self,
        packet: &[u8],
        header: &Header,
        found: &Found,
        index: u32,
        ssrc: u32,
    ) -> Result<Option<u32>, WireError> {
        let published = &self.transports[index].ingresses;
        if let Some(place) = found.mid {
            let mid = text(packet, place)?;
            return Ok(published.iter().copied().find(|one| self.ingresses[*one].add.mid == mid));
        }
        if let Some(one) = published.iter().find(|one| self.ingresses[**one].add.ssrcs.contains(&ssrc)) {
            return Ok(Some(*one));
        }
        let mut fitting =
            published.iter().filter(|one| self.ingresses[**one].payload_type(header.pt).is_some());
        let first = fitting.next().copied();
        Ok(if fitting.next().is_none() { first } else { None })
    }

    /// An encoding's SSRC is known. When it had another, numbers and clocks start afresh.
    fn begin_encoding(
        &mut self,
        transport: u32,
        (index, encoding): (u32, u8),
        ssrc: u32,
        out: &mut dyn Outgoing,
    ) {
        let before = self.ingresses[index].encodings[usize::from(encoding)].ssrc.replace(ssrc);
        let Some(old) = before.and_then(|old| self.transports[transport].by_ssrc.get_mut(&old)) else {
            return;
        };
        old.retired = true;
        self.fan_out(out);
        let ingress = &mut self.ingresses[index];
        ingress.encodings[usize::from(encoding)].restart();
        for seat in ingress.offered.clone() {
            let Some(one) = self.seats.get_mut(seat) else { continue };
            if one.selector.current == Some((index, encoding)) {
                one.selector.restart(&self.ingresses[index].active, self.now.s);
                self.settle(seat);
            }
        }
    }

    /// Note one authenticated packet; it waits for the fan-out of its batch.
    #[inline]
    fn authenticated(
        &mut self,
        packet: &[u8],
        header: &Header,
        transport: u32,
        (index, encoding): (u32, u8),
        out: &mut dyn Outgoing,
    ) -> Result<(), Drop> {
        let end = payload_end(packet, header)?;
        let ingress = &mut self.ingresses[index];
        let (codec, rtx) = {
            let (found, rtx) = ingress.payload_type(header.pt).ok_or(Drop::UnknownPayloadType)?;
            (found.codec, rtx)
        };
        let found = find_extensions(packet, header, &ingress.ids)?;
        if let Some(number) = found.transport_seq {
            if ingress.add.feedback == Feedback::TransportCc {
                self.transports[transport].recorder.received(number?, self.now.s);
            }
        }
        let mut start = usize::from(header.payload_at);
        let mut seq = header.seq;
        if rtx {
            self.counters.add(Count::RtxReceived, 1);
            if start == end {
                return Err(Drop::PaddingOnly);
            }
            seq = crate::wire::be16(&packet[..end], start).ok_or(Drop::Malformed)?;
            start += 2;
        }
        let one = &mut ingress.encodings[usize::from(encoding)];
        let number = one.extend(seq).ok_or(Drop::Replayed)?;
        let payload = (start as u16, end as u16);
        let facts = one.learn(packet, header, payload, codec, &found)?;
        let (video, now_s) = (ingress.add.video, self.now.s);
        if !rtx {
            one.stats.received(number, header.ts, now_s);
        }
        if facts.key_start && video {
            self.counters.add(Count::KeyframesIn, 1);
            one.arbiter.arrived();
            one.nack.forget_before(number);
        }
        if video && one.nack.received(number, now_s) && rtx {
            self.counters.add(Count::RtxRecovered, 1);
        }
        if let Some(level) = facts.meta.level {
            self.levels.heard(index, level & 0x7F);
        }
        let empty = start == end;
        let wakes = !empty && !one.active;
        if !empty {
            one.heard_s = now_s;
        }
        if wakes {
            self.fan_out(out);
            self.view_changed(index, encoding, true);
        }
        let ingress = &mut self.ingresses[index];
        if ingress.offered.is_empty() {
            return Err(Drop::Unrouted);
        }
        let ring = ingress.encodings[usize::from(encoding)].ring.push(&packet[..end], facts.meta, now_s);
        self.pending.push(Pending { ingress: index, encoding, number, ring, facts });
        if self.pending.len() >= MAX_PENDING {
            self.fan_out(out);
        }
        Ok(())
    }
}
